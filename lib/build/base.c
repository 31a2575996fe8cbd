#include "build/base.h"

#include <string.h>

#include "base/mem.h"
#include "build/base_layer.h"
#include "build/base_spool.h"
#include "oci/copy.h"
#include "oci/copy_blob.h"

static int
read_content(struct tree *t, const struct tree_node *file,
    int (*sink)(void *ctx, const void *data, size_t len, struct err *e),
    void *ctx, struct err *e)
{
	struct base *b = t->ctx;

	return base_spool_read(b->spool, file, sink, ctx, e);
}

static int
prepare(struct tree *t, const struct tree_node *const *files, size_t n,
    struct err *e)
{
	struct base *b = t->ctx;

	return base_spool_fill(b->spool, files, n, e);
}

static void
release(struct tree *t)
{
	base_spool_free(((struct base *)t->ctx)->spool);
}

/* What a registry alone has, into the base's own layout. */
static int
fetch(struct base *b, struct err *e)
{
	AUTO(copy_list_release) struct copy_list list = COPY_LIST_INIT;
	struct copy *copy = copy_new(1);
	int rc;

	for (size_t i = 0; i < b->image.nlayers; i++)
		copy_list_add(&list, b->place, &b->image.layers[i].desc,
		    false);
	rc = copy_run(copy, &list, &b->own, e);
	copy_free(copy);
	b->fetched = rc == 0;
	return rc;
}

static int
load(struct tree *t, struct tree_node *root, struct err *e)
{
	struct base *b = t->ctx;

	(void)root;
	if (!b->fetched && fetch(b, e) < 0)
		return -1;
	for (size_t i = 0; i < b->image.nlayers; i++)
		if (base_layer_read(b->own.layout, &b->image.layers[i],
		    (int)i, t, e) < 0)
			return -1;
	return 0;
}

static const struct tree_ops ops = {
	.load = load, .prepare = prepare, .read = read_content,
	.release = release,
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
	    "the image %s is for %s, not for %s", place, actual,
	    expected);
	err_set_values(e, expected, actual);
	return -1;
}

/* The base's own layout is there, and has the image. */
static int
open_source(struct base *b, const char *location, struct desc *d,
    struct err *e)
{
	if (source_open(&b->source, location, e) < 0 ||
	    source_find(&b->source, d, e) < 0)
		return -1;
	b->place = &b->own;
	b->fetched = true;
	return 0;
}

static int
open_registry(struct base *b, const char *location, struct places *places,
    struct desc *d, struct err *e)
{
	struct source *s = &b->source;
	autofree char *wanted = NULL;

	/* its layout is for layers, should they be asked for */
	if ((b->place = places_open(places, location, false, &wanted,
	    e)) == NULL || place_find(b->place, wanted, d, e) < 0 ||
	    scratch_open(&s->scratch, e) < 0 ||
	    layout_open_scratch(&s->layout, s->scratch.layout, e) < 0)
		return -1;
	return 0;
}

int
base_open(struct base *b, const char *location, struct places *places,
    const struct desc_platform *platform, struct err *e)
{
	struct desc d;

	b->own = (struct place)PLACE_OF_LAYOUT(&b->source.layout);
	if ((source_is(location) ? open_source(b, location, &d, e) :
	    open_registry(b, location, places, &d, e)) < 0 ||
	    image_load(b->place, &d, platform, &b->image, e) < 0 ||
	    check_platform(b, platform, location, e) < 0)
		return -1;
	b->spool = base_spool_new(&b->source.layout, &b->image);
	tree_init(&b->tree, &ops, b);
	b->tree.root->lazy = true;
	return b->fetched ? tree_load(b->tree.root, e) : 0;
}

void
base_release(struct base *b)
{
	if (b->tree.root != NULL)
		tree_release(&b->tree);
	image_release(&b->image);
	source_release(&b->source);
}

int
base_layer_open(struct base *b, size_t i)
{
	struct err ignored;

	return !b->fetched ? -1 : layout_blob_open(&b->source.layout,
	    &b->image.layers[i].desc, &ignored);
}

int
base_copy_layer(struct base *b, size_t i, struct layout *to, struct err *e)
{
	struct place target = PLACE_OF_LAYOUT(to);
	const struct desc *d = &b->image.layers[i].desc;
	int rc = layout_blob_has(to, d, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return copy_blob_bring(b->fetched ? &b->own : b->place, &target, d,
	    false, e) < 0 ? -1 : 0;
}
