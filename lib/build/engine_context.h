/*
 * engine_context.h - the named contexts of a build, as another engine takes
 * them: --build-context and the staged bundle.
 */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "base/err.h"
#include "build/engine_job.h"
#include "build/tree.h"
#include "oci/source.h"

enum engine_context_form {
	ENGINE_CONTEXT_BUILDX,	/* oci-layout://DIR@DIGEST, docker-image://REF */
	ENGINE_CONTEXT_BUILDAH,	/* container-image://docker-archive:FILE */
};

struct engine_context {
	struct tree staged;		/* open, and locked, while it is used */
	struct source *sources;		/* owned: images that are read */
	size_t nsources;
};
void engine_context_release(struct engine_context *c);

/*
 * Add a --build-context=NAME=VALUE for each to argv; c is zeroed before, and
 * lives as long as the engine reads.  Every file of the staged bundle is
 * compared with its digest first: the engine does not.  Errors are those of
 * staged.h, source.h, image.h and places.h.
 */
int engine_context_args(struct engine_context *c, const struct engine_job *j,
    enum engine_context_form form, struct list *argv, struct err *e);

#endif
