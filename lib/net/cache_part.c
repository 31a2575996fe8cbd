#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache.h"
#include "net/cache_blob.h"
#include "net/cache_file.h"
#include "net/cache_lock.h"

#define PART_FLAGS (O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static int
part_dir(const struct cache_part *p)
{
	return p->cache->dir[CACHE_PART];
}

static int
cannot(const struct cache_part *p, const char *what, struct err *e)
{
	return err_sys(e, "cannot %s '%s/part/%s'", what, p->cache->path,
	    p->name);
}

/* -1 with errno. */
static int
remove_state(struct cache_part *p)
{
	autofree char *name = mem_fmt("%s.json", p->name);

	buf_reset(&p->state);
	if (unlinkat(part_dir(p), name, 0) == 0)
		return 0;
	return errno == EISDIR ? file_remove_tree(part_dir(p), name) : -1;
}

/* No state, also after a power cut. */
static int
drop_state(struct cache_part *p, struct err *e)
{
	if (remove_state(p) == 0)
		return file_sync_dir(part_dir(p), "part", e);
	return errno == ENOENT ? 0 : cannot(p, "remove the state of", e);
}

/*
 * The part file of an earlier run: 1, 0 where there is none, -1.  One that was
 * made read-only, and then the run was killed, is made writable; what is no
 * file goes.
 */
static int
open_old(struct cache_part *p, struct stat *st)
{
	p->fd = openat(part_dir(p), p->name, PART_FLAGS);
	if (p->fd < 0 && errno == EACCES && fchmodat(part_dir(p), p->name,
	    0600, AT_SYMLINK_NOFOLLOW) == 0)
		p->fd = openat(part_dir(p), p->name, PART_FLAGS);
	if (p->fd < 0 && errno == ENOENT)
		return 0;
	if (p->fd < 0 && errno != ELOOP && errno != EACCES && errno != EISDIR)
		return -1;
	if (p->fd >= 0 && fstat(p->fd, st) == 0 && S_ISREG(st->st_mode) &&
	    st->st_nlink == 1)
		return 1;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	return file_remove_tree(part_dir(p), p->name);
}

/* A state is believed only beside a part file that has bytes: it is removed
 * before a new one is made. */
static int
open_part(struct cache_part *p, struct err *e)
{
	struct stat st = { .st_size = 0 };
	autofree char *json = mem_fmt("%s.json", p->name);
	int rc = open_old(p, &st);

	if (rc < 0)
		return cannot(p, "open", e);
	if (rc == 1 && st.st_size > 0) {
		if (cache_file_read(part_dir(p), json, CACHE_STATE_MAX,
		    &p->state) < 0)
			return cannot(p, "read the state of", e);
		return 0;
	}
	if (drop_state(p, e) < 0)
		return -1;
	if (rc == 0 && (p->fd = openat(part_dir(p), p->name,
	    PART_FLAGS | O_CREAT | O_EXCL, 0600)) < 0)
		return cannot(p, "make", e);
	return 0;
}

int
cache_part_open(struct cache *c, const char *url, struct cache_part *p,
    bool *waited, struct err *e)
{
	char json[CACHE_FILE_JSON];
	unsigned random = 0;
	int rc;

	*p = (struct cache_part)CACHE_PART_INIT;
	*waited = false;
	if (cache_file_writable(c, e) < 0)
		return -1;
	p->cache = c;
	cache_file_names(url, p->hex, json);
	if ((rc = cache_lock_file(c->dir[CACHE_LOCK], p->hex, true, &p->lock,
	    waited, e)) < 0)
		return -1;
	if ((p->own = rc == CACHE_LOCK_NONE)) {
		if (getrandom(&random, sizeof(random), 0) < 0)
			random = (unsigned)getpid();
		p->name = mem_fmt("%s.%08x", p->hex, random);
	} else {
		p->name = mem_str(p->hex);
	}
	if (open_part(p, e) < 0) {
		cache_part_release(p);
		return -1;
	}
	return 0;
}

int
cache_part_save(struct cache_part *p, const char *state, size_t len,
    struct err *e)
{
	autofree char *name = mem_fmt("%s.json", p->name);

	if (p->own)
		return 0;
	if (fdatasync(p->fd) < 0)
		return cannot(p, "write", e);
	if (cache_file_put(part_dir(p), name, state, len, e) < 0)
		return err_wrap(e, "'%s/part'", p->cache->path);
	return 0;
}

int
cache_part_clear(struct cache_part *p, struct err *e)
{
	if (drop_state(p, e) < 0)
		return -1;
	if (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0)
		return cannot(p, "truncate", e);
	return 0;
}

/* The part file gets its name as a blob. */
static int
publish(struct cache_part *p, const char *sha256, struct err *e)
{
	struct cache *c = p->cache;
	autofd int lock = -1;
	struct stat st;

	if (cache_lock_file(c->fd, ".lock", true, &lock, NULL, e) < 0)
		return -1;
	if (renameat(part_dir(p), p->name, c->dir[CACHE_BLOBS], sha256) < 0 &&
	    (errno != EISDIR ||
	    file_remove_tree(c->dir[CACHE_BLOBS], sha256) < 0 ||
	    renameat(part_dir(p), p->name, c->dir[CACHE_BLOBS], sha256) < 0))
		return cannot(p, "rename", e);
	if (fstat(p->fd, &st) == 0)
		cache_blob_note(c, sha256, &st);
	return 0;
}

int
cache_part_commit(struct cache_part *p, const char *sha256, struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	if (!digest_parse_hex(sha256, raw))
		return err_set(e, ERR_INPUT, "field_invalid",
		    "'%.100s' is no SHA-256", sha256);
	/* not synced, which would take longer than the download: see `used` in
	 * cache.h for what a crash leaves */
	if (fchmod(p->fd, 0444) < 0)
		return cannot(p, "write", e);
	if (publish(p, sha256, e) < 0)
		return -1;
	close(p->fd);
	p->fd = -1;
	/* a state without its part file says nothing to anybody */
	return remove_state(p) == 0 || errno == ENOENT ? 0 :
	    cannot(p, "remove the state of", e);
}

/* A part file without a byte is worth nothing to the next run, nor is one that
 * it can't know. */
static void
remove_useless(struct cache_part *p)
{
	struct err ignored;
	struct stat st;

	if (p->own || (fstat(p->fd, &st) == 0 && st.st_size == 0)) {
		drop_state(p, &ignored);
		unlinkat(part_dir(p), p->name, 0);
	}
}

void
cache_part_release(struct cache_part *p)
{
	int keep = errno;

	if (p->fd >= 0) {
		remove_useless(p);
		close(p->fd);
	}
	if (p->lock >= 0) {
		/* who waits for it makes a new one */
		unlinkat(p->cache->dir[CACHE_LOCK], p->hex, 0);
		close(p->lock);
	}
	free(p->name);
	buf_release(&p->state);
	*p = (struct cache_part)CACHE_PART_INIT;
	errno = keep;
}
