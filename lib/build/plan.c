#include "build/plan.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "build/instr.h"
#include "oci/places.h"
#include "oci/source.h"

void
plan_release(struct plan *p)
{
	free(p->stages);
	list_release(&p->places);
	*p = (struct plan){ .stages = NULL };
}

const char *
plan_flag(const struct dockerfile_cmd *c, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < c->flags.n; i++) {
		size_t len = strlen(name);

		if (strncmp(c->flags.items[i], name, len) == 0 &&
		    c->flags.items[i][len] == '=')
			value = c->flags.items[i] + len + 1;
	}
	return value;
}

/* Dockerfile reference, "Automatic platform ARGs in the global scope". */
static int
set_platforms(struct plan *p, struct err *e)
{
	struct desc_platform host;
	struct utsname u;
	const struct { const char *prefix; const struct desc_platform *p; }
	    both[] = { { "TARGET", p->platform }, { "BUILD", &host } };

	if (uname(&u) < 0)
		return err_sys(e, "cannot tell this machine's architecture");
	if (desc_platform_parse(u.machine, &host, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		char text[104], name[32];
		const char *values[4] = { text, both[i].p->os,
		    both[i].p->arch, both[i].p->variant };
		static const char *const names[4] = { "PLATFORM", "OS",
		    "ARCH", "VARIANT" };

		desc_platform_format(both[i].p, text);
		for (int k = 0; k < 4; k++) {
			snprintf(name, sizeof(name), "%s%s", both[i].prefix,
			    names[k]);
			list_set(&p->vars->globals, name, values[k]);
		}
	}
	return 0;
}

static const char *
get_global(void *ctx, const char *name, size_t len)
{
	const struct plan *p = ctx;

	return list_value(&p->vars->globals, name, len);
}

static struct subst
global_subst(struct plan *p)
{
	return (struct subst){ p->file->escape, get_global, p };
}

static int
read_globals(struct plan *p, struct err *e)
{
	if (set_platforms(p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->file->nglobals; i++) {
		AUTO(list_release) struct list words = LIST_INIT;
		const struct dockerfile_cmd *c = &p->file->globals[i];
		struct subst subst = global_subst(p);

		if (instr_check(c, e) < 0 ||
		    instr_arg_words(c->text, &subst, &words, e) < 0)
			return dockerfile_at(p->file, c->line, e);
		for (size_t k = 0; k < words.n; k++)
			stage_arg(p->vars, words.items[k], true,
			    &p->vars->globals);
	}
	return 0;
}

static bool
find_stage(const struct plan *p, size_t before, const char *name,
    size_t *stage)
{
	for (size_t i = before; i-- > 0; ) {
		if (p->file->stages[i].name != NULL &&
		    strcasecmp(p->file->stages[i].name, name) == 0) {
			*stage = i;
			return true;
		}
	}
	return false;
}

/* An image's place or a directory, made absolute. */
static void
set_place(struct plan *p, const char *text, struct plan_source *out)
{
	bool image = places_is(text);
	char *place = image ? source_absolute(p->dir, text) :
	    file_absolute(p->dir, text);

	list_take(&p->places, place);
	out->kind = image ? PLAN_IMAGE : PLAN_DIR;
	out->place = place;
}

static bool
find_context(struct plan *p, const char *name, struct plan_source *out)
{
	size_t len = strlen(name);

	/* the last one of a name wins, as with every option */
	for (size_t i = p->contexts->n; i-- > 0; ) {
		const char *item = p->contexts->items[i];

		if (strncasecmp(item, name, len) == 0 && item[len] == '=') {
			set_place(p, item + len + 1, out);
			return true;
		}
	}
	return false;
}

/* What is neither a stage nor a context: a place, or a name as docker writes it
 * of an image in a registry. */
static int
find_image(struct plan *p, const char *name, struct plan_source *out,
    struct err *e)
{
	AUTO(ref_release) struct ref ref = REF_INIT;
	autofree char *place = NULL;

	if (places_is(name)) {
		set_place(p, name, out);
		return 0;
	}
	if (places_check_userinfo(name, e) < 0)
		return -1;
	if (ref_parse(&ref, name, e) < 0)
		return err_set(e, ERR_INPUT, "image_unavailable",
		    "'%s' is no stage, and no name of an image in a registry",
		    name);
	place = mem_fmt("docker://%s", name);
	set_place(p, place, out);
	return 0;
}

int
plan_copy_from(struct plan *p, size_t stage, const char *name,
    struct plan_source *out, struct err *e)
{
	int64_t index;

	*out = (struct plan_source){ .kind = PLAN_STAGE };
	if (*name == '\0')
		return err_set(e, ERR_INPUT, "syntax", "--from is empty");
	if (text_number(name, false, &index)) {
		if (index >= (int64_t)stage)
			return err_set(e, ERR_INPUT, "stage_unknown",
			    "no stage %s before this one", name);
		out->stage = (size_t)index;
		return 0;
	}
	if (find_stage(p, stage, name, &out->stage) ||
	    find_context(p, name, out))
		return 0;
	return find_image(p, name, out, e);
}

/* FROM, with the global variables replaced. */
static int
read_from(struct plan *p, size_t i, struct err *e)
{
	const struct dockerfile_stage *s = &p->file->stages[i];
	struct plan_source *base = &p->stages[i].base;
	struct subst subst = global_subst(p);
	AUTO(buf_release) struct buf name = BUF_INIT;
	AUTO(buf_release) struct buf platform = BUF_INIT;

	if (subst_word(&subst, s->base, &name, e) < 0 ||
	    (s->platform != NULL &&
	    subst_word(&subst, s->platform, &platform, e) < 0))
		return -1;
	if (name.len == 0)
		return err_set(e, ERR_INPUT, "syntax",
		    "the name behind FROM (%s) is empty", s->base);
	p->stages[i].platform = *p->platform;
	if (platform.len > 0 && desc_platform_parse(platform.data,
	    &p->stages[i].platform, e) < 0)
		return -1;
	base->kind = PLAN_STAGE;
	if (find_stage(p, i, name.data, &base->stage) ||
	    find_context(p, name.data, base))
		return 0;
	if (strcmp(name.data, "scratch") == 0) {
		base->kind = PLAN_SCRATCH;
		return 0;
	}
	return find_image(p, name.data, base, e);
}

static int mark(struct plan *p, size_t i, struct err *e);

static int
mark_source(struct plan *p, const struct plan_source *s, struct err *e)
{
	return s->kind == PLAN_STAGE ? mark(p, s->stage, e) : 0;
}

/* Stage i is needed, and so is what it is made of. */
static int
mark(struct plan *p, size_t i, struct err *e)
{
	const struct dockerfile_stage *s = &p->file->stages[i];
	struct plan_stage *stage = &p->stages[i];
	struct plan_source from;

	if (stage->needed)
		return 0;
	stage->needed = true;
	stage->platform = *p->platform;
	if (s->name != NULL && p->staged &&
	    strcmp(s->name, PLAN_STAGED) == 0) {
		stage->base.kind = PLAN_TREE;
		stage->replaced = true;
		return 0;
	}
	stage->replaced = s->name != NULL &&
	    find_context(p, s->name, &stage->base);
	if (stage->replaced)
		return 0;
	if (read_from(p, i, e) < 0)
		return dockerfile_at(p->file, s->from.line, e);
	if (mark_source(p, &stage->base, e) < 0)
		return -1;
	/* what is built on another stage is for that one's platform */
	if (s->platform == NULL && stage->base.kind == PLAN_STAGE)
		stage->platform = p->stages[stage->base.stage].platform;
	for (size_t k = 0; k < s->ncmds; k++) {
		const char *name = plan_flag(&s->cmds[k], "--from");

		if (s->cmds[k].op != DOCKERFILE_COPY || name == NULL)
			continue;
		if (plan_copy_from(p, i, name, &from, e) < 0)
			return dockerfile_at(p->file, s->cmds[k].line, e);
		if (mark_source(p, &from, e) < 0)
			return -1;
	}
	return 0;
}

static int
find_target(struct plan *p, const char *target, struct err *e)
{
	int64_t index;

	p->target = p->file->nstages - 1;
	if (target == NULL || find_stage(p, p->file->nstages, target,
	    &p->target))
		return 0;
	if (text_number(target, false, &index) &&
	    index < (int64_t)p->file->nstages) {
		p->target = (size_t)index;
		return 0;
	}
	return err_set(e, ERR_INPUT, "target_unknown",
	    "%s has no stage '%s'", p->file->name, target);
}

/* The first instruction of a needed stage that we can not run. */
static int
check_stages(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->file->nstages; i++) {
		const struct dockerfile_stage *s = &p->file->stages[i];

		if (!p->stages[i].needed || p->stages[i].replaced)
			continue;
		for (size_t k = 0; k < s->ncmds; k++)
			if (instr_check(&s->cmds[k], e) < 0)
				return dockerfile_at(p->file, s->cmds[k].line,
				    e);
	}
	return 0;
}

/* FROM --platform is for stages that others copy from; the config of the last
 * one says what the record says. */
static int
check_target(const struct plan *p, struct err *e)
{
	const struct plan_stage *stage = &p->stages[p->target];
	char is[104], want[104];

	if (desc_platform_equal(&stage->platform, p->platform))
		return 0;
	desc_platform_format(&stage->platform, is);
	desc_platform_format(p->platform, want);
	err_set(e, ERR_INPUT, "platform_mismatch",
	    "the stage is for %s by --platform, the image for %s", is, want);
	err_set_values(e, want, is);
	return dockerfile_at(p->file, p->file->stages[p->target].from.line,
	    e);
}

int
plan_make(struct plan *p, const char *target, struct err *e)
{
	p->stages = mem_zero(p->file->nstages, sizeof(*p->stages));
	if (read_globals(p, e) < 0 || find_target(p, target, e) < 0 ||
	    mark(p, p->target, e) < 0 || check_target(p, e) < 0)
		return -1;
	return check_stages(p, e);
}
