#include "change/pattern.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

/*
 * Parsing
 */

static int
invalid(const char *text, const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "pattern_invalid", "pattern '%s' %s", text,
	    why);
}

static int (*named_class(const char *name, size_t len))(int)
{
	static const struct {
		const char *name;
		int (*is)(int c);
	} all[] = {
		{ "alnum", isalnum }, { "alpha", isalpha },
		{ "blank", isblank }, { "cntrl", iscntrl },
		{ "digit", isdigit }, { "graph", isgraph },
		{ "lower", islower }, { "print", isprint },
		{ "punct", ispunct }, { "space", isspace },
		{ "upper", isupper }, { "xdigit", isxdigit },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (strlen(all[i].name) == len &&
		    memcmp(all[i].name, name, len) == 0)
			return all[i].is;
	return NULL;
}

/* One member of a class: a character, a range, or `[:NAME:]`. */
struct member {
	unsigned char low, high;
	bool named;
	int (*is)(int c);	/* named: NULL, there is none of that name */
};

/* Behind the member at p, or NULL where the pattern ends first. */
static const char *
member(const char *p, const char *end, struct member *m)
{
	const char *close;

	*m = (struct member){ .named = false };
	if (p[0] == '[' && p + 1 < end && p[1] == ':' && (close = memchr(p + 2,
	    ']', (size_t)(end - p - 2))) != NULL && close > p + 2 &&
	    close[-1] == ':') {
		m->named = true;
		m->is = named_class(p + 2, (size_t)(close - 1 - (p + 2)));
		return close + 1;
	}
	if (*p == '\\' && ++p == end)
		return NULL;
	m->low = m->high = (unsigned char)*p++;
	if (p + 1 >= end || *p != '-' || p[1] == ']')
		return p;
	if (*++p == '\\' && ++p == end)
		return NULL;
	m->high = (unsigned char)*p;
	return p + 1;
}

/* The end of the class that starts behind the `[` at p; NULL where it has none,
 * or a name that nobody knows. */
static const char *
class_end(const char *p, const char *end)
{
	struct member m;

	p += p < end && (*p == '!' || *p == '^');
	do {
		if (p == end || (p = member(p, end, &m)) == NULL ||
		    (m.named && m.is == NULL))
			return NULL;
	} while (p < end && *p != ']');
	return p < end ? p : NULL;
}

static int
check(const char *text, const char *glob, size_t len, struct err *e)
{
	const char *end = glob + len;

	if (len == 0)
		return invalid(text, "names nothing", e);
	for (const char *p = glob; p < end; p++) {
		if (*p == '\\') {
			if (++p == end)
				return invalid(text, "ends in a backslash", e);
		} else if (*p == '[' &&
		    (p = class_end(p + 1, end)) == NULL) {
			return invalid(text, "has a '[' without its ']', "
			    "or a class nobody knows", e);
		}
	}
	return 0;
}

/* gitignore(5): trailing spaces do not count unless quoted by a backslash */
static size_t
without_spaces(const char *text, size_t len)
{
	size_t keep = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 1 < len)
			i++;
		else if (text[i] == ' ')
			continue;
		keep = i + 1;
	}
	return keep;
}

int
pattern_parse(struct pattern *p, const char *text, struct err *e)
{
	const char *glob = text;
	size_t len;

	*p = (struct pattern){ .text = NULL };
	if (*glob == '#')
		return invalid(text, "is a comment in .gitignore: write \\#", e);
	if (*glob == '!') {
		p->negated = true;
		glob++;
	}
	len = without_spaces(glob, strlen(glob));
	if (len > 0 && glob[len - 1] == '/') {
		p->folders = true;
		len--;
	}
	p->anchored = memchr(glob, '/', len) != NULL;
	if (len > 0 && *glob == '/') {
		glob++;
		len--;
	}
	if (check(text, glob, len, e) < 0)
		return -1;
	p->text = mem_str(text);
	p->glob = mem_dup(glob, len);
	p->len = len;
	p->literal = strcspn(p->glob, "*?[\\");
	return 0;
}

