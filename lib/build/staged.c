#include "build/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/dirtree.h"
#include "build/staged_list.h"

#define READ_SIZE (256 << 10)
#define LOCK_TRIES 100

struct staged {
	int lock;		/* <root>/<arch>, with the shared lock */
	int fd;			/* the bundle's directory */
	char *path;
	struct staged_list list;
	struct staged_list_item manifest;	/* manifest.json itself */
	char *buffer;
};

static int
changed(const char *path, const char *why, struct err *e)
{
	err_set(e, ERR_CHECK, "staged_changed",
	    "the staged bundle is no longer what was verified: %s: %s", path,
	    why);
	err_set_path(e, path);
	return -1;
}

static struct staged_list_item *
item_for(struct staged *s, const char *path)
{
	if (strcmp(path, "manifest.json") == 0)
		return &s->manifest;
	return staged_list_find(&s->list, path);
}

static int
check_link(struct tree_node *n, const struct staged_list_item *item,
    const char *path, struct err *e)
{
	if (item->size >= 0)
		return changed(path, "a symlink took the file's place", e);
	if (item->target == NULL || strcmp(item->target, n->link) == 0)
		return 0;
	changed(path, "the symlink has another target", e);
	err_set_values(e, item->target, n->link);
	return -1;
}

/* Judge what stands at path, as the walk meets it. */
static int
on_node(void *ctx, struct tree_node *n, const struct stat *st,
    const char *path, struct err *e)
{
	struct staged *s = ctx;
	struct staged_list_item *item;

	if (n->type == TREE_OTHER)
		return changed(path, "no file, directory or symlink", e);
	if (n->type != TREE_LINK && (st->st_mode & 07000) != 0)
		return changed(path, "it has a setuid, setgid or sticky bit",
		    e);
	n->mode = n->type == TREE_LINK ? 0777 : st->st_mode & 0777;
	item = item_for(s, path);
	if (n->type == TREE_DIR)
		return item == NULL ? 0 :
		    changed(path, "a directory took the file's place", e);
	if (item == NULL)
		return changed(path, "its manifest does not list it", e);
	item->seen = true;
	if (n->type == TREE_LINK)
		return check_link(n, item, path, e);
	if (item->size < 0)
		return changed(path, "a file took the symlink's place", e);
	if (item->size != n->size)
		return changed(path, "the size differs", e);
	return 0;
}

/* True if name still is the directory that fd is open on. */
static bool
names(const char *name, int fd)
{
	struct stat at, open_at;

	return lstat(name, &at) == 0 && S_ISDIR(at.st_mode) &&
	    fstat(fd, &open_at) == 0 && at.st_dev == open_at.st_dev &&
	    at.st_ino == open_at.st_ino;
}

/*
 * <root>/<arch>, a real directory, under a shared flock(2).  A stager may have
 * displaced it before the lock was there, and may then delete it: so the name
 * is looked at again, under the lock.
 */
static int
lock_root(struct staged *s, const char *dir, struct err *e)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		s->lock = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
		if (s->lock < 0 && (errno == ENOTDIR || errno == ELOOP))
			return changed(dir, "not a real directory", e);
		if (s->lock < 0 && errno == ENOENT)
			return changed(dir, "no such directory", e);
		if (s->lock < 0)
			return err_sys(e, "cannot open '%s'", dir);
		while (flock(s->lock, LOCK_SH) < 0)
			if (errno != EINTR)
				return err_sys(e, "cannot lock '%s'", dir);
		if (names(dir, s->lock))
			return 0;
		close(s->lock);
		s->lock = -1;
	}
	return changed(dir, "it is replaced over and over", e);
}

