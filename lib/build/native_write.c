#include "build/native_write.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "build/imgmanifest.h"

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

/* Whoever waits for layers gets those that are there already first: there is
 * most to be done while the others are made. */
static int
announce_bases(const struct output *o, struct stage *s, struct err *e)
{
	const struct native_sink *sink = o->n->sink;

	for (size_t i = 0; sink != NULL && i < s->nlayers; i++)
		if (s->layers[i].base != NULL && sink->base(sink->ctx,
		    s->layers[i].base, s->layers[i].index, e) < 0)
			return -1;
	return 0;
}

/* A layer of our own; the next is not begun before it is complete. */
static int
write_layer(struct output *o, struct layer *l, const struct layer_writer *w,
    size_t i, struct image_layer *out, struct err *e)
{
	const struct native_sink *sink = o->n->sink;

	if (layer_write(l, w, &o->blobs[i], out, e) < 0)
		return -1;
	return sink == NULL || !o->keep ? 0 :
	    sink->layer(sink->ctx, &out->desc, o->blobs[i].tmp.fd, e);
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

		if (l->base != NULL)
			r->layers[i] = l->base->image.layers[l->index];
		else if (write_layer(o, l->layer, &w, i, &r->layers[i],
		    e) < 0)
			return -1;
		/* a base's layer goes on as it is, but what we write is of one
		 * family */
		if (family_layer(o->n->family, &r->layers[i].desc, e) < 0)
			return l->base != NULL ? err_wrap(e, "the base image's "
			    "layer") : -1;
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

		if (l->base != NULL && o->n->sink != NULL &&
		    o->n->sink->leave)
			continue;
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
	return put(o, family_config(o->n->family), &out.buf, d, e);
}

static int
put_manifest(struct output *o, const struct desc *config,
    struct native_result *r, struct err *e)
{
	AUTO(json_out_release) struct json_out out = JSON_OUT_INIT;

	imgmanifest_write(o->n->family, config, r->layers, r->nlayers,
	    &o->n->annotations, &out);
	return put(o, family_manifest(o->n->family), &out.buf, &r->manifest,
	    e);
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
	if (o.keep && (n->scratch ? layout_open_scratch(&o.layout, n->layout,
	    e) : layout_open(&o.layout, n->layout, true, e)) < 0)
		return -1;
	if ((o.keep && announce_bases(&o, s, e) < 0) ||
	    write_layers(&o, s, r, e) < 0 ||
	    (o.keep && commit_layers(&o, s, r, e) < 0) ||
	    put_config(&o, s, r, &config, e) < 0 ||
	    put_manifest(&o, &config, r, e) < 0)
		return -1;
	memcpy(r->config_digest, config.digest, sizeof(r->config_digest));
	return 0;
}
