#include "oci/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "oci/names.h"

#define LAYOUT_FILE "{\"imageLayoutVersion\":\"1.0.0\"}"
#define LAYOUT_INDEX_MAX (16 << 20)	/* bytes of index.json */

/* Not more than max bytes of the file at path below the layout, through no
 * symlink.  1, 0 if it is not there, -1. */
static int
read_file(struct layout *l, const char *path, size_t max, struct buf *out,
    struct err *e)
{
	struct stat st;
	ssize_t n;
	autofd int fd = file_open_beneath(l->fd, path,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno != ELOOP)
		return err_sys(e, "cannot open '%s/%s'", l->path, path);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_CHECK, "layout_invalid",
		    "'%s/%s' is not a regular file", l->path, path);
	if (st.st_size > (off_t)max)
		return err_set(e, ERR_CHECK, "layout_invalid",
		    "'%s/%s' is larger than %zu bytes", l->path, path, max);
	buf_reset(out);
	buf_grow(out, (size_t)st.st_size + 1);
	if ((n = file_read(fd, out->data, (size_t)st.st_size)) < 0)
		return err_sys(e, "cannot read '%s/%s'", l->path, path);
	out->len = (size_t)n;
	out->data[out->len] = '\0';
	return 1;
}

/* An exclusive lock on the directory itself, by a descriptor of its own, so
 * that it also stands between two threads.  Close it to unlock. */
static int
lock_layout(struct layout *l, struct err *e)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		int keep = errno;
		close(fd);
		errno = keep;
		fd = -1;
	}
	if (fd < 0)
		return err_sys(e, "cannot lock '%s'", l->path);
	return fd;
}

/* 1 if oci-layout says that this is a layout, 0 if it is not there. */
static int
check_version(struct layout *l, struct err *e)
{
	struct buf text = BUF_INIT;
	struct rec *r = NULL;
	const char *version = "";
	int rc = read_file(l, "oci-layout", 65536, &text, e);

	if (rc == 1 && (r = desc_document(text.data, text.len,
	    "oci-layout", e)) == NULL)
		rc = -1;
	if (rc == 1 && rec_str(r, "imageLayoutVersion", &version, e) < 0)
		rc = -1;
	/* image-layout.md, "oci-layout file" */
	if (rc == 1 && strcmp(version, "1.0.0") != 0)
		rc = err_set(e, ERR_CHECK, "not_a_layout",
		    "'%s' is an image layout of version '%.100s', not 1.0.0",
		    l->path, version);
	rec_free(r);
	buf_release(&text);
	return rc;
}

static int
is_empty(struct layout *l, struct err *e)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	int rc = 1;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return err_sys(e, "cannot read directory '%s'", l->path);
	}
	while (rc == 1 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = 0;
	closedir(dir);
	return rc;
}