static int
open_locked(struct staged *s, const char *path, struct err *e)
{
	const char *base = file_base(path);
	size_t len = (size_t)(base - path);
	autofree char *dir = len > 1 ? mem_dup(path, len - 1) :
	    mem_str(len == 1 ? "/" : ".");

	if (lock_root(s, dir, e) < 0)
		return -1;
	s->fd = file_open_beneath(s->lock, base, O_RDONLY | O_DIRECTORY, 0);
	if (s->fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return changed(path, "no such directory", e);
	return err_sys(e, "cannot open '%s'", path);
}

static int
read_manifest(struct staged *s, const char *want, const char *arch,
    struct err *e)
{
	uint8_t digest[DIGEST_LEN];
	char found[DIGEST_HEX];
	struct stat st;

	autofd int fd = file_open_beneath(s->fd, "manifest.json",
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return changed("manifest.json", "not there", e);
	if (staged_list_read(&s->list, fd, digest, &s->manifest.size, e) < 0)
		return -1;
	memcpy(s->manifest.digest, digest, sizeof(digest));
	digest_format_hex(digest, found);
	if (strcmp(found, want) != 0) {
		changed("manifest.json", "the digest differs", e);
		err_set_values(e, want, found);
		return -1;
	}
	if (strcmp(s->list.arch, arch) != 0) {
		err_set(e, ERR_CHECK, "arch_mismatch",
		    "the staged bundle is for %s, the image for %s",
		    s->list.arch, arch);
		err_set_values(e, arch, s->list.arch);
		return -1;
	}
	return 0;
}

struct check {
	const struct staged_list_item *item;
	struct digest digest;
	int (*sink)(void *ctx, const void *data, size_t len, struct err *e);
	void *ctx;
};

static int
read_checked(struct staged *s, int fd, const char *path, struct check *c,
    struct err *e)
{
	uint8_t digest[DIGEST_LEN];
	int64_t left = c->item->size;
	char probe;

	while (left > 0) {
		size_t want = left < READ_SIZE ? (size_t)left : READ_SIZE;
		ssize_t got = file_read(fd, s->buffer, want);

		if (got < 0)
			return err_sys(e, "cannot read '%s/%s'", s->path,
			    path);
		if ((size_t)got < want)
			return changed(path, "the size differs", e);
		digest_add(&c->digest, s->buffer, want);
		if (c->sink(c->ctx, s->buffer, want, e) < 0)
			return -1;
		left -= got;
	}
	if (file_read(fd, &probe, 1) != 0)
		return changed(path, "the size differs", e);
	digest_end(&c->digest, digest);
	if (memcmp(digest, c->item->digest, DIGEST_LEN) != 0)
		return changed(path, "the digest differs", e);
	return 0;
}

static int
read_file(struct tree *t, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e)
{
	struct staged *s = t->ctx;
	AUTO(buf_release) struct buf path = BUF_INIT;
	struct check c = { .digest = DIGEST_INIT, .sink = sink, .ctx = ctx };
	struct stat st;

	tree_path(file, &path);
	c.item = item_for(s, path.data);
	autofd int fd = file_open_beneath(s->fd, path.data,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return err_sys(e, "cannot open '%s/%s'", s->path, path.data);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return changed(path.data, "not there", e);
	if (s->buffer == NULL)
		s->buffer = mem_alloc(READ_SIZE);
	digest_start(&c.digest);
	int rc = read_checked(s, fd, path.data, &c, e);
	digest_release(&c.digest);
	return rc;
}

static void
release(struct tree *t)
{
	struct staged *s = t->ctx;

	if (s->fd >= 0)
		close(s->fd);
	if (s->lock >= 0)
		close(s->lock);
	staged_list_release(&s->list);
	free(s->path);
	free(s->buffer);
	free(s);
}

static int
load(struct tree *t, struct tree_node *dir, struct err *e)
{
	struct staged *s = t->ctx;
	struct dirtree d = { s->fd, s->path, NULL, on_node, s };

	if (dirtree_load(&d, dir, e) < 0)
		return -1;
	for (size_t i = 0; i < dir->nkids; i++)
		if (tree_load(dir->kids[i], e) < 0)
			return -1;
	return 0;
}

static const struct tree_ops ops = {
	.load = load, .read = read_file, .release = release,
};

/* Where the manifest does not say what a link's text is, it still was verified
 * that it stays in the bundle. */
static int
check_inside(struct tree *t, const struct staged_list_item *item,
    struct err *e)
{
	struct tree_node *n;
	int rc;

	if (item->size >= 0 || item->target != NULL)
		return 0;
	if ((rc = tree_lookup(t, item->path, false, &n, e)) <= 0)
		return rc;
	return tree_leads_out(n) ? changed(item->path,
	    "the symlink leads out of the bundle", e) : 0;
}

static int
open_all(struct tree *t, const char *path, const char *sha256,
    const char *arch, struct err *e)
{
	struct staged *s = t->ctx;

	if (open_locked(s, path, e) < 0 ||
	    read_manifest(s, sha256, arch, e) < 0 ||
	    tree_load(t->root, e) < 0)
		return -1;
	for (size_t i = 0; i < s->list.n; i++)
		if (!s->list.items[i].seen)
			return changed(s->list.items[i].path, "not there", e);
	for (size_t i = 0; i < s->list.n; i++)
		if (check_inside(t, &s->list.items[i], e) < 0)
			return -1;
	return 0;
}

int
staged_open(struct tree *t, const char *path, const char *manifest_sha256,
    const char *arch, struct err *e)
{
	struct staged *s = mem_zero(1, sizeof(*s));

	s->lock = s->fd = -1;
	s->path = mem_str(path);
	for (size_t n = strlen(s->path); n > 1 && s->path[n - 1] == '/'; n--)
		s->path[n - 1] = '\0';
	tree_init(t, &ops, s);
	t->root->lazy = true;
	if (open_all(t, s->path, manifest_sha256, arch, e) == 0)
		return 0;
	tree_release(t);
	return -1;
}
