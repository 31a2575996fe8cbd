/*
 * registry_slot.h - an upload session at a registry (distribution-spec v1.1,
 * "Pushing blobs"), one request at a time and without retries.
 *
 * Each answer says anew where the next request goes, and how far the registry
 * is.  Failures of which a new look (registry_slot_status) or a new session
 * may be the cure are ERR_SYS: 416 and, for what is in a session, 404.  413 is
 * ERR_CHECK "body_too_large": smaller pieces may pass.
 */
#ifndef REGISTRY_SLOT_H
#define REGISTRY_SLOT_H

#include "oci/registry_call.h"

#define REGISTRY_SLOT_CHUNK_MAX (64 << 20)	/* of what is asked of us */

struct registry_slot {
	struct registry_session *s;	/* borrowed */
	struct registry_scope scope;	/* borrowed strings */
	const char *what;		/* borrowed */
	struct url location;		/* text NULL: no session */
	int64_t at;			/* bytes that the registry has */
	bool twice;			/* some of them may have come twice */
	int64_t chunk;			/* a PATCH has so many at least */
};
#define REGISTRY_SLOT_INIT { .s = NULL }
void registry_slot_release(struct registry_slot *x);	/* tells nobody */

/* What goes out: from memory, or from a source. */
struct registry_slot_body {
	const void *data;		/* or NULL */
	const struct registry_source *src;
	int64_t size;
};

/*
 * Begin a session.  mount (a digest, or NULL): take it from scope.from if that
 * can be.  1 when it was mounted, 0 with a session, -1.
 */
int registry_slot_open(struct registry_slot *x, const char *mount,
    double *wait, struct err *e);

/* Add body's bytes (src: those from x->at on).  x->at is then what the
 * registry says. */
int registry_slot_patch(struct registry_slot *x,
    const struct registry_slot_body *body, double *wait, struct err *e);

/* Add body's bytes and be done: it is the blob of this digest.  ERR_CHECK
 * "push_refused" for a 400: most likely the bytes have another digest. */
int registry_slot_put(struct registry_slot *x, const char *digest,
    const struct registry_slot_body *body, double *wait, struct err *e);

/* How far is it?  1, 0 where the session is gone, -1. */
int registry_slot_status(struct registry_slot *x, double *wait,
    struct err *e);

/* Tell the registry that nothing more will come, as far as it listens. */
void registry_slot_cancel(struct registry_slot *x);

#endif
