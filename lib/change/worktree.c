#include "change/worktree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

#define FOLDERS_PER_JOB 32
#define FILES_PER_JOB 256
/* Below this reading a file costs less than asking for its attributes. */
#define SMALL 65536

void
worktree_release(struct worktree *w)
{
	folders_release(&w->folders);
	folders_arena_release(&w->arena);
	tracked_release(&w->tracked);
	free(w->others);
	*w = (struct worktree){ .nothers = 0 };
}

struct job {
	const struct listing *l;
	size_t first, end;	/* folders, or places in doubtful */
	struct tracked **doubtful;	/* lent; NULL: list folders */
	struct listing_found found;
	struct err *e;		/* owned, where it failed */
};

static void
work(void *ctx, void *arg)
{
	struct job *j = arg;
	int rc = 0;
	struct err e;

	(void)ctx;
	for (size_t i = j->first; rc == 0 && i < j->end; i++)
		rc = j->doubtful == NULL ?
		    listing_folder(j->l, i, &j->found, &e) :
		    listing_hash(j->l, j->doubtful[i], &j->found, &e);
	if (rc < 0) {
		j->e = mem_alloc(sizeof(e));
		*j->e = e;
	}
}

/* Keep what a job found; its memory is w's from now on. */
static int
settle(struct worktree *w, size_t *cap, struct job *j, struct err *e)
{
	int rc = j->e != NULL ? -1 : 0;

	for (size_t i = 0; i < j->found.n; i++) {
		mem_grow(&w->others, cap, w->nothers, sizeof(*w->others));
		w->others[w->nothers++] = j->found.files[i];
	}
	for (size_t i = 0; i < j->found.arena.n; i++)
		folders_keep(&w->arena, j->found.arena.blocks[i]);
	j->found.arena.n = 0;
	w->bytes += j->found.bytes;
	if (rc < 0)
		*e = *j->e;
	free(j->e);
	listing_found_release(&j->found);
	free(j);
	return rc;
}

static int
run(struct worktree *w, const struct listing *l, size_t count, size_t each,
    struct tracked **doubtful, int threads, struct err *e)
{
	struct pool *pool = pool_new(threads, work, NULL);
	size_t cap = w->nothers;
	struct err later;
	struct job *j;
	int rc = 0;

	for (size_t i = 0; i < count; i += each) {
		j = mem_zero(1, sizeof(*j));
		j->l = l;
		j->first = i;
		j->end = i + each < count ? i + each : count;
		j->doubtful = doubtful;
		pool_submit(pool, j);
	}
	while ((j = pool_take(pool)) != NULL)
		if (settle(w, &cap, j, rc < 0 ? &later : e) < 0)
			rc = -1;
	pool_free(pool);
	return rc;
}

/*
 * Attributes
 */

/* Only where an attribute or a setting may convert is the index's word for a
 * clean file not that for its bytes. */
static int
is_doubtful(struct repo *repo, bool everywhere, const struct tracked *t,
    struct err *e)
{
	if (!t->by_stat || (t->now != FILELIST_FILE &&
	    t->now != FILELIST_EXEC))
		return 0;
	if (everywhere || t->st.size < SMALL)
		return 1;
	return gitrepo_converts(repo->git, t->path, e);
}

static int
reread(struct worktree *w, const struct listing *l, int threads,
    struct err *e)
{
	autofree struct tracked **doubtful = NULL;
	bool everywhere = l->repo->git != NULL &&
	    gitrepo_converts_everywhere(l->repo->git);
	size_t n = 0, cap = 0;

