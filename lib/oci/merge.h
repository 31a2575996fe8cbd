/*
 * merge.h - the one record that stands for those of all parts of an index.
 */
#ifndef MERGE_H
#define MERGE_H

#include "oci/part.h"
#include "record/rec.h"

/*
 * The members that are equal in each record to the byte, `parts` (those of a
 * record of an earlier run are taken over) and the `trace` of all.  The caller
 * frees.
 */
struct rec *merge_parts(struct part *const *parts, size_t n);

#endif
