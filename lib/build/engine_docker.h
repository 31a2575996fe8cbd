/*
 * engine_docker.h - BuildKit as the engine, by docker's client.
 *
 * `docker buildx build` where a client on PATH has that plugin, else `docker
 * build` by the first one that has BuildKit inside.  A builder of buildx's that
 * is not the Docker engine itself (a container, a remote one, Kubernetes) gives
 * the image as an archive; the engine keeps it, and is asked for it by
 * `docker save` unless it is to stay there.
 */
#ifndef ENGINE_DOCKER_H
#define ENGINE_DOCKER_H

#include <stdbool.h>

#include "base/err.h"
#include "build/engine_job.h"

struct engine_docker {
	char *program;		/* owned: the client */
	bool buildx;		/* else BuildKit inside the client */
	bool exports;		/* the builder is not the engine */
};
void engine_docker_release(struct engine_docker *d);

/*
 * Find a client, and see that an engine answers it, or that there is a builder;
 * d is zeroed before and is released also after a failure.  ERR_CHECK
 * "engine_missing" without a client, ERR_SYS "engine_unreachable"; ERR_INPUT
 * "engine_option" for what the client that there is can't be asked for.
 */
int engine_docker_find(struct engine_docker *d, const struct engine_job *j,
    struct err *e);

/* Build.  r has no manifest where the image stays in the engine. */
int engine_docker_build(const struct engine_docker *d,
    const struct engine_job *j, struct native_result *r, struct err *e);

#endif
