/* Work on several threads, in the order of submission. */
#undef NDEBUG
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/pool.h"

struct job {
	int number;
	int result;
	pthread_t thread;
};

static atomic_int running, most;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void
square(void *ctx, void *arg)
{
	struct job *j = arg;
	int now = atomic_fetch_add(&running, 1) + 1, seen = most;

	while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
		continue;
	for (volatile int i = 0; i < (j->number * 7919) % 1000; i++)
		continue;
	j->result = j->number * j->number + *(int *)ctx;
	j->thread = pthread_self();
	atomic_fetch_sub(&running, 1);
}

static void
results_come_in_the_order_of_submission(void)
{
	enum { JOBS = 2000 };
	static struct job jobs[JOBS];
	int one = 1, taken = 0;

	for (int threads = 1; threads <= 8; threads *= 2) {
		struct pool *p = pool_new(threads, square, &one);

		taken = 0;
		most = 0;
		for (int i = 0; i < JOBS; i++) {
			jobs[i].number = i;
			pool_submit(p, &jobs[i]);
			if (pool_pending(p) > 50) {
				assert(pool_take(p) == &jobs[taken]);
				assert(jobs[taken].result ==
				    taken * taken + 1);
				taken++;
			}
		}
		for (; taken < JOBS; taken++) {
			assert(pool_take(p) == &jobs[taken]);
			assert(jobs[taken].result == taken * taken + 1);
		}
		assert(pool_take(p) == NULL && pool_pending(p) == 0);
		assert(most <= threads);
		pool_free(p);
	}
}

/* Nothing is missed by one who polls, checks and takes. */
static void
the_descriptor_wakes_for_every_job(void)
{
	enum { JOBS = 2000 };
	static struct job jobs[JOBS];
	int one = 1, sent = 0;
	struct pool *p = pool_new(3, square, &one);

	for (int taken = 0; taken < JOBS;) {
		struct pollfd fd = { .fd = pool_fd(p), .events = POLLIN };

		while (sent < JOBS && pool_pending(p) < 7) {
			jobs[sent].number = sent;
			pool_submit(p, &jobs[sent++]);
		}
		while (pool_pending(p) > 0 && pool_ready(p))
			assert(pool_take(p) == &jobs[taken++]);
		if (pool_pending(p) > 0)
			assert(poll(&fd, 1, 60000) == 1);
	}
	assert(!pool_ready(p));
	pool_free(p);
}

static void
wait_for_gate(void *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void
an_unfinished_job_is_not_ready(void)
{
	struct pool *p = pool_new(2, wait_for_gate, NULL);
	int job;

	pthread_mutex_lock(&gate);
	pool_submit(p, &job);
	assert(!pool_ready(p) && pool_pending(p) == 1);
	pthread_mutex_unlock(&gate);
	assert(pool_take(p) == &job);
	pool_free(p);
}

static void
freeing_waits_for_what_is_pending(void)
{
	struct job jobs[20] = { 0 };
	int one = 1;
	struct pool *p = pool_new(2, square, &one);

	for (int i = 0; i < 20; i++) {
		jobs[i].number = i;
		pool_submit(p, &jobs[i]);
	}
	pool_free(p);
	for (int i = 0; i < 20; i++)
		assert(jobs[i].result == i * i + 1);
	pool_free(NULL);
}

static void
without_a_descriptor_it_works_too(void)
{
	struct rlimit old, none = { 0, 0 };
	struct job job = { .number = 3 };
	int one = 1;
	struct pool *p;

	assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
	none.rlim_max = old.rlim_max;
	assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
	p = pool_new(1, square, &one);
	assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
	assert(pool_fd(p) < 0);
	pool_submit(p, &job);
	assert(pool_take(p) == &job && job.result == 10);
	pool_free(p);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
static int left = -1;	/* threads that can be made; -1: any number */

/* Stands before the C library's. */
int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	union {
		void *p;
		int (*f)(pthread_t *, const pthread_attr_t *,
		    void *(*)(void *), void *);
	} real = { .p = dlsym(RTLD_NEXT, "pthread_create") };

	if (left == 0)
		return EAGAIN;
	if (left > 0)
		left--;
	return real.f(thread, attr, run, arg);
}

static void
the_work_is_done_with_fewer_threads_or_none(void)
{
	for (int n = 0; n < 3; n++) {
		struct job jobs[30] = { 0 };
		int one = 1;
		struct pool *p;

		left = n;
		p = pool_new(4, square, &one);
		left = -1;
		for (int i = 0; i < 30; i++) {
			jobs[i].number = i;
			pool_submit(p, &jobs[i]);
			if (n == 0) {
				struct pollfd fd = { .fd = pool_fd(p),
				    .events = POLLIN };

				assert(poll(&fd, 1, 0) == 1 && pool_ready(p));
				assert(pthread_equal(jobs[i].thread,
				    pthread_self()));
				assert(pool_take(p) == &jobs[i]);
			}
		}
		pool_free(p);
		for (int i = 0; i < 30; i++)
			assert(jobs[i].result == i * i + 1);
	}
}
#endif

static void
there_is_at_least_one_processor(void)
{
	assert(pool_cpus() >= 1);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	results_come_in_the_order_of_submission();
	puts("ok results come in the order of submission");
	the_descriptor_wakes_for_every_job();
	puts("ok the descriptor wakes for every job");
	an_unfinished_job_is_not_ready();
	puts("ok an unfinished job is not ready");
	freeing_waits_for_what_is_pending();
	puts("ok freeing waits for what is pending");
	without_a_descriptor_it_works_too();
	puts("ok without a descriptor it works too");
#ifndef SANITIZED
	the_work_is_done_with_fewer_threads_or_none();
	puts("ok the work is done with fewer threads or none");
#endif
	there_is_at_least_one_processor();
	puts("ok there is at least one processor");
	return 0;
}
