#include "build/engine_buildah.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "build/engine_context.h"

#define IID "iid"
#define ARCHIVE "docker-archive:"

char *
engine_buildah_find(struct err *e)
{
	char *program = engine_run_find("buildah", 0);

	if (program == NULL)
		err_set(e, ERR_CHECK, "engine_missing",
		    "buildah is not installed");
	return program;
}

/*
 * With layers buildah keeps what it builds, for the next time, and the history
 * has the ids of earlier images.  Without, which is its default, a stage is one
 * layer, and the image goes past its storage.
 */
static bool
wants_layers(const struct engine_job *j)
{
	const char *env = getenv("BUILDAH_LAYERS");

	return j->opts->cache_from.n + j->opts->cache_to.n > 0 ||
	    (env != NULL && (strcasecmp(env, "true") == 0 ||
	    strcmp(env, "1") == 0));
}

static int
build(const char *program, const struct engine_job *j, bool layers,
    struct err *e)
{
	AUTO(engine_context_release) struct engine_context contexts = {
		.nsources = 0,
	};
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;

	list_add(&r.argv, program);
	list_add(&r.argv, "build");
	list_add(&r.argv, "--format=docker");
	list_add(&r.argv, "--identity-label=false");
	list_take(&r.argv, mem_fmt("--timestamp=%" PRId64, j->n->epoch));
	/* what is there is good enough for docker, too */
	list_add(&r.argv, j->opts->pull ? "--pull=always" : "--pull=false");
	engine_job_args(j, &r.argv);
	if (engine_context_args(&contexts, j, ENGINE_CONTEXT_BUILDAH,
	    &r.argv, e) < 0)
		return -1;
	if (layers)
		list_add(&r.argv, "--layers");
	list_take(&r.argv, layers ?
	    mem_fmt("--iidfile=%s/" IID, j->scratch.path) :
	    mem_fmt("--tag=" ARCHIVE "%s/" ENGINE_JOB_TAR, j->scratch.path));
	list_add(&r.argv, j->n->context);
	r.what = "buildah build";
	return engine_job_run(j, &r, e);
}

static int
push(const char *program, const struct engine_job *j, struct err *e)
{
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;
	char id[DIGEST_STR];

	if (engine_job_id(j, IID, id, e) < 0)
		return -1;
	list_add(&r.argv, program);
	list_add(&r.argv, "push");
	list_add(&r.argv, "--quiet");
	list_add(&r.argv, id);
	list_take(&r.argv, mem_fmt(ARCHIVE "%s/" ENGINE_JOB_TAR,
	    j->scratch.path));
	r.what = "buildah push";
	return engine_job_run(j, &r, e);
}

int
engine_buildah_build(const char *program, struct engine_job *j,
    struct native_result *r, struct err *e)
{
	autofd int archive = engine_job_archive(j, e);
	bool layers = wants_layers(j);

	j->clean = true;
	if (archive < 0 || build(program, j, layers, e) < 0 ||
	    (layers && push(program, j, e) < 0))
		return -1;
	return engine_job_take(j, archive, IMGTAR_IN_DOCKER, r, e);
}
