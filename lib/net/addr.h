/*
 * addr.h - IP addresses: whose they are.
 *
 * An IPv4 address is held as IPv6 holds it, ::ffff:a.b.c.d.
 */
#ifndef ADDR_H
#define ADDR_H

#include <netinet/in.h>
#include <stdbool.h>

/* text: "127.0.0.1", "::1" or "[::1]"; false if it is anything else. */
bool addr_parse(const char *text, struct in6_addr *out);
/* false where it is neither AF_INET nor AF_INET6. */
bool addr_of(const struct sockaddr *sa, struct in6_addr *out);

/* 127.0.0.0/8 or ::1. */
bool addr_is_loopback(const struct in6_addr *a);
/*
 * The loopback, "this host" (RFC 1122), or a private, shared or link-local net
 * (RFC 1918, 6598, 3927, 4193, 4291); an IPv4 address within NAT64's prefix
 * counts as itself (RFC 6052).
 */
bool addr_is_private(const struct in6_addr *a);

/* The first `bits` of both are equal. */
bool addr_in_net(const struct in6_addr *a, const struct in6_addr *net,
    unsigned bits);

#endif
