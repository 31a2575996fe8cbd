/*
 * stage.h - a verified tree at <root>/<arch>/<bundle directory>, or nothing.
 *
 * The tarball is verified while it is written into a fresh directory beside
 * the target, which takes the name in one step when all of it is good and on
 * the disk (contract, "Staging").  A displaced tree is deleted under an
 * exclusive flock(2), so that a reader that holds a shared one keeps it, and
 * not before STAGE_GRACE_MS have passed, so that one that has opened it gets
 * round to its lock.
 */
#ifndef STAGE_H
#define STAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bundle/verify.h"

#define STAGE_GRACE_MS 50

/* A record that is not staged, until its turn comes. */
struct stage_skipped {
	uint64_t seq;
	const char *arch;		/* static: whose tree goes, or NULL */
};

struct stage_root {
	int fd;
	char *path;			/* owned, absolute */
	unsigned mask;			/* umask(2) */
	/* Records take their turn in their order, so that of two for one
	 * architecture the first stands. */
	pthread_mutex_t lock;
	pthread_cond_t turn;
	uint64_t next;			/* whose turn it is */
	bool taken[2];			/* architectures staged in this run */
	struct stage_skipped *skipped;	/* owned, in their order */
	size_t nskipped, skipped_cap;
};

/* Open root, made where it is missing. */
int stage_open(struct stage_root *root, const char *path, struct err *e);
void stage_close(struct stage_root *root);

struct stage_result {
	struct verify_result verified;
	char *staged;			/* absolute path of the tree */
	bool unchanged;
};
void stage_result_release(struct stage_result *r);

/*
 * Stage the tarball at path.  seq is the record's number, from 0, without
 * gaps.  opts.sink must be NULL.  -1 as verify_file; a refused bundle takes the
 * architecture's earlier tree with it, unless keep_stale.  ERR_CHECK
 * "staging_blocked" where something else than a directory has the name,
 * "name_too_long" for names that the file system can not hold,
 * ERR_INPUT "destination_conflict".
 */
int stage_file(struct stage_root *root, uint64_t seq, const char *path,
    const struct verify_opts *opts, bool keep_stale, struct stage_result *r,
    struct err *e);

/*
 * A record that will not be staged passes by.  In its turn (this does not wait
 * for it) the tree and stamp of arch are removed, where arch is not NULL and
 * this run did not stage it.
 */
void stage_skip(struct stage_root *root, uint64_t seq, const char *arch);

/* Remove what killed runs left. */
void stage_sweep(struct stage_root *root);

/* Delete the trees that this run displaced. */
void stage_finish(struct stage_root *root);

#endif
