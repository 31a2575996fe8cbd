/*
 * manifest-assemble - one name for the images of several platforms.
 *
 * Records with the same names are a group, and a group becomes an OCI image
 * index; what is written when, and the exit status, are in
 * manifest-assemble(1).
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "oci/group.h"
#include "oci/index.h"
#include "oci/part.h"
#include "oci/publish.h"
#include "oci/ref.h"
#include "record/tool.h"

struct assemble {
	struct group_names refs, operands;
	const char **annotations;	/* owned; each lent: argv */
	size_t nannotations, annotations_cap;
	const char *out;
	bool dry_run;
	struct desc_platform *require;	/* owned */
	size_t nrequire, require_cap;

	struct part_sources sources;
	size_t nrecords;
	struct group_list groups;
	int broken;			/* kind of what ended the input early */
};

static void
assemble_release(struct assemble *a)
{
	group_list_release(&a->groups);
	copy_free(a->sources.copy);
	part_sources_release(&a->sources);
	group_names_release(&a->refs);
	group_names_release(&a->operands);
	free(a->annotations);
	free(a->require);
}

/*
 * Options
 */

static int
no_platform(const char *option, const char *value, struct err *e)
{
	if (strstr(value, "{arch}") == NULL &&
	    strstr(value, "{platform}") == NULL)
		return 0;
	return err_set(e, ERR_INPUT, "usage", "%s '%s': an index is for all "
	    "platforms, so its name can not have one's", option, value);
}

static int
set_ref(void *ctx, const char *value, struct err *e)
{
	struct assemble *a = ctx;

	if (no_platform("-t", value, e) < 0 ||
	    (strchr(value, '{') == NULL && ref_check(value, e) < 0))
		return -1;
	group_names_add(&a->refs, value);
	return 0;
}

static int
set_out(void *ctx, const char *value, struct err *e)
{
	struct assemble *a = ctx;

	if (strncmp(value, "oci:", 4) != 0 || value[4] == '\0' ||
	    value[4] == ':' || !text_utf8_valid(value, strlen(value)))
		return err_set(e, ERR_INPUT, "usage",
		    "-o takes oci:DIR[:TAG], not '%s'", value);
	a->out = value;
	return no_platform("-o", value, e);
}

static int
set_require(void *ctx, const char *value, struct err *e)
{
	struct assemble *a = ctx;
	autofree char *list = mem_str(value);
	char *rest = list, *item;

	while ((item = strsep(&rest, ",")) != NULL) {
		mem_grow(&a->require, &a->require_cap, a->nrequire,
		    sizeof(*a->require));
		if (desc_platform_parse(item, &a->require[a->nrequire++],
		    e) < 0)
			return err_wrap(e, "--require");
	}
	return 0;
}

static int
set_annotation(void *ctx, const char *value, struct err *e)
{
	struct assemble *a = ctx;

	if (index_annotate(NULL, value, e) < 0)
		return -1;
	mem_grow(&a->annotations, &a->annotations_cap, a->nannotations,
	    sizeof(*a->annotations));
	a->annotations[a->nannotations++] = value;
	return 0;
}

static int
add_operand(void *ctx, const char *value, struct err *e)
{
	struct assemble *a = ctx;

	if (strncmp(value, "oci:", 4) != 0 ||
	    !text_utf8_valid(value, strlen(value)))
		return err_set(e, ERR_INPUT, "usage",
		    "an operand is oci:DIR[:TAG], not '%s'", value);
	group_names_add(&a->operands, value);
	return 0;
}

/* An operand stands for a record that has the place alone. */
static void
record_operand(const char *place)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_key(&o, "image");
	json_out_open(&o, '{');
	json_out_kstr(&o, "location", place);
	json_out_close(&o, '}');
	json_out_close(&o, '}');
	tool_record(o.buf.data, place);
}

static int
ready(void *ctx, struct err *e)
{
	struct assemble *a = ctx;
	autofree char *dir = NULL, *tag = NULL;

	if (a->out == NULL && !a->dry_run)
		return err_set(e, ERR_INPUT, "usage", "nowhere to put the "
		    "index: give -o oci:DIR[:TAG], or --dry-run to see it");
	if (a->out != NULL)
		layout_split(a->out + strlen("oci:"), &dir, &tag);
	if (a->out != NULL && a->refs.n == 0 && tag == NULL)
		return err_set(e, ERR_INPUT, "usage", "no name for the "
		    "index: give -t REF or -o oci:DIR:TAG");
	for (size_t i = 0; i < a->operands.n; i++)
		record_operand(a->operands.items[i]);
	return 0;
}

/*
 * Work
 */

