/*
 * img-build - build an image for each record: one platform of one component.
 *
 * Who builds is in lib/build/engine.h, what the native engine does with a
 * Dockerfile in lib/build/native.h, the fields and the exit status in
 * img-build(1).
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "build/built.h"
#include "build/engine.h"
#include "build/order.h"
#include "net/http.h"
#include "record/tool.h"

struct context {
	struct order_opts opts;
	const char *operand;		/* the context, or NULL */
	struct list platforms;		/* of --platform */
	struct netopts net;
	int64_t epoch;
};

struct job {
	struct tool_job job;
	struct order order;
	enum engine_kind engine;	/* that built it */
	struct native_result result;
};

static struct context ctx = { .opts = { .method = ZOUT_GZIP } };

static int
read_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;

	if (order_read(&job->order, &c->opts, r, e) < 0)
		return -1;
	job->job.cached = -1;
	snprintf(job->job.subject, sizeof(job->job.subject), "%s",
	    job->order.platform.arch);
	return 0;
}

static int
work(void *arg, void *jobp, struct err *e)
{
	const struct context *c = arg;
	struct job *job = jobp;
	struct order *o = &job->order;
	struct native_result *r = &job->result;
	struct native n = {
		.file = o->file, .context = o->context, .dir = ".",
		.target = o->target, .platform = o->platform,
		.args = o->args, .labels = c->opts.labels,
		.annotations = o->annotations,
		.contexts = o->contexts, .staged = o->staged,
		.manifest_sha256 = o->manifest_sha256,
		.keep_modes = c->opts.keep_modes, .method = c->opts.method,
		.level = c->opts.level, .threads = pool_cpus(),
		.epoch = c->epoch, .family = c->opts.family,
		.output = o->dest.path, .places = c->opts.dest.places,
		.net = o->dest.push.to.n == 0 ? c->opts.dest.net : NULL,
		.done = &job->job.done, .total = &job->job.total,
	};
	struct desc image;

	if (dest_open(&o->dest, e) < 0)
		return -1;
	n.layout = o->dest.layout;
	n.scratch = o->dest.scratch.path != NULL;
	n.sink = dest_sink(&o->dest);
	if (engine_build(&n, &c->opts.engine, dest_is_engine(&o->dest) ?
	    &o->dest.loads : NULL, &job->engine, r, e) < 0)
		return -1;
	job->job.bytes = (uint64_t)r->bytes;
	if (r->layers == NULL)
		return 0;	/* it is where it should be */
	image = r->manifest;
	image.has_platform = true;
	image.platform = o->platform;
	return dest_finish(&o->dest, &image, r->config_digest, c->epoch, e);
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	const struct context *c = arg;
	struct job *job = jobp;
	const struct list *warnings = &job->result.warnings;

	(void)e;
	for (size_t i = 0; i < warnings->n; i++)
		tool_warn("%s: %s", rec_where(r), warnings->items[i]);
	built_record(&job->order, job->engine, &job->result, c->opts.method,
	    &o);
	rec_put(r, "image", o.buf.data, o.buf.len);
	return 0;
}

/* A failure between two tags. */
static void
error_more(void *arg, void *jobp, struct json_out *o)
{
	const struct deliver *to = &((struct job *)jobp)->order.dest.push.to;

	(void)arg;
	if (!deliver_moved(to))
		return;
	json_out_key(o, "tags");
	deliver_write_tags(to, o);
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	struct job *job = jobp;

	(void)arg;
	(void)r;
	built_text(&job->order, &job->result, out);
}

static void
outputs(void *arg, struct rec *r, void *jobp)
{
	struct job *job = jobp;
	autofree char *ref = built_name(&job->order);

	(void)arg;
	(void)r;
	if (job->result.layers != NULL)
		tool_output("digest", job->result.manifest.digest);
	if (ref != NULL)
		tool_output("ref", ref);
	if (job->order.dest.path != NULL)
		tool_output("path", job->order.dest.path);
}

static void
job_free(void *jobp)
{
	struct job *job = jobp;

	order_release(&job->order);
	native_result_release(&job->result);
}

