/*
 * rb-fetch - download what records name, once, and prove what it is.
 *
 * The rules of a download are in lib/net/fetch.h, the fields and the exit
 * status in rb-fetch(1).
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/fetch.h"
#include "net/fetch_fields.h"
#include "net/fetch_places.h"
#include "net/fetch_sums.h"
#include "net/fetch_try.h"
#include "net/github.h"
#include "net/url.h"
#include "oci/artifact.h"
#include "oci/netopts.h"
#include "oci/places.h"
#include "record/bar.h"
#include "record/tool.h"

struct context {
	struct fetch_opts opts;
	struct cache cache;
	struct github hub;
	struct fetch_places_opts places;
	struct fetch_fields fields;
	struct netopts net;
	struct places *registries;
	struct fetch_sums sums;
	const char *cache_dir, *dir, *output, *arch;
	int64_t cache_max;	/* bytes; -1: no limit */
	bool operands;		/* some were given */
};

struct job {
	struct tool_job job;
	struct fetch_places places;
	struct artifact_source **artifacts;	/* owned, each */
	size_t nartifacts, cap;
	struct bar bar;		/* the main thread's */
	struct fetch_result result;
};

static int add_other(struct fetch_places *p, const char *location,
    struct err *e);

static struct context ctx = {
	.opts = { .max_bytes = FETCH_MAX_BYTES, .connections = 4 },
	.cache = CACHE_INIT, .cache_max = -1, .hub = GITHUB_INIT,
	.places = { .hub = &ctx.hub, .other = add_other },
	.fields = FETCH_FIELDS_INIT, .sums = FETCH_SUMS_INIT,
};

/*
 * Records
 */

/* What a location that is no URL stands for. */
static int
add_other(struct fetch_places *p, const char *location, struct err *e)
{
	/* a job's: a checksum file has none of these */
	struct job *job = (struct job *)(void *)((char *)p -
	    offsetof(struct job, places));
	struct artifact_source *a;
	struct fetch_source *s;
	struct place *place;
	char *wanted = NULL;

	netopts_creds_for(&ctx.net, location);
	if ((place = places_open(ctx.registries, location, false, &wanted,
	    e)) == NULL)
		return -1;
	s = fetch_job_add(&p->job, mem_fmt("https://%s/v2/%s/manifests/%s",
	    ref_api_host(place_host_name(place->host)), place->repo, wanted));
	if (s == NULL) {
		free(wanted);
		return err_set(e, ERR_INPUT, "field_invalid",
		    "more than %d places", FETCH_SOURCES_MAX);
	}
	mem_grow(&job->artifacts, &job->cap, job->nartifacts,
	    sizeof(*job->artifacts));
	a = job->artifacts[job->nartifacts++] = mem_zero(1, sizeof(*a));
	*a = (struct artifact_source){ .place = place, .wanted = wanted,
		.url = mem_str(s->url) };
	/* what a file of it is called by */
	if (strcmp(p->url, location) == 0) {
		free(p->url);
		p->url = mem_str(s->url);
	}
	s->prepare = artifact_prepare;
	s->ctx = a;
	return 0;
}

static int
choose_dest(struct context *c, struct rec *r, struct job *job, struct err *e)
{
	autobuf struct buf path = BUF_INIT;
	autofree char *name = NULL;
	const char *arch = NULL;

	if (c->output != NULL) {
		if (tool_expand(c->output, r, &path, e) < 0)
			return -1;
	} else if (c->dir != NULL) {
		if (rec_str(r, "arch", &arch, e) < 0 || (name =
		    fetch_places_name(&job->places, arch, e)) == NULL)
			return -1;
		buf_addf(&path, "%s/%s", c->dir, name);
	} else {
		return 0;
	}
	job->places.job.dest = tool_path(path.data);
	return tool_claim(job->places.job.dest, e);
}

/* Without an architecture a record is known by its file. */
static void
name_subject(struct job *job)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *name = NULL;
	struct err e;

	if (job->job.subject[0] != '\0' ||
	    url_parse(&u, job->places.url, &e) < 0)
		return;
	name = url_basename(&u);
	memcpy(job->job.subject, name, text_prefix(name,
	    sizeof(job->job.subject) - 1));
}

static int
read_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;

	fetch_places_init(&job->places, &c->places);
	job->places.job.done = &job->job.done;
	job->places.job.total = &job->job.total;
	if (fetch_places_read(&job->places, r, e) < 0)
		return -1;
	name_subject(job);
	return choose_dest(c, r, job, e);
}

