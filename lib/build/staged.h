/*
 * staged.h - a staged runtime bundle as a tree, checked while it is read.
 *
 * Contract, "Staging": <root>/<arch> is opened once, a shared flock(2) is
 * taken on it and held, and everything else goes by descriptor.  The bundle's
 * manifest.json must have the digest that the record's bundle.manifest_sha256
 * names; what is there must be what it lists, and each file is compared with
 * its size and digest as it is read.  Whatever is no longer what was verified
 * is ERR_CHECK "staged_changed".
 */
#ifndef STAGED_H
#define STAGED_H

#include "base/err.h"
#include "build/tree.h"

/*
 * path is the record's `staged`, absolute; arch that of the image
 * (ERR_CHECK "arch_mismatch" for a bundle of another).
 */
int staged_open(struct tree *t, const char *path, const char *manifest_sha256,
    const char *arch, struct err *e);

#endif
