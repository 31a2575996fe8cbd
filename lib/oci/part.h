/*
 * part.h - a record with an image or an index, as a part of an index.
 *
 * What records(5) says of `image`: the child is the one with the record's
 * digest, whatever its tag names by now; the config's platform decides, and a
 * record that says another is refused.  A record that has an `index` and no
 * `image` stands for all images of that.
 */
#ifndef PART_H
#define PART_H

#include "base/err.h"
#include "oci/copy.h"
#include "oci/index.h"
#include "oci/origin.h"
#include "oci/places.h"
#include "record/rec.h"

struct pool;

/* Where parts come from. */
struct part_sources {
	struct places *places;		/* borrowed */
	struct copy *copy;		/* borrowed */
	bool no_attestations;
	struct pool *readers;		/* owned; made when it is needed */
};
void part_sources_release(struct part_sources *s);

struct part {
	struct rec *rec;		/* owned */
	enum err_kind kind;		/* of its failure */
	struct err *err;		/* owned; NULL if it arrived failed */
	struct origin origin;
	char *image;			/* owned; JSON: rec's own, or found */
	bool operand;
	bool of_index;			/* rec has an index */
};

/*
 * Read the image of r, which is taken; of registries several at once, so that a
 * part is complete when part_wait has returned.  operand: r has a location
 * alone and the tag in it is looked up; else r must have a digest.  A failure
 * is kept in the part: "image_digest_missing", "platform_mismatch",
 * "media_type_mismatch", and those of places.h, place.h, image.h and index.h.
 */
struct part *part_new(struct part_sources *s, struct rec *r, bool operand);
void part_wait(struct part_sources *s);
void part_free(struct part *p);

void part_fail(struct part *p, const struct err *e);
/* Once copy_wait is done: a bad blob is a failure of the part. */
void part_settle(struct part *p);

#endif
