#include "build/glob.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum kind {
	CHAR,		/* c */
	ANY,		/* one character but '/' */
	STAR,		/* any number of them */
	ALL,		/* any number of any: `**` at the end, `**.pyc` */
	DIRS,		/* nothing, or anything that ends in '/': `**` */
	CLASS,		/* ranges first .. first + count, or not in them */
};

struct range {
	uint32_t lo, hi;
};

struct token {
	enum kind kind;
	uint32_t c;
	size_t first, count;	/* of ranges */
	bool negated;
};

struct glob {
	struct token *tokens;
	size_t ntokens, tokens_cap;
	struct range *ranges;
	size_t nranges, ranges_cap;
};

/* The character at *p, which moves behind it; a byte that is no UTF-8 stands
 * for itself, beyond all characters. */
static uint32_t
next_char(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *s = *p;
	size_t n = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 1;
	uint32_t c;

	if (*s < 0x80) {
		(*p)++;
		return *s;
	}
	if (n == 1 || (size_t)(end - s) < n)
		goto byte;
	c = *s & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			goto byte;
		c = c << 6 | (s[i] & 0x3f);
	}
	*p += n;
	return c;
byte:
	(*p)++;
	return 0x110000 + *s;
}

static struct token *
add(struct glob *g, enum kind kind, uint32_t c)
{
	struct token *t;

	mem_grow(&g->tokens, &g->tokens_cap, g->ntokens, sizeof(*g->tokens));
	t = &g->tokens[g->ntokens++];
	*t = (struct token){ .kind = kind, .c = c };
	return t;
}

/* One end of a range; false where Go says "bad pattern". */
static bool
range_end(const unsigned char **p, const unsigned char *end, uint32_t *c)
{
	if (*p == end || **p == '-' || **p == ']')
		return false;
	if (**p == '\\' && ++*p == end)
		return false;
	*c = next_char(p, end);
	return *p < end;
}

static bool
add_class(struct glob *g, const unsigned char **p, const unsigned char *end)
{
	struct token *t = add(g, CLASS, 0);

	t->first = g->nranges;
	if (*p < end && **p == '^') {
		t->negated = true;
		(*p)++;
	}
	while (*p < end && (**p != ']' || t->count == 0)) {
		struct range r;

		if (!range_end(p, end, &r.lo))
			return false;
		r.hi = r.lo;
		if (**p == '-' && (++*p, !range_end(p, end, &r.hi)))
			return false;
		mem_grow(&g->ranges, &g->ranges_cap, g->nranges,
		    sizeof(*g->ranges));
		g->ranges[g->nranges++] = r;
		t->count++;
	}
	if (*p == end)
		return false;
	(*p)++;
	return true;
}

/* No character up to end has a meaning of its own. */
static bool
plain(const unsigned char *p, const unsigned char *end)
{
	while (p < end && strchr("*?[]\\", *p) == NULL)
		p++;
	return p == end;
}

/*
 * `**`, with a slash behind it eaten (moby/patternmatcher's reading).  One that
 * starts a pattern without further wildcards goes over any text, so that
 * `**.pyc` matches whatever ends in that.
 */
static void
add_deep(struct glob *g, const unsigned char **p, const unsigned char *end)
{
	bool suffix = g->ntokens == 0;

	(*p)++;
	suffix = suffix && plain(*p, end);
	if (*p < end && **p == '/') {
		suffix = false;
		(*p)++;
	}
	add(g, suffix || *p == end ? ALL : DIRS, 0);
}

struct glob *
glob_new(const char *pattern, size_t len, int flags)
{
	struct glob *g = mem_zero(1, sizeof(*g));
	const unsigned char *p = (const unsigned char *)pattern;
	const unsigned char *end = p + len;
	bool ok = true;

	while (ok && p < end) {
		switch (*p) {
		case '*':
			p++;
			if ((flags & GLOB_DEEP) && p < end && *p == '*')
				add_deep(g, &p, end);
			else
				add(g, STAR, 0);
			break;
		case '?':
			p++;
			add(g, ANY, 0);
			break;
		case '[':
			p++;
			ok = add_class(g, &p, end);
			break;
		case '\\':
			ok = ++p < end;
			if (!ok)
				break;
			/* fallthrough */
		default:
			add(g, CHAR, next_char(&p, end));
		}
	}
	if (ok)
		return g;
	glob_free(g);
	return NULL;
}

void
glob_free(struct glob *g)
{
	if (g == NULL)
		return;
	free(g->tokens);
	free(g->ranges);
	free(g);
}

static bool
in_class(const struct glob *g, const struct token *t, uint32_t c)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct range *r = &g->ranges[t->first + i];

		if (c >= r->lo && c <= r->hi)
			return !t->negated;
	}
	return t->negated;
}

/*
 * The states a name can be in are the tokens that may come next.  DIRS has two
 * (before it, and inside what ends in '/'), so state 2i is "at token i" and
 * 2i + 1 "inside the DIRS at i".
 */
static void
enter(const struct glob *g, bool *states, size_t i)
{
	for (;; i++) {
		states[2 * i] = true;
		if (i == g->ntokens || (g->tokens[i].kind != STAR &&
		    g->tokens[i].kind != ALL && g->tokens[i].kind != DIRS))
			return;
	}
}

static void
step(const struct glob *g, const bool *from, bool *to, uint32_t c)
{
	for (size_t i = 0; i < g->ntokens; i++) {
		const struct token *t = &g->tokens[i];

		if (!from[2 * i] && !from[2 * i + 1])
			continue;
		switch (t->kind) {
		case CHAR:
			if (c == t->c)
				enter(g, to, i + 1);
			break;
		case ANY:
			if (c != '/')
				enter(g, to, i + 1);
			break;
		case STAR:
			if (c != '/')
				enter(g, to, i);
			break;
		case ALL:
			enter(g, to, i);
			break;
		case DIRS:
			to[2 * i + 1] = true;
			if (c == '/')
				enter(g, to, i + 1);
			break;
		case CLASS:
			if (c != '/' && in_class(g, t, c))
				enter(g, to, i + 1);
			break;
		}
	}
}

bool
glob_match(const struct glob *g, const char *name, size_t len)
{
	size_t n = 2 * (g->ntokens + 1);
	bool small[512], *states = 2 * n <= sizeof(small) ? small :
	    mem_alloc(2 * n);
	bool *from = states, *to = states + n, *swap, found;
	const unsigned char *p = (const unsigned char *)name;
	const unsigned char *end = p + len;

	memset(from, 0, n);
	enter(g, from, 0);
	while (p < end) {
		memset(to, 0, n);
		step(g, from, to, next_char(&p, end));
		swap = from;
		from = to;
		to = swap;
	}
	found = from[2 * g->ntokens];
	if (states != small)
		free(states);
	return found;
}

bool
glob_special(const char *str)
{
	return strpbrk(str, "*?[\\") != NULL;
}
