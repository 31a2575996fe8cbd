/*
 * fetch_answer.h - what an answer says about the file that it is a part of.
 */
#ifndef FETCH_ANSWER_H
#define FETCH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/fetch_part.h"
#include "net/http.h"

/* Content-Range: bytes first-last/total (RFC 9110, 14.4): false where it is
 * anything else.  An asterisk is -1. */
struct fetch_answer_range {
	int64_t first, last, total;
};
bool fetch_answer_range(const struct http_answer *a,
    struct fetch_answer_range *r);

/* Its validators; release *v. */
void fetch_answer_version(const struct http_answer *a, int64_t length,
    struct fetch_part_version *v);
/* An answer that says `now` is a part of the file that we have. */
bool fetch_answer_same(const struct fetch_part_version *have,
    const struct fetch_part_version *now);

/* A page for people or a message for programs, by its Content-Type. */
bool fetch_answer_is_page(const struct http_answer *a);

#endif
