#include "change/repo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "change/gitcmd.h"

void
repo_release(struct repo *r)
{
	gitrepo_free(r->git);
	free(r->root);
	free(r->where);
	free(r->untracked);
	buf_release(&r->names);
	buf_release(&r->others);
	if (r->rootfd >= 0)
		close(r->rootfd);
	*r = (struct repo){ .rootfd = -1, .names = BUF_INIT,
		.others = BUF_INIT };
}

static int
by_command(struct repo *r, const char *dir, struct err *e)
{
	gitrepo_free(r->git);
	r->git = NULL;
	free(r->root);
	free(r->where);
	r->root = r->where = NULL;
	r->by_command = true;
	if (gitcmd_open(dir, &r->root, &r->format, e) < 0)
		return -1;
	r->where = mem_str(r->root);
	return 0;
}

static int
open_root(struct repo *r, struct err *e)
{
	if (r->root == NULL)
		return 0;
	r->rootfd = open(r->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->rootfd < 0 ? err_sys(e, "cannot open '%s'", r->root) : 0;
}

/* here: dir is the root of it or nothing. */
static int
find(struct repo *r, const char *dir, bool here, struct err *e)
{
	*r = (struct repo){ .rootfd = -1, .names = BUF_INIT,
		.others = BUF_INIT };
	switch (gitrepo_open(dir, here, &r->git, e)) {
	case GITREPO_FOUND:
		if (gitrepo_root(r->git) != NULL)
			r->root = mem_str(gitrepo_root(r->git));
		r->where = mem_str(r->root != NULL ? r->root :
		    gitrepo_path(r->git));
		return 1;
	case GITREPO_FOREIGN:
		return by_command(r, dir, e) < 0 ? -1 : 1;
	case GITREPO_NONE:
		return 0;
	default:
		return -1;
	}
}

int
repo_open(struct repo *r, const char *dir, struct err *e)
{
	autofree char *real = realpath(dir, NULL);
	int rc = find(r, real != NULL ? real : dir, false, e);

	if (rc == 0)
		r->root = mem_str(real != NULL ? real : dir);
	return rc < 0 ? -1 : open_root(r, e);
}

bool
repo_is_bare_export(const struct repo *r)
{
	return r->git == NULL && !r->by_command;
}

static int
name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
list_untracked(struct repo *r, struct err *e)
{
	size_t cap = 0;

	if (gitcmd_untracked(r->root, &r->others, e) < 0)
		return -1;
	for (const char *p = r->others.data;
	    p < r->others.data + r->others.len; p += strlen(p) + 1) {
		mem_grow(&r->untracked, &cap, r->nuntracked,
		    sizeof(*r->untracked));
		r->untracked[r->nuntracked++] = p;
	}
	if (r->nuntracked > 0)
		qsort(r->untracked, r->nuntracked, sizeof(*r->untracked),
		    name_order);
	return 0;
}

int
repo_tracked(struct repo *r, struct tracked_list *l, struct err *e)
{
	*l = (struct tracked_list){ .format = r->format, .filemode = true,
		.symlinks = true, .trustctime = true };
	if (r->git != NULL) {
		switch (gitrepo_tracked(r->git, l, e)) {
		case GITREPO_FOUND:
			return 0;
		case GITREPO_FOREIGN:
			break;
		default:
			return -1;
		}
		autofree char *root = mem_str(r->root);

		tracked_release(l);
		if (by_command(r, root, e) < 0)
			return -1;
		l->format = r->format;
	}
	if (!r->by_command)
		return 0;
	return gitcmd_tracked(r->root, l, &r->names, e) < 0 ? -1 :
	    list_untracked(r, e);
}

/* The first name that is not before path. */
static const char *
untracked_from(const struct repo *r, const char *path)
{
	size_t low = 0, high = r->nuntracked;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(r->untracked[mid], path) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->nuntracked ? r->untracked[low] : "";
}

int
repo_ignored(struct repo *r, const char *path, bool folder, struct err *e)
{
	if (r->git != NULL)
		return gitrepo_ignored(r->git, path, folder, e);
	if (!r->by_command)
		return 0;
	if (!folder)
		return strcmp(untracked_from(r, path), path) != 0;
	autofree char *prefix = mem_fmt("%s/", path);

	return strncmp(untracked_from(r, prefix), prefix,
	    strlen(prefix)) != 0;
}

/* Any file of it is not what its index says. */
static int
differs(struct repo *r, bool *dirty, struct err *e)
{
	struct tracked_list l;
	int rc = repo_tracked(r, &l, e);

	*dirty = *dirty || r->nuntracked > 0;
	for (size_t i = 0; rc >= 0 && i < l.n && !*dirty; i++) {
		const struct tracked *t = &l.items[i];
		struct objid id;
		struct stat st;

		if (t->mode == FILELIST_MODULE)
			continue;
		if (fstatat(r->rootfd, t->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			*dirty = !t->sparse;
		else if (tracked_mode(&l, t->mode, &st) != t->mode)
			*dirty = true;
		else if ((rc = objid_of(r->format, r->rootfd, t->path,
		    t->path, &st, &id, e)) >= 0)
			*dirty = rc == 0 ||
			    memcmp(&id, &t->id, sizeof(id)) != 0;
	}
	tracked_release(&l);
	return rc < 0 ? -1 : 0;
}

int
repo_module(struct repo *r, const char *path, struct objid *commit,
    bool *dirty, struct err *e)
{
	autofree char *dir = mem_fmt("%s/%s", r->root, path);
	AUTO(repo_release) struct repo module;
	int rc = find(&module, dir, true, e);

	if (rc <= 0)
		return rc;
	if (module.git != NULL)
		return gitrepo_module(module.git, commit, dirty, e) < 0 ? -1 :
		    1;
	if (open_root(&module, e) < 0 || gitcmd_module(module.root,
	    module.format, commit, dirty, e) < 0 ||
	    differs(&module, dirty, e) < 0)
		return -1;
	return 1;
}

int
repo_commit(struct repo *r, const char *rev, struct objid *id, struct err *e)
{
	if (*rev == '-' || *rev == '\0')
		return err_set(e, ERR_INPUT, "bad_revision",
		    "'%s' does not name a commit", rev);
	if (r->git != NULL)
		return gitrepo_commit(r->git, rev, id, e);
	return gitcmd_commit(r->where, r->format, rev, id, e);
}

int
repo_merge_base(struct repo *r, const struct objid *a, const struct objid *b,
    struct objid *base, struct err *e)
{
	/* libgit2 does not know where a shallow history ends */
	if (r->git != NULL && !repo_shallow(r))
		return gitrepo_merge_base(r->git, a, b, base, e);
	return gitcmd_merge_base(r->where, r->format, a, b, base, e);
}

int
repo_fetch(struct repo *r, const char *const *revs, struct err *e)
{
	return gitcmd_fetch(r->where, repo_shallow(r), revs, e);
}

bool
repo_shallow(struct repo *r)
{
	return r->git != NULL ? gitrepo_shallow(r->git) :
	    gitcmd_shallow(r->where);
}
