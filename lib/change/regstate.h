/*
 * regstate.h - the registry as the state: what the published image was made
 * from.
 */
#ifndef REGSTATE_H
#define REGSTATE_H

#include "base/err.h"
#include "codec/digest.h"

/*
 * The annotation `dev.slipway.fingerprint` of the image that docker://REF
 * names.  1; 0 where there is no image or no such annotation; -1: ERR_INPUT
 * "state_unsupported" where the toolkit is built without registries.
 */
int regstate_previous(const char *place, char fingerprint[DIGEST_STR],
    struct err *e);

#endif
