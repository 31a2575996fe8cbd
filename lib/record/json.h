/*
 * json.h - a strict reader of JSON text (json_out.h writes it).
 *
 * The reader takes bytes as they come and gives events; it never holds more
 * than the token at hand and the keys of the objects that are open.  It reads
 * RFC 8259 and nothing else: valid UTF-8, no byte order mark, one value, no
 * duplicate keys, no lone surrogates, no U+0000 (but see json_allow_nul), at
 * most 64 levels.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/json_out.h"

#define JSON_DEPTH_MAX 64
#define JSON_INT_MAX ((INT64_C(1) << 53) - 1)	/* RFC 7493, section 2.2 */

enum json_type {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING,
	JSON_ARRAY, JSON_OBJECT,	/* begin; the matching end is below */
	JSON_KEY, JSON_END_ARRAY, JSON_END_OBJECT,
};

struct json_event {
	enum json_type type;
	int depth;		/* of the value: 0 for the outermost; a key and
				   an end have that of their object or array's
				   inside, and of the object or array */
	const char *text;	/* KEY and STRING: decoded; NUMBER: as written;
				   NUL-terminated, lent for the call */
	size_t len;
	uint64_t start, end;	/* offsets of the token in the text */
};

struct json;

/* on_event returns 0, or -1 with *e to stop. */
struct json *json_new(int (*on_event)(void *ctx, const struct json_event *ev,
    struct err *e), void *ctx);
void json_free(struct json *j);
void json_reset(struct json *j);	/* ready for another text */
/* Read \u0000 too: what takes the events minds their len. */
void json_allow_nul(struct json *j);

/* -1: ERR_INPUT "json" with err.detail "line L, column C: cause", or what
 * on_event set.  A string or number longer than 1 MiB is refused. */
int json_feed(struct json *j, const char *data, size_t len, struct err *e);
int json_finish(struct json *j, struct err *e);

/*
 * The integer that text is, written as one (no fraction, no exponent) and
 * within +-JSON_INT_MAX.
 */
bool json_integer(const char *text, size_t len, int64_t *value);

#endif