static int
missing(struct layout *l, const char *path)
{
	struct stat st;

	return fstatat(l->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT;
}

static int
open_blobs(struct layout *l)
{
	return file_open_beneath(l->fd, "blobs/sha256",
	    O_RDONLY | O_DIRECTORY, 0);
}

/* What runs that were killed have left, also where this one will write no file
 * of the same name. */
static void
sweep(struct layout *l)
{
	autofd int blobs = open_blobs(l);

	file_tmp_sweep(l->fd, ".oci-layout");
	file_tmp_sweep(l->fd, ".index.json");
	if (blobs >= 0)
		file_tmp_sweep(blobs, ".blob");
}

static int
replace(struct layout *l, const char *name, const char *text, struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp t = FILE_TMP_INIT;

	if (file_tmp_open(&t, l->fd, name, e) < 0)
		return -1;
	t.unsynced = l->unsynced;
	if (file_write(t.fd, text, strlen(text)) < 0)
		return err_sys(e, "cannot write '%s'", name);
	return file_tmp_commit(&t, e);
}

/*
 * What a layout has, where it is missing.  oci-layout comes first: a run that
 * was killed leaves either an empty directory or one that the next run knows
 * as a layout and completes.
 */
static int
complete(struct layout *l, struct err *e)
{
	autofd int lock = lock_layout(l, e);
	int rc;

	if (lock < 0 || (rc = check_version(l, e)) < 0)
		return -1;
	if (rc == 0) {
		autofd int parent = -1;

		file_tmp_sweep(l->fd, ".oci-layout");
		if ((rc = is_empty(l, e)) < 0)
			return -1;
		if (rc == 0)
			return err_set(e, ERR_CHECK, "not_a_layout",
			    "'%s' is neither empty nor an OCI image layout",
			    l->path);
		if (replace(l, "oci-layout", LAYOUT_FILE, e) < 0)
			return -1;
		if (!l->unsynced)
			parent = openat(l->fd, "..",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (parent >= 0 && file_sync_dir(parent, l->path, e) < 0)
			return -1;
	}
	if (missing(l, "blobs/sha256") &&
	    file_mkdirs(l->fd, "blobs/sha256", e) < 0)
		return -1;
	sweep(l);
	if (missing(l, "index.json"))
		return replace(l, "index.json", NAMES_EMPTY, e);
	return 0;
}

static int
open_layout(struct layout *l, const char *path, bool create, struct err *e)
{
	int rc;

	l->path = file_absolute(NULL, path);
	l->fd = -1;
	if (create && file_mkdirs(AT_FDCWD, l->path, e) < 0) {
		/* what is no directory today will be none tomorrow */
		if (e->sys == ENOTDIR)
			err_set(e, ERR_CHECK, "not_a_layout",
			    "no directory: %s", l->path);
		goto fail;
	}
	l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		err_set(e, ERR_CHECK, errno == ENOENT ? "layout_not_found" :
		    "not_a_layout", "no such image layout: %s", l->path);
		goto fail;
	}
	if (l->fd < 0) {
		err_sys(e, "cannot open '%s'", l->path);
		goto fail;
	}
	if ((rc = create ? complete(l, e) : check_version(l, e)) < 0)
		goto fail;
	if (rc == 0 && !create) {
		err_set(e, ERR_CHECK, "layout_not_found",
		    "'%s' is no image layout: it has no file oci-layout",
		    l->path);
		goto fail;
	}
	return 0;
fail:
	err_set_path(e, l->path);
	layout_release(l);
	return -1;
}

int
layout_open(struct layout *l, const char *path, bool create, struct err *e)
{
	l->unsynced = false;
	return open_layout(l, path, create, e);
}

int
layout_open_scratch(struct layout *l, const char *path, struct err *e)
{
	l->unsynced = true;
	return open_layout(l, path, true, e);
}

void
layout_release(struct layout *l)
{
	int keep = errno;

	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	*l = (struct layout)LAYOUT_INIT;
	errno = keep;
}

bool
layout_same(const struct layout *a, const struct layout *b)
{
	struct stat sa, sb;

	return fstat(a->fd, &sa) == 0 && fstat(b->fd, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int
layout_blob_start(struct layout *l, struct layout_blob *b, struct err *e)
{
	autofd int dir = open_blobs(l);

	b->tmp = (struct file_tmp)FILE_TMP_INIT;
	if (dir < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(e, ERR_CHECK, "layout_invalid",
		    "'%s/blobs/sha256' is not a directory", l->path);
	if (dir < 0)
		return err_sys(e, "cannot open '%s/blobs/sha256'", l->path);
	if (file_tmp_open(&b->tmp, dir, "blob", e) < 0)
		return err_wrap(e, "'%s/blobs/sha256'", l->path);
	b->tmp.unsynced = l->unsynced;
	return 0;
}

int
layout_blob_commit(struct layout_blob *b, const uint8_t digest[DIGEST_LEN],
    struct err *e)
{
	char hex[DIGEST_HEX];

	/* its name is known only now that all of it was written */
	digest_format_hex(digest, hex);
	free(b->tmp.name);
	b->tmp.name = mem_str(hex);
	return file_tmp_commit(&b->tmp, e);
}

void
layout_blob_release(struct layout_blob *b)
{
	file_tmp_release(&b->tmp);
}

int
layout_blob_put(struct layout *l, const void *data, size_t len,
    struct desc *d, struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob b = LAYOUT_BLOB_INIT;
	uint8_t digest[DIGEST_LEN];
	struct err ignored;

	digest_bytes(data, len, digest);
	digest_format(digest, d->digest);
	d->size = (int64_t)len;
	if (layout_blob_verify(l, d, &ignored) == 0)
		return 0;
	if (layout_blob_start(l, &b, e) < 0)
		return -1;
	if (file_write(b.tmp.fd, data, len) < 0)
		return err_sys(e, "cannot write a blob in '%s'", l->path);
	return layout_blob_commit(&b, digest, e);
}

#define BLOB_PATH_MAX (sizeof("blobs/sha256/") + DIGEST_HEX)

/* A digest that was not checked must not become a path. */
static void
blob_path(const char *digest, char out[BLOB_PATH_MAX])
{
	uint8_t raw[DIGEST_LEN] = { 0 };
	char hex[DIGEST_HEX];

	if (!digest_parse(digest, raw))
		memset(raw, 0, sizeof(raw));
	digest_format_hex(raw, hex);
	snprintf(out, BLOB_PATH_MAX, "blobs/sha256/%s", hex);
}

/* The regular file that is the blob, of whatever size. */
static int
open_blob(struct layout *l, const char *digest, int64_t *size, struct err *e)
{
	char path[BLOB_PATH_MAX];
	struct stat st;
	int fd;

	blob_path(digest, path);
	fd = file_open_beneath(l->fd, path,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 && errno == ENOENT) {
		err_set(e, ERR_CHECK, "blob_missing",
		    "blob %s is missing from '%s'", digest, l->path);
	} else if (fd < 0 && errno != ELOOP && errno != ENXIO &&
	    errno != ENOTDIR) {
		err_sys(e, "cannot open blob %s in '%s'", digest, l->path);
	} else if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		/* a link would lead out of the layout */
		err_set(e, ERR_CHECK, "blob_not_a_file",
		    "blob %s in '%s' is not a regular file", digest, l->path);
		if (fd >= 0)
			close(fd);
	} else {
		*size = st.st_size;
		return fd;
	}
	err_set_path(e, path);
	return -1;
}

int
layout_blob_open(struct layout *l, const struct desc *d, struct err *e)
{
	char path[BLOB_PATH_MAX], want[24], got[24];
	int64_t size;
	int fd = open_blob(l, d->digest, &size, e);

	/* descriptor.md, "Verification": the size before the digest */
	if (fd < 0 || size == d->size)
		return fd;
	close(fd);
	err_set(e, ERR_CHECK, "blob_size_mismatch",
	    "blob %s in '%s' has %" PRId64 " bytes, not %" PRId64, d->digest,
	    l->path, size, d->size);
	snprintf(want, sizeof(want), "%" PRId64, d->size);
	snprintf(got, sizeof(got), "%" PRId64, size);
	blob_path(d->digest, path);
	err_set_path(e, path);
	err_set_values(e, want, got);
	return -1;
}

int
layout_blob_has(struct layout *l, const struct desc *d, struct err *e)
{
	int fd = layout_blob_open(l, d, e);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 1 : e->kind == ERR_CHECK ? 0 : -1;
}

static int
check_digest(struct layout *l, const struct desc *d,
    const uint8_t digest[DIGEST_LEN], struct err *e)
{
	char path[BLOB_PATH_MAX], found[DIGEST_STR];

	digest_format(digest, found);
	if (strcmp(found, d->digest) == 0)
		return 0;
	err_set(e, ERR_CHECK, "blob_digest_mismatch",
	    "blob %s in '%s' is damaged: its content is %s", d->digest,
	    l->path, found);
	blob_path(d->digest, path);
	err_set_path(e, path);
	err_set_values(e, d->digest, found);
	return -1;
}

int
layout_blob_read(struct layout *l, const struct desc *d, size_t max,
    struct buf *out, struct err *e)
{
	autofd int fd = layout_blob_open(l, d, e);
	uint8_t digest[DIGEST_LEN];
	ssize_t n;

	if (fd < 0)
		return -1;
	if ((uint64_t)d->size > max)
		return err_set(e, ERR_CHECK, "blob_too_large",
		    "blob %s in '%s' has %" PRId64 " bytes, more than the "
		    "%zu of such a document", d->digest, l->path, d->size,
		    max);
	buf_reset(out);
	buf_grow(out, (size_t)d->size + 1);
	if ((n = file_read(fd, out->data, (size_t)d->size)) < 0)
		return err_sys(e, "cannot read blob %s in '%s'", d->digest,
		    l->path);
	out->len = (size_t)n;
	out->data[n] = '\0';
	digest_bytes(out->data, out->len, digest);
	return check_digest(l, d, digest, e);
}

int
layout_blob_verify(struct layout *l, const struct desc *d, struct err *e)
{
	autofd int fd = layout_blob_open(l, d, e);
	uint8_t digest[DIGEST_LEN];
	int64_t size;

	if (fd < 0 || digest_file(fd, d->digest, digest, &size, e) < 0)
		return -1;
	return check_digest(l, d, digest, e);
}

/* index.json, read; a layout that has none yet has no names. */
static int
read_names(struct layout *l, struct names *x, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	int rc = read_file(l, "index.json", LAYOUT_INDEX_MAX, &text, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		buf_adds(&text, NAMES_EMPTY);
	if (names_parse(x, text.data, text.len, e) < 0) {
		err_wrap(e, "'%s'", l->path);
		err_set_path(e, l->path);
		return -1;
	}
	return 0;
}

int
layout_find(struct layout *l, const char *tag, struct desc *d, struct err *e)
{
	AUTO(names_release) struct names x = NAMES_INIT;

	if (read_names(l, &x, e) < 0)
		return -1;
	return names_find(&x, tag, l->path, d, e);
}

int
layout_find_digest(struct layout *l, const char *digest, struct desc *d,
    struct err *e)
{
	AUTO(names_release) struct names x = NAMES_INIT;
	int fd;

	if (read_names(l, &x, e) < 0)
		return -1;
	if (names_find_digest(&x, digest, d))
		return 0;
	memset(d, 0, sizeof(*d));
	snprintf(d->digest, sizeof(d->digest), "%s", digest);
	if ((fd = open_blob(l, d->digest, &d->size, e)) < 0)
		return -1;
	close(fd);
	return 0;
}

bool
layout_tag_valid(const char *tag)
{
	return names_valid(tag);
}

static int
write_names(struct layout *l, struct names *x, struct err *e)
{
	autobuf struct buf text = BUF_INIT;

	names_print(x, &text);
	if (text.len == x->text.len &&
	    memcmp(text.data, x->text.data, text.len) == 0)
		return 0;
	if (text.len > LAYOUT_INDEX_MAX)
		return err_set(e, ERR_CHECK, "layout_full",
		    "'%s/index.json' would be larger than %d bytes", l->path,
		    LAYOUT_INDEX_MAX);
	if (file_replace(l->fd, "index.json", text.data, text.len, e) < 0)
		return err_wrap(e, "'%s'", l->path);
	return 0;
}

int
layout_tag(struct layout *l, const char *tag, const struct desc *d,
    char previous[DIGEST_STR], struct err *e)
{
	AUTO(names_release) struct names x = NAMES_INIT;

	if (!names_valid(tag))
		return err_set(e, ERR_INPUT, "tag_invalid",
		    "'%.200s' is no name for an image in a layout", tag);
	autofd int lock = lock_layout(l, e);
	if (lock < 0 || read_names(l, &x, e) < 0)
		return -1;
	names_set(&x, tag, d, previous);
	return write_names(l, &x, e);
}

void
layout_split(const char *place, char **dir, char **tag)
{
	size_t len = strcspn(place, ":");

	*dir = mem_dup(place, len);
	*tag = place[len] != '\0' && place[len + 1] != '\0' ?
	    mem_str(place + len + 1) : NULL;
}
