/*
 * publish.h - what a group of parts becomes, and the record of it.
 *
 * An index is made of the parts; or, where they are one index, it is taken as
 * it is, digest for digest.  deliver.h brings it to its places.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/deliver.h"
#include "oci/group.h"
#include "oci/index.h"
#include "oci/indexdoc.h"

struct publish_opts {			/* all borrowed */
	enum indexdoc_format format;
	const char *const *annotations;	/* options: see index_annotate */
	size_t nannotations;
	const struct desc_platform *require;
	size_t nrequire;
	const char *if_tag_is;		/* a digest, "absent", or NULL */
	bool push;			/* refs are tags of registries */
	bool append;			/* to what the first tag is now */
	bool referrers;			/* bring along what refers to it */
	bool dry_run;			/* look, but write nothing */
};

struct publish {
	const struct publish_opts *opts;
	struct deliver to;
	struct origin base;		/* what is appended to */
	struct index index;		/* the result's children */
};
/* p stays where it is. */
void publish_init(struct publish *p, const struct publish_opts *opts,
    struct places *places, struct copy *copy);
void publish_release(struct publish *p);

/*
 * Find out what g's good parts become, and what its names are now; nothing is
 * written.  A name that an earlier group of this run took is refused:
 * ERR_INPUT "destination_conflict".
 */
int publish_prepare(struct publish *p, const struct group *g, struct err *e);

/* Bring it to its places, and move the tags. */
int publish_run(struct publish *p, struct err *e);

/* The record's `index`. */
void publish_record(const struct publish *p, struct json_out *o);
/* The same for people, a few lines added to text. */
void publish_text(const struct publish *p, struct buf *text);

#endif
