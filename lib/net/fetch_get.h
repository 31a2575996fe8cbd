/*
 * fetch_get.h - what is wanted of a download, and what the cache has of it.
 * Shared by fetch.c and fetch_from.c alone.
 */
#ifndef FETCH_GET_H
#define FETCH_GET_H

#include "net/fetch.h"

/* One call of fetch_get. */
struct fetch_get {
	const struct fetch_opts *o;
	struct fetch_job *job;
	struct fetch_result *r;
	struct http *http;		/* owned; NULL until it is needed */
	char sha256[DIGEST_HEX];	/* wanted, or "" */
};

bool fetch_get_is_file(const struct fetch_source *s);

/* ERR_CHECK "checksum_mismatch"; "size_mismatch", "too_large". */
int fetch_get_check_digest(const struct fetch_get *g, const char *shown,
    const char *sha256, struct err *e);
int fetch_get_check_size(const struct fetch_get *g, const char *shown,
    int64_t size, struct err *e);

/* Put what came into the result. */
void fetch_get_describe(struct fetch_get *g, const struct fetch_source *s,
    const char *sha256, int64_t size, const char *etag, const char *modified);
/* The blob becomes the destination, or is it. */
int fetch_get_deliver(struct fetch_get *g, const char *sha256, struct err *e);

/* Is it in the cache, and delivered?  1, 0, -1.  hit: this blob; hit_url: what
 * the URL gave before, unless it is to be asked anew; hit_digest: by the digest
 * that is wanted, whichever URL gave it; hit_any: one of these. */
int fetch_get_hit(struct fetch_get *g, const struct fetch_source *s,
    const struct cache_entry *x, struct err *e);
int fetch_get_hit_url(struct fetch_get *g, const struct fetch_source *s,
    struct err *e);
int fetch_get_hit_digest(struct fetch_get *g, const struct fetch_source *s,
    struct err *e);
int fetch_get_hit_any(struct fetch_get *g, struct err *e);

#endif
