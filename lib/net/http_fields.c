#include "net/http_fields.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

void
http_fields_release(struct http_fields *f)
{
	buf_release(&f->text);
}

void
http_fields_reset(struct http_fields *f)
{
	buf_reset(&f->text);
}

static void
trim(const char **data, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", (*data)[*len - 1]) != NULL)
		--*len;
	while (*len > 0 && strchr(" \t", **data) != NULL) {
		++*data;
		--*len;
	}
}

int
http_fields_add(struct http_fields *f, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t rest = len;

	if (memchr(line, '\0', len) != NULL)
		return -1;
	if (len > 0 && (*line == ' ' || *line == '\t')) {
		value = line;
		trim(&value, &rest);
		if (f->text.len > 0 && rest > 0) {
			f->text.data[f->text.len - 1] = ' ';
			buf_add(&f->text, value, rest);
			buf_addc(&f->text, '\0');
		}
		return 0;
	}
	if (colon == NULL || colon == line)
		return 0;
	value = colon + 1;
	rest = len - (size_t)(value - line);
	trim(&value, &rest);
	buf_add(&f->text, line, (size_t)(colon - line));
	buf_addc(&f->text, '\0');
	buf_add(&f->text, value, rest);
	buf_addc(&f->text, '\0');
	return 0;
}

const char *
http_fields_get(const struct http_fields *f, const char *name, unsigned n)
{
	const char *p = f->text.data, *end = p + f->text.len;

	while (p < end) {
		const char *value = p + strlen(p) + 1;

		if (strcasecmp(p, name) == 0 && n-- == 0)
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

int64_t
http_fields_length(const struct http_fields *f)
{
	int64_t length = -1, other;
	const char *value;

	if (http_fields_get(f, "Transfer-Encoding", 0) != NULL)
		return -1;
	for (unsigned n = 0; (value = http_fields_get(f, "Content-Length",
	    n)) != NULL; n++) {
		if (!text_number(value, false, &other) ||
		    (n > 0 && other != length))
			return -2;
		length = other;
	}
	return length;
}
