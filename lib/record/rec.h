/*
 * rec.h - JSON lines: one object on each line, in and out.
 *
 * A line is one object in valid UTF-8 of at most REC_LINE_MAX bytes, read by
 * the strict reader of json.h.  A struct rec keeps the line's own text and
 * where each member stands; what goes out is that text with our members
 * spliced in, so that nobody else's number or string is re-printed.
 * \u0000 may stand in what nobody asks for: a member whose key has one can not
 * be asked for, and rec_each passes over it.
 *
 * The strict reader finds the members; libjq's jv decodes the scalar that a
 * getter asks for.  A struct rec belongs to the thread that parsed it.  No jv
 * leaves this module.  Other JSON documents (an image manifest, a config) are
 * read with the same calls.
 *
 * Keys are paths: "bundle.contract.sha256" is the member of a member of a
 * member.  `null` counts as missing.  Strings that getters lend last as long
 * as the record and do not change with rec_put.
 */
#ifndef REC_H
#define REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define REC_LINE_MAX (1 << 20)	/* bytes, newline not counted */

struct rec;

/*
 * The record that line is.  where ("<stdin>:3" or an operand) is copied, for
 * messages.  len is under 4 GiB.  NULL with ERR_INPUT "malformed_line" and a
 * detail.
 */
struct rec *rec_parse(const char *line, size_t len, const char *where,
    struct err *e);
void rec_free(struct rec *r);
const char *rec_where(const struct rec *r);

/*
 * Getters.  1 with the value, 0 where the key is missing or null (or any
 * object on its way is), -1 with ERR_INPUT "field_invalid" for another type.
 * A string has no NUL bytes and is not empty; an integer is written as one and
 * within min and max (beyond 2^53-1 the message advises a string).
 */
int rec_str(struct rec *r, const char *key, const char **value, struct err *e);
int rec_int(struct rec *r, const char *key, int64_t min, int64_t max,
    int64_t *value, struct err *e);
int rec_bool(struct rec *r, const char *key, bool *value, struct err *e);

/* As rec_str, where the key must be there: 0, or ERR_INPUT "field_missing". */
int rec_need_str(struct rec *r, const char *key, const char **value,
    struct err *e);

/*
 * Walk the object or array at key ("": the record itself) in its order: fn gets
 * each member's name (NULL in an array), its text as it stands in the line,
 * and, where it is a string, its decoded value (else NULL).  Returns 1, 0
 * where it is missing, -1.
 */
struct rec_member {
	const char *name;	/* lent for the call, NULL in an array */
	const char *text;	/* JSON text, not NUL-terminated */
	size_t len;
	const char *str;	/* decoded, if a string without NUL; else NULL */
};
int rec_each(struct rec *r, const char *key,
    int (*fn)(void *ctx, const struct rec_member *m, struct err *e),
    void *ctx, struct err *e);

/* The JSON text of the value at key as it stands in the line; NULL if it is
 * missing.  *len is set. */
const char *rec_text(struct rec *r, const char *key, size_t *len);

/* The record has an `error` that is not null; its kind (an unknown shape or
 * kind is ERR_CHECK); ERR_NONE without one. */
enum err_kind rec_failed(struct rec *r);

/*
 * Set a top-level member of what goes out: a key of the line is replaced where
 * it stands, a new one comes last.  value is JSON text, copied.
 */
void rec_put(struct rec *r, const char *key, const char *value, size_t len);
void rec_put_str(struct rec *r, const char *key, const char *value);
void rec_put_int(struct rec *r, const char *key, int64_t value);
/* Drop it from what goes out. */
void rec_drop(struct rec *r, const char *key);
/* Forget all that was put, dropped and appended. */
void rec_undo(struct rec *r);
/* Append an element (JSON text) to the top-level array at key; a value that is
 * no array is replaced by one. */
void rec_append(struct rec *r, const char *key, const char *value, size_t len);

/* Add the line that goes out, without a newline, to out: the input's own bytes
 * where nothing was put. */
void rec_print(struct rec *r, struct buf *out);

/*
 * Lines from a descriptor.  Skips blank lines (counting them), a byte order
 * mark on line 1 and a CR before the newline.
 */
struct rec_reader {
	int fd;			/* borrowed */
	const char *name;	/* borrowed, for messages: "<stdin>" */
	struct buf in;		/* read, not yet handed out */
	size_t pos;		/* of the next line in it */
	size_t scanned;		/* no newline before this */
	uint64_t lineno;	/* of the line last handed out, from 1 */
	bool eof;
};
#define REC_READER_INIT(f, n) { .fd = (f), .name = (n), .in = BUF_INIT }
void rec_reader_release(struct rec_reader *r);

/*
 * The next line that is there without reading: 1 with *line (lent until the
 * next call of either function), 0 if more must be read first, -1 for a line
 * over REC_LINE_MAX (ERR_INPUT "malformed_line").  At the end of the input, 0
 * with r->eof set and nothing left.
 */
int rec_reader_line(struct rec_reader *r, const char **line, size_t *len,
    struct err *e);
/* read(2) what there is, waiting for some.  0, or -1 with ERR_SYS. */
int rec_reader_fill(struct rec_reader *r, struct err *e);

#endif
