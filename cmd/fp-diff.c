/*
 * fp-diff - what must be rebuilt, and why.
 *
 * Records of components come in, decisions go out; what makes a fingerprint
 * and what a change is stand in fp-diff(1).
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "change/assess.h"
#include "net/http.h"
#include "record/tool.h"

struct fpdiff {
	struct assess assess;
	struct component_list list;
	bool save, reasons, changed_only, exit_code, github_event;
	const char *base, *head, *test, *missing;
	struct ghevent event;
	struct tool_clock clock;

	/* --save */
	struct rec **plan;	/* owned, each */
	size_t nplan, plan_cap;

	bool any;
	int width;		/* of the column of names */
	bool headed;		/* the table has its head */
	struct json_out changed, matrix;	/* for $GITHUB_OUTPUT */
};

static void
fpdiff_release(struct fpdiff *f)
{
	places_free(f->assess.places);
	assess_release(&f->assess);
	component_release(&f->list);
	for (size_t i = 0; i < f->nplan; i++)
		rec_free(f->plan[i]);
	free(f->plan);
	json_out_release(&f->changed);
	json_out_release(&f->matrix);
}

/*
 * Options
 */

static int
set_key(void *ctx, const char *value, struct err *e)
{
	struct fpdiff *f = ctx;

	return fpstate_keys_add(&f->assess.keys, value, e);
}

static int
set_tls_verify(void *ctx, const char *value, struct err *e)
{
	return netopts_tls_verify(((struct fpdiff *)ctx)->assess.net, value,
	    e);
}

static int
set_missing(void *ctx, const char *value, struct err *e)
{
	static const struct {
		const char *name;
		enum revs_missing is;
	} all[] = {
		{ "all", REVS_ALL }, { "error", REVS_ERROR },
		{ "fetch", REVS_FETCH },
	};
	struct fpdiff *f = ctx;

	f->missing = value;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(value, all[i].name) == 0) {
			f->assess.revs.missing = all[i].is;
			return 0;
		}
	return err_set(e, ERR_INPUT, "usage", "--on-missing-base is all, "
	    "error or fetch, not '%s'", value);
}

static int
add_name(void *ctx, const char *value, struct err *e)
{
	struct component_names *n = &((struct fpdiff *)ctx)->assess.named;

	if (*value == '\0')
		return err_set(e, ERR_INPUT, "usage",
		    "an operand is empty: is a variable unset?");
	mem_grow(&n->items, &n->cap, n->n, sizeof(*n->items));
	n->items[n->n++] = mem_str(value);
	return 0;
}

static int
usage(struct err *e, const char *what)
{
	return err_set(e, ERR_INPUT, "usage", "%s", what);
}

static int
check_save(const struct fpdiff *f, struct err *e)
{
	if (f->assess.state == NULL)
		return usage(e, "--save needs --state FILE");
	if (strncmp(f->assess.state, "docker://", 9) == 0)
		return usage(e, "--save needs a file: a registry's state is "
		    "what was pushed");
	if (f->assess.all || f->changed_only || f->exit_code ||
	    f->assess.named.n > 0)
		return usage(e, "--save saves the plan as it comes: no "
		    "components, --all, --changed-only or --exit-code");
	return 0;
}

static int
ready(void *ctx, struct err *e)
{
	struct fpdiff *f = ctx;

	f->assess.commits = f->base != NULL || f->github_event;
	if (f->base != NULL && f->github_event)
		return usage(e, "--base or --github-event, not both");
	if (f->head != NULL && f->base == NULL)
		return usage(e, "--head needs --base");
	if (f->missing != NULL && !f->assess.commits)
		return usage(e, "--on-missing-base needs --base or "
		    "--github-event");
	if (f->assess.commits && (f->assess.state != NULL || f->save))
		return usage(e, "--state, or --base and --github-event: "
		    "there is one thing to compare with");
	if (f->assess.keys.n > 0 && f->assess.state == NULL)
		return usage(e, "--state-key needs --state");
	if (f->test != NULL && (f->save || *f->test == '\0'))
		return usage(e, "--test takes a path, and goes without "
		    "--save");
	if (f->save)
		return check_save(f, e);
	f->assess.revs.base = f->base;
	f->assess.revs.head = f->head;
	if (f->github_event) {
		if (ghevent_read(&f->event, e) < 0)
			return -1;
		revs_of_event(&f->assess.revs, &f->event);
	}
	return 0;
}

/*
 * Output
 */

