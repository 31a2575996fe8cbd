/*
 * imgtar.h - an image as one tar file that every client reads.
 *
 * It is an OCI image layout (image-layout.md) with a manifest.json beside it
 * that points into blobs/sha256/: skopeo and podman read it as oci-archive: or
 * docker-archive:, ctr imports it, and `docker load` takes it.  An entry of
 * index.json has the name in org.opencontainers.image.ref.name, and in
 * io.containerd.image.name in full, where containerd, podman and new versions
 * of docker look for it.
 *
 * The bytes depend on the image, its names and the time alone.  They are made
 * while they are read, blobs hashed on the way.
 */
#ifndef IMGTAR_H
#define IMGTAR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/layout.h"

struct imgtar_opts {		/* all borrowed */
	struct layout *layout;	/* that has the image */
	const struct desc *image;	/* its manifest, with a platform */
	/* One entry of index.json for each ref; its name is tag, or, where that
	 * is NULL, the ref's own.  Without refs one entry, named tag. */
	const char *tag;
	const char *const *refs;	/* references that ref_check passed */
	size_t nrefs;
	int64_t mtime;		/* of every file */
};

struct imgtar;

/* Read manifest and config; NULL with what image.h and layout.h say.  l stays
 * open as long as the result, which imgtar_free frees. */
struct imgtar *imgtar_new(const struct imgtar_opts *opts, struct err *e);
void imgtar_free(struct imgtar *t);

int64_t imgtar_size(const struct imgtar *t);	/* bytes of the whole */

/* The next bytes, at most len: their number, 0 at the end, -1 (a blob that is
 * not what its digest says: ERR_CHECK "blob_digest_mismatch"). */
ssize_t imgtar_read(struct imgtar *t, void *data, size_t len, struct err *e);
void imgtar_rewind(struct imgtar *t);

/* Add ref, which gets the tag `latest` where it has none, to out: in full as
 * containerd writes it ("docker.io/library/x:1"), or as docker shows it
 * ("x:1").  ERR_INPUT "reference_invalid". */
int imgtar_name(const char *ref, bool full, struct buf *out, struct err *e);

/* All of it into the file at path, which appears whole. */
int imgtar_write(struct imgtar *t, const char *path, struct err *e);

#endif
