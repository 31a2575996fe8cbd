#include "oci/imgtar_docker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"
#include "codec/decode.h"
#include "codec/zout.h"
#include "oci/image.h"
#include "oci/imgtar.h"
#include "oci/names.h"

struct reader {
	const struct imgtar_files *files;
	struct buf wanted;		/* in full, or empty */
	size_t matches;
	bool found;			/* the reference in one element */
	struct desc config;
	struct image_layer *layers;	/* owned */
	size_t nlayers;
};

static int
invalid(const struct reader *r, const char *why, struct err *e)
{
	return err_set(e, ERR_CHECK, "document_invalid",
	    "'%s': manifest.json: %s", r->files->archive, why);
}

static int
see_tag(void *ctx, const struct rec_member *m, struct err *e)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	struct reader *r = ctx;

	if (m->str == NULL)
		return invalid(r, "RepoTags: strings are wanted", e);
	/* a name that we do not understand is not the one we look for */
	if (imgtar_name(m->str, true, &name, e) == 0 &&
	    strcmp(name.data, r->wanted.data) == 0)
		r->found = true;
	return 0;
}

static int
see_layer(void *ctx, const struct rec_member *m, struct err *e)
{
	struct reader *r = ctx;
	struct image_layer *layer;

	r->layers = mem_realloc(r->layers, r->nlayers + 1,
	    sizeof(*r->layers));
	layer = &r->layers[r->nlayers++];
	if (m->str == NULL)
		return invalid(r, "Layers: strings are wanted", e);
	if (imgtar_files_find(r->files, m->str, &layer->desc) == 0)
		return err_set(e, ERR_CHECK, "blob_missing",
		    "'%s' has no file '%s', a layer", r->files->archive,
		    m->str);
	return 0;
}

/* "HEX.json", or blobs/sha256/HEX, where HEX is its digest. */
static int
check_name(const struct reader *r, const char *path, struct err *e)
{
	const char *base = file_base(path);
	size_t len = strcspn(base, ".");
	uint8_t raw[DIGEST_LEN];
	autofree char *hex = mem_dup(base, len);

	if (!digest_parse_hex(hex, raw) ||
	    strcmp(hex, r->config.digest + strlen("sha256:")) == 0)
		return 0;
	err_set(e, ERR_CHECK, "blob_digest_mismatch",
	    "'%s': the config '%s' is %s", r->files->archive, path,
	    r->config.digest);
	err_set_values(e, hex, r->config.digest);
	return -1;
}

/* Config and layers of the element that was chosen. */
static int
take_image(struct reader *r, struct rec *image, struct err *e)
{
	const char *config;

	if (rec_need_str(image, "Config", &config, e) < 0)
		return invalid(r, "an image has no Config", e);
	if (imgtar_files_find(r->files, config, &r->config) == 0)
		return err_set(e, ERR_CHECK, "blob_missing",
		    "'%s' has no file '%s', the config", r->files->archive,
		    config);
	if (check_name(r, config, e) < 0)
		return -1;
	return rec_each(image, "Layers", see_layer, r, e) < 0 ? -1 : 0;
}

static int
see_image(void *ctx, const struct rec_member *m, struct err *e)
{
	struct reader *r = ctx;
	struct rec *image = desc_document(m->text, m->len, "manifest.json",
	    e);
	int rc = 0;

	if (image == NULL)
		return -1;
	r->found = r->wanted.len == 0;
	if (!r->found)
		rc = rec_each(image, "RepoTags", see_tag, r, e);
	if (rc >= 0 && r->found && r->matches++ == 0)
		rc = take_image(r, image, e);
	rec_free(image);
	return rc < 0 ? -1 : 0;
}

