/*
 * dirtree.h - a directory's entries as the nodes of a tree.
 */
#ifndef DIRTREE_H
#define DIRTREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "build/tree.h"

struct dirtree {
	int fd;			/* borrowed: of the tree's root */
	const char *name;	/* borrowed: of that, for messages */
	/* leave path out without looking at it; may be NULL */
	bool (*skip)(void *ctx, const char *path);
	/* A node was made (type, size and link text are set, a directory is
	 * lazy): 0, 1 to leave it out, -1. */
	int (*node)(void *ctx, struct tree_node *n, const struct stat *st,
	    const char *path, struct err *e);
	void *ctx;
};

/* Read the directory that dir stands for, sorted by name; nothing is followed
 * on the way to it. */
int dirtree_load(const struct dirtree *d, struct tree_node *dir,
    struct err *e);

#endif
