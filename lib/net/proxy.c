#include "net/proxy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/addr.h"

/* The first of both that is set and not empty. */
static const char *
env(const char *name, const char *other)
{
	const char *value = getenv(name);

	if ((value == NULL || *value == '\0') && other != NULL)
		value = getenv(other);
	return value == NULL || *value == '\0' ? NULL : value;
}

static bool
number(const char *str, int64_t max, int64_t *value)
{
	return text_number(str, false, value) && *value <= max;
}

/* host is item's address, or within its net. */
static bool
net_matches(const char *host, char *item)
{
	char *slash = strchr(item, '/');
	struct in6_addr a, net;
	int64_t bits = 128;
	bool four;

	if (slash != NULL)
		*slash = '\0';
	if (!addr_parse(host, &a) || !addr_parse(item, &net))
		return false;
	four = strchr(item, ':') == NULL;
	if (slash != NULL) {
		if (!number(slash + 1, four ? 32 : 128, &bits))
			return false;
		bits += four ? 96 : 0;
	}
	return addr_in_net(&a, &net, (unsigned)bits);
}

/* host is the domain `item`, or below it. */
static bool
name_matches(const char *host, const char *item)
{
	size_t len = strlen(host), n;

	if (*item == '*' && item[1] == '.')
		item++;
	item += *item == '.';
	n = strlen(item);
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (n > 0 && item[n - 1] == '.')
		n--;
	if (n == 0 || n > len || strncasecmp(host + len - n, item, n) != 0)
		return false;
	return n == len || host[len - n - 1] == '.';
}

/* One item of no_proxy, which is changed. */
static bool
item_matches(const struct url *u, char *item)
{
	char *colon = strrchr(item, ':');
	int64_t port;

	if (strcmp(item, "*") == 0)
		return true;
	/* a port stands behind the only colon, or behind a bracket */
	if (colon != NULL && (strchr(item, ':') == colon ||
	    (colon > item && colon[-1] == ']'))) {
		if (!number(colon + 1, 65535, &port) || port != u->port)
			return false;
		*colon = '\0';
	}
	return net_matches(u->host, item) || name_matches(u->host, item);
}

static bool
is_excepted(const struct url *u)
{
	const char *list = env("no_proxy", "NO_PROXY");

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ", \t");
		autofree char *item = mem_dup(list, len);

		if (len > 0 && item_matches(u, item))
			return true;
		list += len + (list[len] != '\0');
	}
	return false;
}

const char *
proxy_for(const struct url *u)
{
	const char *proxy = strcmp(u->scheme, "https") == 0 ?
	    env("https_proxy", "HTTPS_PROXY") : env("http_proxy", NULL);

	if (proxy == NULL)
		proxy = env("all_proxy", "ALL_PROXY");
	if (proxy == NULL || url_is_loopback(u) || is_excepted(u))
		return NULL;
	return proxy;
}
