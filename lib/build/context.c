#include "build/context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/dirtree.h"
#include "build/path.h"

#define READ_SIZE (256 << 10)

struct context {
	int fd;
	char *path;
	struct ignore *ignore;
	char *output;		/* below path, or NULL */
	bool keep_modes;
	char *buffer;		/* READ_SIZE, once something is read */
};

static bool
skip(void *ctx, const char *path)
{
	const struct context *c = ctx;

	if (c->output != NULL && strcmp(path, c->output) == 0)
		return true;
	return !ignore_has_exceptions(c->ignore) &&
	    ignore_excludes(c->ignore, path);
}

static int
on_node(void *ctx, struct tree_node *n, const struct stat *st,
    const char *path, struct err *e)
{
	const struct context *c = ctx;

	/* a socket is no part of a build: docker leaves it out too */
	if (S_ISSOCK(st->st_mode))
		return 1;
	if (n->type != TREE_LINK && c->keep_modes)
		n->mode = st->st_mode & 07777;
	else if (n->type == TREE_FILE)
		n->mode = st->st_mode & S_IXUSR ? 0755 : 0644;
	if (!ignore_excludes(c->ignore, path))
		return 0;
	/* excluded, but a `!` pattern may bring back what is in it */
	if (n->type != TREE_DIR)
		return 1;
	if (tree_load(n, e) < 0)
		return -1;
	return n->nkids == 0;
}

static int
load(struct tree *t, struct tree_node *dir, struct err *e)
{
	struct context *c = t->ctx;
	struct dirtree d = { c->fd, c->path, skip, on_node, c };

	return dirtree_load(&d, dir, e);
}

static int
changed(const struct context *c, const char *path, struct err *e)
{
	err_set(e, ERR_SYS, "context_changed",
	    "changed while it was read: '%s/%s'", c->path, path);
	err_set_path(e, path);
	return -1;
}

static int
read_file(struct tree *t, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e)
{
	struct context *c = t->ctx;
	AUTO(buf_release) struct buf path = BUF_INIT;
	int64_t left = file->size;
	struct stat st;

	tree_path(file, &path);
	if (c->buffer == NULL)
		c->buffer = mem_alloc(READ_SIZE);
	autofd int fd = file_open_beneath(c->fd, path.data,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return changed(c, path.data, e);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "cannot open '%s/%s'", c->path, path.data);
	if (!S_ISREG(st.st_mode) || st.st_size != file->size)
		return changed(c, path.data, e);
	while (left > 0) {
		size_t want = left < READ_SIZE ? (size_t)left : READ_SIZE;
		ssize_t got = file_read(fd, c->buffer, want);

		if (got < 0)
			return err_sys(e, "cannot read '%s/%s'", c->path,
			    path.data);
		if ((size_t)got < want)
			return changed(c, path.data, e);
		if (sink(ctx, c->buffer, want, e) < 0)
			return -1;
		left -= got;
	}
	return 0;
}

static const char *
hint(struct tree *t, const char *path)
{
	const struct context *c = t->ctx;

	return ignore_excludes(c->ignore, path) ? ignore_name(c->ignore) :
	    NULL;
}

static void
release(struct tree *t)
{
	struct context *c = t->ctx;

	if (c->fd >= 0)
		close(c->fd);
	ignore_free(c->ignore);
	free(c->output);
	free(c->path);
	free(c->buffer);
	free(c);
}

static const struct tree_ops ops = {
	.load = load, .read = read_file, .hint = hint, .release = release,
};

/* path without symlinks, relative to the root; what is not there yet stays as
 * it is written. */
static char *
real_path(const char *path)
{
	autofree char *there = mem_str(path);
	char *slash;

	for (;;) {
		autofree char *real = realpath(there, NULL);

		if (real != NULL || (slash = strrchr(there, '/')) == NULL) {
			autofree char *whole = mem_fmt("%s%s",
			    real != NULL ? real : there,
			    path + strlen(there));

			return path_clean(whole);
		}
		*slash = '\0';
	}
}

/* output as seen from path, if it lies below. */
static char *
below(const char *path, const char *output)
{
	autofree char *dir = real_path(path);
	autofree char *out = real_path(output);
	size_t len = strlen(dir);

	if (len == 0)
		return mem_str(out);
	return strncmp(out, dir, len) == 0 && out[len] == '/' ?
	    mem_str(out + len + 1) : NULL;
}

int
context_open(struct tree *t, const char *path, struct ignore *ignore,
    const char *output, bool keep_modes, struct err *e)
{
	struct context *c = mem_zero(1, sizeof(*c));

	tree_init(t, &ops, c);
	t->root->lazy = true;
	c->ignore = ignore;
	c->output = output != NULL ? below(path, output) : NULL;
	c->keep_modes = keep_modes;
	c->path = mem_str(path);
	c->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		err_set(e, ERR_CHECK, "not_found", "no such directory: %s",
		    path);
	else
		err_sys(e, "cannot open the directory '%s'", path);
	tree_release(t);
	return -1;
}
