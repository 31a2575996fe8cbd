#include "build/pusher.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"
#include "build/base.h"
#include "oci/copy_blob.h"

/* Uploads at once; most of their time is waiting. */
#define PUSHER_STREAMS 4

/* One layer for the repositories of one registry: where the first has it, the
 * others can mount it. */
struct job {
	struct pusher *pusher;
	struct place *from;	/* borrowed: that has it, or NULL */
	int fd;			/* owned: its bytes; -1: from has them */
	struct desc desc;
	const struct place_host *host;
	struct err *err;	/* owned; NULL: good */
};

struct pusher {
	const struct deliver *to;
	struct native_sink sink;
	struct pool *pool;	/* made when there is something to do */
	struct job **jobs;	/* owned, each */
	size_t n, cap;
};

/* One that has it already is where the next can mount it from. */
static int
push(const struct job *j, struct err *e)
{
	const struct deliver *d = j->pusher->to;
	struct place *from = j->from;

	for (size_t i = 0; i < d->n; i++) {
		struct place *to = d->tags[i].place;
		const char *repo = from != NULL && place_same_host(from, to) ?
		    from->repo : NULL;

		if (to->host != j->host || !deliver_is_first_of_place(d, i))
			continue;
		if ((j->fd >= 0 ? copy_blob_push(j->fd, to, &j->desc, repo,
		    e) : copy_blob_bring(from, to, &j->desc, false, e)) < 0)
			return -1;
		place_know(to, j->desc.digest);
		from = to;
	}
	return 0;
}

static void
work(void *ctx, void *job)
{
	struct job *j = job;
	struct err e;

	(void)ctx;
	if (push(j, &e) == 0)
		return;
	j->err = mem_alloc(sizeof(*j->err));
	*j->err = e;
}

struct pusher *
pusher_new(const struct deliver *to)
{
	struct pusher *p = mem_zero(1, sizeof(*p));

	p->to = to;
	return p;
}

void
pusher_free(struct pusher *p)
{
	if (p == NULL)
		return;
	pool_free(p->pool);
	for (size_t i = 0; i < p->n; i++) {
		if (p->jobs[i]->fd >= 0)
			close(p->jobs[i]->fd);
		free(p->jobs[i]->err);
		free(p->jobs[i]);
	}
	free(p->jobs);
	free(p);
}

/* Some repository of the registry lacks it, as far as is known, and it is not
 * on its way there. */
static bool
is_wanted(const struct pusher *p, const struct place_host *host,
    const struct desc *d)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->jobs[i]->host == host &&
		    strcmp(p->jobs[i]->desc.digest, d->digest) == 0)
			return false;
	for (size_t i = 0; i < p->to->n; i++) {
		struct place *to = p->to->tags[i].place;

		if (to->host == host && !place_knows(to, d->digest))
			return true;
	}
	return false;
}

static int
start(struct pusher *p, const struct place_host *host, struct place *from,
    int fd, const struct desc *d, struct err *e)
{
	int own = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct job *j;

	if (fd >= 0 && own < 0)
		return err_sys(e, "cannot keep a layer open");
	j = mem_zero(1, sizeof(*j));
	*j = (struct job){ .pusher = p, .from = from, .fd = own, .desc = *d,
		.host = host };
	mem_grow(&p->jobs, &p->cap, p->n, sizeof(*p->jobs));
	p->jobs[p->n++] = j;
	if (p->pool == NULL)
		p->pool = pool_new(PUSHER_STREAMS, work, p);
	pool_submit(p->pool, j);
	return 0;
}

/* To each registry that wants it. */
static int
announce(struct pusher *p, struct place *from, int fd, const struct desc *d,
    struct err *e)
{
	for (size_t i = 0; i < p->to->n; i++) {
		const struct place_host *host = p->to->tags[i].place->host;

		if (is_wanted(p, host, d) &&
		    start(p, host, from, fd, d, e) < 0)
			return -1;
	}
	return 0;
}

static int
on_layer(void *ctx, const struct desc *d, int fd, struct err *e)
{
	return announce(ctx, NULL, fd, d, e);
}

static int
on_base(void *ctx, struct base *b, size_t i, struct err *e)
{
	autofd int fd = base_layer_open(b, i);

	return announce(ctx, b->place->layout == NULL ? b->place : NULL, fd,
	    &b->image.layers[i].desc, e);
}

const struct native_sink *
pusher_sink(struct pusher *p, bool leave)
{
	p->sink = (struct native_sink){ .layer = on_layer, .base = on_base,
		.ctx = p, .leave = leave };
	return &p->sink;
}

int
pusher_wait(struct pusher *p, struct err *e)
{
	while (p->pool != NULL && pool_take(p->pool) != NULL)
		continue;
	for (size_t i = 0; i < p->n; i++) {
		if (p->jobs[i]->err == NULL)
			continue;
		*e = *p->jobs[i]->err;
		return -1;
	}
	return 0;
}
