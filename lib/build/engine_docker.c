#include "build/engine_docker.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "build/engine_context.h"

#define PACKAGED "/usr/bin/docker"
#define IID "iid"

void
engine_docker_release(struct engine_docker *d)
{
	free(d->program);
	*d = (struct engine_docker){ .program = NULL };
}

/* Ask a client for something; its exit status, or -1. */
static int
ask(const char *program, const char *const *words, struct engine_run *r,
    struct err *e)
{
	list_add(&r->argv, program);
	for (; *words != NULL; words++)
		list_add(&r->argv, *words);
	list_add(&r->env, "DOCKER_BUILDKIT=1");
	r->what = "docker";
	return engine_run(r, e);
}

/* The client knows the words, and has mark in its answer. */
static bool
says(const char *program, const char *const *words, const char *mark)
{
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;
	struct err ignored;

	return ask(program, words, &r, &ignored) == 0 &&
	    strstr(r.said.data, mark) != NULL;
}

/* All clients on PATH; the package's own may stand behind another one that
 * lacks BuildKit. */
static void
list_clients(struct list *clients)
{
	char *program;

	while ((program = engine_run_find("docker", clients->n)) != NULL)
		list_take(clients, program);
	if (access(PACKAGED, X_OK) == 0 && !list_has(clients, PACKAGED))
		list_add(clients, PACKAGED);
}

static int
find_client(struct engine_docker *d, struct err *e)
{
	static const char *const words[][3] = {
		{ "buildx", "version", NULL }, { "build", "--help", NULL },
	};
	static const char *const marks[] = { "/buildx ", "--secret" };
	AUTO(list_release) struct list clients = LIST_INIT;

	list_clients(&clients);
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < clients.n; i++) {
			if (!says(clients.items[i], words[k], marks[k]))
				continue;
			d->program = mem_str(clients.items[i]);
			d->buildx = k == 0;
			return 0;
		}
	}
	return err_set(e, ERR_CHECK, "engine_missing", clients.n == 0 ?
	    "docker is not installed" :
	    "docker is installed without BuildKit: its plugin buildx is "
	    "missing");
}

/* What `docker build` alone can't do. */
static int
check_plain(const struct engine_job *j, struct err *e)
{
	const char *option = j->n->contexts.n > 0 ? "--build-context" :
	    j->n->staged != NULL && j->staged ?
	    "--build-context (for the staged bundle)" :
	    j->opts->cache_to.n > 0 ? "--cache-to" :
	    j->opts->builder != NULL ? "--builder" : NULL;

	return option == NULL ? 0 : err_set(e, ERR_INPUT, "engine_option",
	    "docker build without its plugin buildx has no %s: install the "
	    "plugin, or take another engine", option);
}

/* Which kind of builder is it?  An engine that does not answer has none. */
static int
find_builder(struct engine_docker *d, const char *builder, struct err *e)
{
	const char *const words[] = { "buildx", "inspect", builder, NULL };
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;
	const char *driver;
	int rc = ask(d->program, words, &r, e);

	if (rc < 0)
		return -1;
	if (rc > 0 && builder != NULL) {
		err_set(e, ERR_CHECK, "engine_missing",
		    "buildx has no builder '%s'", builder);
		err_set_detail(e, "%s", r.last.data);
		return -1;
	}
	driver = strstr(r.said.data, "\nDriver:");
	if (rc > 0 || driver == NULL)
		return 0;
	driver += strlen("\nDriver:");
	driver += strspn(driver, " \t");
	d->exports = strncmp(driver, "docker\n", strlen("docker\n")) != 0 &&
	    *driver != '\n';
	return 0;
}

/* The engine that a builder of the kind `docker` stands for is that of the
 * context of its name. */
static void
add_client(const struct engine_docker *d, const struct engine_job *j,
    struct list *argv)
{
	list_add(argv, d->program);
	if (j->opts->builder != NULL && !d->exports)
		list_take(argv, mem_fmt("--context=%s", j->opts->builder));
}

static int
check_engine(const struct engine_docker *d, const struct engine_job *j,
    struct err *e)
{
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;
	int rc;

	add_client(d, j, &r.argv);
	list_add(&r.argv, "version");
	list_add(&r.argv, "--format={{.Server.Version}}");
	r.what = "docker version";
	if ((rc = engine_run(&r, e)) <= 0)
		return rc;
	err_set(e, ERR_SYS, "engine_unreachable",
	    "no Docker engine answers: start it, or name another with "
	    "DOCKER_HOST");
	err_set_detail(e, "%s", r.last.data);
	return -1;
}