/* A row of the table; the first brings the head. */
static void
row(struct fpdiff *f, const struct component *c, const char *decision,
    const char *because, struct buf *out)
{
	if (!f->headed)
		buf_addf(out, "%-*s  %-10s  because of\n", f->width + 2,
		    "component", "decision");
	f->headed = true;
	buf_adds(out, "  ");
	text_escape(out, c->name, strlen(c->name));
	for (int n = (int)strlen(c->name); n < f->width; n++)
		buf_addc(out, ' ');
	buf_addf(out, "  %-10s  ", decision);
	buf_adds(out, because);
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
	buf_addc(out, '\n');
}

static void
row_of(struct fpdiff *f, const struct component *c, struct buf *out)
{
	const char *more = c->because.data + strcspn(c->because.data, "\n");
	size_t all = c->nreasons + c->omitted;
	autobuf struct buf first = BUF_INIT;

	buf_add(&first, c->because.data, (size_t)(more - c->because.data));
	if (all > 1 && !f->reasons)
		buf_addf(&first, " and %zu more", all - 1);
	row(f, c, !c->changed ? "unchanged" : c->action != NULL ? c->action :
	    "changed", first.data, out);
	for (; f->reasons && *more == '\n'; more += strcspn(more, "\n")) {
		more++;
		buf_addf(out, "%*s%.*s\n", f->width + 16, "",
		    (int)strcspn(more, "\n"), more);
	}
	if (f->reasons && c->omitted > 0)
		buf_addf(out, "%*sand %zu more\n", f->width + 16, "",
		    c->omitted);
}

static void
put_decision(struct fpdiff *f, struct component *c)
{
	autofree char *list = mem_fmt("[%s]", c->reasons.data);

	rec_put_str(c->rec, "fingerprint", c->fingerprint);
	if (c->previous[0] != '\0')
		rec_put_str(c->rec, "previous", c->previous);
	else
		rec_put(c->rec, "previous", "null", 4);
	rec_put(c->rec, "changed", c->changed ? "true" : "false",
	    c->changed ? 4 : 5);
	rec_drop(c->rec, "reasons");
	rec_drop(c->rec, "omitted");
	if (!f->reasons)
		return;
	rec_put(c->rec, "reasons", list, strlen(list));
	if (c->omitted > 0)
		rec_put_int(c->rec, "omitted", (int64_t)c->omitted);
}

static void
put_outputs(struct fpdiff *f, const struct component *c)
{
	tool_output(c->name, c->changed ? "true" : "false");
	if (!c->changed)
		return;
	json_out_str(&f->changed, c->name);
	json_out_open(&f->matrix, '{');
	json_out_kstr(&f->matrix, "component", c->name);
	if (c->action != NULL)
		json_out_kstr(&f->matrix, "action", c->action);
	json_out_kstr(&f->matrix, "fingerprint", c->fingerprint);
	json_out_close(&f->matrix, '}');
}

static void
emit(struct fpdiff *f, struct component *c)
{
	struct tool_job job = { .cached = -1, .bytes = f->assess.bytes };
	autobuf struct buf text = BUF_INIT;

	if (c->passed) {
		tool_emit(c->rec, NULL, NULL);
		return;
	}
	snprintf(job.subject, sizeof(job.subject), "%.120s",
	    c->name != NULL ? c->name : "");
	if (c->err != NULL) {
		tool_trace(c->rec, &f->clock, &job);
		tool_emit(c->rec, c->err, NULL);
		return;
	}
	f->any = f->any || c->changed;
	put_outputs(f, c);
	if (f->changed_only && !c->changed)
		return;
	put_decision(f, c);
	row_of(f, c, &text);
	tool_trace(c->rec, &f->clock, &job);
	tool_emit(c->rec, NULL, text.data);
}

/* An output's name is letters, digits, `_` and `-`, and the runner tells none by
 * their case. */
static bool
may_be_output(const struct fpdiff *f, const struct component *c)
{
	static const char letters[] = "0123456789-_abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char *const ours[] = { "any", "changed", "matrix" };

	if (c->name[strspn(c->name, letters)] != '\0' ||
	    strspn(c->name, "0123456789-") > 0)
		return false;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strcasecmp(c->name, ours[i]) == 0)
			return false;
	for (const struct component *x = f->list.items; x < c; x++)
		if (x->name != NULL && strcasecmp(x->name, c->name) == 0)
			return false;
	return true;
}

static void
check_output_names(struct fpdiff *f)
{
	for (size_t i = 0; i < f->list.n; i++) {
		struct component *c = &f->list.items[i];
		struct err e;

		if (!component_good(c) || may_be_output(f, c))
			continue;
		err_set(&e, ERR_INPUT, "component_name", "component '%s' can "
		    "not be the name of an output, or is that of another",
		    c->name);
		err_set_path(&e, "component");
		component_fail(c, &e);
	}
}

