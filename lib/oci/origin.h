/*
 * origin.h - an image or an index in some place, with all that it is made of.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/copy.h"
#include "oci/index.h"
#include "oci/places.h"

struct origin {
	struct place *place;	/* borrowed from places */
	char *wanted;		/* owned: what it was asked for, or NULL */
	struct desc desc;	/* the image or index itself */
	bool known;		/* desc says what is wanted: digest and size */
	struct index children;	/* of an image: itself */
	struct copy_list blobs;	/* with documents; the index itself is none */
};
#define ORIGIN_INIT { .children = INDEX_INIT, .blobs = COPY_LIST_INIT }
void origin_release(struct origin *o);

/* Find the place (places_open). */
int origin_open(struct origin *o, struct places *x, const char *location,
    bool fresh, struct err *e);

/* Read manifests and configs (index_load).  Any thread. */
int origin_load(struct origin *o, struct err *e);

/* It is an index. */
bool origin_is_index(const struct origin *o);

/* Its bytes, into out. */
int origin_text(const struct origin *o, struct buf *out, struct err *e);

/* "oci:/dir:tag", "docker://host/repo@sha256:…": where it is, for records; a
 * registry's by digest.  Added to b. */
void origin_location(const struct origin *o, struct buf *b);

#endif
