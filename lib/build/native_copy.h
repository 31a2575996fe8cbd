/*
 * native_copy.h - the instruction COPY: its flags, its source, its line.
 */
#ifndef NATIVE_COPY_H
#define NATIVE_COPY_H

#include "build/plan.h"
#include "build/stage.h"
#include "build/trees.h"

struct native_copy {
	struct plan *plan;
	size_t index;		/* of the stage in it */
	struct trees *trees;
	struct stage *stages;	/* those before it are built */
};

int native_copy_run(const struct native_copy *n, struct stage *s,
    const struct dockerfile_cmd *c, struct err *e);

/* The whole of from becomes the stage's content. */
int native_copy_all(struct stage *s, struct tree *from, struct err *e);

#endif
