#include "codec/zout.h"

#include <assert.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"

#define THREADS_MAX	16
#define SYNC_STEP	(4 << 20)	/* bytes after which the disk starts */

/* Part of the format: other bounds are other bytes. */
#define GZIP_BLOCK	(2 << 20)
#define GZIP_ONE_BLOCK	(256 << 10)
#define ZSTD_BLOCK	(2 << 20)
#define DICT		(32 << 10)	/* of deflate, RFC 1951 */

#define GZIP_LEVEL	1
#define GZIP_ONE_LEVEL	6
#define ZSTD_LEVEL	3

struct job {
	struct zout *z;			/* borrowed */
	uint8_t *in;			/* owned: dictionary, then block */
	size_t dict, len;		/* bytes of each */
	bool last;
	uint8_t *out;			/* owned */
	size_t out_len;
	uint32_t crc;			/* of the block */
	struct job *next;		/* in the list of those at rest */
};

struct zout {
	int fd;				/* borrowed */
	char *name;			/* owned; for messages */
	enum zout_method method;
	int level;
	size_t block, bound;		/* bytes in, and out at most */
	int jobs_max, jobs;		/* that may be, that there are */
	struct pool *pool;		/* NULL for ZOUT_NONE */
	struct job *current;		/* being filled, or NULL */
	struct job *rest;
	uint8_t dict[DICT];		/* the last bytes of the last block */
	size_t dict_len;
	uint32_t crc;			/* of ZOUT_GZIP_ONE's blocks so far */

	struct digest digest, diff;
	int64_t size, diff_size;
	int64_t started;		/* bytes the disk was told to write */
	bool failed;
	struct err err;

	pthread_mutex_t lock;		/* guards what follows */
	void **tools;			/* compressors at rest */
	int ntools;
};

static const uint8_t gzip_header[10] = {
	0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255	/* RFC 1952: OS 255 */
};

static void *
new_tool(const struct zout *z)
{
	void *tool;

	if (z->method == ZOUT_ZSTD) {
		tool = ZSTD_createCCtx();
	} else if (z->method == ZOUT_GZIP) {
		tool = libdeflate_alloc_compressor(z->level);
	} else {
		z_stream *s = tool = mem_zero(1, sizeof(*s));

		if (deflateInit2(s, z->level, Z_DEFLATED, -MAX_WBITS, 8,
		    Z_DEFAULT_STRATEGY) != Z_OK)
			mem_die();
	}
	if (tool == NULL)
		mem_die();
	return tool;
}

static void
free_tool(const struct zout *z, void *tool)
{
	if (z->method == ZOUT_ZSTD) {
		ZSTD_freeCCtx(tool);
	} else if (z->method == ZOUT_GZIP) {
		libdeflate_free_compressor(tool);
	} else {
		deflateEnd(tool);
		free(tool);
	}
}

/* A compressor that no other worker has. */
static void *
take_tool(struct zout *z)
{
	void *tool = NULL;

	pthread_mutex_lock(&z->lock);
	if (z->ntools > 0)
		tool = z->tools[--z->ntools];
	pthread_mutex_unlock(&z->lock);
	return tool != NULL ? tool : new_tool(z);
}

static void
put_tool(struct zout *z, void *tool)
{
	pthread_mutex_lock(&z->lock);
	z->tools[z->ntools++] = tool;
	pthread_mutex_unlock(&z->lock);
}

static void
deflate_block(z_stream *s, struct job *j)
{
	deflateReset(s);
	if (j->dict > 0)
		deflateSetDictionary(s, j->in, (unsigned)j->dict);
	s->next_in = j->in + j->dict;
	s->avail_in = (unsigned)j->len;
	s->next_out = j->out;
	s->avail_out = (unsigned)j->z->bound;
	/* a flush ends on a byte, so that the next block can be joined */
	deflate(s, j->last ? Z_FINISH : Z_SYNC_FLUSH);
	assert(s->avail_in == 0 && s->avail_out > 0);
	j->out_len = j->z->bound - s->avail_out;
	j->crc = libdeflate_crc32(0, j->in + j->dict, j->len);
}

