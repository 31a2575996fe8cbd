/*
 * http.h - HTTP on libcurl: requests in, checked answers out.
 *
 * A struct http is a client with its kept connections.  One thread uses it at
 * a time; it may have several requests on their way at once.
 *
 * Redirects are followed here and not by libcurl, so that one rule holds for
 * all: at most HTTP_REDIRECTS_MAX, never from https to http, to a private
 * address only from one (a name's addresses are looked at as well, unless a
 * proxy resolves it), and `authorization`, `headers`, netrc and client
 * certificates stay behind for good when scheme, host or port change.  A POST
 * becomes a GET after 301 and 302, all but HEAD do after 303; else the body is
 * sent again.  A body comes as it is: nothing is asked for with
 * Accept-Encoding, nothing decoded.  Proxies are those of proxy.h.  TLS is 1.2
 * at least.
 *
 * Failures: ERR_CHECK "tls" (certificate expired, wrong name, unknown issuer;
 * the detail has libcurl's words), "redirect_loop", "redirect_refused",
 * "too_large"; ERR_SYS "connection" (refused, reset, no such host, a body
 * shorter than was said), "timeout", "stalled", "redirect_invalid",
 * "broken_off" (`read` could not); ERR_INPUT "header_invalid",
 * "file_unreadable", "proxy_invalid" and those of url_parse.  err.path is the
 * URL without its secrets.  A status is no failure here: see retry.h.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/url.h"

#define HTTP_REDIRECTS_MAX 10
#define HTTP_BODY_MAX (4 << 20)	/* of a body that is kept in memory */

struct http;

struct http_opts {		/* all borrowed until http_new returns */
	const char *cacert;	/* PEM file in place of the system's, or NULL */
	const char *cert, *key;	/* PEM files for the server to know us by */
	const char *unix_socket;/* path: connect there whatever the URL says */
	bool insecure;		/* do not look at certificates */
	bool netrc;		/* ~/.netrc or $NETRC, for hosts over TLS or on
				   the loopback, where there is no
				   `authorization` */
	int connect_s;		/* seconds for a connection; 0: 30 */
	int stall_s;		/* seconds with under 100 bytes each, also while
				   the server thinks; 0: 30 */
	const char *agent;	/* "rb-fetch/0.1.0"; NULL: "slipway/…" */
};

/* Before threads start: what libcurl needs once a process.  May be called
 * again. */
void http_setup(void);

/* ERR_INPUT where a file of opts can't be read. */
struct http *http_new(const struct http_opts *opts, struct err *e);
void http_free(struct http *h);

struct http_answer {
	int status;		/* 200 … */
	struct url url;		/* that answered, after redirects */
	bool moved;		/* it has another origin than what was asked */
	int64_t length;		/* of the body, as said; -1 unknown */
	struct buf body;	/* where the request has no `data`, and of
				   answers that its `head` did not want; those
				   and all but 2xx are cut at 64 KiB */
	void *fields;		/* owned; see http_field */
};
void http_answer_release(struct http_answer *a);
/* A header field's value, by its name in any case; the first of several (n
 * counts on from 0 for the others); NULL.  Lent until release. */
const char *http_field(const struct http_answer *a, const char *name,
    unsigned n);

struct http_request {		/* all borrowed until it is done */
	const char *method;	/* NULL: GET, or PUT where there is a body */
	const char *url;
	const char *authorization;	/* the field's value, or NULL */
	const char *const *headers;	/* "Name: value", NULL ends; or NULL */
	const char *const *plain;	/* the same, for redirects as well */

	/* The body: bytes, or what `read` gives: upload_size bytes in all.
	 * POST, PUT and PATCH without one send an empty one.  rewind is called
	 * before it is read again (a redirect, a dead kept connection).  read
	 * returns what it has, a byte at least; 0 and -1 break off. */
	const void *body;
	int64_t upload_size;	/* -1: no body at all */
	int64_t (*read)(void *ctx, void *data, size_t len);
	int (*rewind)(void *ctx);

	int64_t first, last;	/* of a range, inclusive; -1: not */
	int64_t max;		/* bytes of body; 0: HTTP_BODY_MAX in memory,
				   no limit for `data` */
	bool no_follow;		/* a redirect is an answer like any other */
	int total_s;		/* seconds for all of it; 0: no limit */

	/* The final answer's head is there: 1 to have its body given to
	 * `data`, 0 to have it in answer.body, -1 to break off with *e.  NULL:
	 * `data` is for answers of 2xx.  Neither calls back into h. */
	int (*head)(void *ctx, struct http_answer *a, struct err *e);
	int (*data)(void *ctx, const void *data, size_t len, struct err *e);
	void *ctx;
};
#define HTTP_REQUEST_INIT { .upload_size = -1, .first = -1, .last = -1 }

/* Do it, and wait.  0 with *a filled (release it), -1. */
int http_do(struct http *h, const struct http_request *q,
    struct http_answer *a, struct err *e);

/*
 * Several at once: start them, then wait for any.  A struct http_transfer is
 * h's until http_wait returns it; then the caller's, to free.
 */
struct http_transfer;
struct http_transfer *http_start(struct http *h, const struct http_request *q);
/* The next that is done; NULL where none is on its way, or timeout_ms have
 * passed (-1: no limit). */
struct http_transfer *http_wait(struct http *h, int timeout_ms);
/* 0 with the answer, lent until it is freed, or -1. */
int http_result(struct http_transfer *t, struct http_answer **a,
    struct err *e);
void *http_ctx(const struct http_transfer *t);	/* of its request */
/* Also breaks off one that is on its way. */
void http_transfer_free(struct http_transfer *t);

#endif
