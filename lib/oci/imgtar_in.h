/*
 * imgtar_in.h - an image out of an archive: oci-archive:, docker-archive:, or
 * what an engine saves.
 *
 * A hybrid (imgtar.h) can be read as either; both give the same image.
 */
#ifndef IMGTAR_IN_H
#define IMGTAR_IN_H

#include "base/err.h"
#include "oci/layout.h"

enum imgtar_in_kind {
	IMGTAR_IN_OCI,		/* by index.json */
	IMGTAR_IN_DOCKER,	/* by manifest.json */
};

/*
 * Unpack the archive that fd is at the start of into the layout to, which is
 * empty, and find the image that wanted names; NULL: the only one.  For an
 * oci-archive that is a tag or a reference, for a docker-archive a reference.
 * archive is for messages.  Fills *d: a manifest, or an index.  The digests of
 * all blobs are right afterwards.  ERR_CHECK "not_an_archive",
 * "archive_damaged", "archive_unsafe", "blob_digest_mismatch",
 * "tag_not_found", "tag_ambiguous"; those of imgtar_docker.h.
 */
int imgtar_in_read(int fd, const char *archive, enum imgtar_in_kind kind,
    const char *wanted, struct layout *to, struct desc *d, struct err *e);

#endif
