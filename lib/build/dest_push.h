/*
 * dest_push.h - the registries that a built image goes to.
 *
 * Layers are on their way while the next are made (pusher.h); what follows
 * keeps the order of deliver.h: by digest everywhere, a check, then the tags.
 */
#ifndef DEST_PUSH_H
#define DEST_PUSH_H

#include <stdbool.h>

#include "base/err.h"
#include "build/pusher.h"
#include "oci/deliver.h"
#include "oci/netopts.h"

struct dest_push {
	struct deliver to;		/* where n is 0, nothing is pushed */
	struct pusher *pusher;		/* owned */
	bool look;			/* some repository gets no tag */
};
#define DEST_PUSH_INIT { .to = DELIVER_INIT }
/* d is DEST_PUSH_INIT, and stays where it is. */
void dest_push_init(struct dest_push *d, struct places *places);
void dest_push_release(struct dest_push *d);

/*
 * A reference that ref_check passed.  tagged: it gets its tag; else it may have
 * none (ERR_INPUT "tag_unwanted").  Of a tag that an earlier record took:
 * ERR_INPUT "destination_conflict".  Main thread.
 */
int dest_push_add(struct dest_push *d, const char *ref, bool tagged,
    struct netopts *net, struct err *e);

/* Before the build: what the tags are now, which also shows that the registries
 * answer and let us in. */
int dest_push_open(struct dest_push *d, struct err *e);

/* After it: image is in the layout, with what the sink was not told of. */
int dest_push_finish(struct dest_push *d, struct layout *l,
    const struct desc *image, struct err *e);

#endif
