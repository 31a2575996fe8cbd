/*
 * base_layer.h - a layer blob, put upon the tree of those below it.
 */
#ifndef BASE_LAYER_H
#define BASE_LAYER_H

#include "base/err.h"
#include "build/tree.h"
#include "oci/image.h"
#include "oci/layout.h"

/* Read all of it; ERR_CHECK "layer_damaged". */
int base_layer_read(struct layout *l, const struct image_layer *layer,
    int index, struct tree *t, struct err *e);

#endif
