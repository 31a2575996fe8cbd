#include "net/http_rules.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* The length of the token at str (RFC 9110, 5.6.2). */
static size_t
token(const char *str)
{
	return strspn(str, "!#$%&'*+-.^_`|~0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

/* A tab is the one control byte that a value may have. */
static bool
is_value(const char *str)
{
	for (; *str != '\0'; str++)
		if (*str != '\t' && text_has_control(str, 1))
			return false;
	return true;
}

static int
check_fields(const char *const *fields, struct err *e)
{
	for (; fields != NULL && *fields != NULL; fields++) {
		size_t len = token(*fields);

		if (len == 0 || (*fields)[len] != ':')
			return err_set(e, ERR_INPUT, "header_invalid",
			    "a header field is not 'Name: value'");
		if (!is_value(*fields + len))
			return err_set(e, ERR_INPUT, "header_invalid",
			    "header field '%.*s' has a control byte",
			    (int)len, *fields);
	}
	return 0;
}

int
http_rules_check(const struct http_request *q, struct err *e)
{
	if (q->method != NULL && (*q->method == '\0' ||
	    q->method[token(q->method)] != '\0'))
		return err_set(e, ERR_INPUT, "header_invalid",
		    "the request's method is no token");
	if (q->authorization != NULL && !is_value(q->authorization))
		return err_set(e, ERR_INPUT, "header_invalid",
		    "header field 'Authorization' has a control byte");
	if (check_fields(q->headers, e) < 0)
		return -1;
	return check_fields(q->plain, e);
}

bool
http_rules_redirects(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	    status == 307 || status == 308;
}

const char *
http_rules_method(int status, const char *method)
{
	if (status == 303)
		return strcmp(method, "HEAD") == 0 ? "HEAD" : "GET";
	if ((status == 301 || status == 302) && strcmp(method, "POST") == 0)
		return "GET";
	return method;
}

int
http_rules_refuse(const struct url *to, const char *why, struct err *e)
{
	autofree char *shown = url_redact(to->text, NULL);

	err_set(e, ERR_CHECK, "redirect_refused",
	    "a redirect to '%s' is not followed: %s", shown, why);
	err_set_path(e, shown);
	return -1;
}

int
http_rules_follow(const struct url *from, const char *location, bool guarded,
    struct url *to, struct err *e)
{
	struct url got = URL_INIT;
	const char *why = NULL;

	if (url_resolve(from, location, &got, e) < 0)
		return -1;
	if (strcmp(from->scheme, "https") == 0 &&
	    strcmp(got.scheme, "https") != 0)
		why = "it leads from https to http";
	else if (guarded && url_is_private(&got))
		why = "it leads to a private address";
	if (why != NULL) {
		http_rules_refuse(&got, why, e);
		url_release(&got);
		return -1;
	}
	*to = got;
	return 0;
}
