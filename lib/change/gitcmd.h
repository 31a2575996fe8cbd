/*
 * gitcmd.h - git(1) itself, for repositories that libgit2 can not read, and to
 * fetch.
 *
 * It runs without what a repository could make it run: no hook, fsmonitor,
 * alias, pager, credential helper, and no variable of git's from outside.  The
 * user's and the system's own settings stay, because safe.directory and the
 * user's ignore file are among them.  ERR_CHECK "unsafe_repository" is git's
 * own refusal, ERR_SYS "git" any other failure.
 */
#ifndef GITCMD_H
#define GITCMD_H

#include "base/buf.h"
#include "base/err.h"
#include "change/objid.h"
#include "change/tracked.h"

/* The root of the work tree that dir is in, and the object format: 1 with *root
 * (the caller frees); 0, *root is NULL: there is no work tree; -1. */
int gitcmd_open(const char *dir, char **root, enum objid_format *format,
    struct err *e);

/* The index; stat data prove nothing here.  Paths are in text, which must last
 * as long as the list. */
int gitcmd_tracked(const char *root, struct tracked_list *l, struct buf *text,
    struct err *e);
/* Paths that are neither tracked nor ignored, each with a NUL; one that ends in
 * a slash is another repository. */
int gitcmd_untracked(const char *root, struct buf *text, struct err *e);

/* The commit that is checked out (zeros before the first), and the paths that
 * are staged, each with a NUL. */
int gitcmd_module(const char *root, enum objid_format format,
    struct objid *commit, struct buf *staged, struct err *e);
/* As their namesakes in gitrepo.h. */
int gitcmd_commit(const char *root, enum objid_format format, const char *rev,
    struct objid *id, struct err *e);
int gitcmd_merge_base(const char *root, enum objid_format format,
    const struct objid *a, const struct objid *b, struct objid *base,
    struct err *e);
bool gitcmd_shallow(const char *root);

/* All files of a commit; fn gets each, path lent for the call. */
int gitcmd_walk(const char *root, enum objid_format format,
    const struct objid *commit, void (*fn)(void *ctx, const char *path,
    size_t len, uint32_t mode, const struct objid *id), void *ctx,
    struct err *e);

/* Ask the remote `origin` for these one or two (NULL ends them), commit ids or
 * `origin/BRANCH`, and all that is before them.  ERR_CHECK "not_fetchable". */
int gitcmd_fetch(const char *root, bool shallow, const char *const *revs,
    struct err *e);

#endif
