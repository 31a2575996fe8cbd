/*
 * engine.h - who builds: the native engine, docker's BuildKit, or buildah.
 *
 * auto: the native engine where it can run all that the target needs, else
 * docker where an engine answers, else buildah.  Whoever builds, the image ends
 * in a layout, and its manifest is written by us.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "base/err.h"
#include "build/engine_job.h"

void engine_opts_release(struct engine_opts *o);

/* "auto", "native", …; ERR_INPUT "usage". */
int engine_parse(const char *name, enum engine_kind *kind, struct err *e);
const char *engine_name(enum engine_kind kind);

/* After the options: the engine that is asked for has them; ERR_INPUT
 * "usage". */
int engine_check(const struct engine_opts *o, struct err *e);

/*
 * Build as native_build does.  names: the image is wanted in docker's engine
 * alone, by these; else NULL.  Fills *used, and r without a manifest (its
 * digest is "") where it stays in that engine.
 *
 * ERR_CHECK "engine_missing", ERR_SYS "engine_unreachable"; ERR_CHECK
 * "engine_failed" with the engine's last words in err.detail; ERR_INPUT
 * "engine_option" for an option that an engine does not have; ERR_INPUT
 * "engine_missing" with "NAME:LINE: " where auto finds none.
 */
int engine_build(const struct native *n, const struct engine_opts *opts,
    const struct list *names, enum engine_kind *used,
    struct native_result *r, struct err *e);

#endif
