/*
 * family.h - the two families of media types that an image can be written in.
 *
 * OCI image-spec, media-types.md, "Compatibility Matrix": manifests, configs
 * and layers of one family have a counterpart in the other, with equal bytes
 * but for the manifest.  Docker's has no zstd layers and no annotations.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include "base/err.h"
#include "oci/desc.h"

enum family { FAMILY_OCI, FAMILY_DOCKER };

/* "oci" or "docker"; ERR_INPUT "usage" for anything else, in the words of the
 * option --format. */
int family_parse(const char *name, enum family *family, struct err *e);

const char *family_manifest(enum family family);	/* media types */
const char *family_config(enum family family);

/*
 * Give a layer the media type that it has in family, from that of either.
 * ERR_CHECK "layer_type" for what is no layer's; ERR_INPUT "format_conflict"
 * for a zstd layer in Docker's, with the way out.
 */
int family_layer(enum family family, struct desc *layer, struct err *e);

#endif
