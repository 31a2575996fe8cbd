/*
 * words.h - the ways in which an instruction's text becomes a list.
 */
#ifndef WORDS_H
#define WORDS_H

#include "base/err.h"
#include "build/list.h"

/*
 * The strings of text where it is a JSON array of strings: 1; 0 where it is no
 * JSON array (the shell form), -1 with ERR_INPUT where it is one of something
 * else.  Docker reads malformed JSON as the shell form, and so do we.
 */
int words_json(const char *text, struct list *out, struct err *e);

/* Split text at blanks. */
void words_split(const char *text, struct list *out);

/*
 * Split text at blanks that no quote and no escape protects; quotes and
 * escapes stay (ENV, LABEL, ARG).
 */
void words_quoted(const char *text, char escape, struct list *out);

#endif