int
engine_docker_find(struct engine_docker *d, const struct engine_job *j,
    struct err *e)
{
	if (find_client(d, e) < 0)
		return -1;
	if (!d->buildx ? check_plain(j, e) < 0 :
	    find_builder(d, j->opts->builder, e) < 0)
		return -1;
	return d->exports ? 0 : check_engine(d, j, e);
}

/* An engine that keeps images in containerd's store calls them by their
 * manifest: what their config's digest is must be looked up in the image. */
static bool
keeps_configs(const struct engine_docker *d, const struct engine_job *j)
{
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;
	struct err ignored;

	add_client(d, j, &r.argv);
	list_add(&r.argv, "info");
	list_add(&r.argv, "--format={{json .DriverStatus}}");
	r.what = "docker info";
	return engine_run(&r, &ignored) == 0 &&
	    strstr(r.said.data, "io.containerd.") == NULL;
}

static int
add_buildx(const struct engine_docker *d, const struct engine_job *j,
    struct engine_context *contexts, struct engine_run *r, struct err *e)
{
	list_add(&r->argv, "buildx");
	list_add(&r->argv, "build");
	if (j->opts->builder != NULL)
		list_take(&r->argv, mem_fmt("--builder=%s", j->opts->builder));
	list_add(&r->argv, d->exports ?
	    "--output=type=oci,dest=-,rewrite-timestamp=true" : "--load");
	/* one image, not an index of it and of statements about it */
	list_add(&r->env, "BUILDX_NO_DEFAULT_ATTESTATIONS=1");
	list_take(&r->env, mem_fmt("SOURCE_DATE_EPOCH=%" PRId64,
	    j->n->epoch));
	return engine_context_args(contexts, j, ENGINE_CONTEXT_BUILDX,
	    &r->argv, e);
}

/* Build; the image is in the engine then, or in out. */
static int
build(const struct engine_docker *d, const struct engine_job *j, int out,
    const struct list *names, struct err *e)
{
	AUTO(engine_context_release) struct engine_context contexts = {
		.nsources = 0,
	};
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;

	list_add(&r.argv, d->program);
	if (d->buildx && add_buildx(d, j, &contexts, &r, e) < 0)
		return -1;
	if (!d->buildx)
		list_add(&r.argv, "build");
	list_add(&r.env, "DOCKER_BUILDKIT=1");
	list_add(&r.argv, "--progress=plain");
	engine_job_args(j, &r.argv);
	if (j->opts->pull)
		list_add(&r.argv, "--pull");
	list_take(&r.argv, mem_fmt("--iidfile=%s/" IID,
	    j->scratch.path));
	for (size_t i = 0; names != NULL && i < names->n; i++)
		list_take(&r.argv, mem_fmt("--tag=%s", names->items[i]));
	list_add(&r.argv, j->n->context);
	r.out = out;
	r.what = d->buildx ? "docker buildx build" : "docker build";
	return engine_job_run(j, &r, e);
}

static int
save(const struct engine_docker *d, const struct engine_job *j,
    const char *id, int out, struct err *e)
{
	AUTO(engine_run_release) struct engine_run r = ENGINE_RUN_INIT;

	add_client(d, j, &r.argv);
	list_add(&r.argv, "save");
	list_add(&r.argv, id);
	r.out = out;
	r.what = "docker save";
	return engine_job_run(j, &r, e);
}

int
engine_docker_build(const struct engine_docker *d,
    const struct engine_job *j, struct native_result *r, struct err *e)
{
	bool stays = j->names != NULL && !d->exports && keeps_configs(d, j);
	autofd int archive = engine_job_archive(j, e);
	char id[DIGEST_STR];

	if (archive < 0 || build(d, j, d->exports ? archive : -1,
	    stays ? j->names : NULL, e) < 0)
		return -1;
	if (d->exports)
		return engine_job_take(j, archive, IMGTAR_IN_OCI, r, e);
	if (engine_job_id(j, IID, id, e) < 0)
		return -1;
	if (stays) {
		strcpy(r->config_digest, id);
		return 0;
	}
	return save(d, j, id, archive, e) < 0 ? -1 :
	    engine_job_take(j, archive, IMGTAR_IN_DOCKER, r, e);
}
