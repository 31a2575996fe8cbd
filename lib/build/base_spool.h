/*
 * base_spool.h - the bytes of single files out of an image's layers.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stddef.h>

#include "base/err.h"
#include "build/tree.h"
#include "oci/image.h"
#include "oci/layout.h"

struct base_spool;

struct base_spool *base_spool_new(struct layout *l, const struct image *i);
void base_spool_free(struct base_spool *s);

/* Have the bytes of these nodes of the image's tree at hand: one pass over
 * each layer that holds some, up to the last. */
int base_spool_fill(struct base_spool *s, const struct tree_node *const *files,
    size_t n, struct err *e);

/* Only after base_spool_fill has had the file. */
int base_spool_read(struct base_spool *s, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e);

#endif
