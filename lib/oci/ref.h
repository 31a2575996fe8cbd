/*
 * ref.h - image references as Docker writes them: [HOST[:PORT]/]NAME[:TAG].
 *
 * Source of the grammar: distribution/reference; the tag's is also
 * distribution-spec v1.1, "Pulling manifests".
 */
#ifndef REF_H
#define REF_H

#include "base/err.h"

/* A name with or without a tag, and without a digest: what an image can be
 * given.  ERR_INPUT "reference_invalid". */
int ref_check(const char *ref, struct err *e);

/* The tag of a reference that ref_check passed: lent, "latest" without one. */
const char *ref_tag(const char *ref);

#endif
