#include "oci/origin.h"

#include <string.h>

#include "base/mem.h"

void
origin_release(struct origin *o)
{
	free(o->wanted);
	index_release(&o->children);
	copy_list_release(&o->blobs);
	*o = (struct origin)ORIGIN_INIT;
}

int
origin_open(struct origin *o, struct places *x, const char *location,
    bool fresh, struct err *e)
{
	o->place = places_open(x, location, fresh, &o->wanted, e);
	return o->place == NULL ? -1 : 0;
}

int
origin_load(struct origin *o, struct err *e)
{
	char type[sizeof(o->desc.media_type)];

	memcpy(type, o->desc.media_type, sizeof(type));
	if (!o->known && place_find(o->place, o->wanted, &o->desc, e) < 0)
		return -1;
	/* one that was said must be right */
	if (*type != '\0')
		memcpy(o->desc.media_type, type, sizeof(type));
	if (index_load(&o->children, o->place, &o->desc, &o->blobs, e) < 0)
		return -1;
	o->known = true;
	return 0;
}

bool
origin_is_index(const struct origin *o)
{
	/* an index can not have its own digest in it */
	return o->children.n != 1 || strcmp(o->children.children[0].desc.digest,
	    o->desc.digest) != 0;
}

int
origin_text(const struct origin *o, struct buf *out, struct err *e)
{
	return place_document(o->place, &o->desc, out, e);
}

void
origin_location(const struct origin *o, struct buf *b)
{
	uint8_t raw[DIGEST_LEN];

	place_name(o->place, b);
	if (o->place->unpacked != NULL)
		return;
	if (o->place->layout == NULL || o->wanted == NULL ||
	    digest_parse(o->wanted, raw))
		buf_addf(b, "@%s", o->desc.digest);
	else
		buf_addf(b, ":%s", o->wanted);
}