/*
 * Work
 */

static int
work(void *arg, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;

	if (c->sums.where != NULL && job->places.job.sha256[0] == '\0' &&
	    fetch_sums_find(&c->sums, &c->opts, &c->places, job->places.url,
	    job->places.job.sha256, e) < 0)
		return -1;
	if (fetch_get(&c->opts, &job->places.job, &job->result, e) < 0)
		return -1;
	job->job.bytes = (uint64_t)job->result.size;
	job->job.cached = job->result.cached;
	return 0;
}

/*
 * Results
 */

/* The place that gave the file, as people write it.  The caller frees. */
static char *
place_of(const struct job *job)
{
	for (size_t i = 0; i < job->nartifacts; i++) {
		const struct artifact_source *a = job->artifacts[i];
		autobuf struct buf b = BUF_INIT;

		if (strcmp(a->url, job->result.url) != 0)
			continue;
		place_name(a->place, &b);
		buf_addf(&b, "%c%s", strchr(a->wanted, ':') != NULL ? '@' :
		    ':', a->wanted);
		return mem_str(b.data);
	}
	return mem_str(job->result.url);
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	const struct job *job = jobp;
	const struct fetch_result *res = &job->result;
	autofree char *place = place_of(job);
	size_t len;

	(void)arg;
	(void)e;
	if (rec_text(r, "url", &len) == NULL)
		rec_put_str(r, "url", place);
	rec_put_str(r, "tarball", res->path);
	rec_put_str(r, "sha256", res->sha256);
	rec_put_int(r, "size", res->size);
	json_out_open(&o, '{');
	json_out_kstr(&o, "url", place);
	json_out_kbool(&o, "cached", res->cached);
	json_out_kint(&o, "resumed_from", res->resumed_from);
	json_out_kint(&o, "attempts", res->attempts);
	json_out_kint(&o, "connections", res->connections);
	if (res->etag != NULL)
		json_out_kstr(&o, "etag", res->etag);
	if (res->last_modified != NULL)
		json_out_kstr(&o, "last_modified", res->last_modified);
	json_out_close(&o, '}');
	rec_put(r, "fetch", o.buf.data, o.buf.len);
	return 0;
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	const struct job *job = jobp;
	const struct fetch_result *res = &job->result;
	autofree char *place = place_of(job);
	char size[32], more[32];

	(void)arg;
	(void)r;
	buf_addf(out, "%s %s\n        %s\n        sha256 %s, %s",
	    res->cached ? "CACHED " : "FETCHED", res->path, place,
	    res->sha256, text_size((uint64_t)res->size, size));
	if (res->resumed_from > 0)
		buf_addf(out, ", of which %s were there", text_size(
		    (uint64_t)res->resumed_from, more));
	buf_addc(out, '\n');
}

static void
outputs(void *arg, struct rec *r, void *jobp)
{
	const struct job *job = jobp;

	(void)arg;
	(void)r;
	tool_output("tarball", job->result.path);
	tool_output("sha256", job->result.sha256);
}

static void
progress(void *arg, void *jobp, struct buf *out)
{
	struct job *job = jobp;

	(void)arg;
	bar_print(&job->bar, atomic_load(&job->job.done),
	    atomic_load(&job->job.total), out);
}

static void
job_free(void *jobp)
{
	struct job *job = jobp;

	fetch_places_release(&job->places);
	for (size_t i = 0; i < job->nartifacts; i++) {
		artifact_source_release(job->artifacts[i]);
		free(job->artifacts[i]);
	}
	free(job->artifacts);
	fetch_result_release(&job->result);
}

/*
 * Options
 */

static int
number(const char *name, const char *value, bool suffix, int64_t min,
    int64_t max, int64_t *n, struct err *e)
{
	if (text_number(value, suffix, n) && *n >= min && *n <= max)
		return 0;
	return err_set(e, ERR_INPUT, "usage", "--%s takes a number from %lld "
	    "to %lld, not '%s'", name, (long long)min, (long long)max, value);
}

static int
set_max_bytes(void *arg, const char *value, struct err *e)
{
	return number("max-bytes", value, true, 0, INT64_MAX,
	    &((struct context *)arg)->opts.max_bytes, e);
}

static int
set_cache_max(void *arg, const char *value, struct err *e)
{
	return number("cache-max-bytes", value, true, 0, INT64_MAX,
	    &((struct context *)arg)->cache_max, e);
}

