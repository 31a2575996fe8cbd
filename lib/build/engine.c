#include "build/engine.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/dockerfile.h"
#include "build/engine_buildah.h"
#include "build/engine_docker.h"
#include "build/plan.h"

static const char *const kinds[] = {
	[ENGINE_AUTO] = "auto", [ENGINE_NATIVE] = "native",
	[ENGINE_DOCKER] = "docker", [ENGINE_BUILDAH] = "buildah",
};

void
engine_opts_release(struct engine_opts *o)
{
	list_release(&o->secrets);
	list_release(&o->ssh);
	list_release(&o->cache_to);
	list_release(&o->cache_from);
}

int
engine_parse(const char *name, enum engine_kind *kind, struct err *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i], name) == 0) {
			*kind = (enum engine_kind)i;
			return 0;
		}
	}
	return err_set(e, ERR_INPUT, "usage", "--engine takes auto, native, "
	    "docker or buildah, not '%s'", name);
}

const char *
engine_name(enum engine_kind kind)
{
	return kinds[kind];
}

int
engine_check(const struct engine_opts *o, struct err *e)
{
	const char *option = o->builder != NULL ? "--builder" :
	    o->kind != ENGINE_NATIVE ? NULL :
	    o->secrets.n > 0 ? "--secret" : o->ssh.n > 0 ? "--ssh" :
	    o->cache_to.n > 0 ? "--cache-to" :
	    o->cache_from.n > 0 ? "--cache-from" : NULL;

	if (option == NULL || o->kind == ENGINE_AUTO ||
	    o->kind == ENGINE_DOCKER)
		return 0;
	return err_set(e, ERR_INPUT, "usage", o->kind == ENGINE_NATIVE ?
	    "%s is for engines that run programs, and --engine native runs "
	    "none" : "%s is for docker buildx, not for --engine buildah",
	    option);
}

/* What a Dockerfile asks of an engine. */
struct look {
	bool native;		/* the native engine can do it */
	struct err why;		/* else: the first instruction that it can't */
	char *stage;		/* owned: that one's stage, or NULL */
	bool staged;		/* a stage is the staged bundle's place */
};

static void
look_release(struct look *l)
{
	free(l->stage);
}

/* A fault that another engine would have no trouble with. */
static bool
is_limit(const struct err *e)
{
	static const char *const codes[] = { "instruction_unsupported",
	    "flag_unsupported", "heredoc_unsupported" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return false;
}

static void
look_at_stages(const struct dockerfile *file, struct look *l)
{
	for (size_t i = 0; i < file->nstages; i++) {
		const struct dockerfile_stage *s = &file->stages[i];

		if (s->name != NULL && strcmp(s->name, PLAN_STAGED) == 0)
			l->staged = true;
		if (l->native || s->from.line > l->why.line)
			continue;
		free(l->stage);
		l->stage = s->name != NULL ? mem_str(s->name) : NULL;
	}
}

static void
look_at_plan(const struct native *n, const struct dockerfile *file,
    struct look *l)
{
	struct stage_vars vars = { .build_args = &n->args };
	AUTO(plan_release) struct plan plan = {
		.file = file, .contexts = &n->contexts, .dir = n->dir,
		.platform = &n->platform, .staged = n->staged != NULL,
		.vars = &vars,
	};

	/* mistakes are for the native engine to tell */
	l->native = plan_make(&plan, n->target, &l->why) == 0 ||
	    !is_limit(&l->why);
	list_release(&vars.globals);
	look_at_stages(file, l);
}

/* A file that can't be read is an error, one that we do not understand is
 * not: the engine may. */
static int
look_at(const struct native *n, struct look *l, struct err *e)
{
	AUTO(dockerfile_release) struct dockerfile file = DOCKERFILE_INIT;
	autofree char *path = n->file != NULL ? mem_str(n->file) :
	    mem_fmt("%s/Dockerfile", n->context);
	autobuf struct buf text = BUF_INIT;

	if (file_slurp(AT_FDCWD, path, path, DOCKERFILE_MAX, &text, e) < 0)
		return -1;
	if (dockerfile_parse(&file, file_base(path), text.data, text.len,
	    &l->why) == 0) {
		look_at_plan(n, &file, l);
	} else {
		l->native = true;
		l->staged = true;
	}
	return 0;
}

/* The instruction, why nobody runs it, and the way out. */
static int
nobody(const struct look *l, const struct err *docker,
    const struct err *buildah, struct err *e)
{
	autobuf struct buf docker_why = BUF_INIT;

	buf_adds(&docker_why, docker->msg);
	if (docker->detail[0] != '\0')
		buf_addf(&docker_why, " (%.300s)", docker->detail);
	err_set(e, ERR_INPUT, "engine_missing", "%s, and no other engine is "
	    "there (%s; %s): install one, or replace %s%s%s with "
	    "--build-context %s=DIR", l->why.msg, docker_why.data, buildah->msg,
	    l->stage != NULL ? "the stage '" : "its stage, once it has a name,",
	    l->stage != NULL ? l->stage : "", l->stage != NULL ? "'" : "",
	    l->stage != NULL ? l->stage : "NAME");
	e->line = l->why.line;
	return -1;
}

/* By another engine; with auto, by docker or else buildah.  A builder is one
 * of docker's. */
static int
build(struct engine_job *j, const struct look *l, enum engine_kind *used,
    struct native_result *r, struct err *e)
{
	AUTO(engine_docker_release) struct engine_docker docker = {
		.program = NULL,
	};
	autofree struct err *first = mem_zero(2, sizeof(*first));
	autofree char *buildah = NULL;
	int rc = -1;

	if (*used == ENGINE_AUTO && j->opts->builder != NULL)
		*used = ENGINE_DOCKER;
	if (*used != ENGINE_BUILDAH)
		rc = engine_docker_find(&docker, j, &first[0]);
	if (rc == 0) {
		*used = ENGINE_DOCKER;
		return engine_docker_build(&docker, j, r, e);
	}
	if (*used != ENGINE_DOCKER)
		buildah = engine_buildah_find(&first[1]);
	if (buildah != NULL) {
		*used = ENGINE_BUILDAH;
		return engine_buildah_build(buildah, j, r, e);
	}
	if (*used == ENGINE_AUTO)
		return nobody(l, &first[0], &first[1], e);
	*e = first[*used == ENGINE_DOCKER ? 0 : 1];
	return -1;
}

/* Options of ours that say how layers are written. */
static int
check_layers(const struct native *n, struct err *e)
{
	if (n->method == ZOUT_GZIP && n->level == 0)
		return 0;
	return err_set(e, ERR_INPUT, "engine_option",
	    "--compression is for the native engine: layers of others are "
	    "gzip");
}

int
engine_build(const struct native *n, const struct engine_opts *opts,
    const struct list *names, enum engine_kind *used,
    struct native_result *r, struct err *e)
{
	AUTO(look_release) struct look look = { .native = true };
	struct engine_job job = {
		.n = n, .opts = opts, .names = names,
		.scratch = SCRATCH_INIT,
	};
	int rc;

	*used = opts->kind;
	if (*used != ENGINE_NATIVE && look_at(n, &look, e) < 0)
		return -1;
	if (*used == ENGINE_NATIVE || (*used == ENGINE_AUTO && look.native)) {
		*used = ENGINE_NATIVE;
		return native_build(n, r, e);
	}
	job.staged = look.staged;
	if (check_layers(n, e) < 0 || scratch_open(&job.scratch, e) < 0)
		return -1;
	rc = build(&job, &look, used, r, e);
	scratch_release(&job.scratch);
	return rc;
}