static void
plan(struct fpdiff *f)
{
	if (tool_common.github_output != NULL)
		check_output_names(f);
	assess_components(&f->assess, &f->list);
	json_out_open(&f->changed, '[');
	json_out_open(&f->matrix, '{');
	json_out_key(&f->matrix, "include");
	json_out_open(&f->matrix, '[');
	for (size_t i = 0; i < f->list.n; i++)
		emit(f, &f->list.items[i]);
	json_out_close(&f->changed, ']');
	json_out_close(&f->matrix, ']');
	json_out_close(&f->matrix, '}');
	tool_output("any", f->any ? "true" : "false");
	tool_output("changed", f->changed.buf.data);
	tool_output("matrix", f->matrix.buf.data);
}

/*
 * --test
 */

static void
test_one(struct fpdiff *f, struct component *c)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct tool_job job = { .cached = -1 };
	autobuf struct buf shown = BUF_INIT, text = BUF_INIT;
	const char *path = f->test + (*f->test == '/');
	size_t len = strlen(path);
	bool folder = len > 0 && path[len - 1] == '/';
	int decides = rules_decide(&c->rules, path, len - folder, folder);
	const char *rule = decides < 0 ? "" : c->rules.items[decides].text;

	text_escape(&shown, path, len);
	json_out_open(&o, '{');
	json_out_kstr(&o, "path", shown.data);
	json_out_kbool(&o, "in", rules_takes(&c->rules, decides));
	if (decides >= 0)
		json_out_kstr(&o, "pattern", rule);
	json_out_close(&o, '}');
	rec_put(c->rec, "test", o.buf.data, o.buf.len);
	tool_trace(c->rec, &f->clock, &job);
	row(f, c, rules_takes(&c->rules, decides) ? "in" : "out", rule,
	    &text);
	tool_emit(c->rec, NULL, text.data);
}

static void
test(struct fpdiff *f)
{
	for (size_t i = 0; i < f->list.n; i++) {
		struct component *c = &f->list.items[i];

		if (component_good(c))
			test_one(f, c);
		else
			tool_emit(c->rec, c->err, NULL);
	}
}

/*
 * --save
 */

/* Every record of a component has to be good and of one content: an image for
 * another architecture may have failed. */
static int
may_save(const struct fpdiff *f, size_t i, const char **component,
    const char **fingerprint, struct err *e)
{
	uint8_t digest[DIGEST_LEN];

	if (rec_need_str(f->plan[i], "component", component, e) < 0 ||
	    rec_need_str(f->plan[i], "fingerprint", fingerprint, e) < 0)
		return -1;
	if (!digest_parse(*fingerprint, digest))
		return err_set(e, ERR_INPUT, "field_invalid",
		    "'fingerprint' is none: '%s'", *fingerprint);
	for (size_t j = 0; j < f->nplan; j++) {
		const char *name, *other;
		struct err ignored;

		if (rec_str(f->plan[j], "component", &name, &ignored) < 1 ||
		    strcmp(name, *component) != 0)
			continue;
		if (rec_failed(f->plan[j]) != ERR_NONE)
			return 0;
		if (rec_str(f->plan[j], "fingerprint", &other,
		    &ignored) == 1 && strcmp(other, *fingerprint) != 0)
			return err_set(e, ERR_INPUT, "component_conflict",
			    "component '%s' is there with two fingerprints",
			    name);
	}
	return 1;
}

static int
write_state(struct fpdiff *f, struct err *e)
{
	autofd int lock = fpstate_lock(f->assess.state, e);
	const char *component, *fingerprint;
	struct fpstate s;
	struct err why;
	int rc;

	if (lock < 0)
		return -1;
	if (fpstate_load(&s, f->assess.state, &why) < 0)
		tool_warn("the state '%s' can not be used, and is made anew: "
		    "%s", f->assess.state, why.msg);
	for (size_t i = 0; i < f->nplan; i++)
		if (rec_failed(f->plan[i]) == ERR_NONE && may_save(f, i,
		    &component, &fingerprint, &why) == 1)
			fpstate_set(&s, component, fingerprint,
			    &f->assess.keys);
	rc = fpstate_save(&s, f->assess.state, e);
	fpstate_release(&s);
	return rc;
}

