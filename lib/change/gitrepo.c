#include "change/gitrepo.h"

#include <fcntl.h>
#include <git2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define DEPTH_MAX 2048	/* folders in folders: as many as fit into PATH_MAX */
#define ATTRIBUTES_MAX (100 << 20)	/* git's own limit of such a file */

struct gitrepo {
	git_repository *repo;	/* owned */
	git_index *index;	/* owned, or NULL */
	char *root;		/* owned, or NULL */
};

static int
failed(const char *what, struct err *e)
{
	const git_error *last = git_error_last();

	return err_set(e, ERR_SYS, "git", "%s: %s", what,
	    last != NULL ? last->message : "unknown reason");
}

/* Extensions that change nothing in what is read here. */
static void
start(void)
{
	const char *extensions[] = { "partialclone", "preciousobjects" };

	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, (size_t)2);
}

/* libgit2 1.5 says "not found" as well where an owner is the wrong one and no
 * setting of safe.directory is found. */
static bool
is_refusal(int rc)
{
	const git_error *last = git_error_last();

	return rc == GIT_EOWNER || (rc == GIT_ENOTFOUND &&
	    (last == NULL || last->klass != GIT_ERROR_REPOSITORY));
}

enum gitrepo_found
gitrepo_open(const char *path, bool here, struct gitrepo **g, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	git_repository *repo = NULL;
	const char *root;
	int rc;

	pthread_once(&once, start);
	rc = git_repository_open_ext(&repo, path,
	    here ? GIT_REPOSITORY_OPEN_NO_SEARCH : 0, NULL);
	if (is_refusal(rc)) {
		err_set(e, ERR_CHECK, "unsafe_repository", "the repository at "
		    "'%s' belongs to somebody else; if you trust it: "
		    "git config --global --add safe.directory DIRECTORY", path);
		err_set_path(e, path);
		return GITREPO_FAILED;
	}
	if (rc == GIT_ENOTFOUND)
		return GITREPO_NONE;
	if (rc < 0) {
		failed("libgit2 can not read the repository", e);
		return GITREPO_FOREIGN;
	}
	*g = mem_zero(1, sizeof(**g));
	(*g)->repo = repo;
	if ((root = git_repository_workdir(repo)) != NULL) {
		size_t len = strlen(root);

		while (len > 1 && root[len - 1] == '/')
			len--;
		(*g)->root = mem_dup(root, len);
	}
	return GITREPO_FOUND;
}

void
gitrepo_free(struct gitrepo *g)
{
	if (g == NULL)
		return;
	git_index_free(g->index);
	git_repository_free(g->repo);
	free(g->root);
	free(g);
}

const char *
gitrepo_root(const struct gitrepo *g)
{
	return g->root;
}

const char *
gitrepo_path(const struct gitrepo *g)
{
	return git_repository_path(g->repo);
}

bool
gitrepo_shallow(const struct gitrepo *g)
{
	return git_repository_is_shallow(g->repo) == 1;
}

/*
 * The index
 */

static bool
setting(git_config *config, const char *name, bool otherwise)
{
	int value;

	return git_config_get_bool(&value, config, name) == 0 ? value != 0 :
	    otherwise;
}

static void
settings(struct gitrepo *g, struct tracked_list *l)
{
	git_config *config = NULL;
	git_buf check = GIT_BUF_INIT;

	l->format = OBJID_SHA1;
	l->filemode = l->symlinks = l->trustctime = true;
	if (git_repository_config_snapshot(&config, g->repo) < 0)
		return;
	l->filemode = setting(config, "core.filemode", true);
	l->symlinks = setting(config, "core.symlinks", true);
	l->trustctime = setting(config, "core.trustctime", true);
	l->minimal = git_config_get_string_buf(&check, config,
	    "core.checkstat") == 0 && strcmp(check.ptr, "minimal") == 0;
	git_buf_dispose(&check);
	git_config_free(config);
}

