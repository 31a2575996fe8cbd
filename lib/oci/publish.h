/*
 * publish.h - an index gets to where it can be pulled from: blobs, then the
 * index, then the names, so that a name never stands for what is not there.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/group.h"
#include "oci/index.h"

struct publish_move {
	char previous[DIGEST_STR];	/* "": the name is new */
	bool moved;
};

struct publish {
	bool dry_run;			/* look, but write nothing */
	struct desc desc;		/* of the index, afterwards */
	struct publish_move *moves;	/* owned: one for each of g's refs */
};
void publish_release(struct publish *p);

/*
 * Put x, made of g's parts, into g's layout under g's names.  A name that an
 * earlier group of this run took is refused: ERR_INPUT
 * "destination_conflict".
 */
int publish_index(struct publish *p, const struct group *g,
    const struct index *x, struct err *e);

/* The record's `index`. */
void publish_record(const struct publish *p, const struct group *g,
    const struct index *x, struct json_out *o);
/* The same for people, a few lines added to text. */
void publish_text(const struct publish *p, const struct group *g,
    const struct index *x, struct buf *text);

#endif
