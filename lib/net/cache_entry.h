/*
 * cache_entry.h - what a URL gave, as JSON: for the cache's own use.
 *
 *	{"url":"…","sha256":"HEX","size":N,"etag":"…","last_modified":"…"}
 *
 * The url is there for people, without its secrets.
 */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include "net/cache.h"

/* Add the text of x to out. */
void cache_entry_print(struct buf *out, const char *url,
    const struct cache_entry *x);

/* True with *x; false for what is damaged or somebody else's. */
bool cache_entry_parse(const struct buf *text, struct cache_entry *x);

#endif
