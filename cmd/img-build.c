/*
 * img-build - build an image for each record: one platform of one component.
 *
 * What the native engine does with a Dockerfile is in lib/build/native.h, the
 * fields and the exit status in img-build(1).
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/text.h"
#include "build/native.h"
#include "build/order.h"
#include "record/tool.h"

struct context {
	struct order_opts opts;
	const char *operand;		/* the context, or NULL */
	struct list platforms;		/* of --platform */
	int64_t epoch;
};

struct job {
	struct tool_job job;
	struct order order;
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

/* The image is complete and on disk: now the names may point to it. */
static int
name_image(const struct order *o, const struct desc *image, struct err *e)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	struct desc d = *image;
	char previous[DIGEST_STR];

	if (o->layout == NULL)
		return 0;
	d.has_platform = true;
	d.platform = o->platform;
	if (layout_open(&l, o->layout, false, e) < 0)
		return -1;
	for (size_t i = 0; i < o->layout_tags.n; i++)
		if (layout_tag(&l, o->layout_tags.items[i], &d, previous,
		    e) < 0)
			return -1;
	return 0;
}

static int
work(void *arg, void *jobp, struct err *e)
{
	const struct context *c = arg;
	struct job *job = jobp;
	const struct order *o = &job->order;
	struct native n = {
		.file = o->file, .context = o->context, .dir = ".",
		.target = o->target, .platform = o->platform,
		.args = o->args, .labels = c->opts.labels,
		.annotations = c->opts.annotations,
		.contexts = o->contexts, .staged = o->staged,
		.manifest_sha256 = o->manifest_sha256,
		.keep_modes = c->opts.keep_modes, .method = c->opts.method,
		.level = c->opts.level, .threads = pool_cpus(),
		.epoch = c->epoch, .layout = o->layout,
		.done = &job->job.done, .total = &job->job.total,
	};

	if (native_build(&n, &job->result, e) < 0 ||
	    name_image(o, &job->result.manifest, e) < 0)
		return -1;
	job->job.bytes = (uint64_t)job->result.bytes;
	return 0;
}

/* What names the image: -t's first, else its place; NULL for neither. */
static char *
image_name(const struct order *o, bool place)
{
	if (!place && o->refs.n > 0)
		return mem_str(o->refs.items[0]);
	if (o->layout == NULL)
		return NULL;
	return mem_fmt("oci:%s:%s", o->layout, o->layout_tags.items[0]);
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct job *job = jobp;
	const struct native_result *res = &job->result;
	autofree char *ref = image_name(&job->order, false);
	autofree char *location = image_name(&job->order, true);

	(void)arg;
	(void)e;
	for (size_t i = 0; i < res->warnings.n; i++)
		tool_warn("%s: %s", rec_where(r), res->warnings.items[i]);
	json_out_open(&o, '{');
	if (ref != NULL)
		json_out_kstr(&o, "ref", ref);
	json_out_kstr(&o, "platform", job->order.platform_name);
	json_out_kstr(&o, "engine", "native");
	json_out_kstr(&o, "digest", res->manifest.digest);
	json_out_kstr(&o, "media_type", res->manifest.media_type);
	json_out_kint(&o, "size", res->manifest.size);
	json_out_kstr(&o, "config_digest", res->config_digest);
	json_out_key(&o, "layers");
	json_out_open(&o, '[');
	for (size_t i = 0; i < res->nlayers; i++) {
		json_out_open(&o, '{');
		json_out_kstr(&o, "digest", res->layers[i].desc.digest);
		json_out_kstr(&o, "diff_id", res->layers[i].diff_id);
		json_out_kint(&o, "size", res->layers[i].desc.size);
		json_out_close(&o, '}');
	}
	json_out_close(&o, ']');
	json_out_kstr(&o, "compressor", zout_compressor(ctx.opts.method));
	if (location != NULL)
		json_out_kstr(&o, "location", location);
	json_out_close(&o, '}');
	rec_put(r, "image", o.buf.data, o.buf.len);
	return 0;
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	struct job *job = jobp;
	const struct native_result *res = &job->result;
	autofree char *ref = image_name(&job->order, false);
	autofree char *location = image_name(&job->order, true);
	char size[32];
	int64_t bytes = 0;

	(void)arg;
	(void)r;
	for (size_t i = 0; i < res->nlayers; i++)
		bytes += res->layers[i].desc.size;
	buf_addf(out, "BUILT   %s\n        %s: %zu layer%s, %s\n        %s\n",
	    ref != NULL ? ref : "(no name)", job->order.platform_name,
	    res->nlayers, res->nlayers == 1 ? "" : "s",
	    text_size((uint64_t)bytes, size), res->manifest.digest);
	if (location != NULL)
		buf_addf(out, "        %s\n", location);
}

static void
outputs(void *arg, struct rec *r, void *jobp)
{
	struct job *job = jobp;
	autofree char *ref = image_name(&job->order, false);

	(void)arg;
	(void)r;
	tool_output("digest", job->result.manifest.digest);
	if (ref != NULL)
		tool_output("ref", ref);
	if (job->order.layout != NULL)
		tool_output("path", job->order.layout);
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
SETTER(set_output, order_set_output)
SETTER(set_compression, order_set_compression)
SETTER(set_modes, order_set_modes)

static int
set_tag(void *arg, const char *value, struct err *e)
{
	(void)e;
	list_add(&((struct context *)arg)->opts.tags, value);
	return 0;
}

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

	if (c->opts.output == NULL && !c->opts.dry_run)
		return err_set(e, ERR_INPUT, "usage", "nowhere to put the "
		    "image: give -o oci:DIR[:TAG], or --dry-run to see it");
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
	  .help = "DIR or oci:DIR[:TAG] for a stage or image" },
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
	{ .name = "compression", .arg = "METHOD[:LEVEL]",
	  .set = set_compression, .help = "how it is compressed (gzip)" },
	{ .name = "context-modes", .arg = "HOW", .set = set_modes,
	  .help = "git: 0644 or 0755 (default); keep: as they are" },
	{ .name = NULL },
};
static const struct tool_opt place[] = {
	{ .name = "output", .letter = 'o', .arg = "PLACE", .set = set_output,
	  .help = "where the result goes" },
	{ .name = "dry-run", .flag = &ctx.opts.dry_run,
	  .help = "write nothing" },
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "img-build",
	.synopsis = "[options] [CONTEXT]",
	.purpose = "Build a container image for each record.",
	.groups = (const struct tool_opt_group[]){
		{ "Build", what }, { "Image", image }, { "Place", place },
		{ NULL, NULL },
	},
	.examples = "  img-build --platform linux/amd64,linux/arm64 "
	    "-o oci:out:1.2-{arch} .\n"
	    "  rb-stage < bundles.jsonl | img-build -t me/app:1.2-{arch} "
	    "-o oci:out\n",
	.operand = set_operand,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.text = text,
	.outputs = outputs,
	.job_free = job_free,
};

static void
context_clear(void)
{
	list_release(&ctx.platforms);
	list_release(&ctx.opts.args);
	list_release(&ctx.opts.labels);
	list_release(&ctx.opts.annotations);
	list_release(&ctx.opts.contexts);
	list_release(&ctx.opts.tags);
}

int
main(int argc, char *argv[])
{
	int status = tool_start(&tool, &ctx, argc, argv);

	if (status < 0) {
		digest_setup();
		status = tool_filter(&tool, &ctx);
	}
	context_clear();
	return status;
}
