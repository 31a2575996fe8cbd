/*
 * engine_buildah.h - buildah as the engine.
 *
 * It builds in Docker's form always: its OCI form drops HEALTHCHECK, SHELL and
 * ONBUILD, and the manifest that we write can be of either family.  All times
 * are SOURCE_DATE_EPOCH, and the config is cleaned (engine_config.h): the same
 * build gives the same bytes.
 */
#ifndef ENGINE_BUILDAH_H
#define ENGINE_BUILDAH_H

#include "base/err.h"
#include "build/engine_job.h"

/* Its path, the caller's to free; NULL with ERR_CHECK "engine_missing". */
char *engine_buildah_find(struct err *e);

int engine_buildah_build(const char *program, struct engine_job *j,
    struct native_result *r, struct err *e);

#endif
