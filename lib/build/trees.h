/*
 * trees.h - the trees that a build copies from: contexts, images, the staged
 * bundle.  Each is opened when it is first asked for, and once.
 */
#ifndef TREES_H
#define TREES_H

#include "build/base.h"
#include "build/native.h"
#include "build/tree.h"

struct trees_item;

struct trees {
	const struct native *n;		/* borrowed */
	struct tree context, staged;
	struct trees_item **items;	/* owned */
	size_t nitems, cap;
};
void trees_release(struct trees *t);

/* Open the build context with the ignore file that goes with dockerfile:
 * <dockerfile>.dockerignore, else .dockerignore in the context. */
int trees_context(struct trees *t, const struct native *n,
    const char *dockerfile, struct err *e);

/* These are the trees' own; NULL with *e. */
struct tree *trees_staged(struct trees *t, struct err *e);
struct tree *trees_dir(struct trees *t, const char *path, struct err *e);
struct base *trees_image(struct trees *t, const char *place,
    const struct desc_platform *platform, struct err *e);

#endif
