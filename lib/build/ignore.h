/*
 * ignore.h - what .dockerignore keeps out of a context.
 *
 * Source: Docker reference, ".dockerignore file"; where it is silent, what
 * BuildKit does: only a '#' in the first column starts a comment, patterns are
 * trimmed and shortened, one leading '/' is dropped, blanks may follow '!'.
 * The last pattern that matches a path or a directory above it decides.
 */
#ifndef IGNORE_H
#define IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define IGNORE_FILE_MAX (1 << 20)	/* bytes */

struct ignore;

/* name is for messages, copied.  NULL with ERR_INPUT "ignore_invalid", whose
 * message starts with "name:line: ". */
struct ignore *ignore_parse(const char *name, const char *text, size_t len,
    struct err *e);
void ignore_free(struct ignore *i);
const char *ignore_name(const struct ignore *i);

/* path as path_clean writes it.  i may be NULL: nothing is ignored. */
bool ignore_excludes(const struct ignore *i, const char *path);

/* There is a `!` pattern: something below an excluded directory may be in. */
bool ignore_has_exceptions(const struct ignore *i);

#endif
