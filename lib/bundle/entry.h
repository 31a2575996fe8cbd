/*
 * entry.h - which entries an archive may have.
 *
 * The contract's "Unsafe archive entries", first paragraph.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include "base/err.h"
#include "bundle/payload.h"
#include "codec/tarscan.h"

#define ENTRY_NAMES_MAX (64 << 20)	/* bytes of all names and targets */

struct entry_judge {
	struct payload *payload;	/* borrowed */
	int64_t max_bytes;
	int64_t bytes;			/* of regular files so far */
	size_t entries;			/* so far */
	struct buf path;		/* of the entry judged last, clean */
};

/*
 * Judge an entry and put it into the payload's tree.  1 with *node; 0 for an
 * entry for `.` itself, which is skipped; -1 with ERR_CHECK "unsafe_entry" or
 * "too_large".
 */
int entry_judge(struct entry_judge *j, const struct tarscan_entry *entry,
    uint32_t *node, struct err *e);

/* An archived path without leading "./" and trailing '/'; "" for `.`. */
void entry_clean(const struct tarscan_entry *entry, struct buf *path);

/* "unsafe archive entry: PATH: WHY". */
int entry_unsafe(const char *path, size_t len, const char *why,
    struct err *e);

#endif
