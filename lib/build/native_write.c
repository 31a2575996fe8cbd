#include "build/native_write.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct output {
	const struct native *n;
	struct layout layout;
	bool keep;			/* layout is open */
	struct layout_blob *blobs;	/* uncommitted, one for each layer */
	size_t nblobs;
};

static void
output_release(struct output *o)
{
	for (size_t i = 0; i < o->nblobs; i++)
		layout_blob_release(&o->blobs[i]);
	free(o->blobs);
	layout_release(&o->layout);
}

/* A base's layer goes on as it is; what we write is of one family, OCI's. */
static int
base_layer(const struct stage_layer *l, struct image_layer *out,
    struct err *e)
{
	static const struct { const char *docker, *oci; } types[] = {
		{ DESC_DOCKER_LAYER, DESC_OCI_LAYER_GZIP },
		{ "application/vnd.docker.image.rootfs.diff.tar",
		    DESC_OCI_LAYER_TAR },
		{ "application/vnd.docker.image.rootfs.diff.tar.zstd",
		    DESC_OCI_LAYER_ZSTD },
	};
	const struct desc *d;

	*out = l->base->image.layers[l->index];
	d = &out->desc;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(d->media_type, types[i].docker) == 0)
			snprintf(out->desc.media_type,
			    sizeof(out->desc.media_type), "%s", types[i].oci);
	}
	if (strcmp(d->media_type, DESC_OCI_LAYER_GZIP) == 0 ||
	    strcmp(d->media_type, DESC_OCI_LAYER_TAR) == 0 ||
	    strcmp(d->media_type, DESC_OCI_LAYER_ZSTD) == 0)
		return 0;
	return err_set(e, ERR_CHECK, "layer_type",
	    "the base image's layer %s has the type '%s', which is none for "
	    "a layer", d->digest, d->media_type);
}

static int
write_layers(struct output *o, struct stage *s, struct native_result *r,
    struct err *e)
{
	struct layer_writer w = {
		.layout = o->keep ? &o->layout : NULL,
		.method = o->n->method, .level = o->n->level,
		.threads = o->n->threads, .mtime = o->n->epoch,
		.done = o->n->done,
	};

	r->layers = mem_zero(s->nlayers + 1, sizeof(*r->layers));
	o->blobs = mem_zero(s->nlayers + 1, sizeof(*o->blobs));
	for (size_t i = 0; i < s->nlayers; i++)
		o->blobs[i] = (struct layout_blob)LAYOUT_BLOB_INIT;
	o->nblobs = s->nlayers;
	for (size_t i = 0; i < s->nlayers; i++, r->nlayers++) {
		struct stage_layer *l = &s->layers[i];

		if (l->base != NULL ? base_layer(l, &r->layers[i], e) < 0 :
		    layer_write(l->layer, &w, &o->blobs[i], &r->layers[i],
		    e) < 0)
			return -1;
		r->bytes += l->base == NULL ? l->layer->bytes : 0;
	}
	return 0;
}

/* Everything is right: give the blobs their names. */
static int
commit_layers(struct output *o, struct stage *s, struct native_result *r,
    struct err *e)
{
	uint8_t digest[DIGEST_LEN];

	for (size_t i = 0; i < s->nlayers; i++) {
		const struct stage_layer *l = &s->layers[i];

		if (l->base != NULL) {
			if (base_copy_layer(l->base, l->index, &o->layout,
			    e) < 0)
				return -1;
			continue;
		}
		if (!digest_parse(r->layers[i].desc.digest, digest) ||
		    layout_blob_commit(&o->blobs[i], digest, e) < 0)
			return -1;
	}
	return 0;
}

/* A document as a blob, or only its descriptor. */
static int
put(struct output *o, const char *media_type, const struct buf *text,
    struct desc *d, struct err *e)
{
	uint8_t digest[DIGEST_LEN];

	*d = (struct desc){ .size = (int64_t)text->len };
	snprintf(d->media_type, sizeof(d->media_type), "%s", media_type);
	digest_bytes(text->data, text->len, digest);
	digest_format(digest, d->digest);
	if (!o->keep)
		return 0;
	return layout_blob_put(&o->layout, text->data, text->len, d, e);
}

static int
put_config(struct output *o, const struct stage *s,
    const struct native_result *r, struct desc *d, struct err *e)
{
	AUTO(json_out_release) struct json_out out = JSON_OUT_INIT;
	autofree const char **ids = mem_zero(r->nlayers + 1, sizeof(*ids));
	struct config_write w = {
		.created = s->created, .platform = &o->n->platform,
		.diff_ids = ids, .ndiff_ids = r->nlayers,
	};

	for (size_t i = 0; i < r->nlayers; i++)
		ids[i] = r->layers[i].diff_id;
	config_write(&s->config, &w, &out);
	if (out.buf.len > DESC_CONFIG_MAX)
		return err_set(e, ERR_INPUT, "config_too_large",
		    "the image's config is larger than %d bytes",
		    DESC_CONFIG_MAX);
	return put(o, DESC_OCI_CONFIG, &out.buf, d, e);
}

/* OCI image-spec, manifest.md; the annotations sorted by key. */
static int
put_manifest(struct output *o, const struct desc *config,
    struct native_result *r, struct err *e)
{
	AUTO(json_out_release) struct json_out out = JSON_OUT_INIT;
	AUTO(list_release) struct list notes = LIST_INIT;

	json_out_open(&out, '{');
	json_out_kint(&out, "schemaVersion", 2);
	json_out_kstr(&out, "mediaType", DESC_OCI_MANIFEST);
	json_out_key(&out, "config");
	desc_write(&out, config);
	json_out_key(&out, "layers");
	json_out_open(&out, '[');
	for (size_t i = 0; i < r->nlayers; i++)
		desc_write(&out, &r->layers[i].desc);
	json_out_close(&out, ']');
	for (size_t i = 0; i < o->n->annotations.n; i++) {
		const char *note = o->n->annotations.items[i];
		autofree char *key = mem_dup(note, strcspn(note, "="));

		list_set(&notes, key, note + strlen(key) + 1);
	}
	list_sort(&notes);
	if (notes.n > 0) {
		json_out_key(&out, "annotations");
		json_out_open(&out, '{');
	}
	for (size_t i = 0; i < notes.n; i++) {
		char *value = notes.items[i] + strcspn(notes.items[i], "=");

		*value = '\0';
		json_out_kstr(&out, notes.items[i], value + 1);
	}
	if (notes.n > 0)
		json_out_close(&out, '}');
	json_out_close(&out, '}');
	return put(o, DESC_OCI_MANIFEST, &out.buf, &r->manifest, e);
}

int
native_write(const struct native *n, struct stage *s, struct native_result *r,
    struct err *e)
{
	AUTO(output_release) struct output o = {
		.n = n, .layout = LAYOUT_INIT, .keep = n->layout != NULL,
	};
	struct desc config;

	for (size_t i = 0; n->total != NULL && i < s->nlayers; i++)
		if (s->layers[i].base == NULL)
			*n->total += (uint64_t)s->layers[i].layer->bytes;
	if (o.keep && layout_open(&o.layout, n->layout, true, e) < 0)
		return -1;
	if (write_layers(&o, s, r, e) < 0 ||
	    (o.keep && commit_layers(&o, s, r, e) < 0) ||
	    put_config(&o, s, r, &config, e) < 0 ||
	    put_manifest(&o, &config, r, e) < 0)
		return -1;
	memcpy(r->config_digest, config.digest, sizeof(r->config_digest));
	return 0;
}
