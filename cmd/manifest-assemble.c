/*
 * manifest-assemble - one name for the images of several platforms.
 *
 * Records with the same names are a group, and a group becomes an image index;
 * what is written when, and the exit status, are in manifest-assemble(1).
 */
#include <stdio.h>

#include "net/http.h"
#include "oci/assemble.h"
#include "oci/digestfile.h"
#include "oci/inspect.h"
#include "oci/merge.h"
#include "record/tool.h"

struct context {
	struct assemble opts;		/* first: what sets it knows it alone */
	struct places *places;
	struct part_sources sources;
	size_t nrecords;
	struct group_list groups;
	int broken;			/* kind of what ended the input early */
};

static void
context_release(struct context *c)
{
	part_sources_release(&c->sources);
	group_list_release(&c->groups);
	copy_free(c->sources.copy);
	places_free(c->places);
	assemble_release(&c->opts);
}

static int
look_at(struct context *c, const struct assemble_look *l, struct origin *o,
    struct rec *r, struct err *e)
{
	const struct assemble *a = &c->opts;
	autofree char *location = inspect_location(l->ref, e);

	if (location == NULL ||
	    origin_open(o, c->places, location, false, e) < 0 ||
	    inspect_load(o, c->sources.copy, l->check, e) < 0 ||
	    index_require(&o->children, a->require, a->nrequire, e) < 0)
		return -1;
	return inspect_record(o, l->ref, l->check, r, e);
}

/* The record of what is there. */
static int
take_look(void *ctx, struct rec *r)
{
	struct context *c = ctx;
	const struct assemble_look *l = &c->opts.looks[c->nrecords];
	AUTO(origin_release) struct origin o = ORIGIN_INIT;
	autobuf struct buf text = BUF_INIT;
	struct tool_job job = { .cached = -1 };
	struct tool_clock clock;
	struct err e;
	int rc;

	if (c->nrecords++ >= c->opts.nlooks) {	/* `-` was given, too */
		err_set(&e, ERR_INPUT, "usage",
		    "--inspect and --check read no records");
		tool_emit(r, &e, NULL);
		rec_free(r);
		return 0;
	}
	tool_clock_start(&clock);
	rc = look_at(c, l, &o, r, &e);
	job.bytes = copy_bytes(&o.blobs);
	snprintf(job.subject, sizeof(job.subject), "%.120s", l->ref);
	tool_trace(r, &clock, &job);
	if (rc == 0)
		inspect_text(&o, l->ref, l->check, &text);
	tool_emit(r, rc < 0 ? &e : NULL, text.data);
	rec_free(r);
	return 0;
}

/* The record joins its group; its blobs are being verified from now on. */
static int
take_record(void *ctx, struct rec *r)
{
	struct context *c = ctx;
	struct err e;
	struct group *g = group_new(&c->opts.refs, c->opts.out, r, &e);
	/* operands come before what is read */
	struct part *p = part_new(&c->sources, r,
	    c->nrecords++ < c->opts.operands.n);

	if (g == NULL && p->kind == ERR_NONE)
		part_fail(p, &e);
	group_list_add(&c->groups, g, p);
	return 0;
}

/* No index: the bad ones as they are, the good ones as held back. */
static void
emit_failed(const struct group *g, enum err_kind kind, const char *why,
    const struct tool_clock *clock)
{
	struct err held, ignored;

	err_set(&held, kind, "held_back", "held back: %s", why);
	for (size_t i = 0; i < g->n; i++) {
		struct tool_job job = { .cached = -1 };
		struct part *p = g->parts[i];
		const char *arch;

		if (p->kind != ERR_NONE && p->err == NULL) {
			tool_emit(p->rec, NULL, "FAILED  before "
			    "manifest-assemble\n");
			continue;
		}
		if (rec_str(p->rec, "arch", &arch, &ignored) == 1)
			snprintf(job.subject, sizeof(job.subject), "%.120s",
			    arch);
		job.bytes = copy_bytes(&p->origin.blobs);
		tool_trace(p->rec, clock, &job);
		tool_emit(p->rec, p->err != NULL ? p->err : &held, NULL);
	}
}

/* A line that the next tool can not read must not be found out about when the
 * name has moved.  4,096 bytes are for a reference and what is said of it. */
static int
check_size(struct rec *base, const struct group *g, const struct index *x,
    struct err *e)
{
	autobuf struct buf line = BUF_INIT;

	rec_print(base, &line);
	if (line.len + 256 * x->n + 4096 * (g->refs.n + 1) <= REC_LINE_MAX)
		return 0;
	return err_set(e, ERR_CHECK, "record_too_large",
	    "the record of the index would be longer than 1 MiB");
}

static void
put_index(struct rec *base, const struct publish *p)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	publish_record(p, &o);
	rec_put(base, "index", o.buf.data, o.buf.len);
}

static int
publish(const struct context *c, const struct group *g, struct publish *p,
    struct rec *base, struct err *e)
{
	const struct assemble *a = &c->opts;
	autofree char *file = NULL;

	if (publish_prepare(p, g, e) < 0 ||
	    check_size(base, g, &p->index, e) < 0 ||
	    (a->digestfile != NULL && (file = digestfile_path(a->digestfile,
	    base, e)) == NULL) || publish_run(p, e) < 0 ||
	    (file != NULL && !a->publish.dry_run &&
	    digestfile_write(file, p->to.desc.digest, e) < 0))
		return -1;
	tool_output("digest", p->to.desc.digest);
	if (g->refs.n > 0)
		tool_output("ref", g->refs.items[0]);
	if (g->dir != NULL)
		tool_output("path", g->dir);
	return 0;
}

