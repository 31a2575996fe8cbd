/*
 * sandbox.h - giving up what a parser of strangers' bytes does not need.
 *
 * no_new_privs, no core dumps, Landlock where the kernel has it, and a seccomp
 * filter that refuses programs, sockets, tracing and the kernel's own
 * interpreters with EPERM.  Each layer that is missing is left out; the tools'
 * own checks hold without any.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

enum sandbox_mode {
	SANDBOX_READ,	/* files may be read, nothing written but through
			   descriptors that are open */
	SANDBOX_WRITE,	/* and anything made, renamed and removed below the
			   directory that dirfd is open on */
};

/* For this thread and those made after it.  SLIPWAY_SANDBOX=off leaves it. */
void sandbox_enter(enum sandbox_mode mode, int dirfd);

/* As above, with several directories. */
void sandbox_enter_dirs(enum sandbox_mode mode, const int dirfds[], int count);

#endif
