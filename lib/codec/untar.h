/*
 * untar.h - entries of a tar stream as two readers see it in lock-step.
 *
 * One buffer feeds our strict scanner (tarscan.h) and then libarchive.  An
 * entry is handed out only where both saw the same path, type, size, link
 * target and header offset; libarchive's warnings, and any disagreement, are
 * ERR_CHECK "archive_damaged".
 */
#ifndef UNTAR_H
#define UNTAR_H

#include "codec/tarscan.h"
#include "codec/zin.h"

struct untar;

/* z is borrowed.  judge(ctx, entry, e) is called for each entry as soon as the
 * scanner has seen its header, before libarchive sees it: the place for
 * policy, and where the order of refusals is the archive's. */
struct untar *untar_new(struct zin *z,
    int (*judge)(void *ctx, const struct tarscan_entry *entry, struct err *e),
    void *ctx);
void untar_free(struct untar *u);

/* 1 with *entry (lent until the next call), 0 after a sound end of archive and
 * stream, -1 with *e. */
int untar_next(struct untar *u, const struct tarscan_entry **entry,
    struct err *e);

/* The next piece of the current entry's body: 1 with data and len > 0, 0 at
 * its end, -1. */
int untar_data(struct untar *u, const uint8_t **data, size_t *len,
    struct err *e);

/* Load what libarchive loads lazily; before a sandbox. */
void untar_setup(void);

#endif
