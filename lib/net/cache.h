/*
 * cache.h - downloads that are there already.
 *
 *	blobs/sha256/HEX	files by content, read-only
 *	used/HEX		when a blob was last used (the file's time), and
 *				what stat said of it when it was last hashed
 *	urls/HEX.json		what a URL gave: digest, size, validators
 *	part/HEX, HEX.json	a download that is not whole, and how far it is
 *	lock/HEX		one download of a URL at a time
 *	.lock			removal and the making of entries
 *
 * HEX of a URL is the SHA-256 of its text; what is written down is the URL
 * without its secrets.  Entries appear whole, by rename; one that is damaged
 * or somebody else's is as good as none.  No symlink in the cache
 * is followed.  Many processes and threads may share a cache, one struct cache
 * too; it may be read-only.
 *
 * A blob is known to be what its name says from the day it came in.  When it
 * is opened its inode, size, mtime and ctime are compared with those of that
 * day; if they differ, if the machine was started since (blobs are not synced,
 * which would take longer than the download: a power cut may take content away
 * that has a name, so no name is believed across one), or if the blob or the note is another user's (root
 * excepted) or others may write it, it is hashed anew.  So a blob that was
 * changed, restored from a backup or shared by strangers costs a pass over it,
 * all others none, whether or not the digest was given by a user: the name is
 * the digest.  A disk that returns other bytes than were written is noticed
 * only by who hashes them, as rb-verify does, and by `verify`.
 *
 * Whom a cache belongs to: the default place is used only by its owner (not by
 * root, who would leave files there that the owner can't change); a place that
 * was named is the user's choice.  One that everybody may write is never used.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

enum cache_dir {
	CACHE_BLOBS, CACHE_USED, CACHE_URLS, CACHE_PART, CACHE_LOCK, CACHE_DIRS
};

struct cache {
	int fd;			/* its directory, or -1: there is none */
	char *path;		/* owned, absolute; "" where none is known */
	bool readonly;		/* also where there is none */
	char *why;		/* owned: why it is; NULL where it is not */
	int dir[CACHE_DIRS];	/* those in it, or -1 */
};
#define CACHE_INIT { -1, NULL, false, NULL, { -1, -1, -1, -1, -1 } }

/*
 * Open the cache at path; NULL: $SLIPWAY_CACHE_DIR, $XDG_CACHE_HOME/slipway,
 * ~/.cache/slipway.  Makes it (0700) where it is not there, and sweeps what
 * runs that were killed have left.  One that can't be written is opened
 * read-only, one that can't be made or trusted is none (fd -1): both are good;
 * what then needs it fails with ERR_SYS "cache_readonly", and `why` is in the
 * message.
 */
int cache_open(struct cache *c, const char *path, struct err *e);
void cache_release(struct cache *c);

/* What is known of a URL. */
struct cache_entry {
	char sha256[DIGEST_HEX];
	int64_t size;
	char *etag, *last_modified;	/* owned, or NULL */
};
#define CACHE_ENTRY_INIT { "", 0, NULL, NULL }
void cache_entry_release(struct cache_entry *x);

/* 1 with *x where the URL is known and its blob is there with its size, 0.
 * Whether the blob is good, cache_blob_open says. */
int cache_lookup(struct cache *c, const char *url, struct cache_entry *x,
    struct err *e);
/* 1 where a blob of this digest is there, of *size bytes unless that is -1;
 * *size is set. */
int cache_has(struct cache *c, const char *sha256, int64_t *size,
    struct err *e);
/*
 * Open a blob for reading with a shared lock (it will not be removed while the
 * descriptor is open), its time of use set.  verify: hash it whatever is known
 * of it.  A bad one is removed where that can be.  -1 with ERR_CHECK
 * "not_found" where it is not there or bad.
 */
int cache_blob_open(struct cache *c, const char *sha256, bool verify,
    struct err *e);
/* The blob's own path.  The caller frees. */
char *cache_blob_path(const struct cache *c, const char *sha256);

/* Remember what url gives (its blob is there). */
int cache_remember(struct cache *c, const char *url,
    const struct cache_entry *x, struct err *e);

/*
 * A download into the cache: it has the URL's lock until it is released, so
 * one thread opens a URL once.  The part file is kept between runs.  state is
 * a JSON text that goes with it, "" where there is none; it belongs to whoever
 * downloads.  Where the file system has no locks the part file is this run's
 * alone, and goes when it is released.
 */
struct cache_part {
	struct cache *cache;	/* borrowed */
	char *name;		/* owned: of the file in part/ */
	char hex[DIGEST_HEX];	/* of the URL */
	int lock, fd;		/* fd: open for reading and writing */
	bool own;		/* nobody else knows the part file */
	struct buf state;
};
#define CACHE_PART_INIT { NULL, NULL, "", -1, -1, false, BUF_INIT }
#define CACHE_STATE_MAX (1 << 20)	/* bytes of state */
/* Wait for the lock and open it.  Then the caller looks into the cache once
 * more: somebody may have been done since it looked, also where *waited
 * (somebody else had the lock) is false. */
int cache_part_open(struct cache *c, const char *url, struct cache_part *p,
    bool *waited, struct err *e);
/* Replace the state file, atomically, after what was written to fd is on the
 * disk: what the state says is so after a power cut, too.  It costs syncs:
 * save by the second or by many MiB. */
int cache_part_save(struct cache_part *p, const char *state, size_t len,
    struct err *e);
/* Begin anew: length 0 and no state. */
int cache_part_clear(struct cache_part *p, struct err *e);
/* It is whole, and has this digest, which the caller has computed of what was
 * written: it becomes the blob.  fd is closed; the lock stays. */
int cache_part_commit(struct cache_part *p, const char *sha256, struct err *e);
/* Unlock; what is not committed stays for the next run. */
void cache_part_release(struct cache_part *p);

/*
 * Make the blob a file of its own at dirfd/name, atomically, replacing what
 * is there: a reflink where the file system can, else a copy (a blob must
 * never be changed by who edits the file).  The file is 0644 less umask.
 * ERR_CHECK "not_found" as in cache_blob_open.
 */
int cache_export(struct cache *c, const char *sha256, int dirfd,
    const char *name, struct err *e);

/*
 * Remove the blobs that were used longest ago until at most max bytes of them
 * are left (-1: no limit); never one that is open, or was used within the last
 * day.  URL entries without a blob, and part and lock files older than a week
 * that nobody works on, go as well.  A cache that is none or read-only stays
 * as it is.
 */
int cache_trim(struct cache *c, int64_t max, struct err *e);

#endif