	for (size_t i = 0; l->repo->git != NULL && i < w->folders.n; i++) {
		struct folder *f = &w->folders.items[i];

		if (f->parent != FOLDERS_END)
			f->attributes |=
			    w->folders.items[f->parent].attributes;
		if (!f->attributes && !everywhere)
			continue;
		for (size_t t = f->files; t != FOLDERS_END;
		    t = w->tracked.items[t].next) {
			int rc = is_doubtful(l->repo, everywhere,
			    &w->tracked.items[t], e);

			if (rc < 0)
				return -1;
			if (rc == 0)
				continue;
			mem_grow(&doubtful, &cap, n, sizeof(struct tracked *));
			doubtful[n++] = &w->tracked.items[t];
		}
	}
	return run(w, l, n, FILES_PER_JOB, doubtful, threads, e);
}

static int
path_order(const void *a, const void *b)
{
	const struct listing_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int
worktree_scan(struct worktree *w, struct repo *repo,
    const struct rules *const *rules, size_t nrules, const char *skip,
    int threads, struct err *e)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct listing l = { repo, &lock, &w->folders, &w->tracked, skip };

	*w = (struct worktree){ .folders = { .rules = rules,
		.nrules = nrules } };
	if (repo_tracked(repo, &w->tracked, e) < 0)
		return -1;
	folders_build(&w->folders, &w->tracked, &w->arena);
	if (run(w, &l, w->folders.n, FOLDERS_PER_JOB, NULL, threads, e) < 0 ||
	    reread(w, &l, threads, e) < 0)
		return -1;
	if (w->nothers > 1)
		qsort(w->others, w->nothers, sizeof(*w->others), path_order);
	return 0;
}

void
worktree_files(const struct worktree *w, size_t rule, struct filelist *l)
{
	size_t other = 0;

	l->format = w->tracked.format;
	for (size_t i = 0; i <= w->tracked.n; i++) {
		const struct tracked *t = i < w->tracked.n ?
		    &w->tracked.items[i] : NULL;

		for (; other < w->nothers && (t == NULL ||
		    strcmp(w->others[other].path, t->path) < 0); other++)
			if (w->others[other].in[rule])
				filelist_add(l, w->others[other].path,
				    w->others[other].len,
				    w->others[other].mode,
				    &w->others[other].id);
		if (t != NULL && t->in != NULL && t->in[rule] && t->now != 0)
			filelist_add(l, t->path, t->len, t->now, &t->now_id);
	}
}

/* Most patterns are the plain name of a file or folder. */
static bool
names_tracked(const struct worktree *w, const struct pattern *p)
{
	size_t low = 0, high = w->tracked.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(w->tracked.items[mid].path, p->glob) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	/* `a-b` stands between `a` and `a/b` */
	for (; low < w->tracked.n; low++) {
		const struct tracked *t = &w->tracked.items[low];

		if (t->len < p->len || memcmp(t->path, p->glob, p->len) != 0)
			return false;
		if (t->path[p->len] == '/')
			return true;
		if (t->path[p->len] == '\0' &&
		    (!p->folders || t->mode == FILELIST_MODULE))
			return true;
		if (t->path[p->len] > '/')
			return false;
	}
	return false;
}

/* The path, or a folder above it that is not above the one before as well. */
static bool
means(const struct pattern *p, const char *path, size_t len, bool module,
    const char *before)
{
	size_t same = 0;

	while (same < len && path[same] == before[same])
		same++;
	for (size_t i = same; i < len; i++)
		if (path[i] == '/' && pattern_match(p, path, i, true))
			return true;
	return pattern_match(p, path, len, module);
}

bool
worktree_has(const struct worktree *w, const struct pattern *p)
{
	const char *before = "";

	if (p->anchored && p->literal == p->len && names_tracked(w, p))
		return true;
	for (size_t i = 0; i < w->tracked.n; i++) {
		const struct tracked *t = &w->tracked.items[i];

		if (means(p, t->path, t->len, t->mode == FILELIST_MODULE,
		    before))
			return true;
		before = t->path;
	}
	before = "";
	for (size_t i = 0; i < w->nothers; i++) {
		const struct listing_file *x = &w->others[i];

		if (means(p, x->path, x->len,
		    (x->mode & ~1u) == FILELIST_MODULE, before))
			return true;
		before = x->path;
	}
	return false;
}
