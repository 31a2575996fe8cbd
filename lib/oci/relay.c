#include "oci/relay.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

struct relay {
	struct place *from;	/* borrowed */
	struct desc desc;
	pthread_t thread;
	bool running;
	int fd;			/* owned: to be read from, or -1 */

	/* the thread's own until it has ended */
	int out;		/* owned: to be written to */
	int64_t skip;		/* bytes that nobody wants */
	int rc;
	struct err err;
};

/* A reader that is gone is no news for it: no signal, but an end. */
static int
hand_on(void *ctx, const void *bytes, size_t len, struct err *e)
{
	struct relay *r = ctx;
	size_t old = r->skip < (int64_t)len ? (size_t)r->skip : len;
	const char *p = (const char *)bytes + old;

	r->skip -= (int64_t)old;
	len -= old;
	while (len > 0) {
		ssize_t n = send(r->out, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "cannot hand on blob %s",
			    r->desc.digest);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static void *
run(void *ctx)
{
	struct relay *r = ctx;
	struct registry_session *s = place_session(r->from, &r->err);
	struct desc d = r->desc;

	r->rc = s == NULL ? -1 : registry_blob_get(s, r->from->repo, &d,
	    hand_on, r, &r->err);
	place_session_end(r->from, s);
	close(r->out);
	return NULL;
}

static void
stop(struct relay *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	if (r->running)
		pthread_join(r->thread, NULL);
	r->running = false;
}

static int
start(struct relay *r, int64_t offset, struct err *e)
{
	sigset_t all, old;
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(e, "cannot make a pair of sockets");
	r->fd = fds[0];
	r->out = fds[1];
	r->skip = offset;
	/* signals belong to the main thread */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	r->running = rc == 0;
	if (rc == 0)
		return 0;
	close(r->out);
	errno = rc;
	return err_sys(e, "cannot start a thread");
}

/* It is opened by the first who wants a byte: a blob that is there already, or
 * is mounted, is never asked for. */
static int64_t
relay_read(void *ctx, void *data, size_t len, struct err *e)
{
	struct relay *r = ctx;
	ssize_t n;

	if (r->fd < 0 && start(r, 0, e) < 0)
		return -1;
	if ((n = file_read_some(r->fd, data, len)) < 0)
		return err_sys(e, "cannot take over blob %s", r->desc.digest);
	if (n > 0 || !r->running)
		return n;
	pthread_join(r->thread, NULL);
	r->running = false;
	if (r->rc == 0)
		return 0;
	*e = r->err;
	return -1;
}

static int
relay_seek(void *ctx, int64_t offset, struct err *e)
{
	struct relay *r = ctx;

	stop(r);
	return offset > 0 ? start(r, offset, e) : 0;
}

int
relay_push(struct place *from, struct place *to, const struct desc *d,
    struct err *e)
{
	struct registry_session *s = place_session(to, e);
	struct relay *r;
	struct registry_source src = { relay_read, relay_seek, NULL };
	int rc;

	if (s == NULL)
		return -1;
	r = mem_zero(1, sizeof(*r));
	r->from = from;
	r->desc = *d;
	r->fd = -1;
	src.ctx = r;
	rc = registry_blob_push(s, to->repo, d,
	    place_same_host(from, to) ? from->repo : NULL, &src, e);
	stop(r);
	free(r);
	place_session_end(to, s);
	return rc;
}
