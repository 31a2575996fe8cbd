/*
 * Fuzz URLs: what is parsed parses again to the same, has nothing that may not
 * be sent or shown, and user info is cut from what is shown; where a location leads
 * is a URL too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct url *u)
{
	struct url again = URL_INIT;
	struct err e;
	size_t len = strlen(u->text);
	autofree char *name = url_basename(u);

	if (len > URL_MAX || strpbrk(u->text, " \\#") != NULL ||
	    text_has_control(u->text, len) || *u->path != '/')
		abort();
	if (strchr(name, '/') != NULL || strcmp(name, "..") == 0 ||
	    !text_utf8_valid(name, strlen(name)) || *name == '\0')
		abort();
	if (url_parse(&again, u->text, &e) < 0 ||
	    strcmp(again.text, u->text) != 0 || !url_same_origin(&again, u))
		abort();
	if (url_is_loopback(u) && !url_is_private(u))
		abort();
	url_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *str = mem_dup((const char *)data, size);
	bool cut;
	autofree char *shown = url_redact(str, &cut);
	struct url base = URL_INIT, u = URL_INIT;
	struct err e;

	if (text_has_control(shown, strlen(shown)))
		abort();
	if (url_parse(&u, str, &e) == 0)
		check(&u);
	else if (strcmp(e.code, "credentials_in_url") == 0 && !cut)
		abort();
	url_release(&u);
	if (url_parse(&base, "https://h:81/a/b?c", &e) < 0)
		abort();
	if (url_resolve(&base, str, &u, &e) == 0) {
		if (*u.host == '\0')
			abort();
		check(&u);
		url_release(&u);
	}
	url_release(&base);
	return 0;
}
