#include "net/sigpipe.h"

#include <errno.h>
#include <time.h>

static void
only_pipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void
sigpipe_hold(struct sigpipe *s)
{
	sigset_t set;

	sigpending(&set);
	s->pending = sigismember(&set, SIGPIPE);
	only_pipe(&set);
	pthread_sigmask(SIG_BLOCK, &set, &s->old);
}

void
sigpipe_release(const struct sigpipe *s)
{
	const struct timespec now = { 0, 0 };
	int saved = errno;
	sigset_t set;

	only_pipe(&set);
	if (!s->pending)
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			continue;
	pthread_sigmask(SIG_SETMASK, &s->old, NULL);
	errno = saved;
}
