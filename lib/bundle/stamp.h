/*
 * stamp.h - proof that a staged tree is still the one that was verified.
 *
 * <root>/.<arch>.stamp holds device, inode, size, mtime and ctime of the
 * tarball, a digest over those of every staged file, and the results of the
 * verification.  A time that another write could still share (its tick of the
 * clock has not passed) proves nothing, so stamp_settle waits for the tick.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "bundle/verify.h"

/* Wait (some milliseconds at most) until the clock of the file system has left
 * the tick in which st changed; false where it lies in the future. */
bool stamp_settle(const struct stat *st);

/* The tree below dirfd as a digest; also waits as stamp_settle does.  False if
 * it can not be told. */
bool stamp_tree(int dirfd, char hex[DIGEST_HEX]);

/* Write the stamp of arch. */
int stamp_write(int root, const struct stat *tarball, const char *tree,
    const struct verify_opts *opts, const struct verify_result *r,
    struct err *e);

/*
 * True, with *r filled, if arch's stamp proves that the tarball (as it is open
 * on fd) and the staged tree are unchanged since they were verified under the
 * same rules and as the record expects.
 */
bool stamp_proves(int root, const char *arch, int fd,
    const struct verify_opts *opts, struct verify_result *r);

/* Remove arch's stamp. */
void stamp_remove(int root, const char *arch);

#endif
