/*
 * fetch_sums.h - the digest that a checksum file lists, wherever that is.
 */
#ifndef FETCH_SUMS_H
#define FETCH_SUMS_H

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/fetch_places.h"

struct fetch_sums {
	const char *where;	/* borrowed: a file's name or a URL; NULL: there
				   is none */
	pthread_mutex_t lock;	/* of what follows */
	bool read;
	struct buf text;
	struct err error;	/* why it could not be read */
};
#define FETCH_SUMS_INIT \
	{ .lock = PTHREAD_MUTEX_INITIALIZER, .text = BUF_INIT }
void fetch_sums_release(struct fetch_sums *s);

/*
 * What it says of the file that url ends in.  It is read once, by the first
 * thread that asks, and not kept: with o->offline, a file alone will do.
 * Errors of sums_find and fetch_get.
 */
int fetch_sums_find(struct fetch_sums *s, const struct fetch_opts *o,
    const struct fetch_places_opts *places, const char *url,
    char sha256[DIGEST_HEX], struct err *e);

#endif
