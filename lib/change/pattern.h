/*
 * pattern.h - one pattern, as a line of .gitignore (gitignore(5), "PATTERN
 * FORMAT").
 *
 * Paths are bytes, count from the repository's root and have no slash at
 * either end.  A pattern knows nothing of the folders above a path: rules.h
 * asks for each of them.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct pattern {
	char *text;		/* owned: as it was given */
	char *glob;		/* owned: without `!` and the outer slashes */
	size_t len, literal;	/* of glob; of what precedes its first
				   wildcard, escape or class */
	bool negated;		/* `!` */
	bool folders;		/* ends in a slash: folders alone */
	bool anchored;		/* has a slash elsewhere: counts from the root */
};

/* 0, or ERR_INPUT "pattern_invalid". */
int pattern_parse(struct pattern *p, const char *text, struct err *e);
void pattern_release(struct pattern *p);

/* The path itself is meant; `!` plays no part. */
bool pattern_match(const struct pattern *p, const char *path, size_t len,
    bool folder);

/* Whether something below the folder could be meant; "" is the root.  True
 * also where that can not be told. */
bool pattern_below(const struct pattern *p, const char *folder, size_t len);

#endif
