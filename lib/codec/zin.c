#include "codec/zin.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/decode.h"

/*
 * Two rings: blocks as read, which are inflated and hashed before their place
 * is used again, and blocks inflated, which the caller takes.  The thread
 * reads and inflates; whichever side would have to wait hashes instead, so
 * that the hash costs no thread and no time on the busier side.
 */
#define IN_SIZE	 (64 << 10)
#define IN_COUNT 8
#define OUT_SIZE (128 << 10)	/* rings and decoder stay in a 2 MiB cache */
#define OUT_COUNT 6

struct block {
	uint8_t *data;		/* owned */
	size_t len;
};

struct zin {
	int fd;			/* borrowed */
	int wake;		/* eventfd(2): readable when to stop */
	bool regular;		/* reads do not wait for somebody */
	bool hash, members;
	bool started, joined;
	pthread_t thread;
	struct digest digest;
	uint8_t sum[DIGEST_LEN];
	bool summed;

	/* of the thread while it runs */
	struct decode *decode;
	struct decode_io io;
	bool eof;

	pthread_mutex_t lock;	/* guards what follows, not the blocks */
	pthread_cond_t changed;
	struct block in[IN_COUNT], out[OUT_COUNT];
	uint64_t in_read, in_hashed;	/* blocks since the start */
	uint64_t out_put, out_got;
	bool hashing;		/* one of the two is at in_hashed */
	bool lent;		/* the caller has block out_got */
	bool stop, done;
	enum zin_format format;
	int64_t size;		/* bytes read */
	int status;		/* once done: 0 or -1 with err */
	struct err err;
};

static int
damaged(struct zin *z, const char *why)
{
	err_set(&z->err, ERR_CHECK, "archive_damaged",
	    "tar extraction reported warnings or errors");
	err_set_detail(&z->err, "%s stream: %s, at or before byte %lld of the "
	    "file", decode_name(z->format), why,
	    (long long)(z->size - (int64_t)z->io.in_len));
	return -1;
}

/* Hash the oldest block that is not hashed, if there is one and the other
 * side is not at it.  Called with the lock, which is free meanwhile. */
static bool
hash_one(struct zin *z)
{
	const struct block *b;

	if (z->hashing || z->in_hashed == z->in_read)
		return false;
	b = &z->in[z->in_hashed % IN_COUNT];
	if (z->hash) {
		z->hashing = true;
		pthread_mutex_unlock(&z->lock);
		digest_add(&z->digest, b->data, b->len);
		pthread_mutex_lock(&z->lock);
		z->hashing = false;
	}
	z->in_hashed++;
	pthread_cond_signal(&z->changed);
	return true;
}

static void
wait_or_hash(struct zin *z)
{
	if (!hash_one(z))
		pthread_cond_wait(&z->changed, &z->lock);
}

