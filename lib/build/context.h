/*
 * context.h - a directory as a tree: a build context or a --build-context.
 *
 * Directories are read when somebody asks for what is in them; symlinks are
 * nodes and are never followed by the file system; what the ignore file
 * excludes is not there.  A file is opened once, when its bytes are wanted,
 * and must still be the regular file of that size.
 */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <stdbool.h>

#include "base/err.h"
#include "build/ignore.h"
#include "build/tree.h"

/*
 * Open path.  ignore is taken, also after a failure, and may be NULL.
 * output is the directory that the build writes to, absolute, or NULL: where
 * it lies in the context it is no part of it, or what one build writes would
 * be read by another.
 * keep_modes: permission bits as they are; else a file has 0644 or 0755 by its
 * owner's x bit, as git sees it, and a directory 0755.  Owners are 0:0.
 * ERR_CHECK "not_found" without such a directory.
 */
int context_open(struct tree *t, const char *path, struct ignore *ignore,
    const char *output, bool keep_modes, struct err *e);

#endif
