/*
 * fetch_kind.h - the archive that a name promises, and its first bytes.
 */
#ifndef FETCH_KIND_H
#define FETCH_KIND_H

#include <stdbool.h>
#include <stddef.h>

#define FETCH_KIND_BYTES 262	/* of a file, to tell any of them */

struct fetch_kind;

/* By the end of name (.tar.gz, .zip, …); NULL: it promises nothing. */
const struct fetch_kind *fetch_kind_of(const char *name);
const char *fetch_kind_name(const struct fetch_kind *k);	/* "gzip" */
/* data is how a file begins: FETCH_KIND_BYTES, or all of a shorter one. */
bool fetch_kind_begins(const struct fetch_kind *k, const void *data,
    size_t len);

/* How data begins, for a message: what is printable of it, cut. */
void fetch_kind_show(const void *data, size_t len, char out[64]);

#endif
