/*
 * proxy.h - which proxy a URL goes through, by the environment.
 *
 * libcurl could find out by itself, but would not say: whether an address
 * that is connected to is the server's own must be known beforehand.
 */
#ifndef PROXY_H
#define PROXY_H

#include "net/url.h"

/*
 * https_proxy or HTTPS_PROXY for https; http_proxy for http (HTTP_PROXY is
 * what CGI makes of a request's `Proxy:`, and not looked at); all_proxy or
 * ALL_PROXY.  NULL where there is none, for the loopback, and for what
 * no_proxy or NO_PROXY lists: `*`, a host, a domain with what is below it, an
 * address or a net (10.0.0.0/8), each with a port or without.  Lent: it is the
 * environment's.
 */
const char *proxy_for(const struct url *u);

#endif
