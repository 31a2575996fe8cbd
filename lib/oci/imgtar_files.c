#include "oci/imgtar_files.h"

#include <search.h>
#include <string.h>

#include "base/mem.h"
#include "codec/untar.h"
#include "codec/zin.h"

#define HOPS_MAX 8	/* links on the way to a file */
#define NAME_MAX_ 4096	/* bytes of a name or a link */

struct file {
	char *name;		/* clean */
	char *link;		/* clean name of another, or NULL */
	struct desc desc;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name,
	    ((const struct file *)b)->name);
}

static void
free_file(void *p)
{
	struct file *file = p;

	free(file->name);
	free(file->link);
	free(file);
}

void
imgtar_files_release(struct imgtar_files *f)
{
	tdestroy(f->tree, free_file);
	f->tree = NULL;
	f->n = 0;
}

/* Join path to what out has, without `.`, `..` and double slashes; false where
 * that leads above the archive. */
static bool
join(struct buf *out, const char *path)
{
	for (; *path != '\0'; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/");
		const char *slash;

		if (n == 2 && strncmp(path, "..", 2) == 0) {
			if (out->len == 0)
				return false;
			slash = strrchr(out->data, '/');
			buf_truncate(out, slash != NULL ?
			    (size_t)(slash - out->data) : 0);
		} else if (n > 0 && !(n == 1 && *path == '.')) {
			if (out->len > 0)
				buf_addc(out, '/');
			buf_add(out, path, n);
		}
		path += n;
	}
	return true;
}

static int
refuse(struct imgtar_files *f, const char *name, const char *why,
    struct err *e)
{
	err_set(e, ERR_CHECK, "archive_unsafe", "'%s': the entry '%s' %s",
	    f->archive, name, why);
	err_set_path(e, name);
	return -1;
}

/* The entry's clean name, and that of its link, into file. */
static int
take_names(struct imgtar_files *f, const struct tarscan_entry *entry,
    struct file *file, struct err *e)
{
	autobuf struct buf name = BUF_INIT, link = BUF_INIT;
	const char *slash;

	if (entry->path_len > NAME_MAX_ || entry->link_len > NAME_MAX_)
		return refuse(f, entry->path, "has too long a name", e);
	if (*entry->path == '/' || !join(&name, entry->path))
		return refuse(f, entry->path, "leads out of the archive", e);
	file->name = mem_str(name.data);
	if (entry->type != '1' && entry->type != '2')
		return 0;
	/* a symlink counts from its folder, a hard link from the root */
	slash = strrchr(name.data, '/');
	if (entry->type == '2' && slash != NULL)
		buf_add(&link, name.data, (size_t)(slash - name.data));
	if (*entry->link == '/' || !join(&link, entry->link))
		return refuse(f, entry->path, "links out of the archive", e);
	file->link = mem_str(link.data);
	return 0;
}

/* The entry's bytes as a blob. */
static int
store(struct imgtar_files *f, struct untar *u, struct desc *d, struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob blob = LAYOUT_BLOB_INIT;
	AUTO(digest_release) struct digest sum = DIGEST_INIT;
	uint8_t digest[DIGEST_LEN];
	const uint8_t *data;
	size_t len;
	int rc;

	if (layout_blob_start(f->to, &blob, e) < 0)
		return -1;
	digest_start(&sum);
	while ((rc = untar_data(u, &data, &len, e)) > 0) {
		digest_add(&sum, data, len);
		if (file_write(blob.tmp.fd, data, len) < 0)
			return err_sys(e, "cannot write a blob in '%s'",
			    f->to->path);
		d->size += (int64_t)len;
	}
	if (rc < 0)
		return -1;
	digest_end(&sum, digest);
	digest_format(digest, d->digest);
	return layout_blob_commit(&blob, digest, e);
}

static int
add_entry(struct imgtar_files *f, struct untar *u,
    const struct tarscan_entry *entry, struct err *e)
{
	struct file *file;
	void *at;

	if (entry->type == '5')
		return 0;
	if (strchr("0127", entry->type) == NULL)
		return refuse(f, entry->path, "is no file, folder or link",
		    e);
	if (++f->n > IMGTAR_FILES_MAX)
		return refuse(f, entry->path, "is one too many", e);
	file = mem_zero(1, sizeof(*file));
	if (take_names(f, entry, file, e) < 0) {
		free_file(file);
		return -1;
	}
	at = tsearch(file, &f->tree, by_name);
	if (at != NULL && *(struct file **)at == file)
		return file->link != NULL ? 0 : store(f, u, &file->desc, e);
	free_file(file);
	if (at == NULL)
		mem_die();
	return refuse(f, entry->path, "is there twice", e);
}

/* What the reader of tars says, in the words of this place. */
static int
damaged(const struct imgtar_files *f, struct err *e)
{
	autofree char *detail = NULL;

	if (e->kind != ERR_CHECK || strcmp(e->code, "archive_damaged") != 0)
		return -1;
	detail = mem_str(e->detail);
	err_set(e, ERR_CHECK, "archive_damaged",
	    "'%s' is no sound archive: %s", f->archive, detail);
	err_set_path(e, f->archive);
	return -1;
}

int
imgtar_files_unpack(struct imgtar_files *f, int fd, struct err *e)
{
	struct zin *z = zin_new(fd, ZIN_MEMBERS);
	struct untar *u = untar_new(z, NULL, NULL);
	const struct tarscan_entry *entry;
	int rc;

	while ((rc = untar_next(u, &entry, e)) > 0)
		if ((rc = add_entry(f, u, entry, e)) < 0)
			break;
	untar_free(u);
	zin_free(z);
	return rc < 0 ? damaged(f, e) : 0;
}

struct walk {
	int (*fn)(void *ctx, const char *name, const struct desc *d,
	    struct err *e);
	void *ctx;
	struct err *err;
	int rc;
};

static void
visit(const void *node, VISIT order, void *ctx)
{
	const struct file *file = *(struct file *const *)node;
	struct walk *w = ctx;

	if (w->rc == 0 && (order == postorder || order == leaf) &&
	    file->link == NULL)
		w->rc = w->fn(w->ctx, file->name, &file->desc, w->err);
}

int
imgtar_files_each(const struct imgtar_files *f,
    int (*fn)(void *ctx, const char *name, const struct desc *d,
    struct err *e), void *ctx, struct err *e)
{
	struct walk w = { fn, ctx, e, 0 };

	twalk_r(f->tree, visit, &w);
	return w.rc;
}

int
imgtar_files_find(const struct imgtar_files *f, const char *name,
    struct desc *d)
{
	autobuf struct buf clean = BUF_INIT;
	struct file key = { .name = NULL };

	if (!join(&clean, name))
		return 0;
	key.name = clean.data;
	for (int hops = 0; hops <= HOPS_MAX; hops++) {
		void *at = tfind(&key, &f->tree, by_name);
		const struct file *file;

		if (at == NULL)
			return 0;
		file = *(struct file **)at;
		if (file->link == NULL) {
			*d = file->desc;
			return 1;
		}
		key.name = file->link;
	}
	return 0;
}

int
imgtar_files_text(const struct imgtar_files *f, const char *name, size_t max,
    struct buf *out, struct err *e)
{
	struct desc d;

	if (imgtar_files_find(f, name, &d) == 0)
		return 0;
	return layout_blob_read(f->to, &d, max, out, e) < 0 ? -1 : 1;
}
