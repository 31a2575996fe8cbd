/*
 * registry_challenge.h - what a 401 asks for (RFC 9110, 11.6.1).
 */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include <stdbool.h>

#define REGISTRY_CHALLENGE_MAX 8192	/* bytes of a field */

struct registry_challenge {
	bool bearer;		/* else Basic */
	char *realm, *service, *scope, *error;	/* owned, or NULL */
};
#define REGISTRY_CHALLENGE_INIT { false, NULL, NULL, NULL, NULL }
void registry_challenge_release(struct registry_challenge *c);

/*
 * The first Bearer or Basic challenge in the value of one WWW-Authenticate
 * field, which may have several, of schemes that are not ours too.  False where
 * it has none, or is longer than REGISTRY_CHALLENGE_MAX.  *c is INIT before.
 */
bool registry_challenge_parse(const char *field,
    struct registry_challenge *c);

#endif
