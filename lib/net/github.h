/*
 * github.h - assets of GitHub releases, private ones too.
 *
 * An asset is at its public address, and in the API, which names its digest and
 * redirects to a storage.  A token goes to the API's host alone, over TLS; what
 * it is refused for is asked for once more at the public address, without it.
 */
#ifndef GITHUB_H
#define GITHUB_H

#include <stdbool.h>

#include "base/err.h"
#include "net/fetch.h"

struct github {
	char *api, *server;	/* owned: URLs without a last slash */
	const char *token;	/* borrowed: the environment's; or NULL */
	bool withheld;		/* there is one, but the API is plain http */
};
#define GITHUB_INIT { NULL, NULL, NULL, false }

/* GITHUB_API_URL, GITHUB_SERVER_URL, GH_TOKEN or else GITHUB_TOKEN.
 * ERR_INPUT "usage" for what is no address, or no token. */
int github_env(struct github *g, struct err *e);
void github_release(struct github *g);

struct github_asset {
	const struct github *hub;	/* borrowed */
	char *repo;		/* owned: "OWNER/REPO" */
	char *tag;		/* owned; "latest" is the newest release */
	char *name;		/* owned */
	char *id;		/* owned: the API's, once it is known */
	char sha256[DIGEST_HEX];
	struct fetch_source *asked;	/* the one that goes through the API */
};
void github_asset_release(struct github_asset *a);

/* ERR_INPUT "field_invalid" for what can't be one. */
int github_asset_set(struct github_asset *a, const struct github *g,
    const char *repo, const char *tag, const char *name, struct err *e);
/* url is the public address of an asset on this server: fill a, true. */
bool github_asset_match(struct github_asset *a, const struct github *g,
    const char *url);
/* Its public address.  The caller frees. */
char *github_asset_url(const struct github_asset *a);

/* Add the places where it may be had to job, under the name url (NULL: its
 * public address); a is borrowed until job is done.  Without a token the API is
 * asked where `api` is true: it allows few requests then.  -1 (ERR_INPUT
 * "field_invalid") where there are too many. */
int github_asset_sources(struct github_asset *a, const char *url, bool api,
    struct fetch_job *job, struct err *e);

#endif
