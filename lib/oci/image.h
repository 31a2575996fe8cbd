/*
 * image.h - an image's manifest and config, read and checked.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "oci/desc.h"
#include "oci/layout.h"
#include "oci/place.h"

struct image_layer {
	struct desc desc;
	char diff_id[DIGEST_STR];
};

struct image {
	struct desc desc;		/* of the manifest */
	struct buf manifest;		/* its bytes */
	struct desc config_desc;
	struct buf config;		/* its bytes */
	struct desc_platform platform;	/* from the config */
	struct image_layer *layers;	/* owned */
	size_t nlayers;
};
#define IMAGE_INIT { .manifest = BUF_INIT, .config = BUF_INIT }
void image_release(struct image *i);

/*
 * Read the image that d names from a place: the manifest, or, where d is an
 * index, the child for platform (required then; ERR_CHECK
 * "platform_not_found").  Manifest and config are verified against digest and
 * size; as many diff_ids as layers.  Layer blobs are not read.  Documents that
 * are both manifest and index, or have a mediaType other than their
 * descriptor's, are refused (CVE-2021-41190); a d without a media type takes
 * the document's.  A descriptor whose platform is not the config's is refused
 * too (ERR_CHECK "platform_mismatch"); platform is not compared with an image
 * that stands alone.  i ends in image_release, also after a failure.
 */
int image_load(struct place *p, const struct desc *d,
    const struct desc_platform *platform, struct image *i, struct err *e);

/* The same from a layout. */
int image_read(struct layout *l, const struct desc *d,
    const struct desc_platform *platform, struct image *i, struct err *e);

/* The same for what may have no platform (an attestation, a signature):
 * manifest, config and the layers' descriptors, no platform and no diff_ids. */
int image_load_parts(struct place *p, const struct desc *d, struct image *i,
    struct err *e);

/* 1 if the document r that d names is an index, 0 if it is a manifest, -1 if
 * it is refused.  Fills d->media_type where that is "". */
int image_document_check(struct rec *r, struct desc *d, struct err *e);

#endif
