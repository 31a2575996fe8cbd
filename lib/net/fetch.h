/*
 * fetch.h - a file from one of several places, through the cache.
 *
 * What comes out has the digest and the size that were wanted, and begins as
 * its name promises; nothing else is ever put anywhere.  A file that is in the
 * cache by its digest, or by a place's URL, is not transferred again.  Places
 * are tried in order: one that says no, or fails for too long, is left for the
 * next.  Of processes that want one URL at once, one transfers it.
 *
 * Failures: those of url.h, http.h, retry.h, cache.h and fetch_try.h; ERR_CHECK
 * "not_found", "checksum_mismatch", "size_mismatch", "too_large",
 * "offline_miss"; ERR_INPUT "insecure_http"; ERR_SYS "cache_readonly" where
 * there is neither a cache to write to nor a destination.  Of several places,
 * the failure that may pass is told, else the first.
 */
#ifndef FETCH_H
#define FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "net/cache.h"
#include "net/http.h"

#define FETCH_SOURCES_MAX 64
#define FETCH_MAX_BYTES ((int64_t)8 << 30)

/* What is really asked for in place of a source's URL.  All owned. */
struct fetch_ask {
	char *url;
	char *authorization;	/* the field's value, or NULL */
	char *accept;		/* likewise */
	char sha256[DIGEST_HEX];/* what that place says of the file, or "" */
	struct http *http;	/* borrowed: to ask with, or NULL */
};
#define FETCH_ASK_INIT { NULL, NULL, NULL, "", NULL }

struct fetch_source {
	char *url;		/* owned: "https:", "http:" or "file:"; the
				   name of the content in the cache */
	/* Called before each try that goes over the network; NULL: url is
	 * asked for, with opts.headers.  ctx is borrowed. */
	int (*prepare)(void *ctx, struct http *h, struct fetch_ask *ask,
	    double *wait, struct err *e);
	void *ctx;
	bool fallback;		/* only where the one before was refused */
	const char *hint, *limit_hint;	/* static, or NULL: the next step after
				   a refusal, and after too many requests */
};

struct fetch_opts {		/* all borrowed */
	struct cache *cache;
	struct http_opts http;
	const char *const *headers;	/* "Name: value", NULL ends */
	int retries;		/* tries of one place; 0: for RETRY_SECONDS */
	int connections;
	int64_t max_bytes;
	bool refresh;		/* ask the server about what is in the cache */
	bool offline, insecure_http;
};

struct fetch_job {
	struct fetch_source source[FETCH_SOURCES_MAX];
	int nsources;
	char sha256[DIGEST_HEX];	/* wanted, or "" */
	int64_t size;			/* wanted, or -1 */
	char *dest;			/* owned: absolute path, or NULL: the
					   cache's own file will do */
	_Atomic uint64_t *done, *total;	/* borrowed: bytes, for people */
};
void fetch_job_release(struct fetch_job *job);
/* Takes url.  The source to be filled further; NULL: there are too many. */
struct fetch_source *fetch_job_add(struct fetch_job *job, char *url);

struct fetch_result {		/* strings are owned */
	char *path;		/* absolute: of dest, of the cache's file, or of
				   the file that a file: URL names */
	char sha256[DIGEST_HEX];
	int64_t size;
	char *url;		/* that gave it, without secrets */
	char *etag, *last_modified;	/* or NULL */
	bool cached;		/* nothing was transferred */
	int64_t resumed_from;	/* bytes that were there already */
	int attempts, connections;
};
#define FETCH_RESULT_INIT { .size = -1 }
void fetch_result_release(struct fetch_result *r);

int fetch_get(const struct fetch_opts *o, struct fetch_job *job,
    struct fetch_result *r, struct err *e);

#endif
