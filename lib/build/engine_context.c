#include "build/engine_context.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/plan.h"
#include "build/staged.h"
#include "oci/image.h"
#include "oci/imgtar.h"
#include "oci/places.h"

#define REGISTRY "docker://"

void
engine_context_release(struct engine_context *c)
{
	for (size_t i = 0; i < c->nsources; i++)
		source_release(&c->sources[i]);
	free(c->sources);
	if (c->staged.root != NULL)
		tree_release(&c->staged);
}

static int
ignore(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)ctx;
	(void)data;
	(void)len;
	(void)e;
	return 0;
}

/* Read every file below n, which is to be compared with its digest. */
static int
read_all(struct tree *t, struct tree_node *n, struct err *e)
{
	if (n->type == TREE_FILE)
		return t->ops->read(t, n, ignore, NULL, e);
	for (size_t i = 0; i < n->nkids; i++)
		if (read_all(t, n->kids[i], e) < 0)
			return -1;
	return 0;
}

static int
add_staged(struct engine_context *c, const struct native *n,
    struct list *argv, struct err *e)
{
	if (staged_open(&c->staged, n->staged, n->manifest_sha256,
	    n->platform.arch, e) < 0 ||
	    read_all(&c->staged, c->staged.root, e) < 0)
		return -1;
	list_take(argv, mem_fmt("--build-context=" PLAN_STAGED "=%s",
	    n->staged));
	return 0;
}

/* BuildKit reads layouts alone, and an image by its digest without touching
 * the directory. */
static char *
for_buildx(struct source *s, const struct desc *d)
{
	return mem_fmt("oci-layout://%s@%s", s->scratch.path != NULL ?
	    s->scratch.layout : s->layout.path, d->digest);
}

/*
 * buildah keeps what it reads in its storage, by a name that it makes of a
 * layout's path or takes out of an archive, and fails where that can't be a
 * name.  So it gets an archive of the one image that has none.
 */
static char *
for_buildah(const struct engine_job *j, size_t n, struct source *s,
    const struct desc *d, struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;
	autofree char *path = mem_fmt("%s/context%zu.tar", j->scratch.path, n);
	struct imgtar_opts opts = {
		.layout = &s->layout, .image = &image.desc,
		.mtime = j->n->epoch,
	};
	struct imgtar *t;
	int rc;

	if (image_read(&s->layout, d, &j->n->platform, &image, e) < 0)
		return NULL;
	image.desc.has_platform = true;
	image.desc.platform = image.platform;
	if ((t = imgtar_new(&opts, e)) == NULL)
		return NULL;
	rc = imgtar_write(t, path, e);
	imgtar_free(t);
	return rc < 0 ? NULL :
	    mem_fmt("container-image://docker-archive:%s", path);
}

/* What stands for place, the nth; NULL with *e. */
static char *
value_of(const struct engine_job *j, size_t n, struct source *s,
    const char *place, enum engine_context_form form, struct err *e)
{
	autofree char *whole = NULL;
	struct desc d;

	if (strncmp(place, REGISTRY, strlen(REGISTRY)) == 0)
		return places_check_userinfo(place, e) < 0 ? NULL :
		    mem_fmt("docker-image://%s", place + strlen(REGISTRY));
	if (!source_is(place))
		return file_absolute(j->n->dir, place);
	whole = source_absolute(j->n->dir, place);
	if (source_open(s, whole, e) < 0 || source_find(s, &d, e) < 0)
		return NULL;
	return form == ENGINE_CONTEXT_BUILDX ? for_buildx(s, &d) :
	    for_buildah(j, n, s, &d, e);
}

int
engine_context_args(struct engine_context *c, const struct engine_job *j,
    enum engine_context_form form, struct list *argv, struct err *e)
{
	const struct list *all = &j->n->contexts;

	c->sources = mem_zero(all->n + 1, sizeof(*c->sources));
	for (size_t i = 0; i < all->n; i++) {
		const char *place = strchr(all->items[i], '=') + 1;
		autofree char *name = mem_dup(all->items[i],
		    (size_t)(place - 1 - all->items[i]));
		autofree char *value = NULL;

		c->sources[i] = (struct source)SOURCE_INIT;
		c->nsources++;
		value = value_of(j, i, &c->sources[i], place, form, e);
		if (value == NULL)
			return -1;
		list_take(argv, mem_fmt("--build-context=%s=%s", name, value));
	}
	return j->n->staged == NULL || !j->staged ? 0 :
	    add_staged(c, j->n, argv, e);
}
