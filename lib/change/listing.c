#include "change/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#define ATTRIBUTES ".gitattributes"
#define ATTRIBUTES_MAX (100 << 20)	/* git's own limit of such a file */

void
listing_found_release(struct listing_found *found)
{
	free(found->files);
	folders_arena_release(&found->arena);
	*found = (struct listing_found){ .n = 0 };
}

/*
 * Names of a folder
 */

struct slot {
	const char *name;	/* not NUL-terminated; NULL: free */
	size_t len;
	const struct tracked *file;	/* NULL: a folder */
};

struct names {
	struct slot *slots;	/* owned */
	size_t mask;
};

static struct slot *
slot_of(const struct names *n, const char *name, size_t len)
{
	uint32_t h = 2166136261u;	/* FNV-1a */
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	for (i = h & n->mask; n->slots[i].name != NULL &&
	    (n->slots[i].len != len ||
	    memcmp(n->slots[i].name, name, len) != 0); i = (i + 1) & n->mask)
		;
	return &n->slots[i];
}

/* The names that are dealt with elsewhere. */
static void
known_names(const struct listing *l, const struct folder *f, struct names *n)
{
	size_t start = f->len > 0 ? f->len + 1 : 0, count = 0;

	for (size_t i = f->files; i != FOLDERS_END;
	    i = l->tracked->items[i].next)
		count++;
	for (size_t i = f->below; i != FOLDERS_END;
	    i = l->folders->items[i].next)
		count++;
	for (n->mask = 7; n->mask < 2 * count; n->mask = 2 * n->mask + 1)
		;
	n->slots = mem_zero(n->mask + 1, sizeof(*n->slots));
	for (size_t i = f->files; i != FOLDERS_END;
	    i = l->tracked->items[i].next) {
		const struct tracked *t = &l->tracked->items[i];

		*slot_of(n, t->path + start, t->len - start) = (struct slot){
			t->path + start, t->len - start, t };
	}
	for (size_t i = f->below; i != FOLDERS_END;
	    i = l->folders->items[i].next) {
		const struct folder *b = &l->folders->items[i];

		*slot_of(n, b->path + start, b->len - start) = (struct slot){
			b->path + start, b->len - start, NULL };
	}
}

/*
 * Contents
 */

static int
module_of(const struct listing *l, const char *path, uint32_t *mode,
    struct objid *id, struct err *e)
{
	int rc;

	pthread_mutex_lock(l->lock);
	rc = repo_module(l->repo, path, id, mode, e);
	pthread_mutex_unlock(l->lock);
	return rc;
}

/* A tracked submodule: not checked out, it is as the index says. */
static int
tracked_module(const struct listing *l, struct tracked *t, struct err *e)
{
	int rc = module_of(l, t->path, &t->now, &t->now_id, e);

	if (rc == 0) {
		t->now = t->mode;
		t->now_id = t->id;
	}
	return rc < 0 ? err_wrap(e, "submodule '%s'", t->path) : 0;
}

static int
read_tracked(const struct listing *l, int dirfd, const char *name,
    const struct stat *st, struct tracked *t, struct listing_found *found,
    struct err *e)
{
	int rc = objid_of(l->tracked->format, dirfd, name, t->path, st,
	    &t->now_id, e);

	found->bytes += (uint64_t)st->st_size;
	t->by_stat = false;
	if (rc == 0)
		t->now = 0;
	return rc < 0 ? -1 : 0;
}

/* The state file, what it is written at first, and its lists. */
static bool
is_skipped(const struct listing *l, const char *path)
{
	size_t len = l->skip != NULL ? strlen(l->skip) : 0;
	const char *rest = path + len;

	if (len == 0 || strncmp(path, l->skip, len) != 0)
		return false;
	return *rest == '\0' || strncmp(rest, ".tmp-", 5) == 0 ||
	    strcmp(rest, ".d") == 0 || strncmp(rest, ".d/", 3) == 0;
}

static int
look_at_tracked(const struct listing *l, const struct folder *f, int dirfd,
    struct tracked *t, struct listing_found *found, struct err *e)
{
	const char *name = t->path + (f->len > 0 ? f->len + 1 : 0);
	struct stat st;

