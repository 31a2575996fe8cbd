/*
 * finding.h - what is wrong with a bundle: one refusal, or all of them.
 */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "record/json_out.h"

#define FINDING_MAX 100		/* kept; more are counted */

struct finding {
	const char *code;
	char *message, *path, *expected, *actual, *detail;	/* owned */
	uint32_t order;		/* where in the archive, for finding_sort */
};

struct finding_list {
	bool all;		/* go on after the first */
	uint32_t order;		/* of what is added now */
	struct err first;	/* set where count > 0 */
	size_t count;		/* all that were added */
	struct finding *items;	/* owned; NULL unless all */
	size_t cap;
};
void finding_list_init(struct finding_list *f, bool all);
void finding_list_release(struct finding_list *f);

/*
 * Add a refusal: kind check, the prefix of the contract's messages.  path (or
 * NULL) is what it is about.  Returns 0 to go on, or -1 where the first is
 * enough.
 */
__attribute__((format(printf, 4, 5)))
int finding_add(struct finding_list *f, const char *code, const char *path,
    const char *fmt, ...);
/* The same from an error that is set. */
int finding_add_err(struct finding_list *f, const struct err *e);
/* Values of the refusal added last. */
void finding_values(struct finding_list *f, const char *expected,
    const char *actual);

/* Bring what was added into the order of `order`; one of equal orders stays
 * before the other. */
void finding_sort(struct finding_list *f);

/* "all":[...] and, where some were cut, "omitted":N, into an open object. */
void finding_json(const struct finding_list *f, struct json_out *o);

/* The prefix that the contract puts before its messages. */
extern const char finding_prefix[];

#endif
