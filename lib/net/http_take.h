/*
 * http_take.h - one answer as it comes in: lines of its head, then its body.
 *
 * Knows which answer is final, who gets its body, and how much of it; the
 * bytes come from libcurl, which http.c talks to.
 */
#ifndef HTTP_TAKE_H
#define HTTP_TAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http.h"

#define HTTP_TAKE_HEAD_MAX (256 << 10)	/* bytes of all its lines */
#define HTTP_TAKE_CUT (64 << 10)	/* of a body that nobody wants */

struct http_take {
	const struct http_request *q;	/* borrowed */
	struct http_answer *answer;	/* borrowed; its url is set */
	struct err *err;		/* borrowed; why one of these is -1 */
	const char *method;		/* borrowed */
	size_t head_bytes;
	int64_t received;		/* bytes of body */
	bool complete;			/* the head is */
	bool redirect;			/* one to follow */
	bool wanted;			/* `data` gets the body */
	bool enough;			/* no more of it is needed */
};

/* Begin with an answer that is empty but for its url and `moved`. */
void http_take_start(struct http_take *t);

/* A line of a head, with its line break; trailers too.  0, or -1 to stop. */
int http_take_line(struct http_take *t, const char *line, size_t len);

/* 0, or -1 to stop: with `enough` set that is no failure. */
int http_take_body(struct http_take *t, const void *data, size_t len);

#endif
