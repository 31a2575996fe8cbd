/*
 * tarout.h - a reproducible tar writer: entries in, bytes out.
 *
 * POSIX ustar headers, with a pax header only where a value does not fit one
 * (a path that can not be split into prefix and name, a link over 100 bytes,
 * a size or id over its octal field); pax names are UTF-8.  No user or group
 * names, no atime or ctime; directories end in '/'.  Nothing depends on the
 * machine.  Two zero blocks end the archive, without further blocking.
 */
#ifndef TAROUT_H
#define TAROUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tarout {
	int (*sink)(void *ctx, const void *data, size_t len, struct err *e);
	void *ctx;
	int64_t left;		/* of the current body */
	int64_t offset;		/* bytes written */
};

struct tarout_entry {
	const char *path;	/* relative, no trailing '/' */
	const char *link;	/* target, for '1' and '2' */
	char type;		/* '0', '1', '2', '5' */
	unsigned mode;		/* 07777 */
	uint32_t uid, gid;
	int64_t size;		/* of the body that tarout_data will get */
	int64_t mtime;		/* unix seconds, >= 0 */
};

int tarout_entry(struct tarout *t, const struct tarout_entry *entry,
    struct err *e);
/* Pieces of the body, entry.size bytes in all; the padding is added. */
int tarout_data(struct tarout *t, const void *data, size_t len,
    struct err *e);
int tarout_finish(struct tarout *t, struct err *e);

#endif
