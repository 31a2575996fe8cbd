#include "net/cache_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache_lock.h"

#define BLOB_READ (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define NOTE_MAX 256

static bool
is_digest(const char *sha256)
{
	uint8_t raw[DIGEST_LEN];

	return digest_parse_hex(sha256, raw);
}

char *
cache_blob_path(const struct cache *c, const char *sha256)
{
	return mem_fmt("%s/blobs/sha256/%s", c->path,
	    is_digest(sha256) ? sha256 : "");
}

int
cache_blob_stat(struct cache *c, const char *sha256, struct stat *st)
{
	int dir = c->dir[CACHE_BLOBS];

	if (dir < 0 || !is_digest(sha256))
		return 0;
	if (fstatat(dir, sha256, st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISREG(st->st_mode);
	return errno == ENOENT ? 0 : -1;
}

/* Which run of the kernel this is: a blob is not synced, so that after a power
 * cut its content is unknown; "" where that can't be told. */
static char boot_id[37];
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;

static void
boot_read(void)
{
	autofd int fd = open("/proc/sys/kernel/random/boot_id",
	    O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : file_read(fd, boot_id, sizeof(boot_id) - 1);

	boot_id[n < 0 ? 0 : n] = '\0';
}

/* What the note of this file says: all that changes when its content does. */
static int
note_text(const char *sha256, const struct stat *st, char out[NOTE_MAX])
{
	pthread_once(&boot_once, boot_read);
	return snprintf(out, NOTE_MAX,
	    "%s %s %jd %ju %jd.%09ld %jd.%09ld\n", sha256, boot_id,
	    (intmax_t)st->st_size, (uintmax_t)st->st_ino,
	    (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
	    (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* Nobody but this user and root can have written it. */
static bool
is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 022) == 0 &&
	    (st->st_uid == geteuid() || st->st_uid == 0);
}

static bool
is_noted(struct cache *c, const char *sha256, const struct stat *st)
{
	char want[NOTE_MAX], got[NOTE_MAX];
	int len = note_text(sha256, st, want);
	struct stat note;
	autofd int fd = c->dir[CACHE_USED] < 0 ? -1 :
	    openat(c->dir[CACHE_USED], sha256, BLOB_READ);

	return fd >= 0 && boot_id[0] != '\0' && is_ours(st) && fstat(fd, &note) == 0 &&
	    is_ours(&note) && file_read(fd, got, sizeof(got)) == len &&
	    memcmp(got, want, (size_t)len) == 0;
}

/* Not by rename: a note that is cut short by a kill is no note. */
void
cache_blob_note(struct cache *c, const char *sha256, const struct stat *st)
{
	char text[NOTE_MAX];

	if (c->readonly)
		return;
	autofd int note = openat(c->dir[CACHE_USED], sha256, O_WRONLY |
	    O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (note >= 0)
		(void)file_write(note, text,
		    (size_t)note_text(sha256, st, text));
}

time_t
cache_blob_used(struct cache *c, const char *sha256, const struct stat *st)
{
	struct stat note;

	/* one that nobody noted is as old as its name */
	return fstatat(c->dir[CACHE_USED], sha256, &note,
	    AT_SYMLINK_NOFOLLOW) == 0 ? note.st_mtime : st->st_ctime;
}

static int
not_found(const char *sha256, const char *what, struct err *e)
{
	return err_set(e, ERR_CHECK, "not_found", "the cache has %s %.64s",
	    what, sha256);
}

/*
 * Open it and take its lock.  Who removes or replaces a blob may have done so
 * between the two; then what has the name now is opened.
 */
static int
open_locked(struct cache *c, const char *sha256, struct stat *st,
    struct err *e)
{
	for (int i = 0;; i++) {
		int fd = openat(c->dir[CACHE_BLOBS], sha256, BLOB_READ);

		if (fd < 0 && (errno == ENOENT || errno == ELOOP))
			return not_found(sha256, "no file", e);
		if (fd < 0)
			return err_sys(e, "cannot open '%s/blobs/sha256/%s'",
			    c->path, sha256);
		if (cache_lock_take(fd, LOCK_SH) < 0 || fstat(fd, st) < 0) {
			err_sys(e, "cannot lock '%s/blobs/sha256/%s'",
			    c->path, sha256);
			close(fd);
			return -1;
		}
		/* some file systems count no links */
		if (S_ISREG(st->st_mode) && (st->st_nlink > 0 || i == 10))
			return fd;
		close(fd);
		if (!S_ISREG(st->st_mode))
			return not_found(sha256, "no file", e);
	}
}

/* Remove the bad file that st is of, and not one that has taken its place. */
static void
remove_bad(struct cache *c, const char *sha256, const struct stat *st)
{
	autofd int lock = -1;
	struct err ignored;
	struct stat now;

	if (c->readonly || cache_lock_file(c->fd, ".lock", true, &lock, NULL,
	    &ignored) < 0)
		return;
	if (cache_blob_stat(c, sha256, &now) == 1 &&
	    now.st_ino == st->st_ino)
		unlinkat(c->dir[CACHE_BLOBS], sha256, 0);
}

/* 1 if fd's content is sha256, 0, -1. */
static int
is_good(struct cache *c, const char *sha256, int fd, struct err *e)
{
	autofree char *path = cache_blob_path(c, sha256);
	uint8_t digest[DIGEST_LEN];
	char found[DIGEST_HEX];
	int64_t size;

	if (digest_file(fd, path, digest, &size, e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot read '%s'", path);
	digest_format_hex(digest, found);
	return strcmp(found, sha256) == 0;
}

int
cache_blob_open(struct cache *c, const char *sha256, bool verify,
    struct err *e)
{
	struct stat st;
	int fd, rc;

	if (c->dir[CACHE_BLOBS] < 0 || !is_digest(sha256))
		return not_found(sha256, "no file", e);
	if ((fd = open_locked(c, sha256, &st, e)) < 0)
		return -1;
	if (!verify && is_noted(c, sha256, &st)) {
		if (!c->readonly)
			utimensat(c->dir[CACHE_USED], sha256, NULL,
			    AT_SYMLINK_NOFOLLOW);
		return fd;
	}
	if ((rc = is_good(c, sha256, fd, e)) == 1) {
		/* as it was before it was read */
		cache_blob_note(c, sha256, &st);
		return fd;
	}
	if (rc == 0) {
		remove_bad(c, sha256, &st);
		not_found(sha256, "a damaged file in the place of", e);
	}
	close(fd);
	return -1;
}
