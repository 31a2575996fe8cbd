#include "oci/imgtar.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/tarhdr.h"
#include "codec/tarout.h"
#include "oci/image.h"
#include "oci/ref.h"

#define BLOCK (1 << 18)
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

/* A piece of the file: bytes in memory, or a blob. */
struct piece {
	struct buf text;
	struct desc blob;
	bool is_blob;
};

struct imgtar {
	struct layout *layout;		/* borrowed */
	struct piece *pieces;		/* owned */
	size_t n, cap;
	int64_t size, mtime;

	size_t at;			/* the piece that is read */
	int64_t offset;			/* in it */
	int fd;				/* of its blob, or -1 */
	struct digest sum;
};

static struct piece *
add(struct imgtar *t)
{
	mem_grow(&t->pieces, &t->cap, t->n, sizeof(*t->pieces));
	t->pieces[t->n] = (struct piece){ .text = BUF_INIT };
	return &t->pieces[t->n++];
}

/* Memory pieces that follow one another are one. */
static struct buf *
text_piece(struct imgtar *t)
{
	if (t->n > 0 && !t->pieces[t->n - 1].is_blob)
		return &t->pieces[t->n - 1].text;
	return &add(t)->text;
}

static int
to_buf(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)e;
	buf_add(ctx, data, len);
	return 0;
}

static int
add_header(struct imgtar *t, const char *path, char type, int64_t size,
    struct err *e)
{
	struct tarout tar = { .sink = to_buf, .ctx = text_piece(t) };
	struct tarout_entry entry = {
		.path = path, .link = "", .type = type,
		.mode = type == '5' ? 0755 : 0644, .size = size,
		.mtime = t->mtime,
	};

	return tarout_entry(&tar, &entry, e);
}

/* What fills the last block of a body up. */
static void
add_padding(struct imgtar *t, int64_t size)
{
	static const char zeros[TARHDR_BLOCK];

	buf_add(text_piece(t), zeros,
	    (size_t)(-size & (TARHDR_BLOCK - 1)));
}

static int
add_file(struct imgtar *t, const char *path, const struct buf *text,
    struct err *e)
{
	if (add_header(t, path, '0', (int64_t)text->len, e) < 0)
		return -1;
	buf_add(text_piece(t), text->data, text->len);
	add_padding(t, (int64_t)text->len);
	return 0;
}

static char *
blob_path(const struct desc *d)
{
	return mem_fmt("blobs/sha256/%s", d->digest + strlen("sha256:"));
}

static int
add_blob(struct imgtar *t, const struct desc *d, struct err *e)
{
	autofree char *path = blob_path(d);
	struct piece *p;

	/* an image may have a layer twice */
	for (size_t i = 0; i < t->n; i++)
		if (t->pieces[i].is_blob &&
		    strcmp(t->pieces[i].blob.digest, d->digest) == 0)
			return 0;
	if (add_header(t, path, '0', d->size, e) < 0)
		return -1;
	p = add(t);
	p->is_blob = true;
	p->blob = *d;
	add_padding(t, d->size);
	return 0;
}

int
imgtar_name(const char *text, bool full, struct buf *out, struct err *e)
{
	AUTO(ref_release) struct ref ref = REF_INIT;
	AUTO(buf_release) struct buf name = BUF_INIT;
	const char *start;

	if (ref_parse(&ref, text, e) < 0)
		return -1;
	if (ref.tag == NULL)
		ref.tag = mem_str("latest");
	ref_format(&ref, &name);
	start = name.data;
	if (!full && strcmp(ref.host, REF_HUB) == 0) {
		start += strlen(REF_HUB "/");
		if (strncmp(start, "library/", 8) == 0)
			start += 8;
	}
	buf_adds(out, start);
	return 0;
}

/* In full: podman takes a short name for one of localhost. */
static int
add_name(const char *ref, struct json_out *o, struct err *e)
{
	AUTO(buf_release) struct buf name = BUF_INIT;

	if (imgtar_name(ref, true, &name, e) < 0)
		return -1;
	json_out_str(o, name.data);
	return 0;
}

static int
write_entry(const struct imgtar_opts *opts, size_t i, struct json_out *o,
    struct err *e)
{
	const char *ref = i < opts->nrefs ? opts->refs[i] : NULL;
	const char *tag = opts->tag != NULL ? opts->tag :
	    ref != NULL ? ref_tag(ref) : NULL;

	json_out_open(o, '{');
	desc_write_members(o, opts->image);
	json_out_key(o, "annotations");
	json_out_open(o, '{');
	if (ref != NULL) {
		json_out_key(o, "io.containerd.image.name");
		if (add_name(ref, o, e) < 0)
			return -1;
	}
	if (tag != NULL)
		json_out_kstr(o, "org.opencontainers.image.ref.name", tag);
	json_out_close(o, '}');
	json_out_close(o, '}');
	return 0;
}

static int
add_index(struct imgtar *t, const struct imgtar_opts *opts, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kint(&o, "schemaVersion", 2);
	json_out_kstr(&o, "mediaType", DESC_OCI_INDEX);
	json_out_key(&o, "manifests");
	json_out_open(&o, '[');
	for (size_t i = 0; i == 0 || i < opts->nrefs; i++)
		if (write_entry(opts, i, &o, e) < 0)
			return -1;
	json_out_close(&o, ']');
	json_out_close(&o, '}');
	return add_file(t, "index.json", &o.buf, e);
}