static int
choose(struct reader *r, const char *wanted, struct err *e)
{
	autobuf struct buf text = BUF_INIT, whole = BUF_INIT;
	const char *archive = r->files->archive;
	struct rec *doc;
	int rc = imgtar_files_text(r->files, "manifest.json",
	    DESC_MANIFEST_MAX, &text, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_CHECK, "not_an_archive",
		    "'%s' is no docker-archive: it has no manifest.json",
		    archive);
	buf_addf(&whole, "{\"images\":%s}", text.data);
	if ((doc = desc_document(whole.data, whole.len, "manifest.json",
	    e)) == NULL)
		return err_wrap(e, "'%s'", archive);
	rc = rec_each(doc, "images", see_image, r, e);
	rec_free(doc);
	if (rc < 0)
		return -1;
	if (r->matches == 1)
		return 0;
	if (r->matches > 1)
		return err_set(e, ERR_CHECK, "tag_ambiguous",
		    "'%s' has %zu images%s", archive, r->matches,
		    wanted != NULL ? " of that name" : ": name one");
	return err_set(e, ERR_CHECK, "tag_not_found",
	    "'%s' has no image%s%s", archive, wanted != NULL ?
	    " that is named " : "", wanted != NULL ? wanted : "");
}

static int
damaged(const struct reader *r, const char *digest, struct err *e)
{
	autofree char *detail = mem_str(e->detail);

	if (e->kind != ERR_CHECK)
		return -1;
	return err_set(e, ERR_CHECK, "layer_damaged",
	    "'%s': layer %s: %s", r->files->archive, digest, detail);
}

/* A layer that is compressed stays: what does it hold? */
static int
hash_layer(const struct reader *r, int fd, struct image_layer *layer,
    struct err *e)
{
	AUTO(digest_release) struct digest sum = DIGEST_INIT;
	struct zin *z = zin_new(fd, ZIN_MEMBERS);
	uint8_t digest[DIGEST_LEN];
	const uint8_t *data;
	size_t len;
	int rc;

	digest_start(&sum);
	while ((rc = zin_read(z, &data, &len, e)) > 0)
		digest_add(&sum, data, len);
	zin_free(z);
	if (rc < 0)
		return damaged(r, layer->desc.digest, e);
	digest_end(&sum, digest);
	digest_format(digest, layer->diff_id);
	return 0;
}

static int
feed(int fd, struct zout *z, struct zout_result *result, struct err *e)
{
	autofree char *block = mem_alloc(1 << 18);
	ssize_t n;

	while ((n = file_read(fd, block, 1 << 18)) > 0)
		if (zout_write(z, block, (size_t)n, e) < 0)
			return -1;
	if (n < 0)
		return err_sys(e, "cannot read a layer");
	return zout_finish(z, result, e);
}

/* A plain tar becomes a gzip layer. */
static int
compress_layer(const struct reader *r, int fd, struct image_layer *layer,
    struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob blob = LAYOUT_BLOB_INIT;
	struct zout_result result;
	struct zout *z;
	int rc;

	if (layout_blob_start(r->files->to, &blob, e) < 0)
		return -1;
	z = zout_new(blob.tmp.fd, "a layer", ZOUT_GZIP, 0, pool_cpus());
	rc = feed(fd, z, &result, e);
	zout_free(z);
	if (rc < 0)
		return -1;
	digest_format(result.digest, layer->desc.digest);
	digest_format(result.diff_id, layer->diff_id);
	layer->desc.size = result.size;
	return layout_blob_commit(&blob, result.digest, e);
}

static int
take_layer(const struct reader *r, struct image_layer *layer, struct err *e)
{
	autofd int fd = layout_blob_open(r->files->to, &layer->desc, e);
	uint8_t magic[DECODE_MAGIC];
	enum zin_format format;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = file_read(fd, magic, sizeof(magic));
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot read a layer");
	format = decode_format(magic, (size_t)n);
	if (format == ZIN_XZ)
		return err_set(e, ERR_CHECK, "layer_type",
		    "'%s': layer %s is compressed with xz, which no image "
		    "format has", r->files->archive, layer->desc.digest);
	snprintf(layer->desc.media_type, sizeof(layer->desc.media_type), "%s",
	    format == ZIN_ZSTD ? DESC_OCI_LAYER_ZSTD : DESC_OCI_LAYER_GZIP);
	return format == ZIN_PLAIN ? compress_layer(r, fd, layer, e) :
	    hash_layer(r, fd, layer, e);
}