void
pattern_release(struct pattern *p)
{
	free(p->text);
	free(p->glob);
	p->text = p->glob = NULL;
}

/*
 * Matching
 */

/* The class between `[` and end holds c.  A slash is in none. */
static bool
in_class(const char *p, const char *end, unsigned char c)
{
	bool negated = *p == '!' || *p == '^', found = false;
	struct member m;

	for (p += negated; p < end;) {
		/* what ends it counts: `a-]` is no range */
		p = member(p, end + 1, &m);
		/* to git, where a range starts counts even if none does */
		found |= m.named ? c < 0x80 && m.is(c) :
		    c == m.low || (m.low <= c && c <= m.high);
	}
	return c != '/' && found != negated;
}

/* One character of the pattern, no star: bytes of it where it takes c, else
 * 0. */
static size_t
takes(const char *p, const char *pend, unsigned char c)
{
	const char *end;

	switch (*p) {
	case '?':
		return c != '/';
	case '[':
		end = class_end(p + 1, pend);
		return in_class(p + 1, end, c) ? (size_t)(end - p) + 1 : 0;
	case '\\':
		return (unsigned char)p[1] == c ? 2 : 0;
	default:
		return (unsigned char)*p == c;
	}
}

/* The end of `**` that stands for folders: between slashes, or at an end of the
 * pattern.  NULL: p is nothing of that kind. */
static const char *
deep_end(const char *glob, const char *p, const char *pend)
{
	const char *end = p;

	while (end < pend && *end == '*')
		end++;
	return end - p >= 2 && (p == glob || p[-1] == '/') &&
	    (end == pend || *end == '/') ? end : NULL;
}

/*
 * The last star takes more as often as what follows fails; a `*` stops at a
 * slash, and then the last deep one takes another folder.  No more than one of
 * each is ever tried anew, so that the time is bounded by the product of the
 * lengths, squared.
 */
static bool
match(const char *glob, size_t glen, const char *s, size_t slen)
{
	const char *p = glob, *pend = glob + glen, *send = s + slen;
	const char *star = NULL, *star_s = NULL, *deep = NULL, *deep_s = NULL;

	for (;;) {
		const char *end;
		size_t n;

		if ((end = deep_end(glob, p, pend)) != NULL) {
			if (end == pend)	/* all that is below */
				return s < send;
			deep = p = end + 1;
			deep_s = s;
			star = NULL;
			continue;
		}
		if (p < pend && *p == '*') {
			while (p < pend && *p == '*')
				p++;
			star = p;
			star_s = s;
			continue;
		}
		if (p == pend && s == send)
			return true;
		if (p < pend && s < send &&
		    (n = takes(p, pend, (unsigned char)*s)) > 0) {
			p += n;
			s++;
			continue;
		}
		if (star != NULL && star_s < send && *star_s != '/') {
			p = star;
			s = ++star_s;
			continue;
		}
		if (deep == NULL || (deep_s = memchr(deep_s, '/',
		    (size_t)(send - deep_s))) == NULL)
			return false;
		star = NULL;
		p = deep;
		s = ++deep_s;
	}
}

bool
pattern_match(const struct pattern *p, const char *path, size_t len,
    bool folder)
{
	const char *base;

	if (p->folders && !folder)
		return false;
	if (!p->anchored && (base = memrchr(path, '/', len)) != NULL) {
		len -= (size_t)(base + 1 - path);
		path = base + 1;
	}
	if (p->literal == p->len)
		return len == p->len && memcmp(path, p->glob, len) == 0;
	return match(p->glob, p->len, path, len);
}

bool
pattern_below(const struct pattern *p, const char *folder, size_t len)
{
	size_t n = len < p->literal ? len : p->literal;

	if (!p->anchored || len == 0)
		return true;
	if (memcmp(folder, p->glob, n) != 0)
		return false;
	/* what is literal to the end names one path, maybe below */
	return len < p->literal ? p->glob[len] == '/' : p->literal < p->len;
}
