#include "build/dest_push.h"

#include <string.h>

#include "base/mem.h"
#include "oci/image.h"

void
dest_push_init(struct dest_push *d, struct places *places)
{
	deliver_init(&d->to, places, NULL);
}

void
dest_push_release(struct dest_push *d)
{
	pusher_free(d->pusher);
	deliver_release(&d->to);
}

static int
add_repo(struct dest_push *d, const char *ref, struct err *e)
{
	const char *slash = strrchr(ref, '/');

	if (strchr(slash != NULL ? slash : ref, ':') != NULL)
		return err_set(e, ERR_INPUT, "tag_unwanted", "'%s' has a tag, "
		    "and --push-by-digest gives none", ref);
	d->look = true;
	return deliver_add_repo(&d->to, ref, e);
}

int
dest_push_add(struct dest_push *d, const char *ref, bool tagged,
    struct netopts *net, struct err *e)
{
	netopts_creds_for(net, ref);
	if ((tagged ? deliver_add_ref(&d->to, ref, NULL, e) :
	    add_repo(d, ref, e)) < 0)
		return -1;
	place_will_push(d->to.tags[d->to.n - 1].place);
	return !tagged || !deliver_is_first(&d->to, d->to.n - 1) ? 0 :
	    deliver_claim(&d->to.tags[d->to.n - 1], e);
}

int
dest_push_open(struct dest_push *d, struct err *e)
{
	if (deliver_read(&d->to, e) < 0)
		return -1;
	d->pusher = pusher_new(&d->to);
	return 0;
}

/* What it needs, all of it from here; what a repository knows to have is left
 * where it is. */
static void
list_blobs(struct dest_push *d, struct place *from, const struct image *i)
{
	copy_list_add(&d->to.blobs, from, &i->config_desc, false);
	for (size_t k = 0; k < i->nlayers; k++)
		copy_list_add(&d->to.blobs, from, &i->layers[k].desc, false);
}

static int
deliver(struct dest_push *d, struct place *from, const struct desc *image,
    struct err *e)
{
	AUTO(image_release) struct image i = IMAGE_INIT;

	if (image_load(from, image, NULL, &i, e) < 0)
		return -1;
	d->to.desc = i.desc;
	buf_add(&d->to.text, i.manifest.data, i.manifest.len);
	list_blobs(d, from, &i);
	if (pusher_wait(d->pusher, e) < 0 ||
	    (d->look && deliver_look(&d->to, e) < 0))
		return -1;
	return deliver_run(&d->to, e);
}

int
dest_push_finish(struct dest_push *d, struct layout *l,
    const struct desc *image, struct err *e)
{
	struct place from = PLACE_OF_LAYOUT(l);
	int rc;

	d->to.copy = copy_new(1);
	rc = deliver(d, &from, image, e);
	copy_free(d->to.copy);
	d->to.copy = NULL;
	copy_list_release(&d->to.blobs);
	return rc;
}
