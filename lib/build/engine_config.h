/*
 * engine_config.h - an image's config without what names one build alone.
 *
 * Docker's form of it, as buildah writes it, has the container's id and host
 * name, both drawn by lot, and the id of the image before, which follows from
 * them.  No runtime reads them.
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "base/buf.h"
#include "base/err.h"

/* The config at text, without those members, into out. */
int engine_config_clean(const struct buf *text, struct buf *out,
    struct err *e);

#endif
