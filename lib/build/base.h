/*
 * base.h - an image that is there already, as a tree.
 *
 * Its layers are read once, from their blobs, each checked against its digest
 * and diff_id on the way; those of a registry only when somebody looks into the
 * tree, and they are then kept in a layout as long as the base.  Whiteouts and
 * opaque directories are honoured (OCI image-spec, layer.md, "Whiteouts"), hard
 * links too.  They may hold what a bundle may not: devices, owners, any mode.
 * The layers go on as they are, by descriptor; the bytes of single files (COPY
 * --from) are spooled to an unlinked file when somebody wants them, in one pass
 * over each layer.
 */
#ifndef BASE_H
#define BASE_H

#include "base/err.h"
#include "build/tree.h"
#include "oci/image.h"
#include "oci/places.h"
#include "oci/source.h"

struct base {
	struct source source;
	struct place own;		/* source's layout */
	struct place *place;		/* borrowed: where the image is */
	bool fetched;			/* own has the layers */
	struct base_spool *spool;	/* owned by the tree */
	struct image image;
	struct tree tree;
};
#define BASE_INIT { .source = SOURCE_INIT, .image = IMAGE_INIT }

/*
 * Read the image at location (source.h, absolute, or docker://REF) for
 * platform.  b stays where it is.  ERR_CHECK "platform_mismatch" if it is for
 * another, "layer_damaged" for a layer that is not what it should be, and those
 * of source.h, image.h and, where places has registries, registry.h.
 */
int base_open(struct base *b, const char *location, struct places *places,
    const struct desc_platform *platform, struct err *e);
void base_release(struct base *b);

/* Layer i is at hand, as a file: its descriptor; -1 where it is in a registry
 * alone.  The caller closes it. */
int base_layer_open(struct base *b, size_t i);

/* Put layer i's blob into to, unless it is there; every byte is hashed. */
int base_copy_layer(struct base *b, size_t i, struct layout *to,
    struct err *e);

#endif
