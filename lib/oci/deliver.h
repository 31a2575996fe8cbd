/*
 * deliver.h - an image or an index gets to where it can be pulled from, and its
 * tags are moved, in an order in which a tag never stands for what is not
 * there:
 *
 *	look	what the tags are now; where all of a repository's are right,
 *		nothing is sent to it
 *	send	blobs, then manifests, then the index, by digest, everywhere
 *	check	that each registry shows all of them
 *	move	each tag, after one more look at it
 *
 * One thread, that of the copy.  Errors are those of place.h and copy.h,
 * ERR_CHECK "tag_changed" where a tag is not what it should be before it moves.
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/copy.h"
#include "oci/places.h"
#include "oci/ref.h"
#include "oci/referrers.h"

struct deliver_tag {
	char *ref;		/* owned: what people call it */
	char *dir;		/* owned: of a layout, absolute, or NULL */
	struct place *place;	/* borrowed; NULL: none, or not there yet */
	struct place *check;	/* borrowed: the same repository, `fresh` */
	char *tag;		/* owned; NULL: by digest alone */
	char expect[DIGEST_STR];/* its digest, "absent", or "" for any */
	bool soft;		/* somebody else was faster: try again */
	char previous[DIGEST_STR];	/* ""; it is new */
	bool moved;
};

struct deliver {
	struct places *places;	/* borrowed */
	struct copy *copy;	/* borrowed */
	struct copy_list blobs;	/* owned: all that it needs, with documents */
	struct referrers beside;	/* owned: found, and brought along */
	struct desc desc;	/* the image or index itself */
	struct buf text;	/* its bytes */
	struct place *home;	/* borrowed: where it was read, or NULL */
	struct deliver_tag *tags;	/* owned */
	size_t n, cap;
};
#define DELIVER_INIT { .copy = NULL }
/* d is DELIVER_INIT, and stays where it is. */
void deliver_init(struct deliver *d, struct places *places,
    struct copy *copy);
void deliver_release(struct deliver *d);

/* "absent" or a digest: what a tag can be expected to be. */
bool deliver_expect_valid(const char *value);

/* A tag of a registry; ref is one that ref_check passed. */
int deliver_add_ref(struct deliver *d, const char *ref, const char *expect,
    struct err *e);
/* A repository, where it gets no tag. */
int deliver_add_repo(struct deliver *d, const char *ref, struct err *e);
/* One of a layout, which need not be there. */
void deliver_add_layout(struct deliver *d, const char *ref, const char *dir,
    const char *tag, const char *expect);

/* What is called ref goes nowhere: only a look is taken. */
void deliver_add_nowhere(struct deliver *d, const char *ref);

/* No record before this one takes the same name: tool_claim.  Main thread. */
int deliver_claim(const struct deliver_tag *t, struct err *e);

/* No tag before the i-th has the same place. */
bool deliver_is_first_of_place(const struct deliver *d, size_t i);

/* No tag before the i-th is the same. */
bool deliver_is_first(const struct deliver *d, size_t i);

/* Fill in `previous`; no more is written than that. */
int deliver_look(struct deliver *d, struct err *e);

/*
 * The same in another way, for what is not known yet: what the tags name is
 * read, so that their places know (place_know) which blobs need not be sent.
 * An image that is there already then costs this one request, and deliver_run
 * none.
 */
int deliver_read(struct deliver *d, struct err *e);

/* Do the rest.  After a failure `moved` says which tags have been. */
int deliver_run(struct deliver *d, struct err *e);

bool deliver_moved(const struct deliver *d);	/* any */

/* For a record: of each tag what it was and whether it moved, an array. */
void deliver_write_tags(const struct deliver *d, struct json_out *o);

/* Where it is now: "docker://HOST/REPO@sha256:…", else "oci:DIR:TAG"; the
 * caller frees; NULL for nowhere. */
char *deliver_location(const struct deliver *d);

#endif
