#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct slot {
	void *job;
	bool done;
	struct slot *next;	/* in order of submission */
};

struct pool {
	void (*work)(void *ctx, void *job);
	void *ctx;
	pthread_t *threads;
	int nthreads;
	int event;		/* eventfd(2), or -1 */
	size_t pending;		/* of the submitting thread alone */

	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t todo, done;
	struct slot *head, **tail;	/* all that are pending */
	struct slot *next;		/* the first that no worker has */
	bool stop;
};

static void
finish(struct pool *p, struct slot *s)
{
	uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	s->done = true;
	pthread_cond_broadcast(&p->done);
	pthread_mutex_unlock(&p->lock);
	if (p->event >= 0 && write(p->event, &one, sizeof(one)) < 0) {
		/* the counter is full, so the reader wakes anyway */
	}
}

static void *
worker(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct slot *s;

		while (p->next == NULL && !p->stop)
			pthread_cond_wait(&p->todo, &p->lock);
		if ((s = p->next) == NULL)
			break;
		p->next = s->next;
		pthread_mutex_unlock(&p->lock);
		p->work(p->ctx, s->job);
		finish(p, s);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct pool *
pool_new(int threads, void (*work)(void *ctx, void *job), void *ctx)
{
	struct pool *p = mem_zero(1, sizeof(*p));
	sigset_t all, old;

	p->work = work;
	p->ctx = ctx;
	p->threads = mem_zero((size_t)threads, sizeof(*p->threads));
	p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->tail = &p->head;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->todo, NULL);
	pthread_cond_init(&p->done, NULL);
	/* signals belong to the thread that submits */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	while (p->nthreads < threads && pthread_create(
	    &p->threads[p->nthreads], NULL, worker, p) == 0)
		p->nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return p;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	while (pool_take(p) != NULL)
		continue;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->todo);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	if (p->event >= 0)
		close(p->event);
	pthread_cond_destroy(&p->todo);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

void
pool_submit(struct pool *p, void *job)
{
	struct slot *s = mem_zero(1, sizeof(*s));

	s->job = job;
	p->pending++;
	pthread_mutex_lock(&p->lock);
	*p->tail = s;
	p->tail = &s->next;
	if (p->nthreads > 0 && p->next == NULL)
		p->next = s;
	pthread_cond_signal(&p->todo);
	pthread_mutex_unlock(&p->lock);
	if (p->nthreads == 0) {
		p->work(p->ctx, job);
		finish(p, s);
	}
}

size_t
pool_pending(const struct pool *p)
{
	return p->pending;
}

void *
pool_take(struct pool *p)
{
	struct slot *s;
	void *job;

	pthread_mutex_lock(&p->lock);
	if ((s = p->head) == NULL) {
		pthread_mutex_unlock(&p->lock);
		return NULL;
	}
	while (!s->done)
		pthread_cond_wait(&p->done, &p->lock);
	if ((p->head = s->next) == NULL)
		p->tail = &p->head;
	pthread_mutex_unlock(&p->lock);
	p->pending--;
	job = s->job;
	free(s);
	return job;
}

bool
pool_ready(struct pool *p)
{
	uint64_t count;
	bool ready;

	if (p->event >= 0 && read(p->event, &count, sizeof(count)) < 0) {
		/* nothing new */
	}
	pthread_mutex_lock(&p->lock);
	ready = p->head != NULL && p->head->done;
	pthread_mutex_unlock(&p->lock);
	return ready;
}

int
pool_fd(const struct pool *p)
{
	return p->event;
}

int
pool_cpus(void)
{
	cpu_set_t set;
	int n;

	/* EINVAL: there are more processors than a cpu_set_t has bits */
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	else
		n = CPU_COUNT(&set);
	return n > 0 ? n : 1;
}
