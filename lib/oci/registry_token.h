/*
 * registry_token.h - a token from the place that a registry names for it.
 *
 * Sources: distribution/distribution, docs/spec/auth/token.md and oauth.md.
 * The place (the realm) comes from the registry, so that a credential goes
 * there only over TLS or to the registry's own origin; an address of a private
 * net only where the registry has one itself.
 */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "base/buf.h"
#include "base/err.h"
#include "net/cred.h"
#include "net/http.h"

#define REGISTRY_TOKEN_MAX (64 << 10)	/* bytes */
#define REGISTRY_TOKEN_LIFE 60		/* seconds, where nothing is said */

struct registry_token_request {	/* all borrowed */
	const struct url *base;		/* the registry */
	const char *host;		/* its name, for messages */
	const char *realm, *service;	/* of the challenge; service or NULL */
	const char *const *scopes;
	size_t n;
	const struct cred *cred;	/* NULL: anonymous */
};

/*
 * Ask for it: the token added to out, *life in seconds.  By GET; an identity
 * token is traded by POST, by GET where the server can't do that.  *wait is the
 * delay a server asks for (see retry_status).  ERR_CHECK "realm_refused",
 * "unauthorized"; ERR_SYS "token_invalid" for an answer without a token.
 */
int registry_token_fetch(struct http *h,
    const struct registry_token_request *q, struct buf *out, double *life,
    double *wait, struct err *e);

#endif
