/*
 * stage.h - a build stage while it is built: its configuration, its file tree
 * and the layers so far.
 */
#ifndef STAGE_H
#define STAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "build/base.h"
#include "build/config.h"
#include "build/layer.h"
#include "build/list.h"
#include "build/subst.h"
#include "build/tree.h"

/* One layer of the image: of a base, or what an instruction changed. */
struct stage_layer {
	struct base *base;	/* borrowed; NULL: */
	size_t index;
	struct layer *layer;	/* shared; owned by the stage that made it */
	bool owned;
};

/* Variables that the whole build has. */
struct stage_vars {
	const struct list *build_args;	/* --build-arg, K=V */
	struct list globals;		/* of ARGs before FROM, and platforms */
};

struct stage {
	struct config config;
	struct tree tree;
	struct list args;		/* K=V, declared so far and set */
	struct stage_layer *layers;	/* owned */
	size_t nlayers, cap;
	bool cmd_set;			/* by this stage itself */
	char escape;			/* of the Dockerfile */
	const char *created;		/* borrowed */
	const struct stage_vars *vars;	/* borrowed */
};
#define STAGE_INIT { .config = CONFIG_INIT, .escape = '\\' }
void stage_release(struct stage *s);

/* What FROM makes of a new stage.  The origin must outlive it. */
void stage_from_scratch(struct stage *s);
int stage_from_base(struct stage *s, struct base *b, struct err *e);
void stage_from_stage(struct stage *s, struct stage *from);

/* Variables: ENV beats ARG. */
struct subst stage_subst(struct stage *s);
/* word with variables replaced; the caller frees. NULL with ERR_INPUT. */
char *stage_word(struct stage *s, const char *word, struct err *e);

/* An ARG of a Dockerfile: "NAME" or "NAME=DEFAULT" (replaced already).  Where
 * it gets a value, it is put into to. */
void stage_arg(const struct stage_vars *v, const char *arg, bool global,
    struct list *to);

/*
 * What an instruction changed in the tree becomes a layer (noted where keep is
 * true), and its line goes into the history.
 */
void stage_commit(struct stage *s, const char *created_by);

#endif
