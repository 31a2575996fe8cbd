/*
 * layer.h - what an instruction changed, as a layer's blob.
 *
 * First the changes are noted (layer_note), for later instructions change the
 * tree again; when all of the Dockerfile is known to be good, they are written
 * (layer_write): entries sorted by the bytes of their whole path, which puts a
 * directory before what is in it, all times equal; tar, compressor and blob in
 * one pass that gives both digests.  The same entries are the same bytes.
 */
#ifndef LAYER_H
#define LAYER_H

#include <stdint.h>

#include "base/err.h"
#include "build/tree.h"
#include "codec/zout.h"
#include "oci/image.h"
#include "oci/layout.h"

struct layer_entry {
	char *path;			/* owned */
	char *link;			/* owned; of a symlink */
	const struct tree_node *from;	/* of a file: who has the bytes */
	uint32_t uid, gid;
	uint16_t mode;
	uint8_t type;			/* enum tree_type */
};

struct layer {
	struct layer_entry *entries;	/* owned */
	size_t n;
	int64_t bytes;			/* of all files */
};
#define LAYER_INIT { NULL, 0, 0 }
void layer_release(struct layer *l);

/* Note what is in t's list of changes, and empty that list. */
void layer_note(struct layer *l, struct tree *t);

struct layer_writer {
	struct layout *layout;		/* borrowed; NULL: digests alone */
	enum zout_method method;
	int level, threads;		/* as for zout_new */
	int64_t mtime;
	_Atomic uint64_t *done;		/* borrowed; bytes read, for progress */
};

/*
 * Write l; blob is open and uncommitted after it (empty without a layout), so
 * that nothing appears before everything is right.  Fills *out.  The trees that
 * have the bytes say what is wrong with them.
 */
int layer_write(struct layer *l, const struct layer_writer *w,
    struct layout_blob *blob, struct image_layer *out, struct err *e);

#endif
