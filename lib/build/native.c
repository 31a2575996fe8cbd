#include "build/native.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "build/dockerfile.h"
#include "build/instr.h"
#include "build/layer.h"
#include "build/native_copy.h"
#include "build/native_write.h"
#include "build/plan.h"
#include "build/stage.h"
#include "build/trees.h"

void
native_result_release(struct native_result *r)
{
	free(r->layers);
	list_release(&r->warnings);
	*r = (struct native_result)NATIVE_RESULT_INIT;
}

/* All that a build has; released in the order of the members, so that what
 * others borrow goes last. */
struct state {
	const struct native *n;
	struct stage *stages;		/* owned; as many as the file has */
	struct trees trees;
	struct plan plan;
	struct stage_vars vars;
	struct dockerfile file;
	char created[32];
};

static void
state_release(struct state *s)
{
	for (size_t i = 0; s->stages != NULL && i < s->file.nstages; i++)
		stage_release(&s->stages[i]);
	free(s->stages);
	trees_release(&s->trees);
	plan_release(&s->plan);
	list_release(&s->vars.globals);
	dockerfile_release(&s->file);
}

static int
read_dockerfile(struct state *s, char **path, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	*path = s->n->file != NULL ? mem_str(s->n->file) :
	    mem_fmt("%s/Dockerfile", s->n->context);
	if (file_slurp(AT_FDCWD, *path, *path, DOCKERFILE_MAX, &text, e) < 0)
		return -1;
	return dockerfile_parse(&s->file, file_base(*path), text.data,
	    text.len, e);
}

/* A stage whose place something else takes: an image, or a tree as one COPY. */
static int
fill_replaced(struct state *s, size_t i, struct err *e)
{
	const struct plan_stage *p = &s->plan.stages[i];
	struct stage *stage = &s->stages[i];
	struct base *base;
	struct tree *from;

	if (p->base.kind == PLAN_IMAGE) {
		base = trees_image(&s->trees, p->base.place, &p->platform, e);
		return base == NULL ? -1 : stage_from_base(stage, base, e);
	}
	from = p->base.kind == PLAN_TREE ? trees_staged(&s->trees, e) :
	    trees_dir(&s->trees, p->base.place, e);
	if (from == NULL)
		return -1;
	stage_from_scratch(stage);
	return native_copy_all(stage, from, e);
}

static int
start_stage(struct state *s, size_t i, struct err *e)
{
	const struct plan_stage *p = &s->plan.stages[i];
	struct stage *stage = &s->stages[i];

	stage->escape = s->file.escape;
	stage->created = s->created;
	stage->vars = &s->vars;
	switch (p->base.kind) {
	case PLAN_SCRATCH:
		stage_from_scratch(stage);
		return 0;
	case PLAN_STAGE:
		stage_from_stage(stage, &s->stages[p->base.stage]);
		return 0;
	default:
		return fill_replaced(s, i, e);
	}
}

/* A fault of the Dockerfile, or of what it asks for, names its line. */
static int
at_line(struct state *s, const struct dockerfile_cmd *c, struct err *e)
{
	if (e->kind == ERR_INPUT || (e->kind == ERR_CHECK &&
	    (strcmp(e->code, "not_found") == 0 ||
	    strcmp(e->code, "unauthorized") == 0 ||
	    strcmp(e->code, "symlink_loop") == 0)))
		return dockerfile_at(&s->file, c->line, e);
	return -1;
}

static int
run_stage(struct state *s, size_t i, struct err *e)
{
	const struct dockerfile_stage *d = &s->file.stages[i];
	struct stage *stage = &s->stages[i];
	struct native_copy copy = { &s->plan, i, &s->trees, s->stages };

	if (start_stage(s, i, e) < 0)
		return s->plan.stages[i].replaced ? -1 :
		    at_line(s, &d->from, e);
	if (s->plan.stages[i].replaced)
		return 0;
	for (size_t k = 0; k < d->ncmds; k++) {
		const struct dockerfile_cmd *c = &d->cmds[k];
		int rc = c->op == DOCKERFILE_COPY ?
		    native_copy_run(&copy, stage, c, e) :
		    instr_run(stage, c, e);

		if (rc < 0)
			return at_line(s, c, e);
	}
	return 0;
}

/* Some ARG in cmds declares name. */
static bool
declared(const struct dockerfile_cmd *cmds, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < n; i++) {
		if (cmds[i].op != DOCKERFILE_ARG)
			continue;
		for (const char *p = cmds[i].text; (p = strstr(p, name)) !=
		    NULL; p += len) {
			bool start = p == cmds[i].text || p[-1] == ' ' ||
			    p[-1] == '\t';

			if (start && (p[len] == '\0' || p[len] == '=' ||
			    p[len] == ' ' || p[len] == '\t'))
				return true;
		}
	}
	return false;
}

/* Docker: these may be given without an ARG. */
static bool
predefined(const char *name)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY",
	    "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return strncmp(name, "BUILDKIT_", 9) == 0;
}

static void
warn_unused(const struct state *s, struct list *warnings)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	for (size_t i = 0; i < s->n->args.n; i++) {
		const char *arg = s->n->args.items[i];
		autofree char *name = mem_dup(arg, strcspn(arg, "="));
		bool used = predefined(name) ||
		    declared(s->file.globals, s->file.nglobals, name);

		for (size_t k = 0; !used && k < s->file.nstages; k++)
			used = declared(s->file.stages[k].cmds,
			    s->file.stages[k].ncmds, name);
		if (!used)
			buf_addf(&b, "%s%s", b.len > 0 ? " " : "", name);
	}
	if (b.len > 0)
		list_take(warnings, mem_fmt("one or more build-args [%s] were "
		    "not consumed", b.data));
}

static int
build(struct state *s, struct native_result *r, struct err *e)
{
	autofree char *path = NULL;

	if (read_dockerfile(s, &path, e) < 0 ||
	    trees_context(&s->trees, s->n, path, e) < 0)
		return -1;
	s->plan.file = &s->file;
	s->plan.contexts = &s->n->contexts;
	s->plan.dir = s->n->dir;
	s->plan.platform = &s->n->platform;
	s->plan.staged = s->n->staged != NULL;
	s->plan.vars = &s->vars;
	s->vars.build_args = &s->n->args;
	if (plan_make(&s->plan, s->n->target, e) < 0)
		return -1;
	s->stages = mem_zero(s->file.nstages, sizeof(*s->stages));
	for (size_t i = 0; i < s->file.nstages; i++)
		if (s->plan.stages[i].needed && run_stage(s, i, e) < 0)
			return -1;
	warn_unused(s, &r->warnings);
	struct stage *target = &s->stages[s->plan.target];
	for (size_t i = 0; i < s->n->labels.n; i++) {
		const char *label = s->n->labels.items[i];
		autofree char *key = mem_dup(label, strcspn(label, "="));

		list_set(&target->config.labels, key, label + strlen(key) + 1);
	}
	return native_write(s->n, target, r, e);
}

int
native_build(const struct native *n, struct native_result *r, struct err *e)
{
	AUTO(state_release) struct state s = {
		.n = n, .file = DOCKERFILE_INIT, .trees = { .n = n },
	};

	clock_format(n->epoch, s.created);
	return build(&s, r, e);
}
