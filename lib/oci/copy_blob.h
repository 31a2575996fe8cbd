/*
 * copy_blob.h - one blob from one place to another, in the way that costs
 * least; copy.h has many.
 *
 * Any thread.  Errors are those of layout.h and registry.h; ERR_CHECK
 * "blob_missing" from either.
 */
#ifndef COPY_BLOB_H
#define COPY_BLOB_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/place.h"

/* It is there and right: a layout's is read and hashed (1), a registry's asked
 * for (0); -1. */
int copy_blob_verify(struct place *from, const struct desc *d, bool document,
    struct err *e);

/* See to it that `to` has it: 1 if bytes were moved, 0 if it was there or was
 * mounted, -1.  Where both are one place, that it is there. */
int copy_blob_bring(struct place *from, struct place *to,
    const struct desc *d, bool document, struct err *e);

/* The same for a blob in a file, read from its first byte.  from: a repository
 * of the same registry that may have it, or NULL. */
int copy_blob_push(int fd, struct place *to, const struct desc *d,
    const char *from, struct err *e);

#endif
