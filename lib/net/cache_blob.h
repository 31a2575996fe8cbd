/*
 * cache_blob.h - a blob's file and the note beside it, for the cache's own
 * use.
 *
 * Digests that are none never become a path: they are not found.
 */
#ifndef CACHE_BLOB_H
#define CACHE_BLOB_H

#include <stdbool.h>
#include <sys/stat.h>

#include "net/cache.h"

/* The blob is a regular file: 1 with *st, 0, or -1 with errno. */
int cache_blob_stat(struct cache *c, const char *sha256, struct stat *st);

/* Note that the blob, as st has it, was hashed and is good; and that it is
 * used now.  A note that can't be written is none: the blob is hashed again. */
void cache_blob_note(struct cache *c, const char *sha256,
    const struct stat *st);

/* When the blob that st is of was last used, in seconds since 1970. */
time_t cache_blob_used(struct cache *c, const char *sha256,
    const struct stat *st);

#endif
