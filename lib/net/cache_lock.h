/*
 * cache_lock.h - locks in a cache: flock(2), where the file system has it.
 *
 * A lock file may be removed by who holds its lock: those who wait for it then
 * begin anew, so nobody ends up with the lock of a file that has no name.
 */
#ifndef CACHE_LOCK_H
#define CACHE_LOCK_H

#include <stdbool.h>

#include "base/err.h"

enum cache_lock_state {
	CACHE_LOCK_BUSY,	/* somebody has it */
	CACHE_LOCK_HELD,
	CACHE_LOCK_NONE,	/* this file system has no locks */
};

/* flock(fd, how) through EINTR: a state, or -1 with errno. */
int cache_lock_take(int fd, int how);

/*
 * Make the file name in dirfd where it is missing, and take its exclusive
 * lock; wait: for as long as that takes.  A state with *fd open unless BUSY
 * (close it to unlock), or -1.  *waited (may be NULL): somebody had it.
 */
int cache_lock_file(int dirfd, const char *name, bool wait, int *fd,
    bool *waited, struct err *e);

/* errno is one that flock(2) gives on a file system without locks. */
bool cache_lock_unsupported(int error);

#endif
