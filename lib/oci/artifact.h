/*
 * artifact.h - a file in a registry: an OCI artifact with one layer.
 *
 * OCI image-spec v1.1, manifest.md, "Guidelines for Artifact Usage": an
 * artifactType, the empty config, and the file as the only layer, byte for
 * byte, with its name in org.opencontainers.image.title.
 */
#ifndef ARTIFACT_H
#define ARTIFACT_H

#include "base/err.h"
#include "net/fetch.h"
#include "oci/deliver.h"
#include "oci/place.h"

#define ARTIFACT_BUNDLE "application/vnd.slipway.runtime-bundle.v1"

struct artifact {		/* all borrowed */
	const char *title;	/* the file's name; .tar.gz or .tar.zst */
	const char *version, *arch;
	struct desc layer;	/* digest and size of the file */
};

/*
 * Push the file to the tags of to, which has its copy, and nothing where they
 * name it already.  to->desc is its manifest then.
 */
int artifact_push(const struct artifact *a, int fd, struct deliver *to,
    struct err *e);

/* A file that is to be read. */
struct artifact_source {
	struct place *place;	/* borrowed */
	char *wanted;		/* owned: tag or digest */
	char *url;		/* owned: its name in the cache */
	struct registry_session *session;	/* owned */
};
void artifact_source_release(struct artifact_source *s);

/*
 * Whatever has one layer is such a file.  For fetch.h's `prepare`, ctx being a
 * struct artifact_source: where its bytes are, with the digest that the
 * manifest says.  ERR_CHECK "not_an_artifact".
 */
int artifact_prepare(void *ctx, struct http *h, struct fetch_ask *ask,
    double *wait, struct err *e);

#endif
