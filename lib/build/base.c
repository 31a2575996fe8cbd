#include "build/base.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/base_layer.h"
#include "build/base_spool.h"
#include "codec/digest.h"

static int
read_content(struct tree *t, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e)
{
	(void)t;
	return base_spool_read(t->ctx, file, sink, ctx, e);
}

static int
prepare(struct tree *t, const struct tree_node *const *files, size_t n,
    struct err *e)
{
	return base_spool_fill(t->ctx, files, n, e);
}

static void
release(struct tree *t)
{
	base_spool_free(t->ctx);
}

static const struct tree_ops ops = {
	.prepare = prepare, .read = read_content, .release = release,
};

static int
check_platform(const struct base *b, const struct desc_platform *want,
    const char *place, struct err *e)
{
	char expected[104], actual[104];

	if (desc_platform_match(want, &b->image.platform))
		return 0;
	desc_platform_format(want, expected);
	desc_platform_format(&b->image.platform, actual);
	err_set(e, ERR_CHECK, "platform_mismatch",
	    "the image oci:%s is for %s, not for %s", place, actual,
	    expected);
	err_set_values(e, expected, actual);
	return -1;
}

int
base_open(struct base *b, const char *place,
    const struct desc_platform *platform, struct err *e)
{
	autofree char *dir = NULL, *tag = NULL;
	struct desc d;

	layout_split(place, &dir, &tag);
	if (layout_open(&b->layout, dir, false, e) < 0 ||
	    layout_find(&b->layout, tag, &d, e) < 0 ||
	    image_read(&b->layout, &d, platform, &b->image, e) < 0 ||
	    check_platform(b, platform, place, e) < 0)
		return -1;
	tree_init(&b->tree, &ops, base_spool_new(&b->layout, &b->image));
	for (size_t i = 0; i < b->image.nlayers; i++)
		if (base_layer_read(&b->layout, &b->image.layers[i], (int)i,
		    &b->tree, e) < 0)
			return -1;
	return 0;
}

void
base_release(struct base *b)
{
	if (b->tree.root != NULL)
		tree_release(&b->tree);
	image_release(&b->image);
	layout_release(&b->layout);
}

static int
copy_blob(int from, int to, const struct desc *d, uint8_t digest[DIGEST_LEN],
    struct err *e)
{
	AUTO(digest_release) struct digest sum = DIGEST_INIT;
	autofree char *block = mem_alloc(1 << 18);
	ssize_t n;

	digest_start(&sum);
	while ((n = file_read(from, block, 1 << 18)) > 0) {
		digest_add(&sum, block, (size_t)n);
		if (file_write(to, block, (size_t)n) < 0)
			return err_sys(e, "cannot write the blob %s",
			    d->digest);
	}
	if (n < 0)
		return err_sys(e, "cannot read the blob %s", d->digest);
	digest_end(&sum, digest);
	return 0;
}

int
base_copy_layer(struct base *b, size_t i, struct layout *to, struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob blob = LAYOUT_BLOB_INIT;
	const struct desc *d = &b->image.layers[i].desc;
	uint8_t digest[DIGEST_LEN], want[DIGEST_LEN];
	int rc = layout_blob_has(to, d, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	autofd int in = layout_blob_open(&b->layout, d, e);
	if (in < 0 || layout_blob_start(to, &blob, e) < 0 ||
	    copy_blob(in, blob.tmp.fd, d, digest, e) < 0)
		return -1;
	if (!digest_parse(d->digest, want) ||
	    memcmp(want, digest, DIGEST_LEN) != 0)
		return err_set(e, ERR_CHECK, "blob_digest_mismatch",
		    "the blob %s changed while it was copied", d->digest);
	return layout_blob_commit(&blob, digest, e);
}
