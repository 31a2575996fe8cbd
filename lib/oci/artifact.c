#include "oci/artifact.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "oci/copy_blob.h"
#include "oci/image.h"
#include "oci/notes.h"

/* manifest.md, "Guidance for an Empty Descriptor" */
#define EMPTY_TYPE "application/vnd.oci.empty.v1+json"
#define EMPTY_TEXT "{}"

static void
empty_config(struct desc *d)
{
	uint8_t digest[DIGEST_LEN];

	*d = (struct desc){ .media_type = EMPTY_TYPE,
		.size = strlen(EMPTY_TEXT) };
	digest_bytes(EMPTY_TEXT, strlen(EMPTY_TEXT), digest);
	digest_format(digest, d->digest);
}

static void
write_layer(const struct artifact *a, struct json_out *o)
{
	AUTO(notes_release) struct notes notes = NOTES_INIT;
	struct desc d = a->layer;
	size_t len = strlen(a->title);
	bool zstd = len > 4 && strcmp(a->title + len - 4, ".zst") == 0;

	snprintf(d.media_type, sizeof(d.media_type), "%s",
	    zstd ? DESC_OCI_LAYER_ZSTD : DESC_OCI_LAYER_GZIP);
	notes_set(&notes, "org.opencontainers.image.title", a->title);
	json_out_open(o, '{');
	desc_write_members(o, &d);
	notes_write(&notes, o);
	json_out_close(o, '}');
}

/* The manifest; the same file makes the same. */
static void
write_manifest(const struct artifact *a, const struct desc *config,
    struct json_out *o)
{
	AUTO(notes_release) struct notes notes = NOTES_INIT;

	json_out_open(o, '{');
	json_out_kint(o, "schemaVersion", 2);
	json_out_kstr(o, "mediaType", DESC_OCI_MANIFEST);
	json_out_kstr(o, "artifactType", ARTIFACT_BUNDLE);
	json_out_key(o, "config");
	desc_write(o, config);
	json_out_key(o, "layers");
	json_out_open(o, '[');
	write_layer(a, o);
	json_out_close(o, ']');
	if (a->version != NULL)
		notes_set(&notes, "org.opencontainers.image.version",
		    a->version);
	notes_set(&notes, "dev.slipway.arch", a->arch);
	notes_write(&notes, o);
	json_out_close(o, '}');
}

/* Both blobs, to where the i-th tag is. */
static int
push_blobs(const struct artifact *a, const struct desc *config, int fd,
    struct place *to, struct err *e)
{
	struct registry_session *s;
	int rc;

	if (copy_blob_push(fd, to, &a->layer, NULL, e) < 0 ||
	    (s = place_session(to, e)) == NULL)
		return -1;
	rc = registry_blob_push_data(s, to->repo, config, NULL, EMPTY_TEXT,
	    e);
	place_session_end(to, s);
	return rc < 0 ? -1 : 0;
}

static int
push_to_all(const struct artifact *a, const struct desc *config, int fd,
    struct deliver *to, struct err *e)
{
	for (size_t i = 0; i < to->n; i++)
		if (strcmp(to->tags[i].previous, to->desc.digest) != 0 &&
		    push_blobs(a, config, fd, to->tags[i].place, e) < 0)
			return -1;
	return 0;
}

int
artifact_push(const struct artifact *a, int fd, struct deliver *to,
    struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	uint8_t digest[DIGEST_LEN];
	struct desc config;

	empty_config(&config);
	write_manifest(a, &config, &o);
	to->desc = (struct desc){ .media_type = DESC_OCI_MANIFEST,
		.size = (int64_t)o.buf.len };
	digest_bytes(o.buf.data, o.buf.len, digest);
	digest_format(digest, to->desc.digest);
	buf_add(&to->text, o.buf.data, o.buf.len);
	if (deliver_read(to, e) < 0 ||
	    push_to_all(a, &config, fd, to, e) < 0)
		return -1;
	return deliver_run(to, e);
}

/*
 * Reading
 */

void
artifact_source_release(struct artifact_source *s)
{
	if (s->session != NULL)
		place_session_end(s->place, s->session);
	free(s->wanted);
	free(s->url);
	*s = (struct artifact_source){ .place = NULL };
}

struct layers {
	struct desc only;
	size_t n;
};

static int
see_layer(void *ctx, const struct rec_member *m, struct err *e)
{
	struct layers *l = ctx;
	struct rec *r = desc_document(m->text, m->len, "layer", e);
	int rc = r == NULL ? -1 : desc_read(r, &l->only, e);

	l->n++;
	rec_free(r);
	return rc;
}

static int
find_layer(struct artifact_source *s, struct desc *layer, struct err *e)
{
	autobuf struct buf text = BUF_INIT, name = BUF_INIT;
	struct layers layers = { .n = 0 };
	struct rec *r;
	struct desc d;
	int rc;

	if (place_find(s->place, s->wanted, &d, e) < 0 ||
	    place_document(s->place, &d, &text, e) < 0 || (r =
	    desc_document(text.data, text.len, d.digest, e)) == NULL)
		return -1;
	if ((rc = image_document_check(r, &d, e)) == 0 &&
	    rec_each(r, "layers", see_layer, &layers, e) < 0) {
		e->kind = ERR_CHECK;
		rc = -1;
	}
	rec_free(r);
	*layer = layers.only;
	if (rc < 0 || (rc == 0 && layers.n == 1))
		return rc;
	place_name(s->place, &name);
	err_set_path(e, name.data);
	return err_set(e, ERR_CHECK, "not_an_artifact", "%s in '%s' is %s, "
	    "not a single file", s->wanted, name.data, rc == 1 ? "an index" :
	    "an image");
}

int
artifact_prepare(void *ctx, struct http *h, struct fetch_ask *ask,
    double *wait, struct err *e)
{
	struct artifact_source *s = ctx;
	struct desc layer;

	(void)h;
	if (find_layer(s, &layer, e) < 0 || (s->session == NULL &&
	    (s->session = place_session(s->place, e)) == NULL))
		return -1;
	memcpy(ask->sha256, layer.digest + strlen("sha256:"), DIGEST_HEX);
	return registry_blob_place(s->session, s->place->repo, layer.digest,
	    &ask->http, &ask->url, &ask->authorization, wait, e);
}
