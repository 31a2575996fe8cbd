#include "net/fetch_part.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "record/json_out.h"
#include "record/rec.h"

#define STEP (256 << 10)		/* bytes hashed at once: few enough to
					   stay in a core's cache */
#define WRITEBACK ((int64_t)8 << 20)	/* bytes handed to the disk at once */
#define VALIDATOR_MAX 1024		/* bytes */
#define SAVE_NS 250000000L
#define SAVE_SHARE 8			/* of the time at most one part in so
					   many is spent on saving */

void
fetch_part_version_release(struct fetch_part_version *v)
{
	free(v->etag);
	free(v->last_modified);
	*v = (struct fetch_part_version)FETCH_PART_VERSION_INIT;
}

bool
fetch_part_is_validator(const char *value)
{
	size_t len = 0;

	while (value[len] >= ' ' && value[len] <= '~')
		len++;
	return len > 0 && len <= VALIDATOR_MAX && value[len] == '\0';
}

/*
 * State
 */

static void
state_print(const struct fetch_part *p, struct buf *out)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autobuf struct buf done = BUF_INIT;

	fetch_spans_print(&p->done, &done);
	json_out_open(&o, '{');
	if (p->version.length >= 0)
		json_out_kint(&o, "length", p->version.length);
	if (p->version.etag != NULL)
		json_out_kstr(&o, "etag", p->version.etag);
	if (p->version.last_modified != NULL)
		json_out_kstr(&o, "last_modified", p->version.last_modified);
	json_out_kstr(&o, "done", done.data);
	json_out_close(&o, '}');
	buf_add(out, o.buf.data, o.buf.len);
}

/* Only what a validator can prove to be of one file is worth keeping. */
static void
state_save(struct fetch_part *p)
{
	autobuf struct buf text = BUF_INIT;
	struct err e;

	pthread_mutex_lock(&p->lock);
	p->saved = fetch_spans_total(&p->done);
	if (p->version.strong && p->saved > 0)
		state_print(p, &text);
	pthread_mutex_unlock(&p->lock);
	/* where this fails the next run begins anew, no more */
	if (text.len > 0)
		cache_part_save(p->kept, text.data, text.len, &e);
}

static bool
state_read(struct fetch_part *p, struct rec *r, int64_t size)
{
	const char *done, *etag = NULL, *modified = NULL;
	int64_t length = -1, last;
	struct err e;

	if (rec_str(r, "done", &done, &e) < 1 ||
	    rec_str(r, "etag", &etag, &e) < 0 ||
	    rec_str(r, "last_modified", &modified, &e) < 0 ||
	    rec_int(r, "length", 0, INT64_MAX, &length, &e) < 0)
		return false;
	if (!fetch_spans_parse(&p->done, done) || p->done.count == 0)
		return false;
	last = p->done.span[p->done.count - 1].to;
	if (last > size || (length >= 0 && last > length))
		return false;
	if ((etag == NULL && modified == NULL) ||
	    (etag != NULL && !fetch_part_is_validator(etag)) ||
	    (modified != NULL && !fetch_part_is_validator(modified)))
		return false;
	p->version = (struct fetch_part_version){
		.length = length, .strong = true,
		.etag = etag != NULL ? mem_str(etag) : NULL,
		.last_modified = modified != NULL ? mem_str(modified) : NULL,
	};
	return true;
}

static void
state_load(struct fetch_part *p)
{
	struct stat st;
	struct err e;
	struct rec *r;
	bool good;

	if (p->kept == NULL || p->kept->state.len == 0)
		return;
	r = rec_parse(p->kept->state.data, p->kept->state.len, "", &e);
	good = r != NULL && fstat(p->fd, &st) == 0 &&
	    state_read(p, r, st.st_size);
	rec_free(r);
	if (!good)
		fetch_spans_clear(&p->done);
}

/*
 * The follower
 */

