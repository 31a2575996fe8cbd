/*
 * fetch_spans.h - which bytes of a file are there.
 *
 * Spans are disjoint, do not touch, and stand in order.
 */
#ifndef FETCH_SPANS_H
#define FETCH_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct fetch_spans_span {
	int64_t from, to;	/* bytes from <= n < to */
};

struct fetch_spans {
	struct fetch_spans_span *span;	/* owned */
	size_t count, cap;
};
#define FETCH_SPANS_INIT { NULL, 0, 0 }
void fetch_spans_release(struct fetch_spans *s);
void fetch_spans_clear(struct fetch_spans *s);

void fetch_spans_add(struct fetch_spans *s, int64_t from, int64_t to);

/* Bytes from the file's start without a gap. */
int64_t fetch_spans_prefix(const struct fetch_spans *s);
/* Bytes in all. */
int64_t fetch_spans_total(const struct fetch_spans *s);

/* The first gap at or behind `from`, cut at end: false where there is none. */
bool fetch_spans_gap(const struct fetch_spans *s, int64_t from, int64_t end,
    struct fetch_spans_span *gap);

/* "0-4194304 8388608-9000000", and back: false where it is anything else. */
void fetch_spans_print(const struct fetch_spans *s, struct buf *out);
bool fetch_spans_parse(struct fetch_spans *s, const char *text);

#endif
