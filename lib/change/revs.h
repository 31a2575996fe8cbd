/*
 * revs.h - two commits instead of the work tree.
 */
#ifndef REVS_H
#define REVS_H

#include <stdbool.h>

#include "base/err.h"
#include "change/filelist.h"
#include "change/folders.h"
#include "change/ghevent.h"
#include "change/repo.h"

enum revs_missing { REVS_ALL, REVS_ERROR, REVS_FETCH };

struct revs {
	/* in */
	const char *base, *head;	/* lent, or NULL */
	bool direct;			/* base itself, not the merge base */
	long depth;			/* as in ghevent.h */
	bool lenient;			/* what is checked out stands for a
					   head that is not there */
	enum revs_missing missing;
	/* out */
	bool everything;		/* nothing to compare with */
	char why[256];			/* then */
	struct objid old, now;
};

/* What the event says, as if it were --base and --head. */
void revs_of_event(struct revs *v, const struct ghevent *g);

/* Find the commits.  ERR_CHECK "missing_base", "missing_revision"; warn gets
 * lines for people. */
int revs_find(struct revs *v, struct repo *repo,
    void (*warn)(const char *fmt, ...), struct err *e);

/* The files of a commit, of each component; paths are kept in a. */
int revs_files(struct repo *repo, const struct objid *commit,
    const struct rules *const *rules, size_t nrules, struct filelist *lists,
    struct folders_arena *a, struct err *e);

#endif
