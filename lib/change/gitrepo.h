/*
 * gitrepo.h - what libgit2 reads of a repository: its index, ignore rules,
 * attributes, settings, owner, commits.
 *
 * libgit2 runs nothing that a repository configures.  A struct gitrepo belongs
 * to one thread at a time.
 */
#ifndef GITREPO_H
#define GITREPO_H

#include <stdbool.h>

#include "base/err.h"
#include "change/filelist.h"
#include "change/objid.h"
#include "change/tracked.h"

struct gitrepo;

enum gitrepo_found {
	GITREPO_FAILED = -1,	/* *e: ERR_CHECK "unsafe_repository" */
	GITREPO_NONE,		/* there is none */
	GITREPO_FOUND,
	GITREPO_FOREIGN,	/* a form of repository that libgit2 can't
				   read; *e says which */
};

/* The repository that path is in; here: that it is the root of. */
enum gitrepo_found gitrepo_open(const char *path, bool here,
    struct gitrepo **g, struct err *e);
void gitrepo_free(struct gitrepo *g);

/* The work tree, absolute, no slash at its end; NULL: it has none. */
const char *gitrepo_root(const struct gitrepo *g);
const char *gitrepo_path(const struct gitrepo *g);	/* of .git */
bool gitrepo_shallow(const struct gitrepo *g);

/* The index, whose paths last as long as g.  GITREPO_FOUND, or FOREIGN. */
enum gitrepo_found gitrepo_tracked(struct gitrepo *g, struct tracked_list *l,
    struct err *e);

/* 1, 0 or -1. */
int gitrepo_ignored(struct gitrepo *g, const char *path, bool folder,
    struct err *e);

/*
 * What may make a file's bytes in the work tree other than those in the index.
 * everywhere: core.autocrlf, or attribute files outside the work tree.
 * mentions: the text of an attribute file has a word for it; false sends nobody
 * to the costly converts, which asks for one path.
 */
bool gitrepo_converts_everywhere(struct gitrepo *g);
bool gitrepo_mentions_conversion(const char *text, size_t len);
int gitrepo_converts(struct gitrepo *g, const char *path, struct err *e);

/* The commit that is checked out (zeros before the first); fn gets the path of
 * all that differs from it or from what is staged, and is not ignored. */
int gitrepo_module(struct gitrepo *g, struct objid *commit,
    void (*fn)(void *ctx, const char *path), void *ctx, struct err *e);

/* The commit that rev names: 1, 0 if there is none, -1. */
int gitrepo_commit(struct gitrepo *g, const char *rev, struct objid *id,
    struct err *e);
int gitrepo_merge_base(struct gitrepo *g, const struct objid *a,
    const struct objid *b, struct objid *base, struct err *e);

/* What a tree walk asks and is given; path is lent for the call. */
struct gitrepo_visit {
	void *(*folder)(void *ctx, void *parent, const char *path, size_t len);
	void (*file)(void *ctx, void *folder, const char *path, size_t len,
	    uint32_t mode, const struct objid *id);
	void (*done)(void *ctx, void *folder);
	void *ctx;
};
/* All files of a commit, but for folders for which `folder` gives NULL. */
int gitrepo_walk(struct gitrepo *g, const struct objid *commit,
    const struct gitrepo_visit *v, struct err *e);

#endif
