/*
 * plan.h - which stages a target needs, and what each is built from.
 *
 * A name behind FROM or COPY --from is an earlier stage, a --build-context, an
 * image's place (places.h) or its name in a registry or, behind FROM,
 * `scratch`.  A stage whose name
 * is that of a --build-context is replaced by it, the stage `runtime-bundle`
 * by a staged tree; what is replaced needs nothing, and what nobody needs may
 * hold instructions that we can not run.
 */
#ifndef PLAN_H
#define PLAN_H

#include "build/dockerfile.h"
#include "build/list.h"
#include "build/stage.h"
#include "oci/desc.h"

#define PLAN_STAGED "runtime-bundle"

enum plan_kind {
	PLAN_SCRATCH,
	PLAN_STAGE,		/* .stage */
	PLAN_IMAGE,		/* .place: of an image (places.h) */
	PLAN_DIR,		/* .place: a directory */
	PLAN_TREE,		/* the staged tree */
};

struct plan_source {
	enum plan_kind kind;
	size_t stage;
	const char *place;	/* lent by the plan's places */
};

struct plan_stage {
	struct plan_source base;	/* of FROM, or what replaces the stage */
	bool replaced;
	bool needed;
	struct desc_platform platform;
};

struct plan {
	const struct dockerfile *file;	/* borrowed */
	const struct list *contexts;	/* borrowed: NAME=PLACE */
	const char *dir;		/* borrowed: places count from it */
	const struct desc_platform *platform;	/* borrowed */
	bool staged;			/* there is a staged tree */
	struct stage_vars *vars;	/* borrowed; the globals are filled */
	struct plan_stage *stages;	/* owned; as many as the file has */
	size_t target;
	struct list places;		/* owned */
};
void plan_release(struct plan *p);

/* Fill in what follows `vars`.  target NULL: the last stage. */
int plan_make(struct plan *p, const char *target, struct err *e);

/* What the value of COPY --from in this stage names. */
int plan_copy_from(struct plan *p, size_t stage, const char *name,
    struct plan_source *out, struct err *e);

/* The value of a flag ("--from"), or NULL. */
const char *plan_flag(const struct dockerfile_cmd *c, const char *name);

#endif