/* The group's one record, good or not; a bad one says what has moved. */
static void
emit_index(const struct context *c, struct group *g, struct publish *p,
    const struct tool_clock *clock)
{
	autobuf struct buf text = BUF_INIT;
	struct tool_job job = { .cached = -1 };
	struct rec *base = merge_parts(g->parts, g->n);
	struct err e;
	int rc = publish(c, g, p, base, &e);

	if (rc == 0 || deliver_moved(&p->to))
		put_index(base, p);
	job.bytes = copy_bytes(&p->to.blobs);
	snprintf(job.subject, sizeof(job.subject), "%.120s",
	    g->refs.n > 0 ? g->refs.items[0] : "");
	tool_trace(base, clock, &job);
	if (rc == 0)
		publish_text(p, &text);
	else if (g->refs.n > 0)
		err_wrap(&e, "%s", g->refs.items[0]);
	tool_emit(base, rc < 0 ? &e : NULL, text.data);
	rec_free(base);
}

static void
finish_group(const struct context *c, struct group *g)
{
	AUTO(publish_release) struct publish p;
	struct tool_clock clock;
	enum err_kind kind;

	tool_clock_start(&clock);
	publish_init(&p, &c->opts.publish, c->places, c->sources.copy);
	for (size_t i = 0; i < g->n; i++)
		part_settle(g->parts[i]);
	group_compare(g);
	if ((kind = group_failure(g)) != ERR_NONE)
		emit_failed(g, kind, "another image for the same name failed",
		    &clock);
	else if (c->broken > 0)
		emit_failed(g, (enum err_kind)c->broken, "the input ended too "
		    "early, and more may belong to the same name", &clock);
	else if (c->groups.held != ERR_NONE)
		emit_failed(g, c->groups.held, "a record failed that may "
		    "belong to the same name", &clock);
	else
		emit_index(c, g, &p, &clock);
}

int
main(int argc, char *argv[])
{
	AUTO(context_release) struct context c = { .places = NULL };
	struct assemble *a = &c.opts;
	const struct tool_opt what[] = {
		{ .name = "tag", .letter = 't', .arg = "REF",
		  .set = assemble_set_ref,
		  .help = "name of the image; may be repeated" },
		{ .name = "require", .arg = "P,P", .set = assemble_set_require,
		  .help = "refuse an index without these platforms" },
		{ .name = "annotation", .arg = "K=V",
		  .set = assemble_set_annotation,
		  .help = "annotation of the manifest" },
		{ .name = "format", .arg = "FORMAT", .set = assemble_set_format,
		  .help = "media types of the result: oci or docker" },
		{ .name = "append", .flag = &a->publish.append,
		  .help = "add to what the first -t is now" },
		{ .name = "no-attestations", .flag = &a->no_attestations,
		  .help = "leave BuildKit's attestations out" },
		{ .name = NULL },
	};
	const struct tool_opt where[] = {
		{ .name = "push", .flag = &a->publish.push,
		  .help = "push it to the registry that -t names" },
		{ .name = "output", .letter = 'o', .arg = "PLACE",
		  .set = assemble_set_out,
		  .help = "where the result goes" },
		{ .name = "if-tag-is", .arg = "D|absent",
		  .set = assemble_set_if_tag_is,
		  .help = "move a tag only from this digest" },
		{ .name = "no-clobber", .flag = &a->no_clobber,
		  .help = "the same as --if-tag-is absent" },
		{ .name = "referrers", .flag = &a->publish.referrers,
		  .help = "take signatures and attestations along" },
		{ .name = "digestfile", .arg = "FILE", .str = &a->digestfile,
		  .help = "write the result's digest to FILE" },
		{ .name = "dry-run", .flag = &a->publish.dry_run,
		  .help = "write nothing" },
		{ .name = NULL },
	};
	const struct tool_opt look[] = {
		{ .name = "inspect", .arg = "REF", .set = assemble_set_inspect,
		  .help = "show what is there" },
		{ .name = "check", .arg = "REF", .set = assemble_set_check,
		  .help = "the same, and that every blob is there" },
		{ .name = NULL },
	};
	const struct tool_opt net[] = {
		NETOPTS_CREDS(&a->net.creds),
		NETOPTS_AUTHFILE(&a->net.authfile),
		NETOPTS_TLS_VERIFY(assemble_set_tls_verify),
		NETOPTS_CERT_DIR(&a->net.cert_dir),
		{ .name = NULL },
	};
	const struct tool_opt_group groups[] = {
		{ "Index", what }, { "Place", where }, { "Look", look },
		{ "Registry", net }, { NULL, NULL },
	};
	const struct tool tool = {
		.name = "manifest-assemble",
		.synopsis = "[options] [PLACE ...]",
		.purpose = "Make one multi-platform index of several images.",
		.groups = groups,
		.examples =
		    "  img-build --push < staged.jsonl | manifest-assemble "
		    "-t me/app:1.2 --push \\\n"
		    "      --require linux/amd64,linux/arm64\n"
		    "  manifest-assemble -t me/app:stable --push "
		    "docker://me/app:1.2\n",
		.operand = assemble_operand,
		.ready = assemble_ready,
	};
	int status = tool_start(&tool, &c, argc, argv);

	if (status >= 0)
		return status;
	digest_setup();
	http_setup();
	c.places = places_new(&a->net);
	c.sources.places = c.places;
	c.sources.copy = copy_new(tool_common.jobs);
	c.sources.no_attestations = a->no_attestations;
	c.broken = tool_collect(&tool, &c, a->nlooks > 0 ? take_look :
	    take_record);
	part_wait(&c.sources);
	copy_wait(c.sources.copy);
	for (size_t i = 0; i < c.groups.n; i++)
		finish_group(&c, c.groups.items[i]);
	return tool_finish();
}
