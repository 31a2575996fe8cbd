/*
 * engine_run.h - running another engine's program.
 *
 * There is no shell: argv arrives as it is.  The program reads nothing, and
 * does not outlive the thread that waits for it.  Neither arguments nor
 * environment ever stand in a message.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "build/list.h"

#define ENGINE_RUN_SAID_MAX (64 << 10)	/* bytes that are kept */

struct engine_run {
	struct list argv;	/* owned; the first is the program's path */
	struct list env;	/* owned: K=V beside our own environment */
	const char *what;	/* for messages: "docker buildx build" */
	const char *where;	/* before each line on stderr; NULL: none is
				   shown */
	int out;		/* its standard output; -1: as what it says */
	struct buf said;	/* owned: the first bytes of what it said */
	struct buf last;	/* owned: the last line that is not blank */
};
#define ENGINE_RUN_INIT \
	{ .out = -1, .said = BUF_INIT, .last = BUF_INIT }
void engine_run_release(struct engine_run *r);

/*
 * Run it to its end.  What it says on standard output and error goes to our
 * standard error line by line as it comes, control bytes escaped, unless -q is
 * given.  Returns its exit status; -1: ERR_SYS, also "engine_failed" where a
 * signal ended it.
 */
int engine_run(struct engine_run *r, struct err *e);

/* The same where any status but 0 is a failure: ERR_CHECK "engine_failed", its
 * last words in err.detail. */
int engine_run_good(struct engine_run *r, struct err *e);

/* The nth program, from 0, of this name in the directories of PATH: its path,
 * which the caller frees, or NULL. */
char *engine_run_find(const char *name, size_t nth);

#endif
