/*
 * http_wire.h - one request and its answer on the wire: libcurl.
 *
 * Runs hops side by side on libcurl's multi interface, and makes errors of its
 * codes.  What HTTP means is http_take.h's and http_rules.h's.
 */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include "net/http_easy.h"

struct http_wire;		/* connections, and handles to use again */

void http_wire_setup(void);	/* http_setup */
struct http_wire *http_wire_new(const struct http_opts *opts, struct err *e);
/* No hop is on its way. */
void http_wire_free(struct http_wire *w);

/* Send it off.  It stays where it is until it is done or cancelled. */
void http_wire_send(struct http_wire *w, struct http_hop *p);
void http_wire_cancel(struct http_hop *p);

/* Do what can be done; the next hop that is done, *result 0 or -1 with its
 * take.err set; NULL where there is none. */
struct http_hop *http_wire_next(struct http_wire *w, int *result);
/* Wait until there is something to do, timeout_ms at most. */
void http_wire_poll(struct http_wire *w, int timeout_ms);

#endif