/* Hash [hashed, to) in steps; the lock is held but while bytes are read. */
static void
follow(struct fetch_part *p, char *step, int64_t to)
{
	while (p->hashed < to && p->failed == 0 &&
	    (p->hurry || !p->ending)) {
		int64_t at = p->hashed;
		size_t want = to - at < STEP ? (size_t)(to - at) : STEP;
		ssize_t n;

		pthread_mutex_unlock(&p->lock);
		do {
			n = pread(p->fd, step, want, at);
		} while (n < 0 && errno == EINTR);
		if (n > 0) {
			digest_add(&p->digest, step, (size_t)n);
			if ((at + n) / WRITEBACK != at / WRITEBACK)
				sync_file_range(p->fd,
				    at / WRITEBACK * WRITEBACK, WRITEBACK,
				    SYNC_FILE_RANGE_WRITE);
		}
		pthread_mutex_lock(&p->lock);
		if (n > 0)
			p->hashed += n;
		else
			p->failed = n < 0 ? errno : EIO;
	}
}

/* Wait for news, or until it is time to save. */
static bool
wait_news(struct fetch_part *p)
{
	struct timespec until;

	if (p->kept == NULL)
		return pthread_cond_wait(&p->news, &p->lock) == 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += SAVE_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	return pthread_cond_timedwait(&p->news, &p->lock, &until) == 0;
}

/* Saving waits for the disk: a slow one must not slow the hashing down. */
static void
save_if_due(struct fetch_part *p, double *due)
{
	double start = clock_monotonic(), took;

	if (p->kept == NULL || p->saved == fetch_spans_total(&p->done) ||
	    start < *due)
		return;
	pthread_mutex_unlock(&p->lock);
	state_save(p);
	pthread_mutex_lock(&p->lock);
	took = (clock_monotonic() - start) * SAVE_SHARE;
	if (took < SAVE_NS / 1e9)
		took = SAVE_NS / 1e9;
	*due = clock_monotonic() + took;
}

