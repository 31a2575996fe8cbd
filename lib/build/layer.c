#include "build/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/tarout.h"

void
layer_release(struct layer *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->entries[i].path);
		free(l->entries[i].link);
	}
	free(l->entries);
	*l = (struct layer)LAYER_INIT;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct layer_entry *)a)->path,
	    ((const struct layer_entry *)b)->path);
}

void
layer_note(struct layer *l, struct tree *t)
{
	AUTO(buf_release) struct buf path = BUF_INIT;

	l->entries = mem_zero(t->ntouched + 1, sizeof(*l->entries));
	for (size_t i = 0; i < t->ntouched; i++) {
		const struct tree_node *n = t->touched[i];
		struct layer_entry *entry = &l->entries[l->n++];

		buf_reset(&path);
		tree_path(n, &path);
		entry->path = mem_dup(path.data, path.len);
		entry->link = n->link != NULL ? mem_str(n->link) : NULL;
		entry->uid = n->uid;
		entry->gid = n->gid;
		entry->mode = n->mode;
		entry->type = n->type;
		if (n->type == TREE_FILE) {
			entry->from = tree_origin(n);
			l->bytes += entry->from->size;
		}
	}
	if (l->n > 1)
		qsort(l->entries, l->n, sizeof(*l->entries), by_path);
	tree_touched_clear(t);
}

struct output {
	struct zout *z;
	struct tarout tar;
	_Atomic uint64_t *done;
};

static int
to_zout(void *ctx, const void *data, size_t len, struct err *e)
{
	struct output *o = ctx;

	return zout_write(o->z, data, len, e);
}

static int
to_tar(void *ctx, const void *data, size_t len, struct err *e)
{
	struct output *o = ctx;

	if (o->done != NULL)
		*o->done += len;
	return tarout_data(&o->tar, data, len, e);
}

static int
write_entry(struct output *o, const struct layer_entry *entry, int64_t mtime,
    struct err *e)
{
	static const char types[] = {
		[TREE_DIR] = '5', [TREE_FILE] = '0', [TREE_LINK] = '2',
	};
	struct tarout_entry header = {
		.path = entry->path,
		.link = entry->link != NULL ? entry->link : "",
		.type = types[entry->type],
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.size = entry->from != NULL ? entry->from->size : 0,
		.mtime = mtime,
	};

	if (tarout_entry(&o->tar, &header, e) < 0)
		return -1;
	if (entry->from == NULL || entry->from->size == 0)
		return 0;
	return entry->from->tree->ops->read(entry->from->tree, entry->from,
	    to_tar, o, e);
}

/* Tell each tree which of its files will be read. */
static int
prepare(const struct layer *l, struct err *e)
{
	autofree const struct tree_node **files =
	    mem_zero(l->n + 1, sizeof(*files));
	autofree bool *told = mem_zero(l->n + 1, sizeof(*told));

	for (size_t i = 0; i < l->n; i++) {
		struct tree *t;
		size_t n = 0;

		if (told[i] || l->entries[i].from == NULL)
			continue;
		t = l->entries[i].from->tree;
		if (t->ops->prepare == NULL)
			continue;
		for (size_t j = i; j < l->n; j++) {
			if (l->entries[j].from == NULL ||
			    l->entries[j].from->tree != t)
				continue;
			told[j] = true;
			files[n++] = l->entries[j].from;
		}
		if (t->ops->prepare(t, files, n, e) < 0)
			return -1;
	}
	return 0;
}

static int
write_all(const struct layer *l, const struct layer_writer *w,
    struct output *o, struct zout_result *result, struct err *e)
{
	if (prepare(l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (write_entry(o, &l->entries[i], w->mtime, e) < 0)
			return -1;
	if (tarout_finish(&o->tar, e) < 0)
		return -1;
	return zout_finish(o->z, result, e);
}

/* OCI image-spec, media-types.md; zstd needs image-spec 1.1. */
static const char *
media_type(enum zout_method method)
{
	return method == ZOUT_NONE ? DESC_OCI_LAYER_TAR :
	    method == ZOUT_ZSTD ? DESC_OCI_LAYER_ZSTD : DESC_OCI_LAYER_GZIP;
}

int
layer_write(struct layer *l, const struct layer_writer *w,
    struct layout_blob *blob, struct image_layer *out, struct err *e)
{
	autofd int null = -1;
	struct output o = { .done = w->done };
	struct zout_result result;
	int rc;

	if (w->layout != NULL && layout_blob_start(w->layout, blob, e) < 0)
		return -1;
	if (w->layout == NULL &&
	    (null = open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
		return err_sys(e, "cannot open '/dev/null'");
	o.z = zout_new(w->layout != NULL ? blob->tmp.fd : null, "a layer",
	    w->method, w->level, w->threads);
	o.tar = (struct tarout){ .sink = to_zout, .ctx = &o };
	rc = write_all(l, w, &o, &result, e);
	zout_free(o.z);
	if (rc < 0)
		return -1;
	*out = (struct image_layer){ .desc.size = result.size };
	snprintf(out->desc.media_type, sizeof(out->desc.media_type), "%s",
	    media_type(w->method));
	digest_format(result.digest, out->desc.digest);
	digest_format(result.diff_id, out->diff_id);
	return 0;
}
