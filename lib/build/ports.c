#include "build/ports.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static int
invalid(const char *spec, struct err *e)
{
	return err_set(e, ERR_INPUT, "port_invalid", "not a port: '%s'", spec);
}

static int
read_range(const char *text, int64_t *first, int64_t *last)
{
	size_t len = strcspn(text, "-");
	autofree char *start = mem_dup(text, len);

	if (!text_number(start, false, first))
		return -1;
	*last = *first;
	if (text[len] == '-' && !text_number(text + len + 1, false, last))
		return -1;
	return *first <= *last && *last <= 65535 ? 0 : -1;
}

int
ports_add(const char *spec, struct list *out, struct err *e)
{
	size_t len = strcspn(spec, "/");
	autofree char *range = mem_dup(spec, len);
	autofree char *proto = mem_str(spec[len] == '/' ? spec + len + 1 :
	    "tcp");
	int64_t first, last;

	for (char *p = proto; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 &&
	    strcmp(proto, "sctp") != 0)
		return invalid(spec, e);
	if (read_range(range, &first, &last) < 0)
		return invalid(spec, e);
	for (; first <= last; first++)
		list_take(out, mem_fmt("%d/%s", (int)first, proto));
	return 0;
}
