/*
 * registry_auth.h - what a registry is shown of us, by any of several threads.
 *
 * Nothing is shown until the registry asks for it: the first request goes
 * without, its 401 says whether Basic or a token is wanted, and from then on
 * each request gets what fits it at once.  Tokens are kept by their scope and
 * renewed before they expire.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/cred.h"
#include "net/http.h"
#include "oci/registry_challenge.h"

/* What a request is about; all borrowed. */
struct registry_scope {
	const char *repo;	/* NULL: nothing in particular */
	const char *from;	/* this one is read as well, or NULL */
};

struct registry_auth_repo;
struct registry_auth_token;

struct registry_auth {
	const char *host;	/* borrowed */
	struct cred_opts opts;	/* owned strings */
	bool anonymous;

	pthread_mutex_t lock;	/* guards what follows */
	bool asked;		/* challenge says for what */
	struct registry_challenge challenge;
	struct registry_auth_repo *repos;	/* owned */
	size_t nrepos, repos_cap;
	struct registry_auth_token *tokens;	/* owned */
	size_t ntokens, tokens_cap;
};

/* All of it is zero before; host stays the caller's. */
void registry_auth_init(struct registry_auth *a, const char *host,
    const struct cred_opts *opts, bool anonymous);
void registry_auth_release(struct registry_auth *a);

/* From now on requests about repo ask for the right to push, besides that to
 * pull. */
void registry_auth_will_push(struct registry_auth *a, const char *repo);

/*
 * The value of Authorization for a request to the registry at base, into out
 * (the caller zeroes it); left empty where nothing is to be shown.  Fetches a
 * token with h where it must.  -1: those of cred_find and registry_token_fetch.
 */
int registry_auth_value(struct registry_auth *a, struct http *h,
    const struct url *base, const struct registry_scope *scope,
    struct buf *out, double *wait, struct err *e);

/*
 * The registry has answered 401 to a request that showed `used` ("": nothing),
 * after as many other tries of it.  True where another makes sense: something
 * was not tried yet.
 */
bool registry_auth_challenged(struct registry_auth *a,
    const struct http_answer *answer, const struct registry_scope *scope,
    const char *used, int tries);

/* A credential for repo is known. */
bool registry_auth_has_cred(struct registry_auth *a, const char *repo);

#endif