/* The record joins its group; its blobs are being verified from now on. */
static int
take_record(void *ctx, struct rec *r)
{
	struct assemble *a = ctx;
	struct err e;
	struct group *g = group_new(&a->refs, a->out, r, &e);
	/* operands come before what is read */
	struct part *p = part_new(&a->sources, r,
	    a->nrecords++ < a->operands.n);

	if (g == NULL && p->kind == ERR_NONE)
		part_fail(p, &e);
	group_list_add(&a->groups, g, p);
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
		job.bytes = copy_bytes(&p->blobs);
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

static int
publish(const struct assemble *a, const struct group *g, struct index *x,
    struct rec *base, struct publish *p, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	if (index_require(x, a->require, a->nrequire, e) < 0 ||
	    check_size(base, g, x, e) < 0)
		return -1;
	for (size_t i = 0; i < a->nannotations; i++)
		if (index_annotate(x, a->annotations[i], e) < 0)
			return -1;
	if (publish_index(p, g, x, e) < 0)
		return -1;
	publish_record(p, g, x, &o);
	rec_put(base, "index", o.buf.data, o.buf.len);
	tool_output("digest", p->desc.digest);
	if (g->refs.n > 0)
		tool_output("ref", g->refs.items[0]);
	if (g->dir != NULL)
		tool_output("path", g->dir);
	return 0;
}

/* The group's one record, good or not. */
static void
emit_index(const struct assemble *a, struct group *g, struct index *x,
    const struct tool_clock *clock)
{
	AUTO(publish_release) struct publish p = { .dry_run = a->dry_run };
	autobuf struct buf text = BUF_INIT;
	struct tool_job job = { .cached = -1 };
	struct rec *base = part_merge(g->parts, g->n);
	struct err e;
	int rc = publish(a, g, x, base, &p, &e);

	for (size_t i = 0; i < g->n; i++)
		job.bytes += copy_bytes(&g->parts[i]->blobs);
	snprintf(job.subject, sizeof(job.subject), "%.120s",
	    g->refs.n > 0 ? g->refs.items[0] : "");
	tool_trace(base, clock, &job);
	if (rc == 0)
		publish_text(&p, g, x, &text);
	else if (g->refs.n > 0)
		err_wrap(&e, "%s", g->refs.items[0]);
	tool_emit(base, rc < 0 ? &e : NULL, text.data);
	rec_free(base);
}

static void
finish_group(const struct assemble *a, struct group *g)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct tool_clock clock;
	enum err_kind kind;
	struct err e;

	tool_clock_start(&clock);
	for (size_t i = 0; i < g->n; i++)
		part_settle(g->parts[i]);
	for (size_t i = 0; i < g->n; i++)
		if (g->parts[i]->kind == ERR_NONE &&
		    index_merge(&x, &g->parts[i]->children, &e) < 0)
			part_fail(g->parts[i], &e);
	if ((kind = group_failure(g)) != ERR_NONE)
		emit_failed(g, kind, "another image for the same name failed",
		    &clock);
	else if (a->broken > 0)
		emit_failed(g, (enum err_kind)a->broken, "the input ended too "
		    "early, and more may belong to the same name", &clock);
	else if (a->groups.held != ERR_NONE)
		emit_failed(g, a->groups.held, "a record failed that may "
		    "belong to the same name", &clock);
	else
		emit_index(a, g, &x, &clock);
}

int
main(int argc, char *argv[])
{
	AUTO(assemble_release) struct assemble a = { .out = NULL };
	const struct tool_opt what[] = {
		{ .name = "tag", .letter = 't', .arg = "REF", .set = set_ref,
		  .help = "name of the image; may be repeated" },
		{ .name = "require", .arg = "P,P", .set = set_require,
		  .help = "refuse an index without these platforms" },
		{ .name = "annotation", .arg = "K=V", .set = set_annotation,
		  .help = "annotation of the manifest" },
		{ .name = NULL },
	};
	const struct tool_opt where[] = {
		{ .name = "output", .letter = 'o', .arg = "PLACE",
		  .set = set_out,
		  .help = "where the result goes" },
		{ .name = "dry-run", .flag = &a.dry_run,
		  .help = "write nothing" },
		{ .name = NULL },
	};
	const struct tool_opt_group groups[] = {
		{ "Index", what }, { "Place", where }, { NULL, NULL },
	};
	const struct tool tool = {
		.name = "manifest-assemble",
		.synopsis = "[options] [oci:DIR[:TAG] ...]",
		.purpose = "Make one multi-platform index of several images.",
		.groups = groups,
		.examples =
		    "  img-build < staged.jsonl | manifest-assemble "
		    "-t me/app:1.2 -o oci:out \\\n"
		    "      --require linux/amd64,linux/arm64\n"
		    "  manifest-assemble -t me/app:1.2 --dry-run "
		    "oci:amd:1 oci:arm:1 | jq .index\n",
		.operand = add_operand,
		.ready = ready,
	};
	int status = tool_start(&tool, &a, argc, argv);

	if (status >= 0)
		return status;
	a.sources.copy = copy_new(tool_common.jobs);
	a.broken = tool_collect(&tool, &a, take_record);
	copy_wait(a.sources.copy);
	for (size_t i = 0; i < a.groups.n; i++)
		finish_group(&a, a.groups.items[i]);
	return tool_finish();
}
