#include "oci/image.h"

#include <string.h>

#include "base/mem.h"

void
image_release(struct image *i)
{
	buf_release(&i->manifest);
	buf_release(&i->config);
	free(i->layers);
	i->layers = NULL;
	i->nlayers = 0;
}

/* The document of a blob; its name in messages is the digest. */
static struct rec *
parse(const struct desc *d, const struct buf *text, struct err *e)
{
	return desc_document(text->data, text->len, d->digest, e);
}

/* The descriptor at key; 0 where it is missing. */
static int
read_member(struct rec *r, const char *key, struct desc *d, struct err *e)
{
	size_t len;
	const char *text = rec_text(r, key, &len);
	struct rec *member;
	int rc;

	if (text == NULL)
		return 0;
	if ((member = desc_document(text, len, key, e)) == NULL)
		return -1;
	rc = desc_read(member, d, e);
	rec_free(member);
	return rc < 0 ? err_wrap(e, "%s", key) : 1;
}

/* rec_each goes over an object as well, which other readers refuse. */
static int
need_array(struct rec *r, const char *key, const char *name, struct err *e)
{
	size_t len;
	const char *text = rec_text(r, key, &len);

	if (text == NULL || *text == '[')
		return 0;
	return err_set(e, ERR_CHECK, "document_invalid",
	    "%s: invalid field: %s: an array is wanted", name, key);
}

int
image_document_check(struct rec *r, struct desc *d, struct err *e)
{
	const char *type = NULL;
	struct desc subject;
	int64_t version;
	size_t len;
	bool index, image;
	int rc;

	if ((rc = rec_int(r, "schemaVersion", 2, 2, &version, e)) < 0 ||
	    rec_str(r, "mediaType", &type, e) < 0 ||
	    read_member(r, "subject", &subject, e) < 0) {
		e->kind = ERR_CHECK;
		e->code = "document_invalid";
		return err_wrap(e, "%s", d->digest);
	}
	if (rc == 0)
		return err_set(e, ERR_CHECK, "document_invalid",
		    "%s: missing field: schemaVersion", d->digest);
	index = rec_text(r, "manifests", &len) != NULL;
	image = rec_text(r, "layers", &len) != NULL ||
	    rec_text(r, "config", &len) != NULL ||
	    rec_text(r, "fsLayers", &len) != NULL;
	/* CVE-2021-41190: one document, read as two different things */
	if (index && image)
		return err_set(e, ERR_CHECK, "document_ambiguous",
		    "%s is both an index and a manifest", d->digest);
	if (need_array(r, "manifests", d->digest, e) < 0 ||
	    need_array(r, "layers", d->digest, e) < 0)
		return -1;
	if (type == NULL)
		type = index ? DESC_OCI_INDEX : DESC_OCI_MANIFEST;
	if (*d->media_type == '\0' && strlen(type) < sizeof(d->media_type))
		strcpy(d->media_type, type);
	if (strcmp(type, d->media_type) != 0) {
		err_set(e, ERR_CHECK, "media_type_mismatch",
		    "%s is '%.255s' by itself, but '%s' by its descriptor",
		    d->digest, type, d->media_type);
		err_set_values(e, d->media_type, type);
		return -1;
	}
	if ((index && !desc_is_index(type)) ||
	    (!index && !desc_is_manifest(type)))
		return err_set(e, ERR_CHECK, "media_type_unsupported",
		    "%s is neither an image nor an index: '%.255s'",
		    d->digest, type);
	return index ? 1 : 0;
}

static int
read_layer(void *ctx, const struct rec_member *m, struct err *e)
{
	struct image *i = ctx;
	struct rec *r = desc_document(m->text, m->len, "layer", e);
	int rc = -1;

	if (r != NULL) {
		i->layers = mem_realloc(i->layers, i->nlayers + 1,
		    sizeof(*i->layers));
		i->layers[i->nlayers].diff_id[0] = '\0';
		rc = desc_read(r, &i->layers[i->nlayers++].desc, e);
	}
	rec_free(r);
	return rc;
}

/* Config and layers of a manifest that is parsed. */
static int
read_manifest(struct rec *r, struct image *i, struct err *e)
{
	int rc = read_member(r, "config", &i->config_desc, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_CHECK, "document_invalid",
		    "missing field: config");
	if ((rc = rec_each(r, "layers", read_layer, i, e)) < 0) {
		e->kind = ERR_CHECK;
		return err_wrap(e, "layers");
	}
	/* manifest.md: layers is REQUIRED, though it may be empty here */
	if (rc == 0)
		return err_set(e, ERR_CHECK, "document_invalid",
		    "missing field: layers");
	return 0;
}

struct diff_ids {
	struct image *image;
	size_t n;
};

static int
read_diff_id(void *ctx, const struct rec_member *m, struct err *e)
{
	struct diff_ids *ids = ctx;
	uint8_t raw[DIGEST_LEN];

	if (m->str == NULL || !digest_parse(m->str, raw))
		return err_set(e, ERR_CHECK, "config_invalid",
		    "rootfs.diff_ids: a digest is wanted");
	if (ids->n < ids->image->nlayers)
		strcpy(ids->image->layers[ids->n].diff_id, m->str);
	ids->n++;
	return 0;
}