static int
set_platform(void *arg, const char *value, struct err *e)
{
	struct context *c = arg;
	autofree char *copy = mem_str(value);
	char *rest = copy, *item, name[104];
	struct desc_platform p;

	while ((item = strsep(&rest, ",")) != NULL) {
		if (desc_platform_parse(item, &p, e) < 0)
			return err_wrap(e, "--platform");
		desc_platform_format(&p, name);
		if (!list_has(&c->platforms, name))
			list_add(&c->platforms, name);
	}
	return 0;
}

static int
set_operand(void *arg, const char *value, struct err *e)
{
	struct context *c = arg;

	if (c->operand != NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "one context is enough: '%s' and '%s'", c->operand, value);
	c->operand = value;
	return 0;
}

#define SETTER(name, fn) \
static int \
name(void *arg, const char *value, struct err *e) \
{ \
	return fn(&((struct context *)arg)->opts, value, e); \
}
SETTER(set_arg, order_set_arg)
SETTER(set_label, order_set_label)
SETTER(set_annotation, order_set_annotation)
SETTER(set_context, order_set_context)
SETTER(set_format, order_set_format)
SETTER(set_compression, order_set_compression)
SETTER(set_modes, order_set_modes)
SETTER(set_engine, order_set_engine)

static int
set_output(void *arg, const char *value, struct err *e)
{
	return dest_set_output(&((struct context *)arg)->opts.dest, value, e);
}

static int
set_tls_verify(void *arg, const char *value, struct err *e)
{
	return netopts_tls_verify(&((struct context *)arg)->net, value, e);
}

static int
set_tag(void *arg, const char *value, struct err *e)
{
	(void)e;
	list_add(&((struct context *)arg)->opts.tags, value);
	return 0;
}

#define ADDER(name, list) \
static int \
name(void *arg, const char *value, struct err *e) \
{ \
	(void)e; \
	list_add(&((struct context *)arg)->opts.engine.list, value); \
	return 0; \
}
ADDER(add_secret, secrets)
ADDER(add_ssh, ssh)
ADDER(add_cache_from, cache_from)
ADDER(add_cache_to, cache_to)

static void
record_platform(const char *name)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct desc_platform p;
	struct err e;

	if (desc_platform_parse(name, &p, &e) < 0)
		return;
	json_out_open(&o, '{');
	json_out_kstr(&o, "arch", p.arch);
	json_out_kstr(&o, "platform", name);
	json_out_close(&o, '}');
	tool_record(o.buf.data, name);
}

/*
 * --platform defines the records.  Without it they come on stdin, and none is
 * an error, because the tool before may have died; only where a person has
 * typed the command is a context alone for the machine's own platform.
 */
static int
ready(void *arg, struct err *e)
{
	struct context *c = arg;
	struct utsname u;

	if (order_check(&c->opts, e) < 0)
		return -1;
	if (c->operand != NULL && c->opts.context != NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "one context is enough: '%s' and --context '%s'",
		    c->operand, c->opts.context);
	if (c->operand != NULL)
		c->opts.context = c->operand;
	if (clock_epoch(&c->epoch, e) < 0)
		return -1;
	if (c->platforms.n == 0 && c->operand != NULL &&
	    isatty(STDIN_FILENO) == 1 &&
	    (uname(&u) < 0 || set_platform(c, u.machine, e) < 0))
		return -1;
	for (size_t i = 0; i < c->platforms.n; i++)
		record_platform(c->platforms.items[i]);
	return 0;
}

