/*
 * changes.h - what will be done, and why.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "change/component.h"
#include "change/fpstate.h"

struct changes {
	struct component_list *list;	/* lent */
	struct component_names *named;	/* lent: chosen by name */
	bool all;			/* everything is chosen */
};

/* The component's own change: compared with the list of what was, or, where
 * there is none (NULL), by its fingerprint. */
void changes_own(struct component *c, const struct filelist *old);

/* A key that voids the component is another than when it was saved. */
void changes_void(struct component *c, const struct fpstate_keys *now,
    const struct fpstate_keys *saved);

/* With all own changes known: who is chosen, and who is brought along. */
void changes_choose(const struct changes *x);

#endif
