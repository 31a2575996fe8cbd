#include "oci/index.h"

#include <string.h>

#include "base/mem.h"
#include "oci/image.h"

/* These name an image in a layout, and are no part of what is published. */
#define INDEX_LAYOUT_NAME "org.opencontainers.image.ref.name"
/* What BuildKit marks an attestation with, beside its platform. */
#define INDEX_ATTESTATION "vnd.docker.reference.type"

static void
child_release(struct index_child *c)
{
	free(c->artifact_type);
	notes_release(&c->notes);
}

void
index_release(struct index *x)
{
	for (size_t i = 0; i < x->n; i++)
		child_release(&x->children[i]);
	free(x->children);
	notes_release(&x->notes);
	*x = (struct index)INDEX_INIT;
}

/* Images by platform, attestations behind them, all by digest at last. */
static int
compare(const struct index_child *a, const struct index_child *b)
{
	char pa[104], pb[104];
	int order = a->attestation - b->attestation;

	if (order == 0) {
		desc_platform_format(&a->desc.platform, pa);
		desc_platform_format(&b->desc.platform, pb);
		order = strcmp(pa, pb);
	}
	if (order == 0)
		order = strcmp(a->desc.platform.os_version,
		    b->desc.platform.os_version);
	return order != 0 ? order : strcmp(a->desc.digest, b->desc.digest);
}

/* One child that came twice: what each of them says of it, whichever came
 * first. */
static void
unite(struct index_child *to, const struct index_child *from)
{
	for (size_t i = 0; i < from->notes.n; i++) {
		const struct notes_item *n = &from->notes.items[i];
		const char *old = notes_get(&to->notes, n->key);

		if (old == NULL || strcmp(n->value, old) < 0)
			notes_set(&to->notes, n->key, n->value);
	}
	if (from->artifact_type != NULL && (to->artifact_type == NULL ||
	    strcmp(from->artifact_type, to->artifact_type) < 0)) {
		free(to->artifact_type);
		to->artifact_type = mem_str(from->artifact_type);
	}
}

static int
conflict(const struct index_child *a, const struct index_child *b,
    struct err *e)
{
	char name[104];

	desc_platform_format(&a->desc.platform, name);
	err_set(e, ERR_CHECK, "platform_conflict",
	    "two images for %s: %s and %s", name, a->desc.digest,
	    b->desc.digest);
	err_set_path(e, name);
	err_set_values(e, a->desc.digest, b->desc.digest);
	return -1;
}

/* Add a copy of c in its place. */
static int
add(struct index *x, const struct index_child *c, struct err *e)
{
	struct index_child copy = { c->desc, NULL, { NULL, 0, 0 },
		c->attestation };
	size_t at = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct index_child *old = &x->children[i];

		if (strcmp(old->desc.digest, c->desc.digest) == 0) {
			unite(old, c);
			return 0;
		}
		if (!c->attestation && !old->attestation &&
		    desc_platform_equal(&old->desc.platform,
		    &c->desc.platform))
			return conflict(old, c, e);
		if (compare(old, c) < 0)
			at = i + 1;
	}
	unite(&copy, c);
	mem_grow(&x->children, &x->cap, x->n, sizeof(*x->children));
	memmove(x->children + at + 1, x->children + at,
	    (x->n - at) * sizeof(*x->children));
	x->children[at] = copy;
	x->n++;
	return 0;
}

int
index_merge(struct index *x, const struct index *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (add(x, &from->children[i], e) < 0)
			return -1;
	return 0;
}

static void
add_blobs(struct copy_list *blobs, struct place *p, const struct image *i)
{
	copy_list_add(blobs, p, &i->desc, true);
	copy_list_add(blobs, p, &i->config_desc, false);
	for (size_t n = 0; n < i->nlayers; n++)
		copy_list_add(blobs, p, &i->layers[n].desc, false);
}

/* Read the child that c->desc names and put it into x. */
static int
load_child(struct index *x, struct place *p, struct index_child *c,
    struct copy_list *blobs, struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;

	if (c->attestation && x->no_attestations) {
		x->left_out++;
		return 0;
	}
	if (c->attestation) {
		if (image_load_parts(p, &c->desc, &image, e) < 0)
			return -1;
	} else {
		if (image_load(p, &c->desc, NULL, &image, e) < 0)
			return -1;
		/* what the config says is what is written */
		c->desc = image.desc;
		c->desc.platform = image.platform;
		c->desc.has_platform = true;
	}
	if (add(x, c, e) < 0)
		return -1;
	add_blobs(blobs, p, &image);
	return 0;
}

static int
read_note(void *ctx, const struct rec_member *m, struct err *e)
{
	struct notes *notes = ctx;

	if (m->name == NULL || m->str == NULL)
		return err_set(e, ERR_CHECK, "descriptor_invalid",
		    "annotations: a string is wanted");
	if (strcmp(m->name, INDEX_LAYOUT_NAME) != 0)
		notes_set(notes, m->name, m->str);
	return 0;
}

