/*
 * cred.h - credentials for a registry, as people have them.
 *
 * The first of these that knows the registry gives the answer:
 *
 *	opts.creds		USER:PASSWORD, for every host that is asked for
 *	opts.authfile		a file; where it is given, no other is read
 *	$REGISTRY_AUTH_FILE	a file; where it is set, of the files below none
 *	$XDG_RUNTIME_DIR/containers/auth.json	(/run/containers/UID/auth.json
 *						where unset)
 *	$XDG_CONFIG_HOME/containers/auth.json	(~/.config where unset)
 *	$DOCKER_AUTH_CONFIG	the text of such a file
 *	$DOCKER_CONFIG/config.json		(~/.docker where unset)
 *	$GITHUB_TOKEN		with $GITHUB_ACTOR, for ghcr.io alone
 *
 * In a file `credHelpers` for the host is asked first, then `credsStore`, then
 * `auths`, whose keys may be a host, a host with a namespace (the longest that
 * fits wins, as in containers-auth.json(5)) or a URL of old (as in Docker's
 * own file).  docker.io is known by each of its names.
 *
 * Nothing of a credential gets into a message.
 */
#ifndef CRED_H
#define CRED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CRED_FILE_MAX (1 << 20)		/* bytes of a file of credentials */
#define CRED_MAX (64 << 10)		/* bytes of a user name or a secret */

struct cred_opts {		/* all borrowed */
	const char *creds;	/* USER:PASSWORD, or NULL */
	const char *authfile;	/* or NULL */
};

struct cred {			/* all owned */
	char *user;		/* without control bytes and colons */
	char *secret;
	bool identity;		/* secret is an identity token: to be traded
				   for an access token by OAuth2, and no
				   password */
};
#define CRED_INIT { NULL, NULL, false }

/* The secret is zeroed. */
void cred_release(struct cred *c);

/*
 * The credential for repo ("me/app"; may be NULL) at host[:port].  1 with *c
 * (CRED_INIT before), 0 where there is none, -1: ERR_INPUT "creds_invalid" (an
 * opts.creds without a colon), "auth_file_invalid" (no JSON, or an entry for
 * this host that can't be read), ERR_CHECK "not_found" (an opts.authfile that
 * is not there), and those of cred_helper_get.
 */
int cred_find(const struct cred_opts *opts, const char *host,
    const char *repo, struct cred *c, struct err *e);

/* Take user and secret, len bytes.  False where they can't be sent: a control
 * byte, a colon in the user name, empty, or over CRED_MAX. */
bool cred_set(struct cred *c, const char *user, size_t user_len,
    const char *secret, size_t len);

/* "Basic …", what RFC 7617 makes of it.  The caller zeroes and frees. */
char *cred_basic(const struct cred *c);

#endif
