/*
 * extract.h - write an archive's entries into a fresh directory.
 *
 * Every name is made below descriptors of directories that this module made
 * itself, files with O_EXCL, symlinks last and modes of directories at the very
 * end, so that nothing in the archive can lead a write astray.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bundle/archive.h"

struct extract_item {
	char *path, *target;	/* owned; target of a link */
	unsigned mode;
	bool listed;		/* the archive gives the mode */
};

struct extract_items {
	struct extract_item *items;
	size_t count, cap;
};

struct extract {
	int root;		/* borrowed: the fresh directory */
	int file, parent;	/* open file; directory of the last name */
	char *parent_path;	/* owned */
	char *file_path;	/* owned */
	unsigned file_mode;
	struct extract_items dirs, links, files;
};
#define EXTRACT_INIT(fd) { .root = (fd), .file = -1, .parent = -1 }
void extract_release(struct extract *x);

extern const struct archive_sink extract_sink;	/* its ctx: struct extract */

/* Links, modes, and everything on the disk. */
int extract_finish(struct extract *x, struct err *e);

#endif
