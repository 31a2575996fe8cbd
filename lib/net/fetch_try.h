/*
 * fetch_try.h - one try to get what a file lacks from a server.
 *
 * The first request is for the first range that lacks, so that a small file
 * costs one round trip.  A server that answers it with a part of a known file
 * is then asked for more ranges over several connections, each at the URL that
 * was given: where that leads to is often signed, and gone soon.  One that
 * answers with all of the file is listened to.  Nothing is written that was not
 * told by its head to be what was asked for, of the file that is there.
 *
 * Failures, besides those of http.h and retry.h: ERR_CHECK "size_mismatch" and
 * "too_large"; ERR_SYS "content_changed" (another file than before: the next
 * try begins anew), "protocol" (the server contradicts itself),
 * "not_an_archive" and "no_space".
 */
#ifndef FETCH_TRY_H
#define FETCH_TRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/fetch_kind.h"
#include "net/fetch_part.h"
#include "net/http.h"

#define FETCH_TRY_CONNECTIONS_MAX 16

struct fetch_try {
	/* from the caller; strings are borrowed */
	struct http *http;
	struct fetch_part *part;
	const char *url, *authorization;	/* the latter may be NULL */
	const char *shown;	/* in messages, in place of url */
	const char *const *headers;	/* for url's own host; or NULL */
	const char *accept;	/* "Accept: …", or NULL */
	const char *if_none_match, *if_modified_since;	/* or NULL: all of the
				   file is wanted, whatever its version */
	bool digest_known;	/* a wrong file will not go unnoticed */
	int64_t size;		/* that is wanted, or -1 */
	int64_t max;		/* bytes */
	const struct fetch_kind *kind;	/* that the bytes begin as, or NULL */

	/* kept from one try to the next */
	int connections;	/* at most; fewer after failures */
	bool whole_only;	/* the server is no good at ranges */

	/* what it came to */
	int used;		/* connections at once, the most so far */
	double wait;		/* seconds that the server asks for, or -1 */
};

/* 1: the file is whole.  0: it is as if_none_match or if_modified_since say,
 * and nothing came.  -1. */
int fetch_try_run(struct fetch_try *t, struct err *e);

#endif
