/*
 * assess.h - from components to decisions: look at the files, make the
 * fingerprints, compare.
 */
#ifndef ASSESS_H
#define ASSESS_H

#include <stdbool.h>
#include <stdint.h>

#include "change/changes.h"
#include "change/component.h"
#include "change/fpstate.h"
#include "change/revs.h"
#include "oci/places.h"

struct assess {
	/* in */
	const char *state;		/* lent: a file, docker://REF or NULL */
	struct places *places;		/* lent: where registries are found */
	struct netopts *net;		/* lent: theirs */
	struct fpstate_keys keys;	/* owned */
	bool commits;			/* compare those of revs */
	struct revs revs;
	struct component_names named;	/* owned */
	bool all;
	int threads;
	void (*warn)(const char *fmt, ...);	/* lines for people */
	void (*note)(const char *fmt, ...);
	/* out */
	uint64_t bytes;			/* that were read */
};
void assess_release(struct assess *a);

/* Decide about all of them.  What goes wrong is in their err. */
void assess_components(struct assess *a, struct component_list *l);

#endif
