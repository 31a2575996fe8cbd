/*
 * subst.h - variables in an instruction: $x ${x} ${x:-w} ${x-w} ${x:+w}
 * ${x+w} ${x:?w} ${x?w}, quotes and escapes (Dockerfile reference,
 * "Environment replacement").
 */
#ifndef SUBST_H
#define SUBST_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "build/list.h"

struct subst {
	char escape;
	/* the value of a variable, NULL if it is not set */
	const char *(*get)(void *ctx, const char *name, size_t len);
	void *ctx;
};

/* Add word with its variables replaced and its quotes removed to out.
 * ERR_INPUT "substitution". */
int subst_word(const struct subst *s, const char *word, struct buf *out,
    struct err *e);

/* As subst_word, then split at the blanks that stand outside of quotes, those
 * of a value too. */
int subst_words(const struct subst *s, const char *text, struct list *out,
    struct err *e);

#endif
