/*
 * imgmanifest.h - the manifest of a built image, whoever built it.
 *
 * OCI image-spec, manifest.md, or the same as Docker's schema 2.
 */
#ifndef IMGMANIFEST_H
#define IMGMANIFEST_H

#include "build/list.h"
#include "oci/family.h"
#include "oci/image.h"
#include "record/json_out.h"

/* Add it to out.  The layers' media types are of family already; annotations
 * are K=V, a later one of a key wins, and stand sorted by key. */
void imgmanifest_write(enum family family, const struct desc *config,
    const struct image_layer *layers, size_t nlayers,
    const struct list *annotations, struct json_out *out);

#endif
