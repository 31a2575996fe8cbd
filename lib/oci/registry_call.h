/*
 * registry_call.h - one request to a registry: signed in, and tried again.
 *
 * What the other registry_*.c stand on; nobody else includes it.
 */
#ifndef REGISTRY_CALL_H
#define REGISTRY_CALL_H

#include <pthread.h>
#include <stdbool.h>

#include "net/http.h"
#include "net/retry.h"
#include "oci/registry.h"
#include "oci/registry_auth.h"
#include "oci/registry_certs.h"

struct registry {
	char *host;		/* owned: as references name it */
	char *api;		/* owned: HOST[:PORT] that answers for it */
	char *agent;		/* owned, or NULL */
	bool insecure;
	int tries;
	struct registry_certs certs;
	struct registry_auth auth;

	struct url urls[2];	/* how it may be spoken to; they never change */

	pthread_mutex_t lock;	/* guards what follows */
	bool settled;		/* it has answered to */
	int url;		/* this one of urls */
	bool pieces;		/* no large body gets through to it */
};

struct registry_session {
	struct registry *registry;	/* borrowed */
	struct http *http;		/* owned */
};

struct registry_call {			/* all borrowed */
	const char *what;	/* "cannot push blob sha256:…" */
	const char *path;	/* below the registry: "/v2/…"; or NULL */
	const char *url;	/* absolute, where path is NULL; what is shown
				   of us goes there only if it is the
				   registry's own origin */
	struct registry_scope scope;
	struct http_request q;	/* url and authorization are filled in */
	int (*again)(void *ctx);	/* q.read begins anew, after a 401;
					   NULL: nothing is read */
};
#define REGISTRY_CALL_INIT { .q = HTTP_REQUEST_INIT }
#define REGISTRY_ANSWER_INIT { .body = BUF_INIT }

/*
 * Once: 0 with an answer of any status, 401 only where nothing helps; -1.  *a
 * is REGISTRY_ANSWER_INIT before, and released by the caller.
 */
int registry_call_once(struct registry_session *s, struct registry_call *c,
    struct http_answer *a, double *wait, struct err *e);

/*
 * Make an error of an answer (retry_status), with advice for a 401.  Always
 * -1.
 */
int registry_call_fail(struct registry_session *s,
    const struct registry_call *c, const struct http_answer *a, double *wait,
    struct err *e);

/*
 * As often as it takes until the status is one of `good` (0 ends them).  *a as
 * above.  Not for a body that is read or given to `data`.
 */
int registry_call_run(struct registry_session *s, struct registry_call *c,
    const int *good, struct http_answer *a, struct err *e);

/* The registry's URL, as far as it is known. */
const struct url *registry_call_base(struct registry *r);

/* Drop the answer, *a is INIT again. */
void registry_call_drop(struct http_answer *a);

/* The retries of one operation. */
struct retry registry_call_retry(const struct registry_session *s);

/*
 * Where the Location of an answer leads, from where the answer came: ERR_SYS
 * "location_missing", ERR_CHECK "location_refused" for plain http where the
 * registry has TLS, and for a private address of another host.
 */
int registry_call_location(struct registry_session *s,
    const struct registry_call *c, const struct http_answer *a,
    struct url *out, struct err *e);

#endif