	if (t->in == NULL || is_skipped(l, t->path))
		return 0;
	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (dirfd >= 0 && errno != ENOENT && errno != ENOTDIR)
			return err_sys(e, "cannot stat '%s'", t->path);
		t->now = t->sparse ? t->mode : 0;
		t->now_id = t->id;
		return 0;
	}
	if (t->mode == FILELIST_MODULE && S_ISDIR(st.st_mode))
		return tracked_module(l, t, e);
	/* patterns have less to say of a file than of a folder */
	if (t->mode == FILELIST_MODULE && (t->in = folders_in(l->folders, f,
	    t->path, t->len, false, &found->arena)) == NULL)
		return 0;
	if ((t->now = tracked_mode(l->tracked, t->mode, &st)) == 0)
		return 0;
	if (!tracked_clean(l->tracked, t, &st))
		return read_tracked(l, dirfd, name, &st, t, found, e);
	t->by_stat = true;
	t->now_id = t->id;
	return 0;
}

int
listing_hash(const struct listing *l, struct tracked *t,
    struct listing_found *found, struct err *e)
{
	const char *name;
	autofd int dirfd = repo_folder_of(l->repo, t->path, &name);
	struct stat st;

	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot stat '%s'", t->path);
	return read_tracked(l, dirfd, name, &st, t, found, e);
}

/*
 * What is not tracked
 */

static void
add(struct listing_found *found, const char *path, size_t len, uint32_t mode,
    const struct objid *id, const bool *in)
{
	mem_grow(&found->files, &found->cap, found->n, sizeof(*found->files));
	found->files[found->n++] = (struct listing_file){
		folders_keep(&found->arena, mem_dup(path, len)), len, mode,
		*id, in };
}

static int
ignored(const struct listing *l, const char *path, bool folder, struct err *e)
{
	int rc;

	pthread_mutex_lock(l->lock);
	rc = repo_ignored(l->repo, path, folder, e);
	pthread_mutex_unlock(l->lock);
	return rc;
}

static int
new_file(const struct listing *l, const struct folder *f, int dirfd,
    const char *name, const struct buf *path, struct listing_found *found,
    struct err *e)
{
	const bool *in = folders_in(l->folders, f, path->data, path->len,
	    false, &found->arena);
	struct objid id;
	struct stat st;
	uint32_t mode;
	int rc;

	if (in == NULL || is_skipped(l, path->data))
		return 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 :
		    err_sys(e, "cannot stat '%s'", path->data);
	if ((mode = tracked_mode(l->tracked, 0, &st)) == 0)
		return 0;
	if ((rc = ignored(l, path->data, false, e)) != 0)
		return rc < 0 ? -1 : 0;
	rc = objid_of(l->tracked->format, dirfd, name, path->data, &st, &id,
	    e);
	found->bytes += (uint64_t)st.st_size;
	if (rc > 0)
		add(found, path->data, path->len, mode, &id, in);
	return rc < 0 ? -1 : 0;
}

static int walk(const struct listing *l, struct folder *f,
    const struct names *known, int dirfd, struct buf *path,
    struct listing_found *found, struct err *e);

