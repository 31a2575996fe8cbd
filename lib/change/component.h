/*
 * component.h - one thing that can be built or deployed, and what is known of
 * it: its record.
 */
#ifndef COMPONENT_H
#define COMPONENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "change/filelist.h"
#include "change/rules.h"
#include "codec/digest.h"
#include "record/rec.h"

struct component_names {
	char **items;		/* owned, each */
	size_t n, cap;
};

struct component {
	struct rec *rec;	/* owned */
	bool passed;		/* arrived failed */
	struct err *err;	/* owned; why it fails, or NULL */
	const char *name, *action;	/* lent by rec; action may be NULL */
	struct rules rules;
	struct component_names with, void_on;
	struct filelist files;	/* inputs, and files once they are known */
	char fingerprint[DIGEST_STR];
	char previous[DIGEST_STR];	/* or "" */

	bool changed;		/* will be done */
	struct buf reasons;	/* JSON objects with commas */
	size_t nreasons, omitted;
	struct buf because;	/* the same for people, a line each */
};

struct component_list {
	struct component *items;	/* owned */
	size_t n, cap;
};
void component_release(struct component_list *l);

/* Take the record.  A bad one is there with its err: ERR_INPUT field_missing,
 * field_invalid, pattern_invalid, component_conflict. */
void component_add(struct component_list *l, struct rec *r);
/* Of all: what they bring along must be there ("with_unknown"). */
void component_check(struct component_list *l);
struct component *component_find(const struct component_list *l,
    const char *name);
bool component_good(const struct component *c);
void component_fail(struct component *c, const struct err *e);

/*
 * It will be done, and why: {"kind":KIND,KEY:VALUE}; key and value may be NULL.
 * A path that is not UTF-8 is shown escaped, and its bytes are in path_b64.
 */
void component_because(struct component *c, const char *kind, const char *key,
    const char *value, size_t len);

#endif
