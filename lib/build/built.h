/*
 * built.h - what a build gave: the record's `image`, and the same for people.
 */
#ifndef BUILT_H
#define BUILT_H

#include "base/buf.h"
#include "build/engine.h"
#include "build/order.h"
#include "record/json_out.h"

/* What names the image: -t's first, else its place.  The caller frees; NULL for
 * neither. */
char *built_name(const struct order *o);

/* The object, as img-build(1) has it. */
void built_record(const struct order *o, enum engine_kind engine,
    const struct native_result *r, enum zout_method method,
    struct json_out *out);

/* A few lines. */
void built_text(const struct order *o, const struct native_result *r,
    struct buf *out);

#endif
