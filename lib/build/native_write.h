/*
 * native_write.h - a built stage as an image: layers, config, manifest.
 */
#ifndef NATIVE_WRITE_H
#define NATIVE_WRITE_H

#include "build/native.h"
#include "build/stage.h"

/*
 * Write the image to n->layout, or only work out its digests.  Layers get
 * their names when all of them are right, then config and manifest.
 */
int native_write(const struct native *n, struct stage *s,
    struct native_result *r, struct err *e);

#endif