static void *
follower(void *arg)
{
	struct fetch_part *p = arg;
	autofree char *step = mem_alloc(STEP);
	double due = clock_monotonic() + SAVE_NS / 1e9;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		int64_t prefix = fetch_spans_prefix(&p->done);
		bool ending = p->ending;

		if (p->hurry || (!ending && prefix - p->hashed >= STEP))
			follow(p, step, p->hurry ? prefix :
			    prefix / STEP * STEP);
		if (ending)
			break;
		save_if_due(p, &due);
		prefix = fetch_spans_prefix(&p->done);
		if (!p->ending && (prefix - p->hashed < STEP ||
		    p->failed != 0))
			wait_news(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
follower_start(struct fetch_part *p)
{
	p->ending = p->hurry = false;
	p->hashed = p->told = 0;
	p->saved = fetch_spans_total(&p->done);
	p->failed = 0;
	digest_start(&p->digest);
	p->running = pthread_create(&p->thread, NULL, follower, p) == 0;
}

/* hurry: it hashes what is there first. */
static void
follower_end(struct fetch_part *p, bool hurry)
{
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	p->hurry = hurry;
	pthread_cond_signal(&p->news);
	pthread_mutex_unlock(&p->lock);
	if (p->running)
		pthread_join(p->thread, NULL);
	else
		follower(p);	/* no thread was to be had */
	p->running = false;
}

/*
 * The file
 */

void
fetch_part_open(struct fetch_part *p, int fd, struct cache_part *kept,
    _Atomic uint64_t *progress, _Atomic uint64_t *total)
{
	pthread_condattr_t attr;

	*p = (struct fetch_part){
		.fd = fd, .kept = kept, .version = FETCH_PART_VERSION_INIT,
		.progress = progress, .total = total,
		.lock = PTHREAD_MUTEX_INITIALIZER, .done = FETCH_SPANS_INIT,
		.digest = DIGEST_INIT,
	};
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->news, &attr);
	pthread_condattr_destroy(&attr);
	state_load(p);
	p->resumed = fetch_spans_total(&p->done);
	*progress = (uint64_t)p->resumed;
	follower_start(p);
}

void
fetch_part_release(struct fetch_part *p)
{
	if (!p->ending) {
		follower_end(p, false);
		if (p->kept != NULL)
			state_save(p);
	}
	fetch_part_version_release(&p->version);
	fetch_spans_release(&p->done);
	digest_release(&p->digest);
	pthread_cond_destroy(&p->news);
	pthread_mutex_destroy(&p->lock);
}

int64_t
fetch_part_have(struct fetch_part *p)
{
	int64_t n;

	pthread_mutex_lock(&p->lock);
	n = fetch_spans_total(&p->done);
	pthread_mutex_unlock(&p->lock);
	return n;
}

int64_t
fetch_part_prefix(struct fetch_part *p)
{
	int64_t n;

	pthread_mutex_lock(&p->lock);
	n = fetch_spans_prefix(&p->done);
	pthread_mutex_unlock(&p->lock);
	return n;
}

bool
fetch_part_gap(struct fetch_part *p, int64_t from,
    struct fetch_spans_span *gap)
{
	int64_t end = p->version.length >= 0 ? p->version.length : INT64_MAX;
	bool found;

	pthread_mutex_lock(&p->lock);
	found = fetch_spans_gap(&p->done, from, end, gap);
	pthread_mutex_unlock(&p->lock);
	return found;
}

int
fetch_part_reset(struct fetch_part *p, struct err *e)
{
	follower_end(p, false);
	fetch_spans_clear(&p->done);
	fetch_part_version_release(&p->version);
	if (p->kept != NULL ? cache_part_clear(p->kept, e) < 0 :
	    ftruncate(p->fd, 0) < 0 && err_sys(e, "cannot begin anew"))
		return -1;
	*p->progress = 0;
	p->resumed = 0;
	follower_start(p);
	return 0;
}

/* Before the first byte rather than after the last one that fits.  Not by
 * fallocate(2), which writes all of the file where it is memory. */
static int
check_room(const struct fetch_part *p, struct err *e)
{
	struct statvfs fs;
	int64_t need = p->version.length - fetch_spans_total(&p->done);

	if (fstatvfs(p->fd, &fs) < 0 ||
	    need / (int64_t)fs.f_frsize <= (int64_t)fs.f_bfree)
		return 0;
	errno = ENOSPC;
	return err_sys(e, "no room for a download of %lld bytes",
	    (long long)p->version.length);
}

int
fetch_part_adopt(struct fetch_part *p, struct fetch_part_version *v,
    struct err *e)
{
	pthread_mutex_lock(&p->lock);
	fetch_part_version_release(&p->version);
	p->version = *v;
	pthread_mutex_unlock(&p->lock);
	*v = (struct fetch_part_version)FETCH_PART_VERSION_INIT;
	if (p->version.length < 0)
		return 0;
	*p->total = (uint64_t)p->version.length;
	return check_room(p, e);
}

void
fetch_part_set_length(struct fetch_part *p, int64_t length)
{
	pthread_mutex_lock(&p->lock);
	p->version.length = length;
	pthread_mutex_unlock(&p->lock);
}

int
fetch_part_write(struct fetch_part *p, const void *data, size_t len,
    int64_t offset, struct err *e)
{
	int64_t prefix;

	if (file_pwrite(p->fd, data, len, offset) < 0)
		return err_sys(e, "cannot write the download");
	pthread_mutex_lock(&p->lock);
	fetch_spans_add(&p->done, offset, offset + (int64_t)len);
	prefix = fetch_spans_prefix(&p->done);
	if (prefix - p->told >= STEP) {
		p->told = prefix;
		pthread_cond_signal(&p->news);
	}
	pthread_mutex_unlock(&p->lock);
	*p->progress += len;
	return 0;
}

int
fetch_part_finish(struct fetch_part *p, char sha256[DIGEST_HEX], struct err *e)
{
	uint8_t digest[DIGEST_LEN];

	follower_end(p, true);
	if (p->failed != 0) {
		errno = p->failed;
		return err_sys(e, "cannot read the download back");
	}
	if (p->version.length >= 0 && p->hashed != p->version.length)
		return err_set(e, ERR_SYS, "connection", "the download has "
		    "%lld bytes in a row, not %lld", (long long)p->hashed,
		    (long long)p->version.length);
	/* a part file that somebody made longer */
	if (ftruncate(p->fd, p->hashed) < 0)
		return err_sys(e, "cannot write the download");
	digest_end(&p->digest, digest);
	digest_format_hex(digest, sha256);
	return 0;
}
