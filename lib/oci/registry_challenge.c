#include "oci/registry_challenge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

void
registry_challenge_release(struct registry_challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	c->bearer = false;
	c->realm = c->service = c->scope = c->error = NULL;
}

/* RFC 9110, 5.6.2 */
static size_t
token_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) ||
	    (p[n] != '\0' && strchr("!#$%&'*+-.^_`|~", p[n]) != NULL))
		n++;
	return n;
}

/* The value after a `=`: a token or a quoted string.  What is behind it. */
static const char *
read_value(const char *p, struct buf *value)
{
	size_t n = token_len(p);

	if (*p != '"') {
		buf_add(value, p, n);
		/* what is no token (the `==` of a token68) is passed over */
		return p + n + strcspn(p + n, " \t,");
	}
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_addc(value, *p);
	}
	return *p == '"' ? p + 1 : p;
}

/* Keep it, if it is one that matters; the first of equal names counts. */
static void
keep(struct registry_challenge *c, const char *name, size_t len,
    const struct buf *value)
{
	const struct {
		const char *name;
		char **place;
	} all[] = { { "realm", &c->realm }, { "service", &c->service },
		{ "scope", &c->scope }, { "error", &c->error } };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strlen(all[i].name) == len && *all[i].place == NULL &&
		    strncasecmp(all[i].name, name, len) == 0)
			*all[i].place = mem_str(value->data);
}

/* The parameters of one challenge; what is behind them. */
static const char *
read_params(const char *p, struct registry_challenge *c)
{
	for (;;) {
		autobuf struct buf value = BUF_INIT;
		const char *name = p + strspn(p, " \t,");
		size_t len = token_len(name);
		const char *next = name + len + strspn(name + len, " \t");

		/* a name that no `=` follows is the next scheme */
		if (len == 0 || *next != '=')
			return name;
		next++;
		p = read_value(next + strspn(next, " \t"), &value);
		if (c != NULL)
			keep(c, name, len, &value);
	}
}

bool
registry_challenge_parse(const char *field, struct registry_challenge *c)
{
	const char *p = field + strspn(field, " \t,");

	if (strlen(field) > REGISTRY_CHALLENGE_MAX)
		return false;
	while (*p != '\0') {
		size_t len = token_len(p);
		bool bearer = len == 6 && strncasecmp(p, "Bearer", 6) == 0;
		bool mine = bearer ||
		    (len == 5 && strncasecmp(p, "Basic", 5) == 0);
		const char *next;

		if (len == 0)
			return false;
		next = read_params(p + len, mine ? c : NULL);
		c->bearer = bearer;
		if (mine && (!bearer || c->realm != NULL))
			return true;
		registry_challenge_release(c);
		p = next;
	}
	return false;
}
