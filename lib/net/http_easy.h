/*
 * http_easy.h - what libcurl is told about one request, and what it asks back.
 *
 * A hop is one exchange with one server; where that sends us elsewhere, the
 * next hop goes there.
 */
#ifndef HTTP_EASY_H
#define HTTP_EASY_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http_take.h"

struct http_easy {		/* a struct http_opts of its own, all owned */
	char *cacert, *cert, *key, *unix_socket, *agent;
	bool insecure, netrc;
	long connect_s, stall_s;
};
/* ERR_INPUT "file_unreadable". */
int http_easy_init(struct http_easy *o, const struct http_opts *opts,
    struct err *e);
void http_easy_release(struct http_easy *o);

struct http_wire;

struct http_hop {
	/* The caller's, set before each hop.  take has the request, the URL to
	 * ask (answer->url), the method, and whether it is another server than
	 * the one that was named (answer->moved), which gets no secrets. */
	struct http_take take;
	bool body;		/* the request has one, perhaps empty */
	bool guarded;		/* no private address is connected to */
	double deadline;	/* clock_monotonic, 0: none */
	void *owner;

	/* of http_wire and http_easy */
	struct http_wire *wire;
	const struct http_easy *opts;
	void *handle, *fields;	/* libcurl's; NULL but on its way */
	char words[256];	/* libcurl's, of a failure */
	int64_t sent;		/* bytes of the body */
	bool direct;		/* neither by proxy nor by a socket file */
	bool refused;		/* a private address was met */
	bool private;		/* once done: the server has such an address */
};

/* Set all options of p->handle, which is reset. */
void http_easy_apply(struct http_hop *p);

/* The body is to be sent again from its start; -1 where that can't be. */
int http_easy_rewind(struct http_hop *p);

/* Milliseconds to the deadline, 1 at least; 0 where there is none. */
long http_easy_time_left(const struct http_hop *p);

#endif
