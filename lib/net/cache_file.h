/*
 * cache_file.h - the small files of a cache.
 */
#ifndef CACHE_FILE_H
#define CACHE_FILE_H

#include "net/cache.h"

#define CACHE_FILE_JSON (DIGEST_HEX + 5)	/* HEX.json and a NUL */
#define CACHE_FILE_MAX 65536	/* bytes of a URL's entry */

/* The URL's HEX, and the name of its JSON file. */
void cache_file_names(const char *url, char hex[DIGEST_HEX],
    char json[CACHE_FILE_JSON]);

/* The whole of a regular file, through no symlink: 1; 0 where there is none
 * that this user may read, of at most max bytes; -1 with errno. */
int cache_file_read(int dirfd, const char *name, size_t max, struct buf *out);

/* Its new content, atomically and on the disk when this returns.  Nothing
 * where the file system has no locks: such a cache remembers less. */
int cache_file_put(int dirfd, const char *name, const char *data, size_t len,
    struct err *e);

/* 0, or ERR_SYS "cache_readonly". */
int cache_file_writable(const struct cache *c, struct err *e);

#endif