/* A folder with a repository of its own counts as a submodule does. */
static int
new_module(const struct listing *l, const struct folder *parent, int dirfd,
    const struct buf *path, struct listing_found *found, struct err *e)
{
	struct objid id;
	struct stat st;
	uint32_t mode;
	const bool *in;
	int rc;

	if (fstatat(dirfd, ".git", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if ((rc = module_of(l, path->data, &mode, &id, e)) <= 0)
		return rc < 0 ? err_wrap(e, "repository '%s'", path->data) :
		    0;
	in = folders_in(l->folders, parent, path->data, path->len, true,
	    &found->arena);
	if (in != NULL)
		add(found, path->data, path->len, mode, &id, in);
	return 1;
}

static int
new_folder(const struct listing *l, const struct folder *parent, int dirfd,
    const char *name, struct buf *path, struct listing_found *found,
    struct err *e)
{
	/* the path below is lent to the folder, and path may move */
	const char *kept = folders_keep(&found->arena,
	    mem_dup(path->data, path->len));
	struct folder f;
	int rc;

	if (is_skipped(l, kept) || !folders_enter(l->folders, parent, kept,
	    path->len, &f, &found->arena))
		return 0;
	if ((rc = ignored(l, kept, true, e)) == 0) {
		autofd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			rc = errno == ENOENT || errno == ENOTDIR ||
			    errno == ELOOP ? 0 :
			    err_sys(e, "cannot open '%s'", kept);
		else if ((rc = new_module(l, parent, fd, path, found,
		    e)) == 0)
			rc = walk(l, &f, NULL, fd, path, found, e);
	}
	folders_leave(&f);
	return rc < 0 ? -1 : 0;
}

static bool
is_folder(int dirfd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode);
}

/* An attribute file that nobody can read may say anything. */
static bool
attributes_convert(int dirfd)
{
	autobuf struct buf text = BUF_INIT;
	struct err e;

	return file_slurp(dirfd, ATTRIBUTES, ATTRIBUTES, ATTRIBUTES_MAX,
	    &text, &e) < 0 || gitrepo_mentions_conversion(text.data, text.len);
}

/* A folder is put off, so that its parent has only one descriptor open. */
static int
entry(const struct listing *l, struct folder *f, const struct names *known,
    int dirfd, const struct dirent *d, struct buf *path, struct buf *later,
    struct listing_found *found, struct err *e)
{
	bool folder = is_folder(dirfd, d);
	size_t n = strlen(d->d_name);
	const struct slot *s = known != NULL ? slot_of(known, d->d_name, n) :
	    NULL;

	if (strcmp(d->d_name, ATTRIBUTES) == 0)
		f->attributes = attributes_convert(dirfd);
	/* a folder in a tracked file's place is new, and so is a file in a
	 * tracked folder's */
	if (s != NULL && s->name != NULL && (s->file == NULL ? folder :
	    !folder || s->file->mode == FILELIST_MODULE))
		return 0;
	if (folder) {
		buf_add(later, d->d_name, n + 1);
		return 0;
	}
	if (path->len > 0)
		buf_addc(path, '/');
	buf_add(path, d->d_name, n);
	return new_file(l, f, dirfd, d->d_name, path, found, e);
}

/* What is in the folder that dirfd is open on, the known names left out. */
static int
walk(const struct listing *l, struct folder *f, const struct names *known,
    int dirfd, struct buf *path, struct listing_found *found, struct err *e)
{
	int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	autobuf struct buf later = BUF_INIT;
	size_t len = path->len;
	struct dirent *d;

	if (dir == NULL) {
		err_sys(e, "cannot read folder '%s'", path->data);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0 ||
		    strcmp(d->d_name, ".git") == 0)
			continue;
		rc = entry(l, f, known, dirfd, d, path, &later, found, e);
		buf_truncate(path, len);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "cannot read folder '%s'", path->data);
	closedir(dir);
	for (const char *p = later.data; rc == 0 && p < later.data + later.len;
	    p += strlen(p) + 1) {
		buf_addf(path, "%s%s", len > 0 ? "/" : "", p);
		rc = new_folder(l, f, dirfd, p, path, found, e);
		buf_truncate(path, len);
	}
	return rc;
}

int
listing_folder(const struct listing *l, size_t i,
    struct listing_found *found, struct err *e)
{
	struct folder *f = &l->folders->items[i];
	size_t start = f->len > 0 ? f->len + 1 : 0;
	autobuf struct buf path = BUF_INIT;
	struct names known;
	int rc = 0;

	buf_add(&path, f->path, f->len);
	autofd int dirfd = file_open_beneath(l->repo->rootfd,
	    f->len > 0 ? path.data : ".", O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0 && errno != ENOENT && errno != ENOTDIR &&
	    errno != ELOOP && errno != EXDEV)
		return err_sys(e, "cannot open folder '%s'", path.data);
	for (size_t t = f->files; rc == 0 && t != FOLDERS_END;
	    t = l->tracked->items[t].next) {
		struct tracked *x = &l->tracked->items[t];

		rc = look_at_tracked(l, f, dirfd, x, found, e);
		/* one that is not checked out holds all the same */
		if (x->len - start == strlen(ATTRIBUTES) &&
		    strcmp(x->path + start, ATTRIBUTES) == 0)
			f->attributes = true;
	}
	if (rc < 0 || dirfd < 0)
		return rc;
	known_names(l, f, &known);
	rc = walk(l, f, &known, dirfd, &path, found, e);
	free(known.slots);
	return rc;
}
