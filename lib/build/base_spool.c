#include "build/base_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/zin.h"

#define READ_SIZE (256 << 10)

struct base_spool {
	struct layout *layout;		/* borrowed */
	const struct image *image;	/* borrowed */
	int fd;				/* unlinked, or -1 */
	int64_t size;
	char *buffer;
};

struct base_spool *
base_spool_new(struct layout *l, const struct image *i)
{
	struct base_spool *s = mem_zero(1, sizeof(*s));

	s->layout = l;
	s->image = i;
	s->fd = -1;
	return s;
}

void
base_spool_free(struct base_spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->buffer);
	free(s);
}

/* A file without a name where TMPDIR says, else on disk: it may be large. */
static int
open_spool(struct base_spool *s, struct err *e)
{
	const char *dir = getenv("TMPDIR");

	if (dir == NULL || *dir == '\0')
		dir = "/var/tmp";
	s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0) {
		autofree char *name = mem_fmt("%s/img-build.XXXXXX", dir);

		if ((s->fd = mkostemp(name, O_CLOEXEC)) >= 0)
			unlink(name);
	}
	if (s->fd < 0)
		return err_sys(e, "cannot make a temporary file in '%s'", dir);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct tree_node *x = *(struct tree_node *const *)a;
	const struct tree_node *y = *(struct tree_node *const *)b;

	if (x->data_layer != y->data_layer)
		return x->data_layer < y->data_layer ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The part of a piece at `at` in the stream that belongs to n, written. */
static int
take(struct base_spool *s, const struct tree_node *n, const uint8_t *data,
    size_t len, int64_t at, struct err *e)
{
	int64_t start = n->offset > at ? n->offset : at;
	int64_t end = n->offset + n->size;

	if (end > at + (int64_t)len)
		end = at + (int64_t)len;
	if (start < end && file_pwrite(s->fd, data + (start - at),
	    (size_t)(end - start), n->spool + (start - n->offset)) < 0)
		return err_sys(e, "cannot write a temporary file");
	return 0;
}

/* All wanted files of one layer; they are sorted by offset. */
static int
fill_layer(struct base_spool *s, struct tree_node **files, size_t n,
    struct err *e)
{
	const struct desc *d = &s->image->layers[files[0]->data_layer].desc;
	autofd int fd = layout_blob_open(s->layout, d, e);
	const uint8_t *data;
	size_t len, next = 0;
	int64_t at = 0;
	int rc = 1;

	if (fd < 0)
		return -1;
	struct zin *z = zin_new(fd, ZIN_MEMBERS);
	while (next < n && (rc = zin_read(z, &data, &len, e)) > 0) {
		for (size_t i = next; i < n &&
		    files[i]->offset < at + (int64_t)len; i++) {
			if (take(s, files[i], data, len, at, e) < 0) {
				rc = -1;
				break;
			}
		}
		if (rc < 0)
			break;
		at += (int64_t)len;
		while (next < n && files[next]->offset + files[next]->size <=
		    at)
			next++;
	}
	zin_free(z);
	if (rc == 0)	/* it was whole when it was verified */
		return err_set(e, ERR_CHECK, "layer_damaged",
		    "the blob %s changed while it was read", d->digest);
	return rc < 0 ? -1 : 0;
}

int
base_spool_fill(struct base_spool *s, const struct tree_node *const *files,
    size_t n, struct err *e)
{
	autofree struct tree_node **want = mem_zero(n + 1, sizeof(*want));
	size_t count = 0, from = 0;

	for (size_t i = 0; i < n; i++) {
		/* they are nodes of our own tree */
		struct tree_node *node =
		    (struct tree_node *)(uintptr_t)files[i];

		if (node->spool >= 0)
			continue;
		node->spool = s->size;
		s->size += node->size;
		if (node->size > 0)
			want[count++] = node;
	}
	if (count == 0)
		return 0;
	if (s->fd < 0 && open_spool(s, e) < 0)
		return -1;
	qsort(want, count, sizeof(*want), compare);
	for (size_t i = 1; i <= count; i++) {
		if (i < count && want[i]->data_layer == want[from]->data_layer)
			continue;
		if (fill_layer(s, want + from, i - from, e) < 0)
			return -1;
		from = i;
	}
	return 0;
}

int
base_spool_read(struct base_spool *s, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e)
{
	int64_t at = file->spool, left = file->size;

	if (s->buffer == NULL)
		s->buffer = mem_alloc(READ_SIZE);
	while (left > 0) {
		size_t want = left < READ_SIZE ? (size_t)left : READ_SIZE;
		ssize_t got = pread(s->fd, s->buffer, want, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_sys(e, "cannot read a temporary file");
		if (sink(ctx, s->buffer, (size_t)got, e) < 0)
			return -1;
		at += got;
		left -= got;
	}
	return 0;
}
