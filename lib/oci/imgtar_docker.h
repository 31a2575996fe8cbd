/*
 * imgtar_docker.h - an image by the manifest.json of an archive, as
 * `docker save`, skopeo and podman write it.
 *
 * Such an archive has no manifest and, as a rule, plain tar layers: those are
 * compressed with gzip here, and a manifest is made.  Every layer is compared
 * with the config's diff_ids, the config with the digest in its name.
 */
#ifndef IMGTAR_DOCKER_H
#define IMGTAR_DOCKER_H

#include "base/err.h"
#include "oci/imgtar_files.h"

/*
 * Make the image that wanted (a reference; NULL: the only one) names whole in
 * f's layout; *d is its manifest.  ERR_CHECK "not_an_archive" without a
 * manifest.json, "tag_not_found", "tag_ambiguous", "layer_damaged",
 * "diff_id_mismatch", "document_invalid".
 */
int imgtar_docker_read(const struct imgtar_files *f, const char *wanted,
    struct desc *d, struct err *e);

#endif
