/*
 * objid.h - the names that git gives to bytes (git-hash-object(1)): of what
 * stands in the work tree, never of what a filter makes of it.
 */
#ifndef OBJID_H
#define OBJID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "codec/digest.h"

enum objid_format { OBJID_SHA1, OBJID_SHA256 };

/* Unused bytes at the end are 0. */
struct objid {
	uint8_t bytes[DIGEST_LEN];
};
#define OBJID_HEX DIGEST_HEX

size_t objid_len(enum objid_format format);	/* in bytes */
const char *objid_format_name(enum objid_format format);
void objid_print(enum objid_format format, const struct objid *id,
    char out[OBJID_HEX]);
/* Exactly the hex digits of one. */
bool objid_parse(enum objid_format format, const char *hex, size_t len,
    struct objid *id);

/* The blob that is the content of the file, or the text of the symlink, at
 * name below dirfd, which st is of.  shown is for messages.  1; 0 where it is
 * gone or is something else by now; ERR_SYS. */
int objid_of(enum objid_format format, int dirfd, const char *name,
    const char *shown, const struct stat *st, struct objid *id, struct err *e);

#endif
