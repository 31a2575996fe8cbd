/*
 * fetch_fields.h - header fields that a user gives, secrets among them.
 */
#ifndef FETCH_FIELDS_H
#define FETCH_FIELDS_H

#include <stddef.h>

#include "base/err.h"

struct fetch_fields {
	char **field;		/* owned: "NAME: VALUE"; NULL ends, or NULL */
	size_t count, cap;
};
#define FETCH_FIELDS_INIT { NULL, 0, 0 }
void fetch_fields_release(struct fetch_fields *f);	/* and wipes them */

/* "NAME: VALUE", or "@FILE" with such lines.  ERR_INPUT "usage": the message
 * does not repeat what is wrong. */
int fetch_fields_add(struct fetch_fields *f, const char *value, struct err *e);

#endif
