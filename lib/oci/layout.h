/*
 * layout.h - an OCI image layout on disk (image-layout.md).
 *
 * Blobs appear whole under their digest; index.json is changed under a lock
 * (<layout>/.lock does not exist when nobody works: the lock is taken on the
 * layout's directory itself, so that nothing is left over), its entries sorted
 * by name, equal names replaced, nothing collected.  Blobs are opened without
 * following symlinks.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "oci/desc.h"

struct layout {
	int fd;		/* the directory */
	char *path;	/* owned, absolute */
	bool unsynced;	/* nobody needs it after a crash */
};
#define LAYOUT_INIT { -1, NULL, false }

/* create: make the directory, oci-layout, blobs/sha256 and an index.json
 * without images where missing, and sweep what runs that were killed have left;
 * an existing directory that is neither empty nor a layout is refused
 * (ERR_CHECK "not_a_layout").  Else it must be one (ERR_CHECK
 * "layout_not_found"). */
int layout_open(struct layout *l, const char *path, bool create,
    struct err *e);
/* The same with create, for one that lives no longer than a run (scratch.h). */
int layout_open_scratch(struct layout *l, const char *path, struct err *e);
void layout_release(struct layout *l);

/* A blob that is being written: write to tmp.fd. */
struct layout_blob {
	struct file_tmp tmp;
};
#define LAYOUT_BLOB_INIT { FILE_TMP_INIT }
int layout_blob_start(struct layout *l, struct layout_blob *b, struct err *e);
int layout_blob_commit(struct layout_blob *b, const uint8_t digest[DIGEST_LEN],
    struct err *e);
void layout_blob_release(struct layout_blob *b);	/* drops what is not
							   committed */
/* All in one for bytes in memory; fills digest and size of d. */
int layout_blob_put(struct layout *l, const void *data, size_t len,
    struct desc *d, struct err *e);

/* 1 if a regular file of this size is there, 0 if not. */
int layout_blob_has(struct layout *l, const struct desc *d, struct err *e);
/* Open it for reading: ERR_CHECK "blob_missing", "blob_size_mismatch" or
 * "blob_not_a_file".  The digest is for the reader to check. */
int layout_blob_open(struct layout *l, const struct desc *d, struct err *e);
/* Its bytes, verified (ERR_CHECK "blob_digest_mismatch" too). */
int layout_blob_read(struct layout *l, const struct desc *d, size_t max,
    struct buf *out, struct err *e);
/* Read it all and check the digest. */
int layout_blob_verify(struct layout *l, const struct desc *d, struct err *e);

/* The entry that has the name tag (org.opencontainers.image.ref.name); tag
 * NULL or "": the only entry.  ERR_CHECK "tag_not_found", "tag_ambiguous". */
int layout_find(struct layout *l, const char *tag, struct desc *d,
    struct err *e);

/* The same by digest: the entry in index.json that has it, else the blob as it
 * lies there, with media_type "".  ERR_CHECK "blob_missing". */
int layout_find_digest(struct layout *l, const char *digest, struct desc *d,
    struct err *e);

/* Both are one directory. */
bool layout_same(const struct layout *a, const struct layout *b);

/* A name that skopeo and the specification accept (image-layout.md refers to
 * annotations.md, org.opencontainers.image.ref.name). */
bool layout_tag_valid(const char *tag);

/* Name d by tag.  previous gets the digest that had the name, or "".  synced
 * to disk before it returns.  ERR_INPUT "tag_invalid". */
int layout_tag(struct layout *l, const char *tag, const struct desc *d,
    char previous[DIGEST_STR], struct err *e);

/* Split "DIR[:TAG]" of an oci: place (without "oci:"): the first colon starts
 * the tag, as skopeo reads it (a tag may be a whole reference).  tag is NULL
 * without one; both the caller's to free. */
void layout_split(const char *place, char **dir, char **tag);

#endif