/* Written as img-build writes it, so that an image of its own that an engine
 * saves has the digest again that it had. */
static int
put_manifest(struct reader *r, struct desc *d, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	*d = (struct desc){ .size = 0 };
	strcpy(d->media_type, DESC_OCI_MANIFEST);
	strcpy(r->config.media_type, DESC_OCI_CONFIG);
	json_out_open(&o, '{');
	json_out_kint(&o, "schemaVersion", 2);
	json_out_kstr(&o, "mediaType", d->media_type);
	json_out_key(&o, "config");
	desc_write(&o, &r->config);
	json_out_key(&o, "layers");
	json_out_open(&o, '[');
	for (size_t i = 0; i < r->nlayers; i++)
		desc_write(&o, &r->layers[i].desc);
	json_out_close(&o, ']');
	json_out_close(&o, '}');
	return layout_blob_put(r->files->to, o.buf.data, o.buf.len, d, e);
}

/* What the config says of its layers is what they are. */
static int
check_layers(const struct reader *r, struct desc *d, struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;

	if (image_read(r->files->to, d, NULL, &image, e) < 0)
		return -1;
	for (size_t i = 0; i < image.nlayers; i++) {
		if (strcmp(image.layers[i].diff_id, r->layers[i].diff_id) == 0)
			continue;
		err_set(e, ERR_CHECK, "diff_id_mismatch",
		    "'%s': layer %zu has another diff_id", r->files->archive,
		    i + 1);
		err_set_values(e, image.layers[i].diff_id,
		    r->layers[i].diff_id);
		return -1;
	}
	d->has_platform = true;
	d->platform = image.platform;
	return 0;
}

/*
 * A hybrid (imgtar.h) has the manifest, and so the digest, that the image was
 * published with: 1 with *d for one of the same config.
 */
static int
find_manifest(const struct reader *r, struct desc *d, struct err *e)
{
	AUTO(names_release) struct names names = NAMES_INIT;
	struct place place = PLACE_OF_LAYOUT(r->files->to);
	autobuf struct buf text = BUF_INIT;
	int rc = imgtar_files_text(r->files, "index.json", DESC_MANIFEST_MAX,
	    &text, e);

	if (rc <= 0)
		return rc;
	if (names_parse(&names, text.data, text.len, e) < 0)
		return err_wrap(e, "'%s'", r->files->archive);
	for (size_t i = 0; i < names.n; i++) {
		AUTO(image_release) struct image image = IMAGE_INIT;
		struct err ignored;

		if (names_desc(&names.entries[i], d, &ignored) == 0 &&
		    desc_is_manifest(d->media_type) &&
		    image_load_parts(&place, d, &image, &ignored) == 0 &&
		    strcmp(image.config_desc.digest, r->config.digest) == 0)
			return 1;
	}
	return 0;
}

static int
make_manifest(struct reader *r, struct desc *d, struct err *e)
{
	for (size_t i = 0; i < r->nlayers; i++)
		if (take_layer(r, &r->layers[i], e) < 0)
			return -1;
	return put_manifest(r, d, e) < 0 ? -1 : check_layers(r, d, e);
}

int
imgtar_docker_read(const struct imgtar_files *f, const char *wanted,
    struct desc *d, struct err *e)
{
	struct reader r = { .files = f, .wanted = BUF_INIT };
	int rc = wanted == NULL ? 0 :
	    imgtar_name(wanted, true, &r.wanted, e);

	if (rc == 0)
		rc = choose(&r, wanted, e);
	if (rc == 0 && (rc = find_manifest(&r, d, e)) == 0)
		rc = make_manifest(&r, d, e);
	buf_release(&r.wanted);
	free(r.layers);
	return rc < 0 ? -1 : 0;
}
