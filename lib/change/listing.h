/*
 * listing.h - one folder of the work tree: its tracked files as they stand,
 * and what else is in it.
 *
 * Any number of threads may list folders at once.
 */
#ifndef LISTING_H
#define LISTING_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "change/folders.h"
#include "change/repo.h"

struct listing_file {
	const char *path;	/* lent, by the arena */
	size_t len;
	uint32_t mode;
	struct objid id;
	const bool *in;		/* lent */
};

struct listing {		/* for all threads */
	struct repo *repo;
	pthread_mutex_t *lock;	/* around repo */
	struct folders *folders;
	struct tracked_list *tracked;
	const char *skip;	/* the state file's path below the root, or
				   NULL: it and its lists do not count */
};

struct listing_found {		/* of one thread */
	struct listing_file *files;	/* owned: the untracked */
	size_t n, cap;
	struct folders_arena arena;
	uint64_t bytes;		/* that were read */
};
void listing_found_release(struct listing_found *found);

/* Look at folder number i. */
int listing_folder(const struct listing *l, size_t i,
    struct listing_found *found, struct err *e);

/* Read the content of a tracked file that the stat data call clean. */
int listing_hash(const struct listing *l, struct tracked *t,
    struct listing_found *found, struct err *e);

#endif
