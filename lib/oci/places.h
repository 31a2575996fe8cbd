/*
 * places.h - all the places that a run has to do with, each opened once.
 *
 *	docker://REF			a registry
 *	oci:DIR[:TAG], oci-archive:, docker-archive:, docker-daemon:
 *					see source.h
 *
 * A place that was opened stays until places_free.  Any thread may open one and
 * use it; of layouts, one at a time.
 */
#ifndef PLACES_H
#define PLACES_H

#include "base/err.h"
#include "oci/netopts.h"
#include "oci/place.h"
#include "oci/ref.h"

struct places;

struct places *places_new(const struct netopts *net);	/* borrowed */
void places_free(struct places *x);

/* location is one of the above: worth to be opened. */
bool places_is(const char *location);

/* A reference or location has no user name or password in it, which would get
 * into records and logs; else ERR_INPUT "credentials_in_url". */
int places_check_userinfo(const char *text, struct err *e);

/*
 * The place of an image; *wanted is what it is to be asked for (place_find), or
 * NULL, the caller's to free.  fresh: see place.h.  NULL with ERR_INPUT
 * "location_unsupported", "reference_invalid", "credentials_in_url", and those
 * of source.h.
 */
struct place *places_open(struct places *x, const char *location, bool fresh,
    char **wanted, struct err *e);

/* The repository of a reference. */
struct place *places_repo(struct places *x, const struct ref *ref, bool fresh,
    struct err *e);

/* A layout that is written to: layout_open, created if `create`. */
struct place *places_layout(struct places *x, const char *path, bool create,
    struct err *e);

#endif
