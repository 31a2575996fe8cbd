#include "oci/referrers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "oci/image.h"

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void
write_member(struct json_out *o, struct rec *r, const char *key)
{
	size_t len;
	const char *text = rec_text(r, key, &len);

	if (text == NULL)
		return;
	json_out_key(o, key);
	json_out_raw(o, text, len);
}

/* The entry of a list of referrers: distribution-spec v1.1, "Listing
 * Referrers". */
static void
write_entry(struct json_out *o, const struct desc *d, struct rec *r)
{
	struct err ignored;
	const char *type;

	json_out_open(o, '{');
	desc_write_members(o, d);
	if (rec_str(r, "artifactType", &type, &ignored) == 1 ||
	    rec_str(r, "config.mediaType", &type, &ignored) == 1)
		json_out_kstr(o, "artifactType", type);
	write_member(o, r, "annotations");
	json_out_close(o, '}');
}

static int
put_with_subject(struct place *to, const struct desc *d,
    const struct buf *text, struct rec *r, const char *subject,
    struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct registry_session *s = place_session(to, e);
	bool listed = false;
	int rc;

	if (s == NULL)
		return -1;
	write_entry(&o, d, r);
	rc = registry_manifest_put(s, to->repo, d->digest, d, text->data,
	    text->len, &listed, e);
	if (rc == 0 && !listed) {
		pthread_mutex_lock(&one_at_a_time);
		rc = registry_referrers_add(s, to->repo, subject, o.buf.data,
		    d->digest, e);
		pthread_mutex_unlock(&one_at_a_time);
	}
	place_session_end(to, s);
	return rc;
}

int
referrers_put(struct place *to, const struct desc *d,
    const struct buf *text, struct err *e)
{
	struct rec *r = NULL;
	const char *subject;
	uint8_t raw[DIGEST_LEN];
	struct err ignored;
	int rc;

	if (to->layout == NULL)
		r = desc_document(text->data, text->len, d->digest, &ignored);
	if (r != NULL && rec_str(r, "subject.digest", &subject,
	    &ignored) == 1 && digest_parse(subject, raw))
		rc = put_with_subject(to, d, text, r, subject, e);
	else
		rc = place_put(to, d, text, e);
	rec_free(r);
	return rc;
}

void
referrers_release(struct referrers *x)
{
	free(x->tags);
	x->tags = NULL;
	x->n = x->cap = 0;
}

struct found {
	struct desc *items;	/* owned */
	size_t n, cap;
};

static int
take(void *ctx, const char *text, size_t len, struct err *e)
{
	struct found *f = ctx;
	struct rec *r = desc_document(text, len, "referrers", e);
	struct desc d;
	int rc = r == NULL ? -1 : desc_read(r, &d, e);

	rec_free(r);
	if (rc < 0)
		return -1;
	mem_grow(&f->items, &f->cap, f->n, sizeof(*f->items));
	f->items[f->n++] = d;
	return 0;
}

/* A manifest with what it needs.  What is no manifest (an index of them) is
 * left where it is: nobody makes one. */
static int
add_manifest(struct referrers *x, struct place *from, const struct desc *d,
    struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;

	if (!desc_is_manifest(d->media_type))
		return 0;
	if (x->found++ == REFERRERS_MAX)
		return err_set(e, ERR_CHECK, "too_many_referrers",
		    "over %d signatures and attestations", REFERRERS_MAX);
	if (image_load_parts(from, d, &image, e) < 0)
		return -1;
	copy_list_add(x->blobs, from, &image.config_desc, false);
	for (size_t i = 0; i < image.nlayers; i++)
		copy_list_add(x->blobs, from, &image.layers[i].desc, false);
	copy_list_add(x->blobs, from, d, true);
	return 1;
}

static int
find_tags(struct referrers *x, struct place *from, const char *digest,
    struct err *e)
{
	static const char *const ends[] = { "sig", "att", "sbom" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct referrers_tag t = { .from = from };
		int rc;

		snprintf(t.tag, sizeof(t.tag), "sha256-%s.%s",
		    digest + strlen("sha256:"), ends[i]);
		if ((rc = place_look(from, t.tag, &t.desc, e)) < 0)
			return -1;
		if (rc == 0)
			continue;
		if ((rc = add_manifest(x, from, &t.desc, e)) < 0)
			return -1;
		if (rc == 0)
			continue;
		mem_grow(&x->tags, &x->cap, x->n, sizeof(*x->tags));
		x->tags[x->n++] = t;
	}
	return 0;
}

static int
find(struct referrers *x, struct place *from, const char *digest, int depth,
    struct err *e)
{
	struct registry_session *s = place_session(from, e);
	struct found f = { NULL, 0, 0 };
	int rc;

	if (s == NULL)
		return -1;
	rc = registry_referrers_each(s, from->repo, digest, take, &f, e);
	place_session_end(from, s);
	for (size_t i = 0; rc == 0 && i < f.n; i++) {
		rc = add_manifest(x, from, &f.items[i], e) < 0 ? -1 : 0;
		if (rc == 0 && depth < REFERRERS_DEPTH_MAX)
			rc = find(x, from, f.items[i].digest, depth + 1, e);
	}
	free(f.items);
	return rc == 0 ? find_tags(x, from, digest, e) : -1;
}

int
referrers_find(struct referrers *x, struct place *from, const char *digest,
    struct err *e)
{
	if (find(x, from, digest, 1, e) < 0)
		return err_wrap(e, "what refers to %s", digest);
	return 0;
}

int
referrers_name(const struct referrers *x, struct place *to, struct err *e)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct referrers_tag *t = &x->tags[i];
		autobuf struct buf text = BUF_INIT;
		char previous[DIGEST_STR];
		struct desc now;
		int rc = place_look(to, t->tag, &now, e);

		if (rc < 0)
			return -1;
		if (rc == 1 && strcmp(now.digest, t->desc.digest) == 0)
			continue;
		if (place_document(t->from, &t->desc, &text, e) < 0 ||
		    place_tag(to, t->tag, &t->desc, &text, previous, e) < 0)
			return -1;
	}
	return 0;
}
