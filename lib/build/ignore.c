#include "build/ignore.h"

#include <string.h>

#include "base/mem.h"
#include "build/glob.h"
#include "build/path.h"

struct pattern {
	struct glob *glob;
	bool exception;		/* it started with '!' */
};

struct ignore {
	char *name;
	struct pattern *patterns;
	size_t npatterns, cap;
	bool has_exceptions;
};

static bool
blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A line without its blanks at both ends. */
static void
trim(const char **p, size_t *len)
{
	while (*len > 0 && blank(**p)) {
		(*p)++;
		(*len)--;
	}
	while (*len > 0 && blank((*p)[*len - 1]))
		(*len)--;
}

static int
bad(const struct ignore *i, int line, const char *why, struct err *e)
{
	err_set(e, ERR_INPUT, "ignore_invalid", "%s:%d: %s", i->name, line,
	    why);
	e->line = line;
	return -1;
}

static int
add_line(struct ignore *i, const char *p, size_t len, int line, struct err *e)
{
	struct pattern pattern = { NULL, false };
	const char *text;

	if (len > 0 && *p == '#')
		return 0;
	trim(&p, &len);
	if (len == 0)
		return 0;
	if (memchr(p, '\0', len) != NULL)
		return bad(i, line, "a NUL byte in a pattern", e);
	if (*p == '!') {
		pattern.exception = true;
		p++;
		len--;
		trim(&p, &len);
		if (len == 0)
			return bad(i, line, "a '!' without a pattern", e);
	}
	autofree char *copy = mem_dup(p, len);
	autofree char *shorter = path_shorten(copy);
	text = shorter[0] == '/' && shorter[1] != '\0' ? shorter + 1 : shorter;
	pattern.glob = glob_new(text, strlen(text), GLOB_DEEP);
	if (pattern.glob == NULL)
		return bad(i, line, "a malformed pattern", e);
	mem_grow(&i->patterns, &i->cap, i->npatterns, sizeof(*i->patterns));
	i->patterns[i->npatterns++] = pattern;
	i->has_exceptions |= pattern.exception;
	return 0;
}

struct ignore *
ignore_parse(const char *name, const char *text, size_t len, struct err *e)
{
	struct ignore *i = mem_zero(1, sizeof(*i));
	const char *end = text + len, *eol;
	int line = 0;

	i->name = mem_str(name);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (eol == NULL)
			eol = end;
		if (add_line(i, text, (size_t)(eol - text), ++line, e) < 0) {
			ignore_free(i);
			return NULL;
		}
	}
	return i;
}

void
ignore_free(struct ignore *i)
{
	if (i == NULL)
		return;
	for (size_t n = 0; n < i->npatterns; n++)
		glob_free(i->patterns[n].glob);
	free(i->patterns);
	free(i->name);
	free(i);
}

const char *
ignore_name(const struct ignore *i)
{
	return i->name;
}

bool
ignore_has_exceptions(const struct ignore *i)
{
	return i != NULL && i->has_exceptions;
}

/* The pattern matches path or a directory above it. */
static bool
matches(const struct pattern *p, const char *path)
{
	for (const char *end = path; *end != '\0';) {
		end += 1 + strcspn(end + 1, "/");
		if (glob_match(p->glob, path, (size_t)(end - path)))
			return true;
	}
	return false;
}

bool
ignore_excludes(const struct ignore *i, const char *path)
{
	bool out = false;

	for (size_t n = 0; i != NULL && n < i->npatterns; n++)
		if (i->patterns[n].exception == out &&
		    matches(&i->patterns[n], path))
			out = !out;
	return out;
}
