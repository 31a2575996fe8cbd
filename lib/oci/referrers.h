/*
 * referrers.h - signatures and attestations that stand beside an image: what
 * names it as `subject`, and the tags that cosign makes of its digest.
 */
#ifndef REFERRERS_H
#define REFERRERS_H

#include "base/err.h"
#include "oci/copy.h"
#include "oci/place.h"

#define REFERRERS_DEPTH_MAX 4	/* a signature of a signature of a … */
#define REFERRERS_MAX 1000	/* of all together */

/*
 * place_put; and where the document has a subject that the registry does not
 * list by itself, it is added to the tag that stands in for the list.  Of
 * several threads one at a time changes such a tag.
 */
int referrers_put(struct place *to, const struct desc *d,
    const struct buf *text, struct err *e);

struct referrers_tag {
	struct place *from;		/* borrowed */
	char tag[DIGEST_STR + 8];	/* "sha256-….sig" */
	struct desc desc;
};

struct referrers {
	struct copy_list *blobs;	/* borrowed; what they need is added */
	struct referrers_tag *tags;	/* owned */
	size_t n, cap;
	size_t found;
};
#define REFERRERS_INIT(list) { (list), NULL, 0, 0, 0 }
void referrers_release(struct referrers *x);

/* Find what stands beside the image or index of this digest in a repository,
 * and beside that.  ERR_CHECK "too_many_referrers". */
int referrers_find(struct referrers *x, struct place *from,
    const char *digest, struct err *e);

/* All blobs are there: name those that have tags.  A tag that names something
 * else in `to` is moved, as it follows its image. */
int referrers_name(const struct referrers *x, struct place *to,
    struct err *e);

#endif
