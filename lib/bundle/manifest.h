/*
 * manifest.h - a bundle's manifest.json, read entry by entry as it streams by.
 *
 * The text is never held whole.  Paths go into the payload's tree below the
 * bundle's directory; what is wrong with fields is kept until the whole text
 * has been read, because malformed JSON anywhere comes first.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bundle/contract.h"
#include "bundle/finding.h"
#include "bundle/payload.h"

#define MANIFEST_MAX (32 << 20)		/* bytes */
#define MANIFEST_COMPONENTS_MAX 100	/* kept for the record */

/* A top-level field, or one of a component. */
struct manifest_field {
	bool present, invalid;
	char *value;		/* owned; set where it is a good string */
};

struct manifest_component {
	char *name;		/* owned */
	bool invalid;		/* no object */
	struct manifest_field version, commit;
};

struct manifest_entry {
	uint32_t node;		/* PAYLOAD_NONE: the path is invalid */
	uint32_t text;		/* of an invalid path, offset in names */
	uint32_t target;	/* offset in names, 0: not given */
	bool is_link;
	int64_t size;
	uint8_t sha256[DIGEST_LEN];
};

enum manifest_key {
	MANIFEST_SCHEMA, MANIFEST_NAME, MANIFEST_VERSION, MANIFEST_ARCH,
	MANIFEST_CREATED, MANIFEST_COMPONENTS, MANIFEST_FILES, MANIFEST_KEYS,
};

struct manifest {
	struct manifest_field fields[MANIFEST_KEYS];
	struct manifest_component *components;	/* owned */
	size_t ncomponents, components_cap;
	struct manifest_entry *entries;		/* owned, in their order */
	size_t nentries, entries_cap;
	size_t nfiles;			/* of type file, in good entries */
	int64_t bytes;			/* their sizes */
	struct finding_list bad_entries;/* fields of files[] */
	struct err malformed;		/* kind ERR_NONE: it was read */
	struct manifest_reader *reader;	/* owned, while reading */
};

/* payload is borrowed; top is the bundle's directory in it.  all: keep all that
 * is wrong with entries, not the first alone. */
void manifest_start(struct manifest *m, struct payload *payload, uint32_t top,
    bool all);
/* -1: ERR_CHECK "manifest_malformed". */
int manifest_feed(struct manifest *m, const uint8_t *data, size_t len,
    struct err *e);
int manifest_end(struct manifest *m, struct err *e);
void manifest_release(struct manifest *m);

/* What is missing or invalid, in the order of the contract's table. */
int manifest_check(const struct manifest *m, const struct contract *c,
    bool arch_known, struct finding_list *f);

#endif
