/*
 * names.h - index.json of a layout: what its images are called.
 *
 * Entries that are not ours are kept to the byte, those without a name too.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "oci/desc.h"
#include "record/rec.h"

/* A layout without images. */
#define NAMES_EMPTY "{\"schemaVersion\":2,\"mediaType\":\"" DESC_OCI_INDEX \
	"\",\"manifests\":[]}"

struct names_entry {
	char *name;		/* owned: its tag, "" for none */
	char *text;		/* owned: the descriptor as it stands there */
	size_t place;		/* in the file */
};

struct names {
	struct buf text;	/* the file */
	struct rec *doc;	/* owned */
	struct names_entry *entries;	/* owned */
	size_t n, cap;
};
#define NAMES_INIT { .text = BUF_INIT }
void names_release(struct names *x);

/* x is empty before.  ERR_CHECK "layout_invalid". */
int names_parse(struct names *x, const char *text, size_t len, struct err *e);

/* The descriptor that an entry is; the failures of desc_read. */
int names_desc(const struct names_entry *entry, struct desc *d,
    struct err *e);

/* As layout_find; where is the layout, for messages. */
int names_find(const struct names *x, const char *tag, const char *where,
    struct desc *d, struct err *e);
bool names_find_digest(const struct names *x, const char *digest,
    struct desc *d);

/* A name that skopeo takes: words of letters and digits with one of -._:@+ or
 * `--` between them, and slashes.  (annotations.md has the same grammar.) */
bool names_valid(const char *tag);

/* d gets the name, whoever had it before: previous is its digest, or "". */
void names_set(struct names *x, const char *tag, const struct desc *d,
    char previous[DIGEST_STR]);

/* The file, entries sorted by name; added to out. */
void names_print(struct names *x, struct buf *out);

#endif
