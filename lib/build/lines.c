#include "build/lines.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "build/words.h"

void
lines_release(struct lines *l)
{
	buf_release(&l->text);
}

bool
lines_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

const char *
lines_skip(const char *p)
{
	while (lines_blank(*p))
		p++;
	return p;
}

/* One physical line without its end, CR LF too; false at the end. */
static bool
physical(struct lines *l, const char **start, size_t *len)
{
	const char *eol;

	if (l->p >= l->end)
		return false;
	eol = memchr(l->p, '\n', (size_t)(l->end - l->p));
	*start = l->p;
	*len = (size_t)((eol != NULL ? eol : l->end) - l->p);
	l->p = eol != NULL ? eol + 1 : l->end;
	l->next++;
	if (*len > 0 && (*start)[*len - 1] == '\r')
		--*len;
	return true;
}

static void
trim_left(const char **p, size_t *len)
{
	while (*len > 0 && lines_blank(**p)) {
		(*p)++;
		--*len;
	}
}

/* `# name=value`: the value, and whether the name is the one given. */
static bool
directive(const char *p, size_t len, char name[32], char value[32])
{
	size_t n = 0;

	trim_left(&p, &len);
	if (len == 0 || *p != '#')
		return false;
	p++;
	len--;
	trim_left(&p, &len);
	while (n < len && isalnum((unsigned char)p[n]))
		n++;
	if (n == 0 || n > 31)
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	p += n;
	len -= n;
	trim_left(&p, &len);
	if (len == 0 || *p != '=')
		return false;
	p++;
	len--;
	trim_left(&p, &len);
	while (len > 0 && lines_blank(p[len - 1]))
		len--;
	n = len < 31 ? len : 31;
	memcpy(value, p, n);
	value[n] = '\0';
	return len > 0;
}

int
lines_directives(struct lines *l, struct err *e)
{
	bool seen = false;

	if (l->end - l->p >= 3 && memcmp(l->p, "\xef\xbb\xbf", 3) == 0)
		l->p += 3;
	for (;;) {
		struct lines before = *l;
		char name[32], value[32];
		const char *p;
		size_t len;

		l->line = l->next;
		if (!physical(l, &p, &len) ||
		    !directive(p, len, name, value) ||
		    (strcasecmp(name, "escape") != 0 &&
		    strcasecmp(name, "syntax") != 0 &&
		    strcasecmp(name, "check") != 0)) {
			*l = before;
			return 0;
		}
		if (strcasecmp(name, "escape") != 0)
			continue;
		if (seen)
			return err_set(e, ERR_INPUT, "syntax",
			    "a second escape directive");
		if ((*value != '\\' && *value != '`') || value[1] != '\0')
			return err_set(e, ERR_INPUT, "syntax",
			    "escape is \\ or `, not '%s'", value);
		l->escape = *value;
		seen = true;
	}
}

/*
 * Add a physical line; true if the next one continues it: the escape is the
 * last thing on it but blanks, and not itself escaped.
 */
static bool
add_part(struct lines *l, const char *p, size_t len)
{
	size_t n = len;

	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	if (n == 0 || p[n - 1] != l->escape ||
	    (n > 1 && p[n - 2] == l->escape)) {
		buf_add(&l->text, p, len);
		return false;
	}
	buf_add(&l->text, p, n - 1);
	return true;
}

/* `<<NAME`, `<<-NAME`, `<<"NAME"`, as a word of its own: its name. */
static char *
heredoc_name(const char *p, size_t len, bool *chomp)
{
	while (len > 0 && *p >= '0' && *p <= '9') {
		p++;
		len--;
	}
	if (len < 3 || p[0] != '<' || p[1] != '<' ||
	    memchr(p + 2, '<', len - 2) != NULL)
		return NULL;
	p += 2;
	len -= 2;
	*chomp = *p == '-';
	if (*chomp) {
		p++;
		len--;
	}
	if (len >= 2 && (*p == '"' || *p == '\'') && p[len - 1] == *p) {
		p++;
		len -= 2;
	}
	return len > 0 ? mem_dup(p, len) : NULL;
}

/* Skip the here-document that ends in name. */
static int
skip_heredoc(struct lines *l, const char *name, bool chomp, struct err *e)
{
	const char *p;
	size_t len;

	while (physical(l, &p, &len)) {
		while (chomp && len > 0 && *p == '\t') {
			p++;
			len--;
		}
		if (len == strlen(name) && memcmp(p, name, len) == 0)
			return 0;
	}
	return err_set(e, ERR_INPUT, "heredoc_unterminated",
	    "the here-document '%s' has no end", name);
}

/* Docker looks for here-documents behind these instructions only, and in words
 * that no quote protects. */
static int
skip_heredocs(struct lines *l, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	const char *p = l->text.data;

	if (strncasecmp(p, "ONBUILD", 7) == 0 && lines_blank(p[7]))
		p = lines_skip(p + 7);
	if (strncasecmp(p, "RUN", 3) != 0 && strncasecmp(p, "COPY", 4) != 0 &&
	    strncasecmp(p, "ADD", 3) != 0)
		return 0;
	words_quoted(p, l->escape, &words);
	for (size_t i = 1; i < words.n; i++) {
		const char *word = words.items[i];
		bool chomp = false;
		autofree char *name = heredoc_name(word, strlen(word),
		    &chomp);

		if (name == NULL)
			continue;
		l->heredoc = true;
		if (skip_heredoc(l, name, chomp, e) < 0)
			return -1;
	}
	return 0;
}

int
lines_next(struct lines *l, struct err *e)
{
	const char *p;
	size_t len;
	bool more = false;

	buf_reset(&l->text);
	l->heredoc = false;
	for (;;) {
		bool first = !more;
		int line = l->next;

		if (!physical(l, &p, &len))
			break;
		const char *start = p;
		size_t rest = len;
		trim_left(&start, &rest);
		/* comments and empty lines vanish, inside a continued
		 * instruction too */
		if (rest == 0 || *start == '#')
			continue;
		if (first)
			l->line = line;
		more = first ? add_part(l, start, rest) : add_part(l, p, len);
		if (!more && l->text.len > 0)
			break;
	}
	while (l->text.len > 0 && lines_blank(l->text.data[l->text.len - 1]))
		buf_truncate(&l->text, l->text.len - 1);
	if (l->text.len == 0)
		return 0;
	return skip_heredocs(l, e) < 0 ? -1 : 1;
}
