#include "change/regstate.h"

#include <string.h>

#include "base/mem.h"
#include "oci/desc.h"
#include "oci/place.h"

struct look {
	struct place *place;
	char found[DIGEST_STR];	/* or "" */
	bool differs;		/* the images of an index do */
	bool deep;		/* in an index already */
};

static int look_at(struct look *l, const struct desc *d, struct err *e);

static int
see_child(void *ctx, const struct rec_member *m, struct err *e)
{
	struct look *l = ctx;
	struct rec *r = desc_document(m->text, m->len, "manifests", e);
	char before[DIGEST_STR];
	struct desc d;
	int rc = r == NULL ? -1 : desc_read(r, &d, e);
	bool first = l->found[0] == '\0' && !l->differs;

	rec_free(r);
	/* attestations are for no platform */
	if (rc < 0 || (d.has_platform &&
	    strcmp(d.platform.os, "unknown") == 0))
		return rc;
	memcpy(before, l->found, sizeof(before));
	if (look_at(l, &d, e) < 0)
		return -1;
	if (l->found[0] == '\0' || (!first && strcmp(before, l->found) != 0))
		l->differs = true;
	return 0;
}

/* The annotation of a document, or of what is in it. */
static int
look_at(struct look *l, const struct desc *d, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	uint8_t digest[DIGEST_LEN];
	const char *value;
	struct rec *r;
	int rc = 0;

	if (place_document(l->place, d, &text, e) < 0 ||
	    (r = desc_document(text.data, text.len, d->digest, e)) == NULL)
		return -1;
	l->found[0] = '\0';
	value = desc_member(r, "annotations", DESC_FINGERPRINT);
	if (value != NULL && digest_parse(value, digest)) {
		digest_format(digest, l->found);
	} else if (!l->deep) {
		l->deep = true;
		rc = rec_each(r, "manifests", see_child, l, e);
	}
	rec_free(r);
	return rc < 0 ? -1 : 0;
}

int
regstate_previous(struct places *places, const char *location,
    char fingerprint[DIGEST_STR], struct err *e)
{
	autofree char *wanted = NULL;
	struct look l = { .found = "" };
	struct desc d;

	fingerprint[0] = '\0';
	l.place = places_open(places, location, false, &wanted, e);
	if (l.place == NULL)
		return -1;
	if (place_find(l.place, wanted, &d, e) < 0)
		return strcmp(e->code, "not_found") == 0 ? 0 : -1;
	if (look_at(&l, &d, e) < 0)
		return -1;
	if (l.differs || l.found[0] == '\0')
		return 0;
	memcpy(fingerprint, l.found, DIGEST_STR);
	return 1;
}
