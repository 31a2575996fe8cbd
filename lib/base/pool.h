/*
 * pool.h - work on several processors, results in the order of submission.
 *
 * One thread submits and takes; workers run `work` on each job.  A job is the
 * caller's, the pool only carries the pointer.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* threads >= 1 workers.  work(ctx, job) runs in any of them.  Never fails:
 * where no thread can be made, submit runs the work itself. */
struct pool *pool_new(int threads, void (*work)(void *ctx, void *job),
    void *ctx);

/* Waits for all jobs, then ends the threads.  Jobs not taken are dropped. */
void pool_free(struct pool *p);

void pool_submit(struct pool *p, void *job);
size_t pool_pending(const struct pool *p);	/* submitted, not yet taken */

/* The oldest job, once it is done; waits for it.  NULL if none is pending. */
void *pool_take(struct pool *p);

/* True if pool_take would not wait. */
bool pool_ready(struct pool *p);

/* A descriptor that polls readable when a job was done since the last
 * pool_ready; the pool's own.  -1 where the system has none to spare: then
 * pool_take is the way to wait. */
int pool_fd(const struct pool *p);

/* Processors that this process may use (sched_getaffinity), at least 1. */
int pool_cpus(void);

#endif