/* config.md: the platform and a diff_id for each layer are REQUIRED. */
static int
read_config(struct image *i, struct err *e)
{
	struct diff_ids ids = { i, 0 };
	struct rec *r = parse(&i->config_desc, &i->config, e);
	int rc;

	if (r == NULL)
		return -1;
	rc = desc_platform_read(r, &i->platform, e);
	if (rc == 0)
		rc = need_array(r, "rootfs.diff_ids",
		    i->config_desc.digest, e);
	if (rc == 0 && rec_each(r, "rootfs.diff_ids", read_diff_id, &ids,
	    e) < 0)
		rc = -1;
	rec_free(r);
	if (rc == 0 && ids.n != i->nlayers)
		rc = err_set(e, ERR_CHECK, "config_invalid",
		    "the config has %zu diff_ids for %zu layers", ids.n,
		    i->nlayers);
	if (rc < 0) {
		e->kind = ERR_CHECK;
		err_wrap(e, "config %s", i->config_desc.digest);
	}
	return rc;
}

/* The document that i->desc names, into i->manifest: 1 for an index, 0 for a
 * manifest, -1.  *r is the caller's to free. */
static int
load(struct place *p, struct image *i, struct rec **r, struct err *e)
{
	*r = NULL;
	if (place_document(p, &i->desc, &i->manifest, e) < 0 ||
	    (*r = parse(&i->desc, &i->manifest, e)) == NULL)
		return -1;
	return image_document_check(*r, &i->desc, e);
}

/* What the manifest r names. */
static int
load_parts(struct place *p, struct rec *r, struct image *i, struct err *e)
{
	if (read_manifest(r, i, e) < 0)
		return err_wrap(e, "manifest %s", i->desc.digest);
	return place_blob(p, &i->config_desc, DESC_CONFIG_MAX, &i->config, e);
}

static int
nested(const struct image *i, struct err *e)
{
	return err_set(e, ERR_CHECK, "nested_index",
	    "%s is an index inside an index", i->desc.digest);
}

int
image_load_parts(struct place *p, const struct desc *d, struct image *i,
    struct err *e)
{
	struct rec *r;
	int rc;

	i->desc = *d;
	if ((rc = load(p, i, &r, e)) == 0)
		rc = load_parts(p, r, i, e);
	else if (rc == 1)
		rc = nested(i, e);
	rec_free(r);
	return rc;
}

struct choice {
	const struct desc_platform *platform;
	struct desc desc;
	bool found;
};

/* image-index.md: of several that match the first is used. */
static int
choose_child(void *ctx, const struct rec_member *m, struct err *e)
{
	struct choice *c = ctx;
	struct rec *r;
	struct desc d;
	int rc;

	if (c->found)
		return 0;
	if ((r = desc_document(m->text, m->len, "manifests", e)) == NULL)
		return -1;
	rc = desc_read(r, &d, e);
	rec_free(r);
	if (rc == 0 && d.has_platform &&
	    desc_platform_match(c->platform, &d.platform)) {
		c->desc = d;
		c->found = true;
	}
	return rc;
}

/* The descriptor of the child for platform in the index r. */
static int
choose(struct rec *r, const struct desc *index,
    const struct desc_platform *platform, struct desc *d, struct err *e)
{
	struct choice c = { .platform = platform };
	char want[104];

	if (platform == NULL)
		return err_set(e, ERR_CHECK, "platform_not_found",
		    "%s is an index, and no platform is chosen",
		    index->digest);
	if (rec_each(r, "manifests", choose_child, &c, e) < 0) {
		e->kind = ERR_CHECK;
		return err_wrap(e, "index %s", index->digest);
	}
	if (!c.found) {
		desc_platform_format(platform, want);
		err_set(e, ERR_CHECK, "platform_not_found",
		    "index %s has no image for %s", index->digest, want);
		err_set_values(e, want, "");
		return -1;
	}
	*d = c.desc;
	return 0;
}

/* A descriptor may say what its config does not: the config is right. */
static int
check_platform(const struct image *i, struct err *e)
{
	char want[104], got[104];

	if (!i->desc.has_platform ||
	    desc_platform_match(&i->desc.platform, &i->platform))
		return 0;
	desc_platform_format(&i->desc.platform, want);
	desc_platform_format(&i->platform, got);
	err_set(e, ERR_CHECK, "platform_mismatch",
	    "image %s is for %s by its config, not %s", i->desc.digest, got,
	    want);
	err_set_values(e, want, got);
	return -1;
}

int
image_load(struct place *p, const struct desc *d,
    const struct desc_platform *platform, struct image *i, struct err *e)
{
	struct rec *r;
	int rc;

	i->desc = *d;
	if ((rc = load(p, i, &r, e)) == 1) {
		rc = choose(r, d, platform, &i->desc, e);
		rec_free(r);
		r = NULL;
		if (rc == 0 && (rc = load(p, i, &r, e)) == 1)
			rc = nested(i, e);
	}
	if (rc == 0)
		rc = load_parts(p, r, i, e);
	rec_free(r);
	if (rc < 0 || read_config(i, e) < 0)
		return -1;
	return check_platform(i, e);
}

int
image_read(struct layout *l, const struct desc *d,
    const struct desc_platform *platform, struct image *i, struct err *e)
{
	struct place p = PLACE_OF_LAYOUT(l);

	return image_load(&p, d, platform, i, e);
}
