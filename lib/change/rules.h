/*
 * rules.h - a list of patterns: of all that match a path or a folder above it,
 * the last one decides.
 *
 * A walk asks from the root down, each folder once: what a folder says is kept
 * in a struct rules_at, and holds for what is below until a later pattern
 * matches there.
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "change/pattern.h"

struct rules {
	struct pattern *items;	/* owned */
	size_t n, cap;
};
void rules_release(struct rules *r);

/* 0, or ERR_INPUT "pattern_invalid". */
int rules_add(struct rules *r, const char *text, struct err *e);

struct rules_at {
	int last;	/* index of the pattern that holds here, -1: none */
	bool live;	/* a later one may match below */
	bool may;	/* something below may be in */
};
#define RULES_AT_NONE { -1, true, true }

/* Where a folder (no slash at its ends; "" is the root, parent is NULL then)
 * stands. */
struct rules_at rules_enter(const struct rules *r,
    const struct rules_at *parent, const char *folder, size_t len);

/* The index of the pattern that decides about a path in the folder, -1. */
int rules_find(const struct rules *r, const struct rules_at *folder,
    const char *path, size_t len, bool is_folder);
/* Whether that pattern takes it in. */
bool rules_takes(const struct rules *r, int index);

/* The same from nothing, folders above included: for one path. */
int rules_decide(const struct rules *r, const char *path, size_t len,
    bool is_folder);

#endif
