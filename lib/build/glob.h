/*
 * glob.h - patterns as Go's filepath.Match and .dockerignore read them.
 *
 * `*` and `?` do not match '/'; [a-z] and [^a-z] are classes ([!a] is not a
 * negation); a backslash takes the next character literally.  With GLOB_DEEP
 * `**` matches any number of directories, none too (Docker reference,
 * ".dockerignore file").  Names are matched by character where they are UTF-8,
 * else by byte.  The time is bounded by pattern length times name length.
 */
#ifndef GLOB_H
#define GLOB_H

#include <stdbool.h>
#include <stddef.h>

#define GLOB_DEEP 1

struct glob;

/* NULL for a pattern that is malformed ("[", "[]", "[b-", a last backslash). */
struct glob *glob_new(const char *pattern, size_t len, int flags);
void glob_free(struct glob *g);
/* Any thread. */
bool glob_match(const struct glob *g, const char *name, size_t len);

/* A character of it has a meaning of its own. */
bool glob_special(const char *str);

#endif