static int
set_connections(void *arg, const char *value, struct err *e)
{
	int64_t n;

	if (number("connections", value, false, 1, FETCH_TRY_CONNECTIONS_MAX,
	    &n, e) < 0)
		return -1;
	((struct context *)arg)->opts.connections = (int)n;
	return 0;
}

static int
set_retries(void *arg, const char *value, struct err *e)
{
	int64_t n;

	if (number("retries", value, false, 0, 1000, &n, e) < 0)
		return -1;
	((struct context *)arg)->opts.retries = n > 0 ? (int)n : 1;
	return 0;
}

static int
set_stall(void *arg, const char *value, struct err *e)
{
	int64_t n;

	if (number("stall", value, false, 1, 86400, &n, e) < 0)
		return -1;
	((struct context *)arg)->opts.http.stall_s = (int)n;
	return 0;
}

static int
set_header(void *arg, const char *value, struct err *e)
{
	return fetch_fields_add(&((struct context *)arg)->fields, value, e);
}

/* A list for derived addresses. */
static int
set_arch(void *arg, const char *value, struct err *e)
{
	for (const char *p = value;; p++) {
		size_t n = strcspn(p, ",");
		autofree char *one = mem_dup(p, n);

		if (tool_arch_check(one, e) < 0)
			return -1;
		if (*(p += n) == '\0')
			break;
	}
	((struct context *)arg)->arch = value;
	return 0;
}

static char *
operand_name(const char *value)
{
	ctx.operands = true;
	return url_redact(value, NULL);
}

/* All four or none. */
static int
check_derived(const struct context *c, struct err *e)
{
	const struct {
		const char *name, *value;
	} all[] = {
		{ "github-repo", c->places.repo },
		{ "release-tag", c->places.tag },
		{ "filename-prefix", c->places.prefix },
		{ "bundle-version", c->places.version },
	};
	const char *missing = NULL;
	int given = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i].value != NULL && *all[i].value != '\0')
			given++;
		else
			missing = all[i].name;
	}
	if (given > 0 && missing != NULL)
		return err_set(e, ERR_INPUT, "usage", "--github-repo, "
		    "--release-tag, --filename-prefix and --bundle-version go "
		    "together: --%s is missing", missing);
	if (given > 0 && c->arch == NULL && !c->operands &&
	    !tool_common.read_stdin)
		return err_set(e, ERR_INPUT, "usage", "of which architecture? "
		    "--arch is missing (or `-`, for records that say so)");
	return 0;
}

/* A record for each of --arch, where nothing else gives records. */
static void
add_derived(const struct context *c)
{
	if (c->places.repo == NULL || c->arch == NULL || c->operands ||
	    tool_common.read_stdin)
		return;
	for (const char *p = c->arch;; p++) {
		size_t n = strcspn(p, ",");
		autofree char *json = mem_fmt("{\"arch\":\"%.*s\"}", (int)n,
		    p);
		autofree char *where = mem_dup(p, n);

		tool_record(json, where);
		if (*(p += n) == '\0')
			break;
	}
}

static int
ready(void *arg, struct err *e)
{
	struct context *c = arg;

	if (c->dir != NULL && c->output != NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "-d and -o exclude each other");
	if (c->opts.refresh && c->opts.offline)
		return err_set(e, ERR_INPUT, "usage",
		    "--refresh and --offline exclude each other");
	if (check_derived(c, e) < 0 || github_env(&c->hub, e) < 0)
		return -1;
	if (c->hub.withheld)
		tool_warn("GITHUB_API_URL is plain http: the token stays here");
	add_derived(c);
	if (c->dir != NULL && file_mkdirs(AT_FDCWD, c->dir, e) < 0)
		return -1;
	c->opts.cache = &c->cache;
	c->opts.headers = (const char *const *)c->fields.field;
	c->opts.http.netrc = true;
	return cache_open(&c->cache, c->cache_dir, e);
}

static void
finish(struct context *c)
{
	struct err e;

	if (c->cache_max >= 0 && !c->cache.readonly &&
	    cache_trim(&c->cache, c->cache_max, &e) < 0)
		tool_warn("%s", e.msg);
}

static void
release(struct context *c)
{
	cache_release(&c->cache);
	github_release(&c->hub);
	fetch_sums_release(&c->sums);
	fetch_fields_release(&c->fields);
	places_free(c->registries);
	netopts_release(&c->net);
}

