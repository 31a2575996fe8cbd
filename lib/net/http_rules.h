/*
 * http_rules.h - what may be sent, and where a redirect may lead.
 */
#ifndef HTTP_RULES_H
#define HTTP_RULES_H

#include "net/http.h"

/*
 * A request that can be sent as it is: its method is a token, each header
 * field a name, a colon and a value without control bytes (RFC 9110, 5.5).
 * ERR_INPUT "header_invalid"; the message has the name alone, never the value.
 */
int http_rules_check(const struct http_request *q, struct err *e);

/* The answer sends us elsewhere: 301, 302, 303, 307 or 308. */
bool http_rules_redirects(int status);

/* The method after such a status (RFC 9110, 15.4): GET for a POST after 301
 * and 302, and for all but HEAD after 303; else the same, with its body. */
const char *http_rules_method(int status, const char *method);

/*
 * Where location leads from `from`, into *to: never from https to http, and
 * where guarded to no private address.  ERR_CHECK "redirect_refused", and what
 * url_resolve says.
 */
int http_rules_follow(const struct url *from, const char *location,
    bool guarded, struct url *to, struct err *e);

/* The error for an address of url that no redirect may lead to. */
int http_rules_refuse(const struct url *to, const char *why, struct err *e);

#endif
