#include "change/assess.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "change/regstate.h"
#include "change/worktree.h"
#include "record/tool.h"

void
assess_release(struct assess *a)
{
	fpstate_keys_release(&a->keys);
	for (size_t i = 0; i < a->named.n; i++)
		free(a->named.items[i]);
	free(a->named.items);
}

static bool
is_registry(const char *state)
{
	return strncmp(state, "docker://", 9) == 0;
}

static void
fail_all(struct component_list *l, const struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		component_fail(&l->items[i], e);
}

/* The good ones, in their order, and their rules beside. */
struct good {
	struct component **items;	/* owned */
	const struct rules **rules;	/* owned */
	size_t n;
};

static void
good_release(struct good *g)
{
	free(g->items);
	free(g->rules);
}

static void
good_find(struct good *g, struct component_list *l)
{
	g->n = 0;
	g->items = mem_zero(l->n + 1, sizeof(struct component *));
	g->rules = mem_zero(l->n + 1, sizeof(struct rules *));
	for (size_t i = 0; i < l->n; i++)
		if (component_good(&l->items[i])) {
			g->items[g->n] = &l->items[i];
			g->rules[g->n++] = &l->items[i].rules;
		}
}

/*
 * The work tree and a state
 */

/* The state file's path below the root: not what it is made of. */
static char *
path_below(const char *root, const char *state)
{
	autofree char *copy = mem_str(state);
	autofree char *dir = realpath(dirname(copy), NULL);
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (dir == NULL || strncmp(dir, root, len) != 0 ||
	    (dir[len] != '/' && dir[len] != '\0'))
		return NULL;
	return dir[len] == '/' && dir[len + 1] != '\0' ?
	    mem_fmt("%s/%s", dir + len + 1, file_base(state)) :
	    mem_str(file_base(state));
}

static void
warn_of_unused(struct assess *a, const struct good *g,
    const struct worktree *w)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t j = 0; j < g->items[i]->rules.n; j++)
			if (!worktree_has(w, &g->items[i]->rules.items[j]))
				a->warn("component '%s': pattern '%s' matches "
				    "nothing", g->items[i]->name,
				    g->items[i]->rules.items[j].text);
}

static void
fingerprint(struct component *c)
{
	filelist_sort(&c->files);
	filelist_fingerprint(&c->files, c->fingerprint);
}

static void
compare_with_file(struct assess *a, struct component *c,
    const struct fpstate *s, int loaded)
{
	const struct fpstate_entry *x = fpstate_find(s, c->name);
	struct filelist old;
	struct err e;

	if (x != NULL) {
		bool listed = fpstate_get_list(a->state, x->fingerprint, &old);

		memcpy(c->previous, x->fingerprint, DIGEST_STR);
		changes_own(c, listed ? &old : NULL);
		changes_void(c, &a->keys, &x->keys);
		filelist_release(&old);
	} else if (loaded < 0) {
		component_because(c, "state_damaged", NULL, NULL, 0);
	} else {
		component_because(c, "new", NULL, NULL, 0);
	}
	if (fpstate_keep_list(a->state, c->fingerprint, &c->files, &e) < 0)
		a->warn("the next plan can not say which files changed: %s",
		    e.msg);
}

static void
compare_with_registry(struct assess *a, struct component *c)
{
	autobuf struct buf place = BUF_INIT;
	struct err e;

	int rc = tool_expand(a->state, c->rec, &place, &e);

	if (rc == 0) {
		netopts_creds_for(a->net, place.data);
		rc = regstate_previous(a->places, place.data, c->previous,
		    &e);
	}
	if (rc < 0) {
		component_fail(c, &e);
		return;
	}
	if (c->previous[0] == '\0')
		component_because(c, "new", NULL, NULL, 0);
	changes_own(c, NULL);
}

static void
compare_with_state(struct assess *a, const struct good *g)
{
	struct fpstate s = { .n = 0 };
	int loaded = 0;
	struct err e;

	if (a->state != NULL && !is_registry(a->state) &&
	    (loaded = fpstate_load(&s, a->state, &e)) < 0)
		a->warn("the state '%s' can not be used, so everything counts "
		    "as changed: %s", a->state, e.msg);
	for (size_t i = 0; i < g->n; i++) {
		if (a->state == NULL)
			component_because(g->items[i], "new", NULL, NULL, 0);
		else if (is_registry(a->state))
			compare_with_registry(a, g->items[i]);
		else
			compare_with_file(a, g->items[i], &s, loaded);
	}
	fpstate_release(&s);
}

