/*
 * sigpipe.h - writing to sockets without being killed for it.
 *
 * SIGPIPE ends a tool whose reader went away, which is right for its output
 * and wrong for a TLS connection, which libraries write to with write(2).
 */
#ifndef SIGPIPE_H
#define SIGPIPE_H

#include <signal.h>

struct sigpipe {
	sigset_t old;		/* the thread's mask before */
	int pending;		/* one was waiting already */
};

/* Hold the signal back from this thread; then drop what came and put the mask
 * back.  errno is kept. */
void sigpipe_hold(struct sigpipe *s);
void sigpipe_release(const struct sigpipe *s);

#endif
