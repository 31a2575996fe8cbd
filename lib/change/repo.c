#include "change/repo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "change/filelist.h"
#include "change/folders.h"
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
	r->where = mem_str(r->root != NULL ? r->root : dir);
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

int
repo_folder_of(const struct repo *r, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	autofree char *folder = slash == NULL ? mem_str(".") :
	    mem_dup(path, (size_t)(slash - path));

	*name = slash != NULL ? slash + 1 : path;
	return file_open_beneath(r->rootfd, folder, O_RDONLY | O_DIRECTORY, 0);
}

/*
 * Modules
 */

struct changes_of {
	struct repo *module;
	struct tracked_list *tracked;	/* for its settings */
	struct filelist files;		/* what differs */
	struct folders_arena arena;	/* their paths */
	bool failed;
	struct err *e;
};

static void
changes_release(struct changes_of *x)
{
	filelist_release(&x->files);
	folders_arena_release(&x->arena);
}

/* What stands at the path; nothing is something too. */
static int
look_at(struct changes_of *x, const char *path, uint32_t old, uint32_t *mode,
    struct objid *id)
{
	const char *name;
	autofd int dirfd = repo_folder_of(x->module, path, &name);
	struct stat st;
	int rc;

	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		rc = repo_module(x->module, path, id, mode, x->e);
		return rc < 0 ? -1 : 0;
	}
	if ((*mode = tracked_mode(x->tracked, old, &st)) == 0)
		return 0;
	rc = objid_of(x->module->format, dirfd, name, path, &st, id, x->e);
	if (rc == 0)
		*mode = 0;
	return rc < 0 ? -1 : 0;
}

static void
see_change(void *ctx, const char *path)
{
	struct changes_of *x = ctx;
	size_t len = strlen(path);
	struct objid id = { { 0 } };
	uint32_t mode = 0;
	const char *kept;

	while (len > 0 && path[len - 1] == '/')	/* a repository in it */
		len--;
	kept = folders_keep(&x->arena, mem_dup(path, len));
	if (x->failed || look_at(x, kept, 0, &mode, &id) < 0)
		x->failed = true;
	else
		filelist_add(&x->files, kept, len, mode, &id);
}

/* With git(1): all that is not as the index says, or staged, or new. */
static int
see_all(struct changes_of *x, struct objid *commit, struct err *e)
{
	struct repo *r = x->module;
	autobuf struct buf staged = BUF_INIT;

	if (gitcmd_module(r->root, r->format, commit, &staged, e) < 0)
		return -1;
	for (const char *p = staged.data; p < staged.data + staged.len;
	    p += strlen(p) + 1)
		see_change(x, p);
	for (size_t i = 0; i < r->nuntracked; i++)
		see_change(x, r->untracked[i]);
	for (size_t i = 0; i < x->tracked->n && !x->failed; i++) {
		const struct tracked *t = &x->tracked->items[i];
		struct objid id = { { 0 } };
		uint32_t mode = 0;

		if (look_at(x, t->path, t->mode, &mode, &id) < 0)
			x->failed = true;
		else if (mode == 0 ? !t->sparse && t->mode !=
		    FILELIST_MODULE : mode != t->mode ||
		    memcmp(&id, &t->id, sizeof(id)) != 0)
			see_change(x, t->path);
	}
	return 0;
}

/* What differs from the commit, and the commit, as one id: of a path that was
 * told of twice, once. */
static void
sum_up(struct changes_of *x, struct objid *id)
{
	char text[DIGEST_STR];
	size_t kept = 0;

	filelist_add(&x->files, "", 0, FILELIST_MODULE, id);
	filelist_sort(&x->files);
	for (size_t i = 0; i < x->files.n; i++)
		if (kept == 0 || strcmp(x->files.files[kept - 1].path,
		    x->files.files[i].path) != 0)
			x->files.files[kept++] = x->files.files[i];
	x->files.n = kept;
	filelist_fingerprint(&x->files, text);
	digest_parse(text, id->bytes);
}

int
repo_module(struct repo *r, const char *path, struct objid *id,
    uint32_t *mode, struct err *e)
{
	autofree char *dir = mem_fmt("%s/%s", r->root, path);
	AUTO(repo_release) struct repo module;
	AUTO(tracked_release) struct tracked_list tracked = { .n = 0 };
	AUTO(changes_release) struct changes_of x = { .module = &module,
		.tracked = &tracked, .e = e };
	size_t len = objid_len(r->format);
	int rc = find(&module, dir, true, e);

	if (rc <= 0)
		return rc;
	if (open_root(&module, e) < 0 ||
	    repo_tracked(&module, &tracked, e) < 0)
		return -1;
	x.files.format = module.format;
	rc = module.git != NULL ? gitrepo_module(module.git, id, see_change,
	    &x, e) : see_all(&x, id, e);
	if (rc < 0 || x.failed)
		return -1;
	*mode = x.files.n > 0 ? FILELIST_MODULE_DIRTY : FILELIST_MODULE;
	if (x.files.n > 0)
		sum_up(&x, id);
	memset(id->bytes + len, 0, sizeof(id->bytes) - len);
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
