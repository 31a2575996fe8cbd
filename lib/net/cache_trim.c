#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache.h"
#include "net/cache_blob.h"
#include "net/cache_entry.h"
#include "net/cache_file.h"
#include "net/cache_lock.h"

#define TRIM_KEEP (24 * 60 * 60)	/* seconds after its last use */
#define TRIM_STALE (7 * 24 * 60 * 60)	/* seconds: nobody goes on with it */

struct blob {
	char hex[DIGEST_HEX];
	int64_t size;
	time_t used;
};

struct trim {
	struct cache *cache;
	time_t now;
	struct blob *blobs;	/* owned */
	size_t count, cap;
	int64_t bytes;		/* of all of them */
};

/* Call fn with each name in a directory of the cache that is no dot file. */
static int
each_name(struct trim *t, int which,
    void (*fn)(struct trim *t, const char *name), struct err *e)
{
	int fd = openat(t->cache->dir[which], ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		err_sys(e, "cannot read the cache '%s'", t->cache->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			fn(t, d->d_name);
	closedir(dir);
	return 0;
}

static bool
has_blob(struct trim *t, const char *sha256)
{
	struct stat st;

	/* what can't be told stays */
	return cache_blob_stat(t->cache, sha256, &st) != 0;
}

static void
add_blob(struct trim *t, const char *name)
{
	struct stat st;

	if (cache_blob_stat(t->cache, name, &st) != 1)
		return;
	mem_grow(&t->blobs, &t->cap, t->count, sizeof(*t->blobs));
	struct blob *b = &t->blobs[t->count++];
	memcpy(b->hex, name, sizeof(b->hex));
	b->size = st.st_size;
	b->used = cache_blob_used(t->cache, name, &st);
	t->bytes += b->size;
}

static int
by_use(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;

	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return strcmp(x->hex, y->hex);
}

/* Nobody reads it, nobody has used it since it was listed: it goes. */
static bool
remove_blob(struct trim *t, const struct blob *b)
{
	struct cache *c = t->cache;
	struct stat st;
	autofd int fd = openat(c->dir[CACHE_BLOBS], b->hex, O_RDONLY |
	    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || cache_lock_take(fd, LOCK_EX | LOCK_NB) <= 0 ||
	    fstat(fd, &st) < 0 || cache_blob_used(c, b->hex, &st) != b->used)
		return false;
	if (unlinkat(c->dir[CACHE_BLOBS], b->hex, 0) < 0)
		return false;
	unlinkat(c->dir[CACHE_USED], b->hex, 0);
	return true;
}

static void
trim_blobs(struct trim *t, int64_t max)
{
	if (max < 0 || t->count == 0)
		return;
	qsort(t->blobs, t->count, sizeof(*t->blobs), by_use);
	for (size_t i = 0; i < t->count && t->bytes > max; i++) {
		const struct blob *b = &t->blobs[i];

		if (t->now - b->used < TRIM_KEEP)
			break;
		if (remove_blob(t, b))
			t->bytes -= b->size;
	}
}

static void
trim_note(struct trim *t, const char *name)
{
	if (!has_blob(t, name))
		unlinkat(t->cache->dir[CACHE_USED], name, 0);
}

/* An entry whose blob is gone, or that is none. */
static void
trim_url(struct trim *t, const char *name)
{
	AUTO(cache_entry_release) struct cache_entry x = CACHE_ENTRY_INIT;
	autobuf struct buf text = BUF_INIT;
	int rc = cache_file_read(t->cache->dir[CACHE_URLS], name,
	    CACHE_FILE_MAX, &text);

	if (rc == 0 || (rc == 1 && (!cache_entry_parse(&text, &x) ||
	    !has_blob(t, x.sha256))))
		unlinkat(t->cache->dir[CACHE_URLS], name, 0);
}

static bool
is_stale(struct trim *t, int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    t->now - st.st_mtime > TRIM_STALE;
}

/* A part file or its state (HEX, HEX.json, HEX.OWN): who works on it has the
 * lock HEX, or has just written to it. */
static void
trim_part(struct trim *t, const char *name)
{
	struct cache *c = t->cache;
	autofree char *hex = mem_dup(name, strnlen(name, DIGEST_HEX - 1));
	uint8_t raw[DIGEST_LEN];
	struct err ignored;
	autofd int lock = -1;

	if (!digest_parse_hex(hex, raw) ||
	    !is_stale(t, c->dir[CACHE_PART], name))
		return;
	if (cache_lock_file(c->dir[CACHE_LOCK], hex, false, &lock, NULL,
	    &ignored) <= 0)
		return;
	unlinkat(c->dir[CACHE_PART], name, 0);
	unlinkat(c->dir[CACHE_LOCK], hex, 0);
}

static void
trim_lock(struct trim *t, const char *name)
{
	int dir = t->cache->dir[CACHE_LOCK];
	struct err ignored;
	autofd int lock = -1;

	if (is_stale(t, dir, name) && cache_lock_file(dir, name, false, &lock,
	    NULL, &ignored) == CACHE_LOCK_HELD)
		unlinkat(dir, name, 0);
}

int
cache_trim(struct cache *c, int64_t max, struct err *e)
{
	struct trim t = { .cache = c, .now = time(NULL) };
	autofd int lock = -1;
	int rc = -1;

	if (c->readonly)
		return 0;
	if (cache_lock_file(c->fd, ".lock", true, &lock, NULL, e) < 0)
		return err_wrap(e, "'%s'", c->path);
	if (each_name(&t, CACHE_BLOBS, add_blob, e) == 0) {
		trim_blobs(&t, max);
		if (each_name(&t, CACHE_USED, trim_note, e) == 0 &&
		    each_name(&t, CACHE_URLS, trim_url, e) == 0 &&
		    each_name(&t, CACHE_PART, trim_part, e) == 0 &&
		    each_name(&t, CACHE_LOCK, trim_lock, e) == 0)
			rc = 0;
	}
	free(t.blobs);
	return rc;
}
