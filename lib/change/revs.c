#include "change/revs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "change/gitcmd.h"

void
revs_of_event(struct revs *v, const struct ghevent *g)
{
	v->base = *g->base != '\0' ? g->base : NULL;
	v->head = *g->head != '\0' ? g->head : NULL;
	v->direct = g->direct;
	v->lenient = true;
	v->depth = g->depth;
	v->everything = g->everything;
	snprintf(v->why, sizeof(v->why), "%s", g->why);
}

/*
 * Finding
 */

static void
advice(const struct revs *v, struct repo *repo, char out[128])
{
	if (!repo_shallow(repo))
		snprintf(out, 128, " (was it pushed away?)");
	else if (v->depth > 0)
		snprintf(out, 128, " in this shallow clone: fetch-depth: %ld "
		    "or more has it (0: all)", v->depth);
	else
		snprintf(out, 128, " in this shallow clone: fetch-depth: 0 "
		    "or git fetch --unshallow has it");
}

/* What --on-missing-base says: 1 to look again, 0 with everything set, -1. */
static int
missing(struct revs *v, struct repo *repo, const char *what, bool again,
    void (*warn)(const char *fmt, ...), struct err *e)
{
	/* only an event's head may not be there */
	const char *revs[] = { v->base, v->lenient ? v->head : NULL, NULL };
	char hint[128];

	advice(v, repo, hint);
	if (v->missing == REVS_ERROR) {
		err_set(e, ERR_CHECK, "missing_base", "%s%s", what, hint);
		err_set_path(e, v->base);
		return -1;
	}
	if (v->missing == REVS_FETCH && !again) {
		if (repo_fetch(repo, revs, e) == 0)
			return 1;
		warn("cannot fetch: %s", e->msg);
	}
	warn("everything counts as changed: %s%s", what, hint);
	v->everything = true;
	snprintf(v->why, sizeof(v->why), "%s", what);
	return 0;
}

/* The head, or what is checked out: for a pull request that is the merge
 * commit, whose tree has the same changes. */
static int
find_head(struct revs *v, struct repo *repo, struct err *e)
{
	const char *head = v->head != NULL ? v->head : "HEAD";
	int rc = repo_commit(repo, head, &v->now, e);

	if (rc == 0 && v->lenient)
		rc = repo_commit(repo, "HEAD", &v->now, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	err_set(e, ERR_CHECK, "missing_revision",
	    "there is no commit '%s' here", head);
	err_set_path(e, head);
	return -1;
}

/* 1: found; 0: missing() is to say what then, unless everything is set; -1. */
static int
find_base(struct revs *v, struct repo *repo,
    void (*warn)(const char *fmt, ...), char what[256], struct err *e)
{
	struct objid base, common;
	int rc = repo_commit(repo, v->base, &base, e);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		snprintf(what, 256, "the base commit %.64s is not there",
		    v->base);
		return 0;
	}
	if ((rc = repo_merge_base(repo, &base, &v->now, &common, e)) < 0)
		return -1;
	/* in a shallow clone nobody can tell; two commits can be compared
	 * all the same */
	if (rc == 0 && v->direct && repo_shallow(repo)) {
		v->old = base;
		return 1;
	}
	if (rc == 0 && repo_shallow(repo)) {
		snprintf(what, 256, "the merge base with %.64s is not there",
		    v->base);
		return 0;
	}
	if (rc == 0) {
		v->everything = true;
		snprintf(v->why, sizeof(v->why), "no common history with "
		    "%.64s", v->base);
		warn("everything counts as changed: %s", v->why);
		return 1;
	}
	v->old = v->direct ? base : common;
	return 1;
}

int
revs_find(struct revs *v, struct repo *repo,
    void (*warn)(const char *fmt, ...), struct err *e)
{
	char what[256];
	int rc;

	if (repo_is_bare_export(repo))
		return err_set(e, ERR_INPUT, "no_repository",
		    "--base and --head need a git repository");
	for (int again = 0;; again++) {
		if (find_head(v, repo, e) < 0)
			return -1;
		if (v->everything)
			return 0;
		if (ghevent_is_zero(v->base)) {
			v->everything = true;
			snprintf(v->why, sizeof(v->why),
			    "the base is all zeros");
			return 0;
		}
		if ((rc = find_base(v, repo, warn, what, e)) != 0)
			return rc < 0 ? -1 : 0;
		if ((rc = missing(v, repo, what, again > 0, warn, e)) <= 0)
			return rc;
	}
}

/*
 * Files
 */

struct visit {
	struct folders folders;	/* for its rules alone */
	struct filelist *lists;
	struct folders_arena *arena;
};

static void *
enter(void *ctx, void *parent, const char *path, size_t len)
{
	struct visit *v = ctx;
	struct folder *f = mem_alloc(sizeof(*f));
	const char *kept = folders_keep(v->arena, mem_dup(path, len));

	if (folders_enter(&v->folders, parent, kept, len, f, v->arena))
		return f;
	free(f);
	return NULL;
}

static void
leave(void *ctx, void *folder)
{
	(void)ctx;
	folders_leave(folder);
	free(folder);
}

static void
file(void *ctx, void *folder, const char *path, size_t len, uint32_t mode,
    const struct objid *id)
{
	struct visit *v = ctx;
	const bool *in = folders_in(&v->folders, folder, path, len,
	    mode == FILELIST_MODULE, v->arena);
	const char *kept;

	if (in == NULL)
		return;
	kept = folders_keep(v->arena, mem_dup(path, len));
	for (size_t i = 0; i < v->folders.nrules; i++)
		if (in[i])
			filelist_add(&v->lists[i], kept, len, mode, id);
}

/* From git(1), whole paths, without their folders. */
static void
flat(void *ctx, const char *path, size_t len, uint32_t mode,
    const struct objid *id)
{
	struct visit *v = ctx;
	const char *kept = NULL;

	for (size_t i = 0; i < v->folders.nrules; i++) {
		const struct rules *r = v->folders.rules[i];

		if (!rules_takes(r, rules_decide(r, path, len,
		    mode == FILELIST_MODULE)))
			continue;
		if (kept == NULL)
			kept = folders_keep(v->arena, mem_dup(path, len));
		filelist_add(&v->lists[i], kept, len, mode, id);
	}
}

int
revs_files(struct repo *repo, const struct objid *commit,
    const struct rules *const *rules, size_t nrules, struct filelist *lists,
    struct folders_arena *a, struct err *e)
{
	struct visit v = { { .rules = rules, .nrules = nrules }, lists, a };
	struct gitrepo_visit how = { enter, file, leave, &v };

	for (size_t i = 0; i < nrules; i++)
		lists[i].format = repo->format;
	if (repo->git != NULL)
		return gitrepo_walk(repo->git, commit, &how, e);
	return gitcmd_walk(repo->where, repo->format, commit, flat, &v, e);
}
