/*
 * http_fields.h - the header fields of an answer.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct http_fields {
	struct buf text;	/* owned: name, NUL, value, NUL, … */
};

void http_fields_release(struct http_fields *f);
void http_fields_reset(struct http_fields *f);

/*
 * Add a line, "Name: value" with or without its CRLF; one that begins with a
 * space goes on with the last value.  -1 where it has a NUL; what is no field
 * otherwise is passed over.
 */
int http_fields_add(struct http_fields *f, const char *line, size_t len);

/* The value of the field called name, in any case; n counts several from 0.
 * Without spaces around it.  NULL; lent until the table is changed. */
const char *http_fields_get(const struct http_fields *f, const char *name,
    unsigned n);

/* Content-Length, -1 where there is none or the body is chunked; -2 where it
 * is no number or several that differ (RFC 9112, 6.3). */
int64_t http_fields_length(const struct http_fields *f);

#endif
