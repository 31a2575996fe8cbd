#include "oci/inspect.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "oci/image.h"

char *
inspect_location(const char *ref, struct err *e)
{
	AUTO(ref_release) struct ref r = REF_INIT;

	if (places_is(ref))
		return mem_str(ref);
	if (ref_parse(&r, ref, e) < 0)
		return NULL;
	return mem_fmt("docker://%s", ref);
}

int
inspect_load(struct origin *o, struct copy *c, bool check, struct err *e)
{
	if (origin_load(o, e) < 0)
		return -1;
	if (!check)
		return 0;
	copy_verify(c, &o->blobs, true);
	copy_wait(c);
	return copy_verdict(&o->blobs, e);
}

/* A blob that several images share counts once. */
static int64_t
count(const struct origin *o, uint64_t *bytes)
{
	int64_t n = 0;

	*bytes = 0;
	for (size_t i = 0; i < o->blobs.n; i++) {
		const struct desc *d = &o->blobs.items[i].desc;
		size_t k = 0;

		while (k < i && strcmp(o->blobs.items[k].desc.digest,
		    d->digest) != 0)
			k++;
		if (k < i)
			continue;
		*bytes += (uint64_t)d->size;
		n++;
	}
	return n;
}

static void
write_count(struct json_out *out, const struct origin *o)
{
	uint64_t bytes;
	int64_t n = count(o, &bytes);

	json_out_key(out, "check");
	json_out_open(out, '{');
	json_out_kint(out, "blobs", n);
	json_out_kint(out, "bytes", (int64_t)bytes);
	json_out_close(out, '}');
}

static void
write_layers(struct json_out *out, const struct image *i)
{
	json_out_kstr(out, "config_digest", i->config_desc.digest);
	json_out_key(out, "layers");
	json_out_open(out, '[');
	for (size_t n = 0; n < i->nlayers; n++) {
		const struct image_layer *l = &i->layers[n];

		json_out_open(out, '{');
		json_out_kstr(out, "digest", l->desc.digest);
		if (*l->diff_id != '\0')
			json_out_kstr(out, "diff_id", l->diff_id);
		json_out_kint(out, "size", l->desc.size);
		json_out_kstr(out, "media_type", l->desc.media_type);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

static int
load_image(struct origin *o, const struct index_child *c, struct image *i,
    struct err *e)
{
	return c->attestation ? image_load_parts(o->place, &c->desc, i, e) :
	    image_load(o->place, &c->desc, NULL, i, e);
}

/* One child: the members that index.manifests has, and what it is made of. */
static int
write_child(struct json_out *out, struct origin *o,
    const struct index_child *c, struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;
	char name[104];

	if (load_image(o, c, &image, e) < 0)
		return -1;
	desc_platform_format(&c->desc.platform, name);
	if (c->desc.has_platform)
		json_out_kstr(out, "platform", name);
	json_out_kstr(out, "digest", c->desc.digest);
	json_out_kint(out, "size", c->desc.size);
	json_out_kstr(out, "media_type", c->desc.media_type);
	write_layers(out, &image);
	notes_write(&c->notes, out);
	return 0;
}

static int
write_index(struct json_out *out, struct origin *o, struct err *e)
{
	json_out_kstr(out, "digest", o->desc.digest);
	json_out_kstr(out, "media_type", o->desc.media_type);
	json_out_kint(out, "size", o->desc.size);
	json_out_key(out, "manifests");
	json_out_open(out, '[');
	for (size_t i = 0; i < o->children.n; i++) {
		json_out_open(out, '{');
		if (write_child(out, o, &o->children.children[i], e) < 0)
			return -1;
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
	notes_write(&o->children.notes, out);
	return 0;
}

int
inspect_record(struct origin *o, const char *ref, bool check,
    struct rec *r, struct err *e)
{
	AUTO(json_out_release) struct json_out out = JSON_OUT_INIT;
	autobuf struct buf location = BUF_INIT;
	bool index = origin_is_index(o);

	json_out_open(&out, '{');
	json_out_kstr(&out, "ref", ref);
	if (index ? write_index(&out, o, e) < 0 :
	    write_child(&out, o, &o->children.children[0], e) < 0)
		return -1;
	if (check)
		write_count(&out, o);
	origin_location(o, &location);
	json_out_kstr(&out, "location", location.data);
	json_out_close(&out, '}');
	rec_put(r, index ? "index" : "image", out.buf.data, out.buf.len);
	return 0;
}

void
inspect_text(const struct origin *o, const char *ref, bool check,
    struct buf *text)
{
	char size[32];
	uint64_t bytes;
	int64_t n = count(o, &bytes);

	buf_addf(text, "%s  %s\n", ref, o->desc.digest);
	for (size_t i = 0; i < o->children.n; i++) {
		const struct index_child *c = &o->children.children[i];
		char name[104];

		desc_platform_format(&c->desc.platform, name);
		buf_addf(text, "        %-16s %s\n", c->attestation ?
		    "attestation" : name, c->desc.digest);
	}
	buf_addf(text, "        %lld blobs, %s%s\n", (long long)n,
	    text_size(bytes, size), check ? ", all of them there" : "");
}
