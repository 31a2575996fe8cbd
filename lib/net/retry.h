/*
 * retry.h - what an answer means, and when to ask again.
 *
 * Delays grow exponentially, each drawn at random from the upper half of its
 * span, from 0.25 to 15 seconds (the first two are short: most failures are).
 * What the server asks for is obeyed, up to RETRY_AFTER_MAX, with a tenth of
 * it at random on top, so that those who were sent away together do not come
 * back together.
 */
#ifndef RETRY_H
#define RETRY_H

#include <stdbool.h>

#include "base/err.h"
#include "net/http.h"

#define RETRY_SECONDS 30	/* at least so long is tried, by default */
#define RETRY_AFTER_MAX 300	/* a server that asks for more is believed, and
				   the failure says when */

/*
 * Make an error of an answer whose status is not what was hoped for; what
 * ("cannot fetch", "cannot push blob sha256:…") begins the message, the URL
 * without secrets follows.  *wait is what the server asks for in seconds, or
 * -1.  Always -1:
 *   401 ERR_CHECK "unauthorized", 403 "forbidden", 404 and 410 "not_found",
 *   other 4xx ERR_CHECK "http_status"; ERR_SYS: 408 "timeout", 425, 429 and a
 *   403 that is a rate limit (x-ratelimit-remaining: 0, Retry-After, "secondary
 *   rate limit" or "toomanyrequests" in the body) "rate_limited", 5xx and
 *   what is no failure at all "http_status".
 * The delay is Retry-After's (seconds or a date, RFC 9110, 10.2.3),
 * x-ratelimit-reset's (unix seconds), or one in the body ("retry-after:
 * 12.5ms", as GHCR has it); dates count from the answer's own Date.  The
 * message of a failure that may pass says when.  The detail has what the body
 * says (errors[] of a registry, `message` of GitHub), one line, at most 200
 * bytes.
 */
int retry_status(const struct http_answer *a, const char *what, double *wait,
    struct err *e);

struct retry {
	int max;		/* tries; 0: as long as RETRY_SECONDS go, and
				   three at least */
	int tries;		/* made so far */
	double start;		/* clock_monotonic of the first failure */
};
#define RETRY_INIT(n) { .max = (n) }

/*
 * After a failed try: sleep and return true where another is worth it, false
 * where it is not (e is no ERR_SYS, e is "no_space" or another failure of this
 * machine, or enough was tried).  wait is the server's, or -1.  progress was
 * made: the count begins anew.
 */
bool retry_again(struct retry *r, const struct err *e, double wait,
    bool progress);
/* The same without sleeping: the seconds to wait, or -1 to give up. */
double retry_delay(struct retry *r, const struct err *e, double wait,
    bool progress);

#endif