static void
add_entry(struct tracked_list *l, const git_index_entry *x)
{
	struct objid id = { { 0 } };
	struct tracked *t;

	memcpy(id.bytes, x->id.id, DIGEST_SHA1_LEN);
	t = tracked_add(l, x->path, strlen(x->path), x->mode, &id);
	t->st = (struct tracked_stat){
		(uint32_t)x->ctime.seconds, x->ctime.nanoseconds,
		(uint32_t)x->mtime.seconds, x->mtime.nanoseconds,
		x->ino, x->uid, x->gid, x->file_size,
	};
	t->unsure = git_index_entry_is_conflict(x) ||
	    (x->flags_extended & GIT_INDEX_ENTRY_INTENT_TO_ADD) != 0;
	t->sparse = (x->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
}

enum gitrepo_found
gitrepo_tracked(struct gitrepo *g, struct tracked_list *l, struct err *e)
{
	autofree char *path = mem_fmt("%sindex",
	    git_repository_path(g->repo));
	struct stat st;

	/* before it is read: an older time makes more files doubtful */
	if (stat(path, &st) == 0)
		l->written = st.st_mtim;
	settings(g, l);
	if (git_repository_index(&g->index, g->repo) < 0) {
		failed("libgit2 can not read the index", e);
		return GITREPO_FOREIGN;
	}
	tracked_reserve(l, git_index_entrycount(g->index));
	for (size_t i = 0; i < git_index_entrycount(g->index); i++)
		add_entry(l, git_index_get_byindex(g->index, i));
	return tracked_finish(l, e) < 0 ? GITREPO_FAILED : GITREPO_FOUND;
}

/*
 * Ignore rules and attributes
 */

int
gitrepo_ignored(struct gitrepo *g, const char *path, bool folder,
    struct err *e)
{
	autofree char *name = mem_fmt("%s%s", path, folder ? "/" : "");
	int ignored;

	if (git_ignore_path_is_ignored(&ignored, g->repo, name) < 0)
		return failed("cannot read the ignore rules", e);
	return ignored;
}

/* gitattributes(5).  `-text` and `!text` convert nothing. */
static const char *const converting[] = {
	"text", "eol", "ident", "filter", "working-tree-encoding", "crlf",
};
#define NCONVERTING (sizeof(converting) / sizeof(*converting))

bool
gitrepo_mentions_conversion(const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	while (p < end) {
		const char *word = p;

		while (p < end && strchr(" \t\r\n=", *p) == NULL)
			p++;
		for (size_t i = 0; i < NCONVERTING; i++)
			if (strlen(converting[i]) == (size_t)(p - word) &&
			    memcmp(converting[i], word,
			    (size_t)(p - word)) == 0)
				return true;
		while (p < end && strchr(" \t\r\n=", *p) != NULL)
			p++;
	}
	return false;
}

/* An attribute file that is there and can't be read may say anything. */
static bool
file_mentions(const char *path)
{
	autobuf struct buf text = BUF_INIT;
	struct err e;

	if (file_slurp(AT_FDCWD, path, path, ATTRIBUTES_MAX, &text, &e) < 0)
		return e.kind != ERR_CHECK;
	return gitrepo_mentions_conversion(text.data, text.len);
}

static bool
user_attributes(git_config *config)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	git_buf path = GIT_BUF_INIT;
	bool found;

	if (git_config_get_path(&path, config, "core.attributesfile") == 0) {
		found = file_mentions(path.ptr);
		git_buf_dispose(&path);
		return found;
	}
	if ((xdg == NULL || *xdg == '\0') && home == NULL)
		return false;
	autofree char *name = xdg != NULL && *xdg != '\0' ?
	    mem_fmt("%s/git/attributes", xdg) :
	    mem_fmt("%s/.config/git/attributes", home);
	return file_mentions(name);
}

bool
gitrepo_converts_everywhere(struct gitrepo *g)
{
	autofree char *info = mem_fmt("%sinfo/attributes",
	    git_repository_commondir(g->repo));
	git_buf value = GIT_BUF_INIT;
	git_config *config = NULL;
	bool yes;

	if (git_repository_config_snapshot(&config, g->repo) < 0)
		return true;
	/* "input" is no boolean */
	yes = git_config_get_string_buf(&value, config,
	    "core.autocrlf") == 0 && (strcmp(value.ptr, "input") == 0 ||
	    setting(config, "core.autocrlf", true));
	git_buf_dispose(&value);
	yes = yes || user_attributes(config) || file_mentions(info) ||
	    file_mentions("/etc/gitattributes");
	git_config_free(config);
	return yes;
}

int
gitrepo_converts(struct gitrepo *g, const char *path, struct err *e)
{
	const char *values[NCONVERTING], *names[NCONVERTING];

	memcpy(names, converting, sizeof(names));
	if (git_attr_get_many(values, g->repo, 0, path, NCONVERTING,
	    names) < 0)
		return failed("cannot read the attributes", e);
	for (size_t i = 0; i < NCONVERTING; i++)
		if (!GIT_ATTR_IS_UNSPECIFIED(values[i]) &&
		    !GIT_ATTR_IS_FALSE(values[i]))
			return 1;
	return 0;
}

/*
 * Submodules and commits
 */

/* Flags in the index that call a file unchanged unseen; one that is not there
 * keeps its own. */
static void
look_at_all(struct gitrepo *g, git_index *index)
{
	for (size_t i = 0; i < git_index_entrycount(index); i++) {
		git_index_entry x = *git_index_get_byindex(index, i);
		autofree char *path = mem_fmt("%s/%s", g->root, x.path);
		struct stat st;

		if ((x.flags & GIT_INDEX_ENTRY_VALID) == 0 &&
		    (x.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) == 0)
			continue;
		if (lstat(path, &st) < 0)
			continue;
		x.flags &= (uint16_t)~GIT_INDEX_ENTRY_VALID;
		x.flags_extended &= (uint16_t)~GIT_INDEX_ENTRY_SKIP_WORKTREE;
		git_index_add(index, &x);
	}
}

