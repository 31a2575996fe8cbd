#include "build/trees.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/context.h"
#include "build/ignore.h"
#include "build/staged.h"

struct trees_item {
	char *place;
	struct desc_platform platform;	/* of an image */
	bool is_image;
	struct base image;
	struct tree dir;
};

void
trees_release(struct trees *t)
{
	for (size_t i = 0; i < t->nitems; i++) {
		base_release(&t->items[i]->image);
		if (t->items[i]->dir.root != NULL)
			tree_release(&t->items[i]->dir);
		free(t->items[i]->place);
		free(t->items[i]);
	}
	free(t->items);
	if (t->context.root != NULL)
		tree_release(&t->context);
	if (t->staged.root != NULL)
		tree_release(&t->staged);
}

/* 1 with *ignore, 0 without such a file. */
static int
read_ignore(const char *path, struct ignore **ignore, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (file_slurp(AT_FDCWD, path, path, IGNORE_FILE_MAX, &text, e) < 0)
		return e->kind == ERR_CHECK &&
		    strcmp(e->code, "not_found") == 0 ? 0 : -1;
	*ignore = ignore_parse(file_base(path), text.data, text.len, e);
	return *ignore == NULL ? -1 : 1;
}

int
trees_context(struct trees *t, const struct native *n, const char *dockerfile,
    struct err *e)
{
	autofree char *beside = mem_fmt("%s.dockerignore", dockerfile);
	autofree char *inside = mem_fmt("%s/.dockerignore", n->context);
	struct ignore *ignore = NULL;
	int rc = read_ignore(beside, &ignore, e);

	if (rc == 0)
		rc = read_ignore(inside, &ignore, e);
	if (rc < 0)
		return -1;
	return context_open(&t->context, n->context, ignore, n->output,
	    n->keep_modes, e);
}

struct tree *
trees_staged(struct trees *t, struct err *e)
{
	if (t->staged.root == NULL && staged_open(&t->staged, t->n->staged,
	    t->n->manifest_sha256, t->n->platform.arch, e) < 0)
		return NULL;
	return &t->staged;
}

static struct trees_item *
find(const struct trees *t, const char *place,
    const struct desc_platform *platform)
{
	for (size_t i = 0; i < t->nitems; i++) {
		struct trees_item *item = t->items[i];

		if (strcmp(item->place, place) == 0 &&
		    item->is_image == (platform != NULL) &&
		    (platform == NULL ||
		    desc_platform_equal(&item->platform, platform)))
			return item;
	}
	return NULL;
}

static struct trees_item *
add(struct trees *t, const char *place)
{
	struct trees_item *item = mem_zero(1, sizeof(*item));

	item->place = mem_str(place);
	item->image = (struct base)BASE_INIT;
	mem_grow(&t->items, &t->cap, t->nitems, sizeof(*t->items));
	t->items[t->nitems++] = item;
	return item;
}

struct tree *
trees_dir(struct trees *t, const char *path, struct err *e)
{
	autofree char *inside = mem_fmt("%s/.dockerignore", path);
	struct trees_item *item = find(t, path, NULL);
	struct ignore *ignore = NULL;

	if (item != NULL)
		return &item->dir;
	if (read_ignore(inside, &ignore, e) < 0)
		return NULL;
	item = add(t, path);
	if (context_open(&item->dir, path, ignore, t->n->output,
	    t->n->keep_modes, e) < 0)
		return NULL;
	return &item->dir;
}

struct base *
trees_image(struct trees *t, const char *place,
    const struct desc_platform *platform, struct err *e)
{
	struct trees_item *item = find(t, place, platform);

	if (item != NULL)
		return &item->image;
	if (t->n->net != NULL)
		netopts_creds_for(t->n->net, place);
	item = add(t, place);
	item->is_image = true;
	item->platform = *platform;
	return base_open(&item->image, place, t->n->places, platform, e) < 0 ?
	    NULL : &item->image;
}
