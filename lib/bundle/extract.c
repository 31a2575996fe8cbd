#include "bundle/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* Up to so many files each is synced on its own; beyond, the file system is
 * asked once, which also waits for what other programs wrote. */
#define SYNC_EACH_MAX 512

static void
add(struct extract_items *list, const char *path, const char *target,
    unsigned mode, bool listed)
{
	mem_grow(&list->items, &list->cap, list->count,
	    sizeof(*list->items));
	list->items[list->count++] = (struct extract_item){ mem_str(path),
	    target != NULL ? mem_str(target) : NULL, mode, listed };
}

static void
items_release(struct extract_items *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].path);
		free(list->items[i].target);
	}
	free(list->items);
}

void
extract_release(struct extract *x)
{
	if (x->file >= 0)
		close(x->file);
	if (x->parent >= 0)
		close(x->parent);
	free(x->parent_path);
	free(x->file_path);
	items_release(&x->dirs);
	items_release(&x->links);
	items_release(&x->files);
	*x = (struct extract)EXTRACT_INIT(-1);
}

/* Make (if need be) and open the directory name in dir; path is its whole
 * path, of len bytes. */
static int
enter(struct extract *x, int dir, const char *name, const char *path,
    size_t len, struct err *e)
{
	int fd;

	if (mkdirat(dir, name, 0700) == 0) {
		autofree char *whole = mem_dup(path, len);

		add(&x->dirs, whole, NULL, 0755, false);
	} else if (errno != EEXIST) {
		return err_sys(e, "cannot make directory '%s'", path);
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot open directory '%s'", path);
	return fd;
}

/* The directory that is len bytes of path, made with all above it; the one of
 * the last call is kept open. */
static int
directory(struct extract *x, const char *path, size_t len, struct err *e)
{
	autofree char *copy = mem_dup(path, len);
	int fd;

	if (x->parent_path != NULL && strcmp(x->parent_path, copy) == 0)
		return x->parent;
	if ((fd = dup(x->root)) < 0)
		return err_sys(e, "cannot open directory '%s'", copy);
	for (char *name = copy; *name != '\0';) {
		size_t n = strcspn(name, "/");
		char keep = name[n];
		int next;

		name[n] = '\0';
		next = enter(x, fd, name, path, (size_t)(name - copy) + n, e);
		close(fd);
		if (next < 0)
			return -1;
		fd = next;
		name[n] = keep;
		name += n + (keep == '/');
	}
	if (x->parent >= 0)
		close(x->parent);
	free(x->parent_path);
	x->parent = fd;
	x->parent_path = mem_dup(path, len);
	return fd;
}

static int
parent_of(struct extract *x, const char *path, struct err *e)
{
	const char *base = file_base(path);

	return directory(x, path, base > path ? (size_t)(base - path) - 1 : 0,
	    e);
}

static int
on_dir(void *ctx, const char *path, unsigned mode, struct err *e)
{
	struct extract *x = ctx;

	if (directory(x, path, strlen(path), e) < 0)
		return -1;
	add(&x->dirs, path, NULL, mode, true);
	return 0;
}

static int
on_file(void *ctx, const char *path, unsigned mode, struct err *e)
{
	struct extract *x = ctx;
	int dir = parent_of(x, path, e);

	if (dir < 0)
		return -1;
	x->file = openat(dir, file_base(path),
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (x->file < 0)
		return err_sys(e, "cannot write '%s'", path);
	free(x->file_path);
	x->file_path = mem_str(path);
	x->file_mode = mode;
	return 0;
}

static int
on_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct extract *x = ctx;

	if (file_write(x->file, data, len) < 0)
		return err_sys(e, "cannot write '%s'", x->file_path);
	return 0;
}

static int
on_file_end(void *ctx, struct err *e)
{
	struct extract *x = ctx;

	if (fchmod(x->file, x->file_mode) < 0)
		return err_sys(e, "cannot set the mode of '%s'",
		    x->file_path);
	/* the disk may start now; extract_finish waits for it */
	if (x->files.count < SYNC_EACH_MAX)
		sync_file_range(x->file, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (x->files.count <= SYNC_EACH_MAX)
		add(&x->files, x->file_path, NULL, x->file_mode, true);
	int rc = close(x->file);
	x->file = -1;
	return rc < 0 ? err_sys(e, "cannot write '%s'", x->file_path) : 0;
}

static int
on_link(void *ctx, const char *path, const char *target, struct err *e)
{
	struct extract *x = ctx;

	if (parent_of(x, path, e) < 0)
		return -1;
	add(&x->links, path, target, 0, true);
	return 0;
}

const struct archive_sink extract_sink = {
	on_dir, on_file, on_data, on_file_end, on_link,
};

static int
make_links(struct extract *x, struct err *e)
{
	for (size_t i = 0; i < x->links.count; i++) {
		const struct extract_item *l = &x->links.items[i];
		int dir = parent_of(x, l->path, e);

		if (dir < 0)
			return -1;
		if (symlinkat(l->target, dir, file_base(l->path)) < 0)
			return err_sys(e, "cannot make symlink '%s'", l->path);
	}
	return 0;
}

/* What is in a directory before it, and a mode of the archive before ours. */
static int
deepest_first(const void *a, const void *b)
{
	const struct extract_item *x = a, *y = b;
	int order = strcmp(y->path, x->path);

	return order != 0 ? order : (int)y->listed - (int)x->listed;
}

static int
sync_path(int root, const char *path, int flags, struct err *e)
{
	autofd int fd = file_open_beneath(root, path, O_RDONLY | flags, 0);

	/* a file that even its owner may not read is synced by the others */
	if (fd < 0 && errno == EACCES)
		return syncfs(root) < 0 ?
		    err_sys(e, "cannot sync '%s'", path) : 0;
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		return err_sys(e, "cannot sync '%s'", path);
	return 0;
}

static int
finish_dirs(struct extract *x, bool each, struct err *e)
{
	const char *last = NULL;

	if (x->dirs.count > 0)
		qsort(x->dirs.items, x->dirs.count, sizeof(*x->dirs.items),
		    deepest_first);
	for (size_t i = 0; i < x->dirs.count; i++) {
		const struct extract_item *d = &x->dirs.items[i];

		if (last != NULL && strcmp(last, d->path) == 0)
			continue;
		last = d->path;
		autofd int fd = file_open_beneath(x->root, d->path,
		    O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0 || (each && fsync(fd) < 0 && errno != EINVAL) ||
		    fchmod(fd, d->mode) < 0)
			return err_sys(e, "cannot finish directory '%s'",
			    d->path);
	}
	return 0;
}

int
extract_finish(struct extract *x, struct err *e)
{
	bool each = x->files.count + x->dirs.count <= SYNC_EACH_MAX;

	if (make_links(x, e) < 0)
		return -1;
	for (size_t i = 0; each && i < x->files.count; i++)
		if (sync_path(x->root, x->files.items[i].path, 0, e) < 0)
			return -1;
	if (finish_dirs(x, each, e) < 0)
		return -1;
	if (each ? fsync(x->root) < 0 && errno != EINVAL :
	    syncfs(x->root) < 0)
		return err_sys(e, "cannot sync the staged tree");
	return 0;
}
