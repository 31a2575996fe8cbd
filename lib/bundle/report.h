/*
 * report.h - what was verified, as JSON.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "bundle/archive.h"
#include "bundle/contract.h"

/* The record's `bundle`, added to out. */
void report_bundle(struct archive *a, const struct contract *c,
    struct buf *out);

/* Every entry of the archive as a JSON line, in the archive's order; tarball
 * names each line's archive.  Write errors stay in the stream. */
void report_entries(struct archive *a, const char *tarball, FILE *out);

#endif
