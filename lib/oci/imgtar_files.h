/*
 * imgtar_files.h - the files of an image archive, each as a blob of a layout.
 *
 * The archive, compressed or not, is read once and strictly (untar.h); every
 * regular file becomes a blob under the digest that its bytes have, whatever it
 * is called, so that no name out of an archive becomes a path.  Symlinks and
 * hard links are followed inside the archive.  Two entries of one name, one
 * that leads out of the archive, and devices are refused.
 */
#ifndef IMGTAR_FILES_H
#define IMGTAR_FILES_H

#include "base/err.h"
#include "oci/layout.h"

#define IMGTAR_FILES_MAX 65536	/* entries */

struct imgtar_files {
	const char *archive;	/* borrowed: for messages */
	struct layout *to;	/* borrowed: has the blobs */
	void *tree;		/* owned: by name */
	size_t n;
};
void imgtar_files_release(struct imgtar_files *f);

/*
 * Read the archive that fd is at the start of; f has archive and `to`, the
 * rest is zeroed.  ERR_CHECK "archive_damaged", "archive_unsafe".
 */
int imgtar_files_unpack(struct imgtar_files *f, int fd, struct err *e);

/* Call fn for every regular file, by name: its digest and size are in d. */
int imgtar_files_each(const struct imgtar_files *f,
    int (*fn)(void *ctx, const char *name, const struct desc *d,
    struct err *e), void *ctx, struct err *e);

/* The blob of the file: 1 with *d (media_type ""), 0 where it is not there. */
int imgtar_files_find(const struct imgtar_files *f, const char *name,
    struct desc *d);

/* Its bytes, at most max: 1, 0 where it is not there, -1. */
int imgtar_files_text(const struct imgtar_files *f, const char *name,
    size_t max, struct buf *out, struct err *e);

#endif