static const struct tool_opt place_options[] = {
	{ .name = "arch", .arg = "ARCH",
	  .help = "amd64 or arm64, for the operands after it" },
	{ .name = "github-repo", .arg = "OWNER/REPO", .str = &ctx.places.repo,
	  .help = "derive URLs: of this repository's release" },
	{ .name = "release-tag", .arg = "TAG", .str = &ctx.places.tag,
	  .help = "that has this tag, or the latest" },
	{ .name = "filename-prefix", .arg = "PREFIX", .str = &ctx.places.prefix,
	  .help = "the asset PREFIX_VERSION_ARCH.tar.gz" },
	{ .name = "bundle-version", .arg = "VERSION",
	  .str = &ctx.places.version, .help = "the bundle's version" },
	{ .name = "sha256sums", .arg = "FILE", .str = &ctx.sums.where,
	  .help = "a checksum file, as sha256sum writes it" },
	{ .name = NULL },
};

static const struct tool_opt output_options[] = {
	{ .name = "output-dir", .letter = 'd', .arg = "DIR", .str = &ctx.dir,
	  .help = "write there, each file under a name of its own" },
	{ .name = "output", .letter = 'o', .arg = "PLACE",
	  .str = &ctx.output, .help = "where the result goes" },
	{ .name = NULL },
};

static const struct tool_opt cache_options[] = {
	{ .name = "cache-dir", .arg = "DIR", .str = &ctx.cache_dir,
	  .help = "the cache ($SLIPWAY_CACHE_DIR, ~/.cache/slipway)" },
	{ .name = "cache-max-bytes", .arg = "N", .set = set_cache_max,
	  .help = "leave so much in it (K, M, G), the newest" },
	{ .name = "refresh", .flag = &ctx.opts.refresh,
	  .help = "ask the server whether there is something newer" },
	{ .name = "offline", .flag = &ctx.opts.offline,
	  .help = "take it from the cache, or fail" },
	{ .name = NULL },
};

static const struct tool_opt network_options[] = {
	{ .name = "header", .arg = "FIELD", .set = set_header,
	  .help = "'NAME: VALUE' or @FILE, for the URLs' own hosts" },
	{ .name = "cacert", .arg = "FILE", .str = &ctx.opts.http.cacert,
	  .help = "trust the authorities in this PEM file" },
	{ .name = "insecure-http", .flag = &ctx.opts.insecure_http,
	  .help = "plain http without a digest is good enough" },
	{ .name = "connections", .arg = "N", .set = set_connections,
	  .help = "at once for one file (4)" },
	{ .name = "retries", .arg = "N", .set = set_retries,
	  .help = "most tries of one URL (as many as 30 s hold)" },
	{ .name = "stall", .arg = "S", .set = set_stall,
	  .help = "give up a connection after S silent seconds (30)" },
	{ .name = "max-bytes", .arg = "N", .set = set_max_bytes,
	  .help = "most bytes of payload (K, M, G; 8G)" },
	{ .name = NULL },
};

static int
set_tls_verify(void *arg, const char *value, struct err *e)
{
	return netopts_tls_verify(&((struct context *)arg)->net, value, e);
}

static const struct tool_opt registry_options[] = {
	NETOPTS_CREDS(&ctx.net.creds),
	NETOPTS_AUTHFILE(&ctx.net.authfile),
	NETOPTS_TLS_VERIFY(set_tls_verify),
	NETOPTS_CERT_DIR(&ctx.net.cert_dir),
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "rb-fetch",
	.synopsis = "[options] [URL ...]",
	.purpose = "Download bundles through a cache, and say what they are.",
	.groups = (const struct tool_opt_group[]){
		{ "Places", place_options }, { "Output", output_options },
		{ "Cache", cache_options }, { "Network", network_options },
		{ "Registry", registry_options },
		{ NULL, NULL },
	},
	.examples = "  rb-fetch --arch amd64 https://example.com/"
	    "bundle_0.1.0_amd64.tar.gz\n"
	    "  rb-fetch < urls.jsonl | rb-verify --gate | rb-stage\n",
	.operand_key = "url",
	.operand_arch = true,
	.operand_name = operand_name,
	.arch = set_arch,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.text = text,
	.outputs = outputs,
	.progress = progress,
	.job_free = job_free,
};

int
main(int argc, char *argv[])
{
	autofree char *agent = mem_fmt("rb-fetch/%s", tool_version);
	int status;

	http_setup();
	digest_setup();
	ctx.opts.http.agent = agent;
	ctx.registries = places_new(&ctx.net);
	if ((status = tool_start(&tool, &ctx, argc, argv)) < 0) {
		status = tool_filter(&tool, &ctx);
		finish(&ctx);
	}
	release(&ctx);
	return status;
}