/* Wait until fd can be read: 1, or 0 if the wake comes first. */
static int
readable(struct zin *z)
{
	struct pollfd fds[2] = {
		{ .fd = z->fd, .events = POLLIN },
		{ .fd = z->wake, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR && errno != EAGAIN)
			return 1;	/* read(2) will say */
	return fds[1].revents == 0;
}

/* Fill b as far as the file goes; -1 with errno, ECANCELED if stopped. */
static int
fill(struct zin *z, struct block *b, bool can_stop)
{
	b->len = 0;
	while (b->len < IN_SIZE && !z->eof) {
		ssize_t n;

		if (can_stop && !z->regular && !readable(z)) {
			errno = ECANCELED;
			return b->len > 0 ? 0 : -1;
		}
		n = read(z->fd, b->data + b->len, IN_SIZE - b->len);
		if (n > 0)
			b->len += (size_t)n;
		else if (n == 0)
			z->eof = true;
		else if (errno == EAGAIN && !can_stop)
			poll(&(struct pollfd){ .fd = z->fd, .events = POLLIN },
			    1, -1);
		else if (errno != EINTR && errno != EAGAIN)
			return -1;
	}
	return 0;
}

/* The next block as read into z->io; -1 with z->err, or if stopped. */
static int
next_in(struct zin *z)
{
	struct block *b;
	int status;

	pthread_mutex_lock(&z->lock);
	while (z->in_read - z->in_hashed == IN_COUNT && !z->stop)
		wait_or_hash(z);
	b = &z->in[z->in_read % IN_COUNT];
	status = z->stop ? -1 : 0;
	pthread_mutex_unlock(&z->lock);
	if (status < 0)
		return -1;
	status = fill(z, b, true);
	if (status < 0 && errno != ECANCELED)
		err_sys(&z->err, "cannot read the archive");
	z->io.in = b->data;
	z->io.in_len = b->len;
	z->io.last = status == 0 && z->eof;
	pthread_mutex_lock(&z->lock);
	z->size += (int64_t)b->len;
	if (b->len > 0)
		z->in_read++;
	pthread_cond_signal(&z->changed);
	pthread_mutex_unlock(&z->lock);
	return status;
}

/* A place for inflated bytes; -1 if stopped. */
static int
next_out(struct zin *z)
{
	struct block *b;
	bool stop;

	pthread_mutex_lock(&z->lock);
	while (z->out_put - z->out_got == OUT_COUNT && !z->stop)
		wait_or_hash(z);
	b = &z->out[z->out_put % OUT_COUNT];
	stop = z->stop;
	pthread_mutex_unlock(&z->lock);
	z->io.out = b->data;
	z->io.out_len = OUT_SIZE;
	return stop ? -1 : 0;
}

static void
put_out(struct zin *z)
{
	struct block *b = &z->out[z->out_put % OUT_COUNT];

	b->len = OUT_SIZE - z->io.out_len;
	if (b->len == 0)
		return;
	pthread_mutex_lock(&z->lock);
	z->out_put++;
	pthread_cond_signal(&z->changed);
	pthread_mutex_unlock(&z->lock);
}

static int
start(struct zin *z)
{
	enum zin_format format;

	if (next_in(z) < 0)
		return -1;
	format = decode_format(z->io.in, z->io.in_len);
	pthread_mutex_lock(&z->lock);
	z->format = format;
	pthread_mutex_unlock(&z->lock);
	if (z->io.in_len == 0)
		return damaged(z, "the file is empty");
	z->decode = decode_new(format);
	if (z->members)
		decode_members(z->decode);
	return next_out(z);
}

static int
inflate_all(struct zin *z)
{
	int status = start(z);

	if (status < 0)
		return -1;
	while ((status = decode_step(z->decode, &z->io)) > 0) {
		if (z->io.out_len == 0) {
			put_out(z);
			if (next_out(z) < 0)
				return -1;
		}
		if (z->io.in_len == 0 && !z->io.last && next_in(z) < 0)
			break;
	}
	put_out(z);
	if (status < 0)
		damaged(z, z->io.why);
	return status == 0 ? 0 : -1;
}

static void *
run(void *arg)
{
	struct zin *z = arg;
	int status = inflate_all(z);

	pthread_mutex_lock(&z->lock);
	z->status = status;
	z->done = true;
	pthread_cond_signal(&z->changed);
	pthread_mutex_unlock(&z->lock);
	return NULL;
}

/* The thread, without signals: those are the caller's. */
static void
launch(struct zin *z)
{
	sigset_t all, old;
	int sys;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	sys = pthread_create(&z->thread, NULL, run, z);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	z->started = sys == 0;
	if (sys != 0) {
		errno = sys;
		z->status = err_sys(&z->err, "cannot start a thread");
		z->done = true;
	}
}

struct zin *
zin_new(int fd, int flags)
{
	struct zin *z = mem_zero(1, sizeof(*z));
	struct stat st;

	z->fd = fd;
	z->hash = (flags & ZIN_HASH) != 0;
	z->members = (flags & ZIN_MEMBERS) != 0;
	/* what is no open file fails in read(2), not in poll(2) */
	z->regular = fstat(fd, &st) < 0 || S_ISREG(st.st_mode);
	err_init(&z->err);
	if (z->hash)
		digest_start(&z->digest);
	for (int i = 0; i < IN_COUNT; i++)
		z->in[i].data = mem_alloc(IN_SIZE);
	for (int i = 0; i < OUT_COUNT; i++)
		z->out[i].data = mem_alloc(OUT_SIZE);
	pthread_mutex_init(&z->lock, NULL);
	pthread_cond_init(&z->changed, NULL);
	z->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (z->wake < 0) {
		z->status = err_sys(&z->err, "cannot make an eventfd");
		z->done = true;
		return z;
	}
	launch(z);
	return z;
}

/* End the thread, wherever it is. */
static void
join(struct zin *z)
{
	uint64_t one = 1;

	if (!z->started || z->joined)
		return;
	pthread_mutex_lock(&z->lock);
	z->stop = true;
	pthread_cond_signal(&z->changed);
	pthread_mutex_unlock(&z->lock);
	if (write(z->wake, &one, sizeof(one)) < 0) {
		/* it is readable already */
	}
	pthread_join(z->thread, NULL);
	z->joined = true;
}

void
zin_free(struct zin *z)
{
	if (z == NULL)
		return;
	join(z);
	decode_free(z->decode);
	digest_release(&z->digest);
	if (z->wake >= 0)
		close(z->wake);
	for (int i = 0; i < IN_COUNT; i++)
		free(z->in[i].data);
	for (int i = 0; i < OUT_COUNT; i++)
		free(z->out[i].data);
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

int
zin_read(struct zin *z, const uint8_t **data, size_t *len, struct err *e)
{
	const struct block *b;

	pthread_mutex_lock(&z->lock);
	if (z->lent) {
		z->lent = false;
		z->out_got++;
		pthread_cond_signal(&z->changed);
	}
	while (z->out_put == z->out_got && !z->done)
		wait_or_hash(z);
	if (z->out_put > z->out_got) {
		b = &z->out[z->out_got % OUT_COUNT];
		z->lent = true;
		*data = b->data;
		*len = b->len;
		pthread_mutex_unlock(&z->lock);
		return 1;
	}
	while (z->status == 0 && hash_one(z))
		continue;
	pthread_mutex_unlock(&z->lock);
	if (z->status < 0)
		*e = z->err;
	return z->status;
}

/* With the thread gone: what it read and nobody hashed, then the rest. */
static int
read_rest(struct zin *z, struct err *e)
{
	struct block *b = &z->in[0];
	int status = 0;

	while (hash_one(z))
		continue;
	while (status == 0 && !z->eof) {
		if ((status = fill(z, b, false)) < 0)
			err_sys(e, "cannot read the archive");
		if (z->hash)
			digest_add(&z->digest, b->data, b->len);
		z->size += (int64_t)b->len;
	}
	return status;
}

int
zin_drain(struct zin *z, struct err *e)
{
	int status;

	join(z);
	if (z->done && z->status < 0 && z->err.kind == ERR_SYS) {
		*e = z->err;
		return -1;
	}
	pthread_mutex_lock(&z->lock);
	status = read_rest(z, e);
	if (z->err.kind == ERR_NONE && (z->status < 0 ||
	    z->out_put > z->out_got))	/* zin_read has lost its place */
		z->status = err_set(&z->err, ERR_SYS, "system",
		    "the archive was not inflated to its end");
	pthread_mutex_unlock(&z->lock);
	return status;
}

int64_t
zin_size(const struct zin *z)
{
	/* the lock is no part of what const promises */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&z->lock;
	int64_t size;

	pthread_mutex_lock(lock);
	size = z->size;
	pthread_mutex_unlock(lock);
	return size;
}

void
zin_digest(struct zin *z, uint8_t out[DIGEST_LEN])
{
	assert(z->hash);
	if (!z->summed)
		digest_end(&z->digest, z->sum);
	z->summed = true;
	memcpy(out, z->sum, DIGEST_LEN);
}

enum zin_format
zin_format(const struct zin *z)
{
	return z->format;
}

void
zin_setup(void)
{
	digest_setup();
	for (int f = ZIN_PLAIN; f <= ZIN_XZ; f++)
		decode_free(decode_new((enum zin_format)f));
}
