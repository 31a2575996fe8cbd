#include "change/regstate.h"

int
regstate_previous(const char *place, char fingerprint[DIGEST_STR],
    struct err *e)
{
	fingerprint[0] = '\0';
	return err_set(e, ERR_INPUT, "state_unsupported",
	    "registries are not supported as a state here: '%s'", place);
}