static void
save(struct fpdiff *f)
{
	struct err failed, e;
	int rc = f->nplan > 0 ? write_state(f, &failed) : 0;

	for (size_t i = 0; i < f->nplan; i++) {
		struct tool_job job = { .cached = -1 };
		const char *component = "", *fingerprint;
		autobuf struct buf text = BUF_INIT;
		struct rec *r = f->plan[i];
		int may;

		if (rec_failed(r) != ERR_NONE) {
			tool_emit(r, NULL, NULL);
			continue;
		}
		may = may_save(f, i, &component, &fingerprint, &e);
		snprintf(job.subject, sizeof(job.subject), "%.120s",
		    component);
		tool_trace(r, &f->clock, &job);
		text_escape(&text, component, strlen(component));
		buf_adds(&text, may > 0 ? "  saved\n" : "  not saved\n");
		tool_emit(r, may < 0 ? &e : rc < 0 ? &failed : NULL,
		    text.data);
	}
}

static int
take(void *ctx, struct rec *r)
{
	struct fpdiff *f = ctx;

	if (!f->save) {
		component_add(&f->list, r);
		return 0;
	}
	mem_grow(&f->plan, &f->plan_cap, f->nplan, sizeof(*f->plan));
	f->plan[f->nplan++] = r;
	return 0;
}

static void
measure(struct fpdiff *f)
{
	f->width = (int)strlen("component") - 2;
	for (size_t i = 0; i < f->list.n; i++)
		if (f->list.items[i].name != NULL &&
		    (int)strlen(f->list.items[i].name) > f->width)
			f->width = (int)strlen(f->list.items[i].name);
}

int
main(int argc, char *argv[])
{
	AUTO(netopts_release) struct netopts net = NETOPTS_INIT;
	AUTO(fpdiff_release) struct fpdiff f = {
		.assess = { .warn = tool_warn, .note = tool_note,
		    .net = &net },
		.changed = JSON_OUT_INIT, .matrix = JSON_OUT_INIT,
	};
	const struct tool_opt with[] = {
		{ .name = "state", .arg = "PLACE", .str = &f.assess.state,
		  .help = "what was done last: a file, docker://REF" },
		{ .name = "state-key", .arg = "K=V", .set = set_key,
		  .help = "another value voids some; may be repeated" },
		{ .name = "save", .flag = &f.save,
		  .help = "save the plan that is on standard input" },
		{ .name = "base", .arg = "REV", .str = &f.base,
		  .help = "compare commits, from the merge base" },
		{ .name = "head", .arg = "REV", .str = &f.head,
		  .help = "to this one (HEAD)" },
		{ .name = "github-event", .flag = &f.github_event,
		  .help = "the commits of GitHub's event" },
		{ .name = "on-missing-base", .arg = "WHAT",
		  .set = set_missing,
		  .help = "all (everything changed), error, fetch" },
		{ .name = NULL },
	};
	const struct tool_opt what[] = {
		{ .name = "all", .flag = &f.assess.all,
		  .help = "everything is to be done" },
		{ .name = "changed-only", .flag = &f.changed_only,
		  .help = "drop records of what is not" },
		{ .name = "reasons", .flag = &f.reasons,
		  .help = "say why; so does -v" },
		{ .name = "test", .arg = "PATH", .str = &f.test,
		  .help = "only say which pattern decides about it" },
		{ .name = "exit-code", .flag = &f.exit_code,
		  .help = "status 1 where something changed" },
		{ .name = NULL },
	};
	const struct tool_opt registry[] = {
		NETOPTS_CREDS(&net.creds),
		NETOPTS_AUTHFILE(&net.authfile),
		NETOPTS_TLS_VERIFY(set_tls_verify),
		NETOPTS_CERT_DIR(&net.cert_dir),
		{ .name = NULL },
	};
	const struct tool_opt_group groups[] = {
		{ "Compare with", with }, { "Decide", what },
		{ "Registry", registry }, { NULL, NULL },
	};
	const struct tool tool = {
		.name = "fp-diff",
		.synopsis = "[options] [COMPONENT ...]",
		.purpose = "Say what must be rebuilt, and why.",
		.groups = groups,
		.examples =
		    "  fp-diff --state .cache/state < deploy/components.jsonl\n"
		    "  fp-diff --base origin/main --changed-only "
		    "< deploy/components.jsonl\n",
		.operand = add_name,
		.ready = ready,
	};
	int status = tool_start(&tool, &f, argc, argv);

	if (status >= 0)
		return status;
	digest_setup();
	if (f.assess.state != NULL &&
	    strncmp(f.assess.state, "docker://", strlen("docker://")) == 0)
		http_setup();
	f.assess.places = places_new(&net);
	f.assess.threads = tool_common.jobs;
	f.reasons = f.reasons || tool_common.verbose;
	tool_clock_start(&f.clock);
	tool_collect(&tool, &f, take);
	measure(&f);
	if (f.save)
		save(&f);
	else if (f.test != NULL)
		test(&f);
	else
		plan(&f);
	status = tool_finish();
	return status == 0 && f.exit_code && f.any ? 1 : status;
}
