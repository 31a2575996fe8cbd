/*
 * worktree.h - the files of all components as they stand in the work tree:
 * tracked, staged, modified, deleted, untracked but not ignored.
 */
#ifndef WORKTREE_H
#define WORKTREE_H

#include <stdint.h>

#include "base/err.h"
#include "change/filelist.h"
#include "change/folders.h"
#include "change/listing.h"
#include "change/repo.h"

struct worktree {
	struct tracked_list tracked;
	struct listing_file *others;	/* owned; in byte order */
	size_t nothers;
	struct folders folders;
	struct folders_arena arena;
	uint64_t bytes;		/* that were read */
};
void worktree_release(struct worktree *w);

/* Look, with so many threads.  skip is as in listing.h. */
int worktree_scan(struct worktree *w, struct repo *repo,
    const struct rules *const *rules, size_t nrules, const char *skip,
    int threads, struct err *e);

/* The files of one component; paths are lent by w. */
void worktree_files(const struct worktree *w, size_t rule,
    struct filelist *l);

/* The pattern means something that is there, or that the index names. */
bool worktree_has(const struct worktree *w, const struct pattern *p);

#endif
