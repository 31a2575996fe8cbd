#include "oci/group.h"

#include <string.h>

#include "base/mem.h"
#include "oci/layout.h"
#include "oci/ref.h"
#include "record/tool.h"

void
group_names_add(struct group_names *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->items[i], name) == 0)
			return;
	mem_grow(&x->items, &x->cap, x->n, sizeof(*x->items));
	x->items[x->n++] = mem_str(name);
}

void
group_names_release(struct group_names *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->items[i]);
	free(x->items);
}

void
group_free(struct group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++)
		part_free(g->parts[i]);
	free(g->parts);
	for (size_t i = 0; g->tags != NULL && i < g->refs.n; i++)
		free(g->tags[i]);
	free(g->tags);
	group_names_release(&g->refs);
	free(g->dir);
	free(g->key);
	free(g);
}

void
group_list_release(struct group_list *x)
{
	for (size_t i = 0; i < x->n; i++)
		group_free(x->items[i]);
	free(x->items);
}

/* The layout, and what each ref is called in it. */
static int
expand_out(struct group *g, const char *out, struct rec *r, struct err *e)
{
	autobuf struct buf place = BUF_INIT;
	autofree char *dir = NULL, *tag = NULL, *ref = NULL;

	if (tool_expand(out, r, &place, e) < 0)
		return -1;
	layout_split(place.data + strlen("oci:"), &dir, &tag);
	g->dir = tool_path(dir);
	if (g->refs.n == 0 && tag != NULL) {
		ref = mem_fmt("oci:%s:%s", g->dir, tag);
		group_names_add(&g->refs, ref);
	}
	g->tags = mem_zero(g->refs.n, sizeof(*g->tags));
	for (size_t i = 0; i < g->refs.n; i++) {
		g->tags[i] = mem_str(tag != NULL ? tag :
		    ref_tag(g->refs.items[i]));
		if (!layout_tag_valid(g->tags[i]))
			return err_set(e, ERR_INPUT, "tag_invalid",
			    "'%.200s' is no name for an image in a layout",
			    g->tags[i]);
	}
	return 0;
}

static char *
make_key(const struct group *g)
{
	struct buf key = BUF_INIT;

	buf_adds(&key, g->dir != NULL ? g->dir : "");
	for (size_t i = 0; i < g->refs.n; i++)
		buf_addf(&key, "\n%s %s", g->refs.items[i],
		    g->tags != NULL ? g->tags[i] : "");
	return buf_detach(&key);
}

struct group *
group_new(const struct group_names *refs, const char *out, struct rec *r,
    struct err *e)
{
	struct group *g = mem_zero(1, sizeof(*g));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < refs->n; i++) {
		autobuf struct buf ref = BUF_INIT;

		if ((rc = tool_expand(refs->items[i], r, &ref, e)) == 0 &&
		    (rc = ref_check(ref.data, e)) == 0)
			group_names_add(&g->refs, ref.data);
	}
	if (rc == 0 && out != NULL)
		rc = expand_out(g, out, r, e);
	if (rc < 0) {
		group_free(g);
		return NULL;
	}
	g->key = make_key(g);
	return g;
}

static void
add_part(struct group *g, struct part *p)
{
	mem_grow(&g->parts, &g->cap, g->n, sizeof(*g->parts));
	g->parts[g->n++] = p;
}

void
group_list_add(struct group_list *x, struct group *g, struct part *p)
{
	if (g == NULL)
		x->held = group_worse(x->held, p->kind);
	for (size_t i = 0; g != NULL && i < x->n; i++)
		if (x->items[i]->key != NULL &&
		    strcmp(x->items[i]->key, g->key) == 0) {
			group_free(g);
			add_part(x->items[i], p);
			return;
		}
	if (g == NULL)
		g = mem_zero(1, sizeof(*g));
	add_part(g, p);
	mem_grow(&x->items, &x->cap, x->n, sizeof(*x->items));
	x->items[x->n++] = g;
}

void
group_compare(struct group *g)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct err e;

	for (size_t i = 0; i < g->n; i++)
		if (g->parts[i]->kind == ERR_NONE && index_merge(&x,
		    &g->parts[i]->origin.children, &e) < 0)
			part_fail(g->parts[i], &e);
}

enum err_kind
group_worse(enum err_kind a, enum err_kind b)
{
	static const int rank[] = { [ERR_NONE] = 0, [ERR_SYS] = 1,
		[ERR_CHECK] = 2, [ERR_INPUT] = 3 };

	return rank[a] >= rank[b] ? a : b;
}

enum err_kind
group_failure(const struct group *g)
{
	enum err_kind kind = ERR_NONE;

	for (size_t i = 0; i < g->n; i++)
		kind = group_worse(kind, g->parts[i]->kind);
	return kind;
}
