/*
 * regstate.h - the registry as the state: what the published image was made
 * from.
 */
#ifndef REGSTATE_H
#define REGSTATE_H

#include "base/err.h"
#include "codec/digest.h"
#include "oci/places.h"

/*
 * The annotation DESC_FINGERPRINT of the image that location, docker://REF,
 * names; of an index without one, that of its images, where they agree.  1; 0
 * where there is no image or no such annotation; -1: those of places.h and
 * registry.h.
 */
int regstate_previous(struct places *places, const char *location,
    char fingerprint[DIGEST_STR], struct err *e);

#endif
