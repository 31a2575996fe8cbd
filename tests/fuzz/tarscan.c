/*
 * Fuzz the tar scanner: no input may break it, and how the bytes are cut must
 * not change what it says.  Input: the tar.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/digest.h"
#include "codec/tarscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct digest digest;
	int64_t left;
};

static int
on_entry(void *ctx, const struct tarscan_entry *n, struct err *e)
{
	struct seen *s = ctx;

	(void)e;
	if (strlen(n->path) != n->path_len || strlen(n->link) !=
	    n->link_len || n->size < 0 || n->path_len > TARSCAN_PATH_MAX ||
	    n->data_offset != n->header_offset + 512)
		abort();
	digest_add(&s->digest, n->path, n->path_len);
	digest_add(&s->digest, n->link, n->link_len);
	digest_add(&s->digest, &n->type, 1);
	digest_add(&s->digest, &n->size, sizeof(n->size));
	digest_add(&s->digest, &n->header_offset, sizeof(int64_t));
	s->left = n->size;
	return 0;
}

static int
on_data(void *ctx, const uint8_t *data, size_t len, struct err *e)
{
	struct seen *s = ctx;

	(void)e;
	if (len == 0 || (int64_t)len > s->left)
		abort();
	s->left -= (int64_t)len;
	digest_add(&s->digest, data, len);
	return 0;
}

static int
on_end(void *ctx, struct err *e)
{
	struct seen *s = ctx;

	(void)e;
	if (s->left != 0)
		abort();
	return 0;
}

static int
scan(const uint8_t *data, size_t size, size_t piece, struct err *e,
    uint8_t sum[DIGEST_LEN])
{
	static const struct tarscan_ops ops = { on_entry, on_data, on_end };
	struct seen s = { DIGEST_INIT, 0 };
	struct tarscan *t = tarscan_new(&ops, &s);
	int status = 0;

	err_init(e);
	digest_start(&s.digest);
	for (size_t i = 0; i < size && status == 0; i += piece)
		status = tarscan_feed(t, data + i,
		    size - i < piece ? size - i : piece, e);
	if (status == 0)
		status = tarscan_finish(t, e);
	digest_end(&s.digest, sum);
	digest_release(&s.digest);
	tarscan_free(t);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct err e, f;
	uint8_t a[DIGEST_LEN], b[DIGEST_LEN];

	if (scan(data, size, size + 1, &e, a) != scan(data, size, 100, &f, b))
		abort();
	if (strcmp(e.detail, f.detail) != 0)
		abort();
	if (e.kind == ERR_NONE && memcmp(a, b, DIGEST_LEN) != 0)
		abort();
	return 0;
}