static int
from_work_tree(struct assess *a, struct repo *repo, const struct good *g,
    struct worktree *w, struct err *e)
{
	autofree char *skip = NULL;

	if (repo->root == NULL)
		return err_set(e, ERR_INPUT, "no_work_tree",
		    "the repository has no work tree: give --base");
	if (repo_is_bare_export(repo))
		a->warn("'%s' is in no git repository: every file in it "
		    "counts, and is read", repo->root);
	if (a->state != NULL && !is_registry(a->state))
		skip = path_below(repo->root, a->state);
	if (worktree_scan(w, repo, g->rules, g->n, skip, a->threads, e) < 0)
		return -1;
	a->bytes = w->bytes;
	a->note("%s: %zu tracked files, %zu others, %llu bytes read, names by "
	    "%s%s", repo->root, w->tracked.n, w->nothers,
	    (unsigned long long)w->bytes,
	    objid_format_name(w->tracked.format),
	    repo->by_command ? ", read by git" : "");
	for (size_t i = 0; i < g->n; i++) {
		worktree_files(w, i, &g->items[i]->files);
		fingerprint(g->items[i]);
	}
	if (!tool_common.quiet)
		warn_of_unused(a, g, w);
	compare_with_state(a, g);
	return 0;
}

/*
 * Two commits
 */

static void
copy_inputs(const struct filelist *from, struct filelist *to)
{
	for (size_t i = 0; i < from->ninputs; i++)
		filelist_add_input(to, from->inputs[i].name,
		    from->inputs[i].value);
}

static int
compare_commits(struct assess *a, struct repo *repo, const struct good *g,
    struct folders_arena *arena, struct err *e)
{
	struct filelist *lists = mem_zero(2 * g->n + 1, sizeof(*lists));
	struct filelist *old = lists + g->n;
	int rc = revs_files(repo, &a->revs.now, g->rules, g->n, lists, arena,
	    e);

	if (rc == 0 && !a->revs.everything)
		rc = revs_files(repo, &a->revs.old, g->rules, g->n, old,
		    arena, e);
	for (size_t i = 0; rc == 0 && i < g->n; i++) {
		struct component *c = g->items[i];

		copy_inputs(&c->files, &lists[i]);
		copy_inputs(&c->files, &old[i]);
		filelist_release(&c->files);
		c->files = lists[i];
		lists[i] = (struct filelist){ .n = 0 };
		fingerprint(c);
		if (a->revs.everything) {
			component_because(c, "no_base", "message",
			    a->revs.why, strlen(a->revs.why));
			continue;
		}
		filelist_sort(&old[i]);
		filelist_fingerprint(&old[i], c->previous);
		changes_own(c, &old[i]);
	}
	for (size_t i = 0; i < 2 * g->n; i++)
		filelist_release(&lists[i]);
	free(lists);
	return rc;
}

static int
look(struct assess *a, const struct good *g, struct worktree *w,
    struct folders_arena *arena, struct err *e)
{
	AUTO(repo_release) struct repo repo;

	if (repo_open(&repo, ".", e) < 0)
		return -1;
	if (!a->commits)
		return from_work_tree(a, &repo, g, w, e);
	if (revs_find(&a->revs, &repo, a->warn, e) < 0)
		return -1;
	return compare_commits(a, &repo, g, arena, e);
}

void
assess_components(struct assess *a, struct component_list *l)
{
	AUTO(good_release) struct good g;
	struct changes how = { l, &a->named, a->all };
	AUTO(worktree_release) struct worktree w = { .nothers = 0 };
	AUTO(folders_arena_release) struct folders_arena arena = { .n = 0 };
	struct err e;

	component_check(l);
	for (size_t i = 0; i < a->named.n; i++)
		if (component_find(l, a->named.items[i]) == NULL) {
			err_set(&e, ERR_INPUT, "component_unknown",
			    "no record is component '%s'",
			    a->named.items[i]);
			fail_all(l, &e);
		}
	good_find(&g, l);
	if (g.n > 0 && look(a, &g, &w, &arena, &e) < 0)
		fail_all(l, &e);
	changes_choose(&how);
	/* the paths are w's and the arena's, and end here */
	for (size_t i = 0; i < l->n; i++)
		filelist_release(&l->items[i].files);
}
