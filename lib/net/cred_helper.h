/*
 * cred_helper.h - programs that keep credentials: docker-credential-NAME.
 *
 * The protocol is docker-credential-helpers': `get`, the server on standard
 * input, JSON with Username and Secret on standard output; a user name of
 * `<token>` says that the secret is an identity token.
 */
#ifndef CRED_HELPER_H
#define CRED_HELPER_H

#include "net/cred.h"

#define CRED_HELPER_SECONDS 60	/* a helper may ask a cloud, or a person */

/*
 * Ask docker-credential-NAME, found along $PATH, about server.  1 with *c, 0
 * where it knows none, -1: ERR_INPUT "credential_helper" for a name with
 * anything but letters, digits, `.`, `_` and `-` in it or a program that is
 * not there, ERR_SYS "credential_helper" where it fails, gives something else
 * or takes over CRED_HELPER_SECONDS (it is killed then).  Its standard error is
 * ours.
 */
int cred_helper_get(const char *name, const char *server, struct cred *c,
    struct err *e);

#endif
