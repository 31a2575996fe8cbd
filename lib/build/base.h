/*
 * base.h - an image that is there already, as a tree.
 *
 * Its layers are read once, from their blobs, each checked against its digest
 * and diff_id on the way; whiteouts and opaque directories are honoured (OCI
 * image-spec, layer.md, "Whiteouts"), hard links too.  They may hold what a
 * bundle may not: devices, owners, any mode.  The layers go on as they are, by
 * descriptor; the bytes of single files (COPY --from) are spooled to an
 * unlinked file when somebody wants them, in one pass over each layer.
 */
#ifndef BASE_H
#define BASE_H

#include "base/err.h"
#include "build/tree.h"
#include "oci/image.h"
#include "oci/layout.h"

struct base {
	struct layout layout;
	struct image image;
	struct tree tree;
};
#define BASE_INIT { .layout = LAYOUT_INIT, .image = IMAGE_INIT }

/*
 * Read the image at place, "DIR[:TAG]" of an OCI layout, absolute, for
 * platform.  ERR_CHECK "platform_mismatch" if it is for another, "layer_damaged"
 * for a layer that is not what it should be, and those of layout.h and image.h.
 */
int base_open(struct base *b, const char *place,
    const struct desc_platform *platform, struct err *e);
void base_release(struct base *b);

/* Put layer i's blob into to, unless it is there; every byte is hashed. */
int base_copy_layer(struct base *b, size_t i, struct layout *to,
    struct err *e);

#endif
