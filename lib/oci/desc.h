/*
 * desc.h - descriptors, platforms and media types.
 *
 * Source: OCI image-spec v1.1.1, descriptor.md, image-index.md, config.md,
 * media-types.md; this is the one place that names the version.
 */
#ifndef DESC_H
#define DESC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "record/json_out.h"
#include "record/rec.h"

#define DESC_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define DESC_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DESC_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define DESC_OCI_LAYER_TAR "application/vnd.oci.image.layer.v1.tar"
#define DESC_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define DESC_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define DESC_DOCKER_LIST \
	"application/vnd.docker.distribution.manifest.list.v2+json"
#define DESC_DOCKER_MANIFEST \
	"application/vnd.docker.distribution.manifest.v2+json"
#define DESC_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define DESC_DOCKER_LAYER \
	"application/vnd.docker.image.rootfs.diff.tar.gzip"

/* An annotation: what an image was made from (fp-diff). */
#define DESC_FINGERPRINT "dev.slipway.fingerprint"

#define DESC_MANIFEST_MAX (4 << 20)	/* bytes of a manifest or an index */
#define DESC_CONFIG_MAX (8 << 20)

struct desc_platform {
	char os[32], arch[32], variant[32];	/* variant may be "" */
	char os_version[64];	/* "" but on Windows: config.md, "os.version" */
};

struct desc {
	char media_type[256];	/* RFC 6838, 4.2: 127 on each side */
	char digest[DIGEST_STR];	/* "sha256:…", checked */
	int64_t size;
	bool has_platform;
	struct desc_platform platform;
};

/*
 * "linux/amd64", "linux/arm64/v8", or an architecture alone.  Normalised as
 * containerd does: aarch64 is arm64, x86_64 amd64, arm64/v8 is arm64 without
 * variant, arm is arm/v7.  ERR_INPUT "platform_invalid".
 */
int desc_platform_parse(const char *str, struct desc_platform *p,
    struct err *e);
/* The members os, architecture, variant and os.version of the object r,
 * normalised: a platform object and an image's config have the same names.
 * ERR_CHECK "platform_invalid". */
int desc_platform_read(struct rec *r, struct desc_platform *p, struct err *e);
/* "linux/arm64", with the variant where there is one. */
void desc_platform_format(const struct desc_platform *p, char out[104]);
bool desc_platform_equal(const struct desc_platform *a,
    const struct desc_platform *b);
/* have is what want asks for; a want without os.version takes any. */
bool desc_platform_match(const struct desc_platform *want,
    const struct desc_platform *have);

/* Read the descriptor that the object r is; digest and size are checked, urls
 * (a foreign layer) refused.  ERR_CHECK "descriptor_invalid". */
int desc_read(struct rec *r, struct desc *d, struct err *e);
/* As one object: mediaType, digest, size, platform where it has one. */
void desc_write(struct json_out *o, const struct desc *d);
/* The same members without the braces, for an object that has more. */
void desc_write_members(struct json_out *o, const struct desc *d);

/*
 * A JSON document of an image (a manifest, an index, a config), to be read
 * with rec_*.  name is for messages.  NULL with ERR_CHECK "document_invalid":
 * a blob that is what its digest says and yet no JSON object.
 */
struct rec *desc_document(const char *text, size_t len, const char *name,
    struct err *e);
/* The string that is named name in the object at key ("" for r itself): for
 * names with dots in them, as annotations have.  NULL if it is missing or no
 * string; lasts as long as r. */
const char *desc_member(struct rec *r, const char *key, const char *name);

bool desc_is_index(const char *media_type);
bool desc_is_manifest(const char *media_type);

#endif
