/*
 * scratch.h - a directory for what is needed no longer than a run, and a
 * layout in it.
 *
 * It lies where TMPDIR says, else in /var/tmp: it may be large.  Its owner
 * holds an exclusive flock(2) on it, and each new one sweeps those of the same
 * user that nobody holds: what runs that were killed have left.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "base/err.h"

struct scratch {
	int dirfd;		/* owned: the directory it is in */
	int fd;			/* owned: itself, locked */
	char *path;		/* owned, absolute */
	char *layout;		/* owned: path of a layout in it; not made */
};
#define SCRATCH_INIT { -1, -1, NULL, NULL }

int scratch_open(struct scratch *s, struct err *e);
void scratch_release(struct scratch *s);	/* removes it */

#endif