static int
read_child(struct rec *r, struct index_child *c, struct err *e)
{
	const char *type;
	int rc;

	if (desc_read(r, &c->desc, e) < 0)
		return -1;
	if (desc_is_index(c->desc.media_type))
		return err_set(e, ERR_CHECK, "nested_index",
		    "%s is an index inside an index", c->desc.digest);
	if ((rc = rec_str(r, "artifactType", &type, e)) < 0 ||
	    rec_each(r, "annotations", read_note, &c->notes, e) < 0) {
		e->kind = ERR_CHECK;
		return -1;
	}
	if (rc == 1)
		c->artifact_type = mem_str(type);
	c->attestation = notes_get(&c->notes, INDEX_ATTESTATION) != NULL ||
	    (c->desc.has_platform &&
	    strcmp(c->desc.platform.os, "unknown") == 0 &&
	    strcmp(c->desc.platform.arch, "unknown") == 0);
	return 0;
}

struct flatten {
	struct index *index;
	struct place *place;
	struct copy_list *blobs;
};

static int
flatten_child(void *ctx, const struct rec_member *m, struct err *e)
{
	struct flatten *f = ctx;
	AUTO(child_release) struct index_child c = { .attestation = false };
	struct rec *r = desc_document(m->text, m->len, "manifests", e);
	int rc = r == NULL ? -1 : read_child(r, &c, e);

	rec_free(r);
	return rc < 0 ? -1 : load_child(f->index, f->place, &c, f->blobs, e);
}

static int
flatten(struct index *x, struct place *p, struct rec *r,
    const struct desc *d, struct copy_list *blobs, struct err *e)
{
	struct flatten f = { x, p, blobs };

	if (rec_each(r, "manifests", flatten_child, &f, e) < 0 ||
	    rec_each(r, "annotations", read_note, &x->notes, e) < 0) {
		if (e->kind == ERR_INPUT)
			e->kind = ERR_CHECK;
		return err_wrap(e, "index %s", d->digest);
	}
	if (x->n == 0)
		return err_set(e, ERR_CHECK, "index_empty",
		    "index %s has no images", d->digest);
	return 0;
}

int
index_load(struct index *x, struct place *p, struct desc *d,
    struct copy_list *blobs, struct err *e)
{
	AUTO(child_release) struct index_child c = { .attestation = false };
	autobuf struct buf text = BUF_INIT;
	struct rec *r;
	int rc;

	if (place_document(p, d, &text, e) < 0 ||
	    (r = desc_document(text.data, text.len, d->digest, e)) == NULL)
		return -1;
	if ((rc = image_document_check(r, d, e)) == 1) {
		rc = flatten(x, p, r, d, blobs, e);
	} else if (rc == 0) {
		c.desc = *d;
		rc = load_child(x, p, &c, blobs, e);
	}
	rec_free(r);
	return rc;
}

struct index_child *
index_find(struct index *x, const struct desc_platform *p)
{
	for (size_t i = 0; i < x->n; i++)
		if (!x->children[i].attestation &&
		    desc_platform_match(p, &x->children[i].desc.platform))
			return &x->children[i];
	return NULL;
}

void
index_platforms(const struct index *x, struct buf *b)
{
	const char *comma = "";

	for (size_t i = 0; i < x->n; i++) {
		char name[104];

		if (x->children[i].attestation)
			continue;
		desc_platform_format(&x->children[i].desc.platform, name);
		buf_addf(b, "%s%s", comma, name);
		comma = ", ";
	}
}

static int
annotate(struct index *x, const struct notes_target *t, const char *key,
    const char *value, struct err *e)
{
	char name[104];
	bool any = false;

	if (t->index) {
		notes_set(&x->notes, key, value);
		return 0;
	}
	for (size_t i = 0; i < x->n; i++) {
		struct index_child *c = &x->children[i];

		if (c->attestation || (t->one && !desc_platform_match(
		    &t->platform, &c->desc.platform)))
			continue;
		notes_set(&c->notes, key, value);
		any = true;
	}
	if (any)
		return 0;
	desc_platform_format(&t->platform, name);
	return err_set(e, ERR_CHECK, "annotation_platform",
	    "annotation '%.200s' is for %s, and there is no such image", key,
	    name);
}

int
index_annotate(struct index *x, const char *option, struct err *e)
{
	AUTO(notes_option_release) struct notes_option o;

	if (notes_parse(&o, option, e) < 0)
		return -1;
	for (size_t i = 0; x != NULL && i < o.ntargets; i++)
		if (annotate(x, &o.targets[i], o.key, o.value, e) < 0)
			return -1;
	return 0;
}

/* All that are missing are named at once. */
int
index_require(struct index *x, const struct desc_platform *platforms,
    size_t n, struct err *e)
{
	autobuf struct buf have = BUF_INIT, want = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		char name[104];

		if (index_find(x, &platforms[i]) != NULL)
			continue;
		desc_platform_format(&platforms[i], name);
		buf_addf(&want, "%s%s", want.len > 0 ? ", " : "", name);
	}
	if (want.len == 0)
		return 0;
	index_platforms(x, &have);
	err_set(e, ERR_CHECK, "platform_missing",
	    "no image for %s; there is %s", want.data,
	    have.len > 0 ? have.data : "none");
	err_set_values(e, want.data, have.data);
	return -1;
}