static void
zstd_block(ZSTD_CCtx *c, struct job *j)
{
	size_t n;

	ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, j->z->level);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, j->out, j->z->bound, j->in, j->len);
	if (ZSTD_isError(n))
		mem_die();	/* the room is enough: nothing else is left */
	j->out_len = n;
}

/* Of the pool: compress one block, in any of its threads. */
static void
work(void *ctx, void *job)
{
	struct zout *z = ctx;
	struct job *j = job;
	void *tool = take_tool(z);

	if (z->method == ZOUT_ZSTD)
		zstd_block(tool, j);
	else if (z->method == ZOUT_GZIP_ONE)
		deflate_block(tool, j);
	else
		j->out_len = libdeflate_gzip_compress(tool, j->in, j->len,
		    j->out, z->bound);
	put_tool(z, tool);
}

static void
set_method(struct zout *z, int level)
{
	static const size_t blocks[] = {
		[ZOUT_GZIP] = GZIP_BLOCK, [ZOUT_GZIP_ONE] = GZIP_ONE_BLOCK,
		[ZOUT_ZSTD] = ZSTD_BLOCK
	};
	static const int levels[] = {
		[ZOUT_GZIP] = GZIP_LEVEL, [ZOUT_GZIP_ONE] = GZIP_ONE_LEVEL,
		[ZOUT_ZSTD] = ZSTD_LEVEL
	};

	z->level = level != 0 ? level : levels[z->method];
	z->block = blocks[z->method];
	if (z->method == ZOUT_ZSTD)
		z->bound = ZSTD_compressBound(z->block);
	else if (z->method == ZOUT_GZIP)
		z->bound = libdeflate_gzip_compress_bound(NULL, z->block);
	else
		z->bound = compressBound(z->block) + 64;
}

