#include "build/subst.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "build/lines.h"

#define DEPTH_MAX 32	/* of ${a:-${b:-...}} */

struct scan {
	const struct subst *s;
	const char *p;
	struct buf *out;
	struct list *words;	/* NULL: one word */
	bool in_word;
	int depth;
};

static int scan_until(struct scan *c, char stop, struct err *e);

/* What was found; in a list of words, blanks end one where split is true. */
static void
put(struct scan *c, const char *data, size_t len, bool split)
{
	for (size_t i = 0; i < len; i++) {
		if (c->words == NULL || !split || !lines_blank(data[i])) {
			buf_addc(c->out, data[i]);
			c->in_word = true;
		} else if (c->in_word) {
			list_add(c->words, c->out->data);
			buf_reset(c->out);
			c->in_word = false;
		}
	}
}

static size_t
name_len(const char *p)
{
	size_t n = 0;

	if (*p >= '0' && *p <= '9') {
		while (p[n] >= '0' && p[n] <= '9')
			n++;
		return n;
	}
	if (*p != '\0' && strchr("@*#?-$!", *p) != NULL)
		return 1;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* The word of ${x:-word}, up to its brace, into out. */
static int
scan_word(struct scan *c, struct buf *out, struct err *e)
{
	struct scan inner = { c->s, c->p, out, NULL, false, c->depth + 1 };

	if (inner.depth > DEPTH_MAX)
		return err_set(e, ERR_INPUT, "substitution",
		    "substitutions are nested more than %d deep", DEPTH_MAX);
	if (scan_until(&inner, '}', e) < 0)
		return -1;
	c->p = inner.p;
	return 0;
}

/* At the modifier behind the name: choose what ${...} stands for. */
static int
scan_modifier(struct scan *c, const char *name, size_t len, struct buf *out,
    struct err *e)
{
	const char *value = c->s->get(c->s->ctx, name, len);
	bool colon = *c->p == ':', set;
	AUTO(buf_release) struct buf word = BUF_INIT;
	char op;

	if (colon)
		c->p++;
	op = *c->p;
	if (op == '\0')
		return err_set(e, ERR_INPUT, "substitution",
		    "a '}' is missing behind '${%.*s'", (int)len, name);
	if (op != '-' && op != '+' && op != '?')
		return err_set(e, ERR_INPUT, "substitution",
		    "unsupported modifier (%s%c) in a substitution",
		    colon ? ":" : "", op);
	c->p++;
	if (scan_word(c, &word, e) < 0)
		return -1;
	set = value != NULL && (!colon || *value != '\0');
	if (op == '?' && !set)
		return err_set(e, ERR_INPUT, "substitution", "%.*s: %s",
		    (int)len, name, word.len > 0 ? word.data :
		    "not allowed to be unset");
	if (op == '+')
		buf_adds(out, set ? word.data : "");
	else
		buf_adds(out, set ? value : word.data);
	return 0;
}

/* Behind a '$': what it stands for. */
static int
scan_dollar(struct scan *c, struct buf *out, struct err *e)
{
	const char *name = c->p, *value;
	bool brace = *name == '{';
	size_t n;

	if (brace)
		name++;
	n = name_len(name);
	if (n == 0 && !brace) {
		buf_addc(out, '$');
		return 0;
	}
	if (n == 0)
		return err_set(e, ERR_INPUT, "substitution", *name == '\0' ?
		    "a '}' is missing behind '${'" :
		    "a bad substitution: '${' without a name");
	c->p = name + n;
	if (brace && *c->p != '}')
		return scan_modifier(c, name, n, out, e);
	if (brace)
		c->p++;
	if ((value = c->s->get(c->s->ctx, name, n)) != NULL)
		buf_adds(out, value);
	return 0;
}

static int
put_dollar(struct scan *c, bool split, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	c->p++;
	if (scan_dollar(c, &b, e) < 0)
		return -1;
	put(c, b.data, b.len, split);
	return 0;
}

/* In '...' everything is as it is; in "..." `$` counts, and the escape before
 * a quote, a `$` and itself. */
static int
scan_quotes(struct scan *c, char quote, struct err *e)
{
	c->p++;
	c->in_word = true;
	for (; *c->p != quote; ) {
		if (*c->p == '\0')
			return err_set(e, ERR_INPUT, "substitution",
			    "a closing %s is missing", quote == '"' ?
			    "double quote" : "single quote");
		if (quote == '"' && *c->p == '$') {
			if (put_dollar(c, false, e) < 0)
				return -1;
			continue;
		}
		if (quote == '"' && *c->p == c->s->escape && c->p[1] != '\0') {
			if (c->p[1] != '"' && c->p[1] != '$' &&
			    c->p[1] != c->s->escape)
				put(c, c->p, 1, false);
			c->p++;
		}
		put(c, c->p++, 1, false);
	}
	c->p++;
	return 0;
}

/* Up to stop, which is eaten, or to the end of the text for stop '\0'. */
static int
scan_until(struct scan *c, char stop, struct err *e)
{
	while (*c->p != stop) {
		if (*c->p == '\0')
			return err_set(e, ERR_INPUT, "substitution",
			    "a '%c' is missing in a substitution", stop);
		if (*c->p == '$') {
			if (put_dollar(c, true, e) < 0)
				return -1;
		} else if (*c->p == '\'' || *c->p == '"') {
			if (scan_quotes(c, *c->p, e) < 0)
				return -1;
		} else if (*c->p == c->s->escape) {
			if (*++c->p != '\0')
				put(c, c->p++, 1, false);
		} else {
			put(c, c->p++, 1, true);
		}
	}
	if (stop != '\0')
		c->p++;
	return 0;
}

int
subst_word(const struct subst *s, const char *word, struct buf *out,
    struct err *e)
{
	struct scan c = { s, word, out, NULL, false, 0 };

	return scan_until(&c, '\0', e);
}

int
subst_words(const struct subst *s, const char *text, struct list *out,
    struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct scan c = { s, text, &b, out, false, 0 };

	if (scan_until(&c, '\0', e) < 0)
		return -1;
	if (c.in_word)
		list_add(out, b.data);
	return 0;
}
