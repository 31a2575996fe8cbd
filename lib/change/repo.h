/*
 * repo.h - the repository that a work tree belongs to, whoever reads it:
 * libgit2, git where libgit2 can't, nobody where there is none.
 */
#ifndef REPO_H
#define REPO_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "change/gitrepo.h"
#include "change/objid.h"
#include "change/tracked.h"

struct repo {
	struct gitrepo *git;	/* owned; NULL: git(1), or nobody */
	bool by_command;	/* git(1) */
	char *root;		/* owned, absolute; NULL: no work tree */
	char *where;		/* owned: for git(1), the root or .git */
	int rootfd;		/* owned, or -1 */
	enum objid_format format;
	struct buf names;	/* by_command: what it said of tracked files */
	struct buf others;	/* and of the untracked */
	const char **untracked;	/* owned; lent from others, sorted */
	size_t nuntracked;
};
void repo_release(struct repo *r);

/* The repository that dir is in; where there is none, dir is the root of a tree
 * of files without one. */
int repo_open(struct repo *r, const char *dir, struct err *e);
bool repo_is_bare_export(const struct repo *r);

int repo_tracked(struct repo *r, struct tracked_list *l, struct err *e);
/* Neither tracked nor wanted: 1, 0, -1.  One thread at a time. */
int repo_ignored(struct repo *r, const char *path, bool folder, struct err *e);

/* The folder is a repository of its own, a submodule or not: 1 with its commit,
 * or, where something differs from that, the id of commit and differences;
 * mode says which (filelist.h).  0: it is none.  One thread at a time. */
int repo_module(struct repo *r, const char *path, struct objid *id,
    uint32_t *mode, struct err *e);

/* The folder that path is in, no symlink on the way: a descriptor, and the
 * name in it; -1 with errno. */
int repo_folder_of(const struct repo *r, const char *path, const char **name);

/* Commits: 1, 0 if it is not there, -1. */
int repo_commit(struct repo *r, const char *rev, struct objid *id,
    struct err *e);
int repo_merge_base(struct repo *r, const struct objid *a,
    const struct objid *b, struct objid *base, struct err *e);
bool repo_shallow(struct repo *r);
/* Get these (NULL ends them) and all before them from `origin`. */
int repo_fetch(struct repo *r, const char *const *revs, struct err *e);

#endif
