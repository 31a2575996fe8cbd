/*
 * pax.h - the records of a pax extended header.
 *
 * POSIX.1-2017, pax, "pax Extended Header": "%d %s=%s\n", length, keyword,
 * value.  Strict: one record for a keyword, no NUL in a value (but in raw
 * extended attributes, which are binary), known keywords or those of a
 * vendor, which have a dot.
 */
#ifndef PAX_H
#define PAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAX_KEYS_MAX 256	/* records in one header */

struct pax_text {		/* lent: part of what was parsed */
	const char *data;	/* NULL if there was none */
	size_t len;
};

struct pax {
	struct pax_text path, link;	/* path, linkpath */
	int64_t size, uid, gid;		/* -1 if there was none */
	bool capability;	/* an attribute that carries capabilities */
	bool sparse;		/* GNU.sparse.*, SCHILY.realsize, ... */
	bool only_comment;	/* no keyword but `comment` */
};

/* NULL with *pax filled, or what is wrong (static), at byte *at of data. */
const char *pax_parse(const char *data, size_t len, struct pax *pax,
    size_t *at);

#endif