/* What docker load and docker-archive: read; Docker's source, "docker save". */
static int
add_manifest(struct imgtar *t, const struct imgtar_opts *opts,
    const struct image *image, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autofree char *config = blob_path(&image->config_desc);

	json_out_open(&o, '[');
	json_out_open(&o, '{');
	json_out_kstr(&o, "Config", config);
	json_out_key(&o, "RepoTags");
	json_out_open(&o, '[');
	for (size_t i = 0; i < opts->nrefs; i++)
		if (add_name(opts->refs[i], &o, e) < 0)
			return -1;
	json_out_close(&o, ']');
	json_out_key(&o, "Layers");
	json_out_open(&o, '[');
	for (size_t i = 0; i < image->nlayers; i++) {
		autofree char *path = blob_path(&image->layers[i].desc);

		json_out_str(&o, path);
	}
	json_out_close(&o, ']');
	json_out_close(&o, '}');
	json_out_close(&o, ']');
	return add_file(t, "manifest.json", &o.buf, e);
}

/* The small files first, so that a reader knows early what it has. */
static int
add_all(struct imgtar *t, const struct imgtar_opts *opts,
    const struct image *image, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	static const char end[2 * TARHDR_BLOCK];

	buf_adds(&text, LAYOUT_TEXT);
	if (add_file(t, "oci-layout", &text, e) < 0 ||
	    add_index(t, opts, e) < 0 ||
	    add_manifest(t, opts, image, e) < 0 ||
	    add_header(t, "blobs", '5', 0, e) < 0 ||
	    add_header(t, "blobs/sha256", '5', 0, e) < 0 ||
	    add_blob(t, &image->desc, e) < 0 ||
	    add_blob(t, &image->config_desc, e) < 0)
		return -1;
	for (size_t i = 0; i < image->nlayers; i++)
		if (add_blob(t, &image->layers[i].desc, e) < 0)
			return -1;
	buf_add(text_piece(t), end, sizeof(end));
	for (size_t i = 0; i < t->n; i++)
		t->size += t->pieces[i].is_blob ? t->pieces[i].blob.size :
		    (int64_t)t->pieces[i].text.len;
	return 0;
}

struct imgtar *
imgtar_new(const struct imgtar_opts *opts, struct err *e)
{
	AUTO(image_release) struct image image = IMAGE_INIT;
	struct imgtar *t;

	if (image_read(opts->layout, opts->image, NULL, &image, e) < 0)
		return NULL;
	t = mem_zero(1, sizeof(*t));
	t->layout = opts->layout;
	t->mtime = opts->mtime;
	t->fd = -1;
	if (add_all(t, opts, &image, e) == 0)
		return t;
	imgtar_free(t);
	return NULL;
}

void
imgtar_free(struct imgtar *t)
{
	if (t == NULL)
		return;
	imgtar_rewind(t);
	digest_release(&t->sum);
	for (size_t i = 0; i < t->n; i++)
		buf_release(&t->pieces[i].text);
	free(t->pieces);
	free(t);
}

int64_t
imgtar_size(const struct imgtar *t)
{
	return t->size;
}

void
imgtar_rewind(struct imgtar *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->at = 0;
	t->offset = 0;
}

/* The blob was read to its end. */
static int
check_blob(struct imgtar *t, const struct desc *d, struct err *e)
{
	uint8_t digest[DIGEST_LEN];
	char found[DIGEST_STR];

	close(t->fd);
	t->fd = -1;
	digest_end(&t->sum, digest);
	digest_format(digest, found);
	if (strcmp(found, d->digest) == 0)
		return 0;
	err_set(e, ERR_CHECK, "blob_digest_mismatch",
	    "blob %s in '%s' is damaged: its content is %s", d->digest,
	    t->layout->path, found);
	err_set_values(e, d->digest, found);
	return -1;
}

/* As imgtar_read, where 0 is the end of the blob. */
static ssize_t
read_blob(struct imgtar *t, const struct desc *d, void *data, size_t len,
    struct err *e)
{
	int64_t left = d->size - t->offset;
	ssize_t n;

	if (t->fd < 0) {
		if ((t->fd = layout_blob_open(t->layout, d, e)) < 0)
			return -1;
		digest_start(&t->sum);
	}
	if (left == 0)
		return check_blob(t, d, e);
	if ((int64_t)len > left)
		len = (size_t)left;
	if ((n = file_read(t->fd, data, len)) < 0)
		return err_sys(e, "cannot read blob %s in '%s'", d->digest,
		    t->layout->path);
	if (n == 0)
		return err_set(e, ERR_CHECK, "blob_size_mismatch",
		    "blob %s in '%s' was cut while it was read", d->digest,
		    t->layout->path);
	digest_add(&t->sum, data, (size_t)n);
	return n;
}

ssize_t
imgtar_read(struct imgtar *t, void *data, size_t len, struct err *e)
{
	for (; t->at < t->n; t->at++, t->offset = 0) {
		struct piece *p = &t->pieces[t->at];
		ssize_t n;

		if (p->is_blob) {
			n = read_blob(t, &p->blob, data, len, e);
		} else {
			size_t left = p->text.len - (size_t)t->offset;

			n = (ssize_t)(len < left ? len : left);
			memcpy(data, p->text.data + t->offset, (size_t)n);
		}
		if (n < 0)
			return -1;
		t->offset += n;
		if (n > 0)
			return n;
	}
	return 0;
}

int
imgtar_write(struct imgtar *t, const char *path, struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp tmp = FILE_TMP_INIT;
	autofree char *block = mem_alloc(BLOCK);
	ssize_t n;

	imgtar_rewind(t);
	if (file_tmp_open(&tmp, AT_FDCWD, path, e) < 0)
		return -1;
	while ((n = imgtar_read(t, block, BLOCK, e)) > 0)
		if (file_write(tmp.fd, block, (size_t)n) < 0)
			return err_sys(e, "cannot write '%s'", path);
	return n < 0 ? -1 : file_tmp_commit(&tmp, e);
}