static void
put(struct zout *z, const void *data, size_t len)
{
	if (z->failed)
		return;
	digest_add(&z->digest, data, len);
	z->size += (int64_t)len;
	if (file_write(z->fd, data, len) < 0) {
		err_sys(&z->err, "cannot write '%s'", z->name);
		z->failed = true;
	}
	/* so that the fsync(2) that follows has little left to wait for; what
	 * is no file on a disk does not mind */
	if (z->size - z->started >= SYNC_STEP) {
		sync_file_range(z->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		z->started = z->size;
	}
}

struct zout *
zout_new(int fd, const char *name, enum zout_method method, int level,
    int threads)
{
	struct zout *z = mem_zero(1, sizeof(*z));

	z->fd = fd;
	z->name = mem_str(name);
	z->method = method;
	digest_start(&z->digest);
	err_init(&z->err);
	pthread_mutex_init(&z->lock, NULL);
	if (method == ZOUT_NONE)
		return z;
	digest_start(&z->diff);
	set_method(z, level);
	/* blocks in work are memory: some 8 MiB a thread with zstd */
	threads = threads < THREADS_MAX ? threads : THREADS_MAX;
	z->jobs_max = threads * 2 + 2;
	z->tools = mem_zero((size_t)threads + 1, sizeof(*z->tools));
	z->pool = pool_new(threads, work, z);
	if (method == ZOUT_GZIP_ONE)
		put(z, gzip_header, sizeof(gzip_header));
	return z;
}

static void
free_job(struct job *j)
{
	if (j == NULL)
		return;
	free(j->in);
	free(j->out);
	free(j);
}

void
zout_free(struct zout *z)
{
	struct job *j;

	if (z == NULL)
		return;
	while (z->pool != NULL && (j = pool_take(z->pool)) != NULL)
		free_job(j);
	pool_free(z->pool);
	free_job(z->current);
	while ((j = z->rest) != NULL) {
		z->rest = j->next;
		free_job(j);
	}
	while (z->ntools > 0)
		free_tool(z, z->tools[--z->ntools]);
	free(z->tools);
	digest_release(&z->digest);
	digest_release(&z->diff);
	pthread_mutex_destroy(&z->lock);
	free(z->name);
	free(z);
}

/* The oldest block, compressed, goes out; its job is at rest. */
static void
reap(struct zout *z)
{
	struct job *j = pool_take(z->pool);

	if (z->method == ZOUT_GZIP_ONE)
		z->crc = (uint32_t)crc32_combine(z->crc, j->crc,
		    (z_off_t)j->len);
	put(z, j->out, j->out_len);
	j->next = z->rest;
	z->rest = j;
}

/* A job to fill: a new one while there may be more, else the oldest's. */
static struct job *
new_job(struct zout *z)
{
	struct job *j;

	while (pool_pending(z->pool) > 0 && pool_ready(z->pool))
		reap(z);
	if (z->rest == NULL && z->jobs == z->jobs_max)
		reap(z);
	if ((j = z->rest) != NULL) {
		z->rest = j->next;
	} else {
		j = mem_zero(1, sizeof(*j));
		j->z = z;
		j->in = mem_alloc(z->block + DICT);
		j->out = mem_alloc(z->bound);
		z->jobs++;
	}
	j->len = 0;
	j->last = false;
	j->dict = z->method == ZOUT_GZIP_ONE ? z->dict_len : 0;
	memcpy(j->in, z->dict, j->dict);
	return j;
}

static void
submit(struct zout *z, bool last)
{
	struct job *j = z->current;

	z->current = NULL;
	j->last = last;
	if (z->method == ZOUT_GZIP_ONE && j->len >= DICT) {
		z->dict_len = DICT;
		memcpy(z->dict, j->in + j->dict + j->len - DICT, DICT);
	}
	pool_submit(z->pool, j);
}

static int
result(struct zout *z, struct err *e)
{
	if (!z->failed)
		return 0;
	*e = z->err;
	return -1;
}

int
zout_write(struct zout *z, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;

	z->diff_size += (int64_t)len;
	if (z->method == ZOUT_NONE) {
		put(z, data, len);
		return result(z, e);
	}
	while (len > 0 && !z->failed) {
		struct job *j = z->current;
		size_t n;

		if (j == NULL)
			j = z->current = new_job(z);
		n = z->block - j->len < len ? z->block - j->len : len;
		memcpy(j->in + j->dict + j->len, p, n);
		digest_add(&z->diff, p, n);
		j->len += n;
		p += n;
		len -= n;
		if (j->len == z->block)
			submit(z, false);
	}
	return result(z, e);
}

static void
gzip_trailer(struct zout *z)
{
	uint32_t size = (uint32_t)z->diff_size;
	uint8_t tail[8];

	for (int i = 0; i < 4; i++) {
		tail[i] = (uint8_t)(z->crc >> 8 * i);
		tail[i + 4] = (uint8_t)(size >> 8 * i);
	}
	put(z, tail, sizeof(tail));
}

/* What is left, and what makes an empty stream a valid one. */
static void
finish_blocks(struct zout *z)
{
	bool one = z->method == ZOUT_GZIP_ONE;

	if (z->current == NULL && (one || z->diff_size == 0))
		z->current = new_job(z);
	if (z->current != NULL)
		submit(z, true);
	while (pool_pending(z->pool) > 0)
		reap(z);
	if (one)
		gzip_trailer(z);
}

int
zout_finish(struct zout *z, struct zout_result *out, struct err *e)
{
	if (z->method != ZOUT_NONE && !z->failed)
		finish_blocks(z);
	if (z->failed)
		return result(z, e);
	digest_end(&z->digest, out->digest);
	memcpy(out->diff_id, out->digest, DIGEST_LEN);
	if (z->method != ZOUT_NONE)
		digest_end(&z->diff, out->diff_id);
	out->size = z->size;
	out->diff_size = z->diff_size;
	return 0;
}

const char *
zout_compressor(enum zout_method method)
{
	static _Thread_local char zlib[32], zstd[32];

	switch (method) {
	case ZOUT_GZIP:
		return "libdeflate " LIBDEFLATE_VERSION_STRING;
	case ZOUT_GZIP_ONE:
		snprintf(zlib, sizeof(zlib), "zlib %s", zlibVersion());
		return zlib;
	case ZOUT_ZSTD:
		snprintf(zstd, sizeof(zstd), "zstd %s", ZSTD_versionString());
		return zstd;
	default:
		return "none";
	}
}
