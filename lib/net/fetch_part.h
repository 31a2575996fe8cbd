/*
 * fetch_part.h - the file that a download fills, from several places at once.
 *
 * One thread writes, a second follows the bytes that are there without a gap:
 * it hashes them, has the kernel begin to write them to the disk, and a few
 * times a second saves which bytes are there beside the part file, so that a
 * run that was killed is gone on with.  What is saved never has a byte that is
 * not on the disk.
 */
#ifndef FETCH_PART_H
#define FETCH_PART_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "net/cache.h"
#include "net/fetch_spans.h"

/* Which state of the file on the server it is. */
struct fetch_part_version {
	int64_t length;		/* -1: not known */
	char *etag, *last_modified;	/* owned, or NULL */
	bool strong;		/* one of them tells any two states apart (RFC
				   9110, 8.8.1) */
};
#define FETCH_PART_VERSION_INIT { -1, NULL, NULL, false }
void fetch_part_version_release(struct fetch_part_version *v);
/* An entity tag or a date that can be sent back to the server and stand in a
 * record: printable ASCII, 1,024 bytes at most.  Others are as good as none.
 * (Tags without quotes are in use.) */
bool fetch_part_is_validator(const char *value);

struct fetch_part {
	int fd;				/* borrowed: for reading and writing */
	struct cache_part *kept;	/* borrowed: where its state is; NULL:
					   it is for this run alone */
	struct fetch_part_version version;
	_Atomic uint64_t *progress, *total;	/* borrowed, for people */
	int64_t resumed;		/* bytes of an earlier run in it */

	/* the rest is fetch_part.c's own */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t news;
	struct fetch_spans done;
	bool ending, hurry;		/* the follower's: end, finish first */
	struct digest digest;
	int64_t hashed, saved, told;	/* bytes */
	int failed;			/* errno of the follower's reading */
};

/* Take up the file at fd: with what the state that is kept says, else from
 * nothing. */
void fetch_part_open(struct fetch_part *p, int fd, struct cache_part *kept,
    _Atomic uint64_t *progress, _Atomic uint64_t *total);
/* Ends the follower, saves how far it is. */
void fetch_part_release(struct fetch_part *p);

/* Bytes that are there in all, and from the start without a gap. */
int64_t fetch_part_have(struct fetch_part *p);
int64_t fetch_part_prefix(struct fetch_part *p);
/* The first gap at or behind `from`, as of fetch_spans.h. */
bool fetch_part_gap(struct fetch_part *p, int64_t from,
    struct fetch_spans_span *gap);

/* Forget all that is there. */
int fetch_part_reset(struct fetch_part *p, struct err *e);

/* v is what the server has, and there is nothing of another: it is moved out of
 * v.  Takes the room on the disk: ERR_SYS "no_space". */
int fetch_part_adopt(struct fetch_part *p, struct fetch_part_version *v,
    struct err *e);
/* The file is so long: the server did not say so before its end. */
void fetch_part_set_length(struct fetch_part *p, int64_t length);

int fetch_part_write(struct fetch_part *p, const void *data, size_t len,
    int64_t offset, struct err *e);

/* All of it is there: its digest.  The file is neither written nor saved from
 * here on. */
int fetch_part_finish(struct fetch_part *p, char sha256[DIGEST_HEX],
    struct err *e);

#endif
