/*
 * part.h - a record with an image, as a part of an index.
 *
 * What records(5) says of `image`: the child is the one with the record's
 * digest, whatever its tag names by now; the config's platform decides, and a
 * record that says another is refused.
 */
#ifndef PART_H
#define PART_H

#include "base/err.h"
#include "oci/copy.h"
#include "oci/index.h"
#include "oci/layout.h"
#include "record/rec.h"

/* The layouts that parts come from; each is opened once. */
struct part_sources {
	struct copy *copy;		/* borrowed */
	struct layout **layouts;	/* owned */
	size_t n, cap;
};
void part_sources_release(struct part_sources *s);

struct part {
	struct rec *rec;		/* owned */
	enum err_kind kind;		/* of its failure */
	struct err *err;		/* owned; NULL if it arrived failed */
	struct index children;
	struct copy_list blobs;
	char *image;			/* owned; JSON: what rec has, or found */
};

/*
 * Read the image of r, which is taken.  operand: r has a location alone and
 * the tag in it is looked up; else r must have a digest.  A failure is kept in
 * the part: location_unsupported, image_digest_missing, platform_mismatch,
 * media_type_mismatch, and those of layout.h, image.h and index.h.
 */
struct part *part_new(struct part_sources *s, struct rec *r, bool operand);
void part_free(struct part *p);

void part_fail(struct part *p, const struct err *e);
/* Once copy_wait is done: a bad blob is a failure of the part. */
void part_settle(struct part *p);

/*
 * The record that stands for all: the members that are equal in each to the
 * byte, `parts` and the `trace` of all.  The caller frees.
 */
struct rec *part_merge(struct part *const *parts, size_t n);

#endif
