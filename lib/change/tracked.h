/*
 * tracked.h - the files that git's index names, and whether they are as it
 * says.
 */
#ifndef TRACKED_H
#define TRACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "change/objid.h"

struct tracked_stat {		/* 32 bits of each, as the index has them */
	uint32_t ctime, ctime_ns, mtime, mtime_ns;
	uint32_t ino, uid, gid, size;
};

struct tracked {
	const char *path;	/* lent */
	size_t len;
	uint32_t mode;
	struct objid id;
	struct tracked_stat st;
	bool unsure;		/* st proves nothing: a conflict, an intent to
				   add, or no stat data at hand */
	bool sparse;		/* need not be there (skip-worktree) */

	/* What a scan of the work tree found. */
	uint32_t now;		/* mode; 0: not there, or asked of by nobody */
	bool by_stat;		/* now_id is the index's word */
	struct objid now_id;
	const bool *in;		/* which components, or NULL; lent */
	size_t next;		/* in its folder */
};

struct tracked_list {
	struct tracked *items;	/* owned; in byte order, no path twice */
	size_t n, cap;
	enum objid_format format;
	struct timespec written;	/* the index file's time */
	/* git-config(1): core.fileMode, core.symlinks, core.trustctime, and
	 * core.checkStat=minimal */
	bool filemode, symlinks, trustctime, minimal;
};
void tracked_release(struct tracked_list *l);

/* Room for so many. */
void tracked_reserve(struct tracked_list *l, size_t n);
/* Add one.  mode is as in the index; what no file can have is left out. */
struct tracked *tracked_add(struct tracked_list *l, const char *path,
    size_t len, uint32_t mode, const struct objid *id);
/* Order them; of a path that stands there more than once (a conflict) one
 * stays.  ERR_CHECK "path_too_long". */
int tracked_finish(struct tracked_list *l, struct err *e);

/* The mode that git would give what st is of; old is the index's (0: it is not
 * in it).  0 for what git does not keep. */
uint32_t tracked_mode(const struct tracked_list *l, uint32_t old,
    const struct stat *st);

/* The stat data proves that the content is what was added.  git's own rule
 * (read-cache.c), and the nanoseconds always count. */
bool tracked_clean(const struct tracked_list *l, const struct tracked *t,
    const struct stat *st);

#endif
