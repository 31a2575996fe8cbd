/*
 * url.h - URLs: taken apart, compared, resolved, and fit to be shown.
 *
 * On libcurl's URL parser (RFC 3986), with what that lets through refused:
 * control bytes, spaces, backslashes, a host that is not ASCII and user info
 * never get further than url_parse.
 */
#ifndef URL_H
#define URL_H

#include <stdbool.h>

#include "base/err.h"

#define URL_MAX 8192		/* bytes */

/* All owned; url_release frees. */
struct url {
	char *text;		/* normalised, without a fragment */
	char *scheme;		/* "https", "http" or "file" */
	char *host;		/* lower case, IPv6 in brackets; "" for file */
	int port;		/* the scheme's own where none is given; 0 for
				   file */
	char *path;		/* as it stands there, "/" at least */
	char *query;		/* without the `?`, or NULL */
};
#define URL_INIT { .port = 0 }

/*
 * Take str apart.  ERR_INPUT "url_invalid" (not a URL, another scheme, a
 * control byte, over URL_MAX), ERR_INPUT "credentials_in_url" where it has
 * user info; neither message repeats it.
 */
int url_parse(struct url *u, const char *str, struct err *e);
void url_release(struct url *u);

/* Where `location` leads from base (RFC 3986, section 5): absolute, with a
 * path alone, or a host alone; a space in it is encoded.  ERR_SYS
 * "redirect_invalid" where it leads nowhere, by user info or to a file too. */
int url_resolve(const struct url *base, const char *location, struct url *out,
    struct err *e);

/* Scheme, host and port are equal: what a credential is for (RFC 6454). */
bool url_same_origin(const struct url *a, const struct url *b);

/* localhost, *.localhost, 127.0.0.0/8 or [::1] (RFC 6761, 6.3). */
bool url_is_loopback(const struct url *u);
/* localhost, or a literal of what addr_is_private knows: where no stranger may
 * send us. */
bool url_is_private(const struct url *u);

/*
 * str as it may stand in a record, a message or a log: without user info,
 * fragment and the values of a query that signs or carries a secret (the whole
 * query goes then), escaped as text_escape does.  *cut tells whether anything
 * but escaping was done; it may be NULL.  Works for what is no URL too: all
 * before its last `@` goes.  The caller frees.
 */
char *url_redact(const char *str, bool *cut);

/* The file name that a URL ends in, percent-decoded, with what can't stand in
 * a file name or a terminal replaced by `_`, 200 bytes at most; "index" where
 * there is none.  The caller frees. */
char *url_basename(const struct url *u);

/* str percent-encoded (RFC 3986, 2.3), a `/` too.  The caller frees. */
char *url_escape(const char *str);

#endif
