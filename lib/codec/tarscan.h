/*
 * tarscan.h - a strict scanner of tar headers: bytes in, entries out.
 *
 * Reads POSIX ustar and pax, GNU and v7 archives (POSIX.1-2017 pax, "ustar
 * Interchange Format" and "pax Header"; GNU tar manual, "Basic Tar Format").
 * It says what the bytes say, and refuses what two careful readers could take
 * for different trees: contract, "Unsafe archive entries", second paragraph.
 * It has no policy about names, links or types; that is the caller's.
 */
#ifndef TARSCAN_H
#define TARSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TARSCAN_PATH_MAX 65536	/* bytes of a name that are read at all */

struct tarscan_entry {
	char *path;		/* as archived: after pax and GNU records,
				   prefix joined; a directory's '/' stays */
	size_t path_len;	/* strlen(path): a NUL in a name is refused */
	char *link;		/* target of a symlink or hard link, else "" */
	size_t link_len;
	char type;		/* the typeflag; a NUL is given as '0' */
	unsigned mode;		/* permission bits, 07777 */
	uint64_t uid, gid;
	int64_t size;		/* bytes of body */
	int64_t header_offset;	/* of the entry's own (last) header block */
	int64_t data_offset;	/* of its body, in the tar stream */
	bool capability;	/* it has SCHILY.xattr.security.capability,
				   LIBARCHIVE.xattr.… or the like */
	bool sparse;		/* a GNU.sparse.* record or type 'S' */
	/* An entry that is sparse or of a type that is not '0' to '7' has a
	 * body that readers disagree about: on_entry may refuse it in its own
	 * words, and where it does not, the scanner does. */
};

struct tarscan;

/*
 * on_entry is called once per header, in order, before any of its body; the
 * entry is lent for the call.  on_data gets the body in pieces.  Either may
 * be NULL, and returns 0 or -1 with *e to stop.
 */
struct tarscan_ops {
	int (*on_entry)(void *ctx, const struct tarscan_entry *entry,
	    struct err *e);
	int (*on_data)(void *ctx, const uint8_t *data, size_t len,
	    struct err *e);
	int (*on_end)(void *ctx, struct err *e);	/* body complete */
};

struct tarscan *tarscan_new(const struct tarscan_ops *ops, void *ctx);
void tarscan_free(struct tarscan *s);

/* Feed the next bytes of the stream; -1 with ERR_CHECK "archive_damaged" and
 * detail, or what a callback set. */
int tarscan_feed(struct tarscan *s, const uint8_t *data, size_t len,
    struct err *e);

/* The stream is over: -1 if it may not end here. */
int tarscan_finish(struct tarscan *s, struct err *e);

#endif