static const struct tool_opt what[] = {
	{ .name = "file", .letter = 'f', .arg = "FILE", .str = &ctx.opts.file,
	  .help = "the Dockerfile (CONTEXT/Dockerfile)" },
	{ .name = "context", .arg = "DIR", .str = &ctx.opts.context,
	  .help = "the build context (.)" },
	{ .name = "build-context", .arg = "NAME=PLACE", .set = set_context,
	  .help = "a directory or image for a stage or image" },
	{ .name = "build-arg", .arg = "K[=V]", .set = set_arg,
	  .help = "value of an ARG, or the environment's" },
	{ .name = "target", .arg = "STAGE", .str = &ctx.opts.target,
	  .help = "build this stage, not the last" },
	{ .name = "platform", .arg = "P,P", .set = set_platform,
	  .help = "a record for each, in place of stdin" },
	{ .name = NULL },
};
static const struct tool_opt image[] = {
	{ .name = "tag", .letter = 't', .arg = "REF", .set = set_tag,
	  .help = "name of the image; may be repeated" },
	{ .name = "label", .arg = "K=V", .set = set_label,
	  .help = "label in the config" },
	{ .name = "annotation", .arg = "K=V", .set = set_annotation,
	  .help = "annotation of the manifest" },
	{ .name = "format", .arg = "FORMAT", .set = set_format,
	  .help = "media types of the result: oci or docker" },
	{ .name = "compression", .arg = "METHOD[:LEVEL]",
	  .set = set_compression, .help = "how it is compressed (gzip)" },
	{ .name = "context-modes", .arg = "HOW", .set = set_modes,
	  .help = "git: 0644 or 0755 (default); keep: as they are" },
	{ .name = NULL },
};
static const struct tool_opt engine[] = {
	{ .name = "engine", .arg = "WHO", .set = set_engine,
	  .help = "auto (default), native, docker or buildah" },
	{ .name = "builder", .arg = "NAME", .str = &ctx.opts.engine.builder,
	  .help = "builder of docker buildx" },
	{ .name = "secret", .arg = "SPEC", .set = add_secret,
	  .help = "as the engine has it: id=NAME,src=FILE" },
	{ .name = "ssh", .arg = "SPEC", .set = add_ssh,
	  .help = "as the engine has it: default or NAME=SOCKET" },
	{ .name = "cache-from", .arg = "SPEC", .set = add_cache_from,
	  .help = "where the engine finds what it built before" },
	{ .name = "cache-to", .arg = "SPEC", .set = add_cache_to,
	  .help = "where the engine keeps what it builds" },
	{ .name = "no-cache", .flag = &ctx.opts.engine.no_cache,
	  .help = "let the engine build everything anew" },
	{ .name = "pull", .flag = &ctx.opts.engine.pull,
	  .help = "let the engine look for newer bases" },
	{ .name = NULL },
};
static const struct tool_opt place[] = {
	{ .name = "output", .letter = 'o', .arg = "PLACE", .set = set_output,
	  .help = "where the result goes" },
	{ .name = "push", .flag = &ctx.opts.dest.push,
	  .help = "push it to the registry that -t names" },
	{ .name = "push-by-digest", .flag = &ctx.opts.dest.by_digest,
	  .help = "the same without a tag" },
	{ .name = "load", .flag = &ctx.opts.dest.load,
	  .help = "put it into a Docker engine" },
	{ .name = "digestfile", .arg = "FILE",
	  .str = &ctx.opts.dest.digestfile,
	  .help = "write the result's digest to FILE" },
	{ .name = "dry-run", .flag = &ctx.opts.dest.dry_run,
	  .help = "write nothing" },
	NETOPTS_CREDS(&ctx.net.creds),
	NETOPTS_AUTHFILE(&ctx.net.authfile),
	NETOPTS_TLS_VERIFY(set_tls_verify),
	NETOPTS_CERT_DIR(&ctx.net.cert_dir),
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "img-build",
	.synopsis = "[options] [CONTEXT]",
	.purpose = "Build a container image for each record.",
	.groups = (const struct tool_opt_group[]){
		{ "Build", what }, { "Engine", engine }, { "Image", image },
		{ "Place", place },
		{ NULL, NULL },
	},
	.examples = "  img-build --platform linux/amd64,linux/arm64 "
	    "-o oci:out:1.2-{arch} .\n"
	    "  rb-stage < bundles.jsonl | img-build -t me/app:1.2-{arch} "
	    "--push\n",
	.operand = set_operand,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.error_more = error_more,
	.text = text,
	.outputs = outputs,
	.job_free = job_free,
};

static void
context_clear(void)
{
	places_free(ctx.opts.dest.places);
	netopts_release(&ctx.net);
	list_release(&ctx.platforms);
	list_release(&ctx.opts.args);
	list_release(&ctx.opts.labels);
	list_release(&ctx.opts.annotations);
	list_release(&ctx.opts.contexts);
	list_release(&ctx.opts.tags);
	engine_opts_release(&ctx.opts.engine);
}

int
main(int argc, char *argv[])
{
	int status = tool_start(&tool, &ctx, argc, argv);

	if (status < 0) {
		digest_setup();
		http_setup();
		ctx.opts.dest.net = &ctx.net;
		ctx.opts.dest.places = places_new(&ctx.net);
		status = tool_filter(&tool, &ctx);
	}
	context_clear();
	return status;
}
