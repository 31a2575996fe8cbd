#include "oci/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"

#define COPY_BLOCK (1 << 18)

struct copy_blob {
	struct layout *from;	/* borrowed */
	struct desc desc;
	struct layout *to;	/* borrowed; NULL: verify only */
	struct err *err;	/* owned; NULL: good */
};

struct copy {
	struct pool *pool;
	struct copy_blob **table;	/* open addressing, slots places */
	size_t n, slots;
};

static void
fail(struct copy_blob *b, const struct err *e)
{
	if (b->err == NULL)
		b->err = mem_alloc(sizeof(*b->err));
	*b->err = *e;
}

/* Bytes from one file to another, hashed as they pass. */
static int
copy_bytes_over(int from, int to, uint8_t digest[DIGEST_LEN], struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	autofree char *block = mem_alloc(COPY_BLOCK);
	ssize_t n;

	digest_start(&d);
	while ((n = file_read(from, block, COPY_BLOCK)) > 0) {
		digest_add(&d, block, (size_t)n);
		if (file_write(to, block, (size_t)n) < 0)
			return err_sys(e, "cannot write");
	}
	if (n < 0)
		return err_sys(e, "cannot read");
	digest_end(&d, digest);
	return 0;
}

/* A blob that is already there is read and trusted only if it is right; one
 * that is not is replaced. */
static int
copy_blob(struct copy_blob *b, struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob out = LAYOUT_BLOB_INIT;
	autofd int in = -1;
	uint8_t digest[DIGEST_LEN], want[DIGEST_LEN];
	int64_t size;
	int rc;

	if (layout_blob_verify(b->to, &b->desc, e) == 0)
		return 0;
	if ((in = layout_blob_open(b->from, &b->desc, e)) < 0 ||
	    layout_blob_start(b->to, &out, e) < 0)
		return -1;
	/* sharing the extents costs nothing where the file system can; what
	 * is hashed is our file, which nobody else writes to */
	if (ioctl(out.tmp.fd, FICLONE, in) == 0)
		rc = digest_file(out.tmp.fd, b->desc.digest, digest, &size, e);
	else
		rc = copy_bytes_over(in, out.tmp.fd, digest, e);
	if (rc < 0)
		return err_wrap(e, "blob %s to '%s'", b->desc.digest,
		    b->to->path);
	if (!digest_parse(b->desc.digest, want) ||
	    memcmp(digest, want, DIGEST_LEN) != 0)
		return err_set(e, ERR_CHECK, "blob_digest_mismatch",
		    "blob %s in '%s' changed while it was read",
		    b->desc.digest, b->from->path);
	return layout_blob_commit(&out, digest, e);
}

static void
work(void *ctx, void *job)
{
	struct copy_blob *b = job;
	struct err e;
	int rc;

	(void)ctx;
	rc = b->to != NULL ? copy_blob(b, &e) :
	    layout_blob_verify(b->from, &b->desc, &e);
	if (rc < 0)
		fail(b, &e);
}

struct copy *
copy_new(int threads)
{
	struct copy *c = mem_zero(1, sizeof(*c));

	c->pool = pool_new(threads, work, c);
	return c;
}

void
copy_free(struct copy *c)
{
	if (c == NULL)
		return;
	pool_free(c->pool);
	for (size_t i = 0; i < c->slots; i++) {
		if (c->table[i] == NULL)
			continue;
		free(c->table[i]->err);
		free(c->table[i]);
	}
	free(c->table);
	free(c);
}

void
copy_list_release(struct copy_list *list)
{
	free(list->blobs);
	list->blobs = NULL;
	list->n = list->cap = 0;
}

static struct copy_blob **
slot(struct copy_blob **table, size_t slots, const struct layout *l,
    const struct desc *d)
{
	uint8_t raw[DIGEST_LEN] = { 0 };
	size_t at;

	/* a digest is a hash already */
	digest_parse(d->digest, raw);
	memcpy(&at, raw, sizeof(at));
	for (at &= slots - 1; table[at] != NULL; at = (at + 1) & (slots - 1))
		if (table[at]->from == l && table[at]->desc.size == d->size &&
		    strcmp(table[at]->desc.digest, d->digest) == 0)
			break;
	return &table[at];
}

static void
grow(struct copy *c)
{
	size_t slots = c->slots > 0 ? c->slots * 2 : 64;
	struct copy_blob **table = mem_zero(slots, sizeof(*table));

	for (size_t i = 0; i < c->slots; i++)
		if (c->table[i] != NULL)
			*slot(table, slots, c->table[i]->from,
			    &c->table[i]->desc) = c->table[i];
	free(c->table);
	c->table = table;
	c->slots = slots;
}

void
copy_add(struct copy_list *list, struct layout *l, const struct desc *d)
{
	struct copy *c = list->copy;
	struct copy_blob **at;

	if (c == NULL)
		return;
	if (c->n * 2 >= c->slots)
		grow(c);
	at = slot(c->table, c->slots, l, d);
	if (*at == NULL) {
		*at = mem_zero(1, sizeof(**at));
		(*at)->from = l;
		(*at)->desc = *d;
		c->n++;
		pool_submit(c->pool, *at);
	}
	mem_grow(&list->blobs, &list->cap, list->n, sizeof(*list->blobs));
	list->blobs[list->n++] = *at;
}

void
copy_wait(struct copy *c)
{
	while (pool_take(c->pool) != NULL)
		continue;
}

int
copy_verdict(const struct copy_list *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->blobs[i]->err != NULL) {
			*e = *list->blobs[i]->err;
			return -1;
		}
	return 0;
}

uint64_t
copy_bytes(const struct copy_list *list)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < list->n; i++)
		bytes += (uint64_t)list->blobs[i]->desc.size;
	return bytes;
}

int
copy_run(struct copy_list *list, struct layout *to, struct err *e)
{
	int rc;

	for (size_t i = 0; i < list->n; i++) {
		struct copy_blob *b = list->blobs[i];

		/* one that two images share is in the list twice */
		if (b->to != NULL || layout_same(b->from, to))
			continue;
		b->to = to;
		pool_submit(list->copy->pool, b);
	}
	copy_wait(list->copy);
	rc = copy_verdict(list, e);
	/* the next layout is another matter */
	for (size_t i = 0; i < list->n; i++) {
		list->blobs[i]->to = NULL;
		free(list->blobs[i]->err);
		list->blobs[i]->err = NULL;
	}
	return rc;
}
