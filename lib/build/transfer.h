/*
 * transfer.h - COPY: from one tree into another.
 *
 * Dockerfile reference, "COPY"; where it is silent, what BuildKit does:
 *
 * - A source counts from its tree's root; ".." stops there.  A symlink that is
 *   named, or that a wildcard finds, is followed inside its tree; one inside a
 *   directory is copied.  A wildcard that finds nothing is no error.
 * - A directory's contents are copied into the destination.  The destination
 *   keeps its mode and owner if it is there; directories inside get those of
 *   the source.
 * - The destination's symlinks are followed inside the image, the last one
 *   too, also where its target is missing.  Directories made for it are 0755.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "build/list.h"
#include "build/tree.h"

struct transfer {
	struct tree *from, *to;
	const struct list *sources;
	const char *dest;	/* as written, variables replaced */
	const char *workdir;	/* that a relative dest counts from */
	const char *where;	/* "the context", for messages */
	bool has_owner, has_mode;
	uint32_t uid, gid;	/* else those of the source, 0:0 for parents */
	uint16_t mode;		/* of files and directories */
};

/*
 * What changed is in to's list afterwards.  ERR_CHECK "not_found" for a
 * source that is not there; ERR_INPUT "not_a_directory", "is_a_directory",
 * "destination_invalid", "whiteout_name", "file_type", "special_file".
 */
int transfer_run(const struct transfer *t, struct err *e);

#endif