static int
each_difference(struct gitrepo *g, void (*fn)(void *ctx, const char *path),
    void *ctx, struct err *e)
{
	git_status_list *list = NULL;
	git_index *index = NULL;
	git_status_options o;

	if (git_repository_index(&index, g->repo) == 0 && g->root != NULL)
		look_at_all(g, index);
	git_index_free(index);
	git_status_options_init(&o, GIT_STATUS_OPTIONS_VERSION);
	o.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED |
	    GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS | GIT_STATUS_OPT_NO_REFRESH;
	if (git_status_list_new(&list, g->repo, &o) < 0)
		return failed("cannot compare a submodule", e);
	for (size_t i = 0; i < git_status_list_entrycount(list); i++) {
		const git_status_entry *x = git_status_byindex(list, i);

		fn(ctx, x->index_to_workdir != NULL ?
		    x->index_to_workdir->new_file.path :
		    x->head_to_index->new_file.path);
	}
	git_status_list_free(list);
	return 0;
}

int
gitrepo_module(struct gitrepo *g, struct objid *commit,
    void (*fn)(void *ctx, const char *path), void *ctx, struct err *e)
{
	git_oid oid;
	int rc = git_reference_name_to_id(&oid, g->repo, "HEAD");

	memset(commit, 0, sizeof(*commit));
	if (rc < 0 && rc != GIT_ENOTFOUND)
		return failed("cannot read the HEAD of a submodule", e);
	if (rc == 0)
		memcpy(commit->bytes, oid.id, DIGEST_SHA1_LEN);
	return each_difference(g, fn, ctx, e);
}

int
gitrepo_commit(struct gitrepo *g, const char *rev, struct objid *id,
    struct err *e)
{
	git_object *object = NULL, *commit = NULL;
	int rc = git_revparse_single(&object, g->repo, rev);

	memset(id, 0, sizeof(*id));
	if (rc == 0)
		rc = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (rc == 0)
		memcpy(id->bytes, git_object_id(commit)->id, DIGEST_SHA1_LEN);
	git_object_free(object);
	git_object_free(commit);
	if (rc == GIT_EINVALIDSPEC || rc == GIT_EPEEL || rc == GIT_EAMBIGUOUS)
		return err_set(e, ERR_INPUT, "bad_revision",
		    "'%s' does not name a commit", rev);
	if (rc < 0 && rc != GIT_ENOTFOUND)
		return failed("cannot read a commit", e);
	return rc == 0;
}

int
gitrepo_merge_base(struct gitrepo *g, const struct objid *a,
    const struct objid *b, struct objid *base, struct err *e)
{
	git_oid x, y, out;
	int rc;

	memcpy(x.id, a->bytes, DIGEST_SHA1_LEN);
	memcpy(y.id, b->bytes, DIGEST_SHA1_LEN);
	memset(base, 0, sizeof(*base));
	rc = git_merge_base(&out, g->repo, &x, &y);
	if (rc == 0)
		memcpy(base->bytes, out.id, DIGEST_SHA1_LEN);
	/* a parent beyond the edge of a shallow clone is not there either */
	return rc == 0 ? 1 : rc == GIT_ENOTFOUND ? 0 :
	    failed("cannot find the merge base", e);
}

static int
walk(struct gitrepo *g, const git_oid *oid, const struct gitrepo_visit *v,
    void *folder, struct buf *path, int depth, struct err *e)
{
	git_tree *tree = NULL;
	size_t len = path->len;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_CHECK, "path_too_long",
		    "a commit has more than %d folders in each other",
		    DEPTH_MAX);
	if (git_tree_lookup(&tree, g->repo, oid) < 0)
		return failed("cannot read a tree", e);
	for (size_t i = 0; rc == 0 && i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *x = git_tree_entry_byindex(tree, i);
		struct objid id = { { 0 } };
		void *below;

		buf_truncate(path, len);
		buf_addf(path, "%s%s", len > 0 ? "/" : "",
		    git_tree_entry_name(x));
		memcpy(id.bytes, git_tree_entry_id(x)->id, DIGEST_SHA1_LEN);
		if (git_tree_entry_type(x) != GIT_OBJECT_TREE) {
			v->file(v->ctx, folder, path->data, path->len,
			    (uint32_t)git_tree_entry_filemode(x), &id);
		} else if ((below = v->folder(v->ctx, folder, path->data,
		    path->len)) != NULL) {
			rc = walk(g, git_tree_entry_id(x), v, below, path,
			    depth + 1, e);
			v->done(v->ctx, below);
		}
	}
	git_tree_free(tree);
	return rc;
}

int
gitrepo_walk(struct gitrepo *g, const struct objid *commit,
    const struct gitrepo_visit *v, struct err *e)
{
	autobuf struct buf path = BUF_INIT;
	git_commit *object = NULL;
	git_oid oid;
	void *root;
	int rc;

	memcpy(oid.id, commit->bytes, DIGEST_SHA1_LEN);
	if (git_commit_lookup(&object, g->repo, &oid) < 0)
		return failed("cannot read a commit", e);
	root = v->folder(v->ctx, NULL, "", 0);
	rc = walk(g, git_commit_tree_id(object), v, root, &path, 0, e);
	v->done(v->ctx, root);
	git_commit_free(object);
	return rc;
}
