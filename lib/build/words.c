#include "build/words.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "build/lines.h"
#include "record/json.h"

struct strings {
	struct list *out;
	bool other;		/* something else than strings is in it */
};

static int
on_event(void *ctx, const struct json_event *ev, struct err *e)
{
	struct strings *s = ctx;

	(void)e;
	if (ev->depth == 0)
		s->other |= ev->type != JSON_ARRAY &&
		    ev->type != JSON_END_ARRAY;
	else if (ev->type == JSON_STRING)
		list_add(s->out, ev->text);
	else
		s->other = true;
	return 0;
}

int
words_json(const char *text, struct list *out, struct err *e)
{
	struct strings s = { out, false };
	struct json *j;
	struct err ignored;
	bool ok;

	if (*text != '[')
		return 0;
	j = json_new(on_event, &s);
	ok = json_feed(j, text, strlen(text), &ignored) == 0 &&
	    json_finish(j, &ignored) == 0;
	json_free(j);
	if (!ok) {
		list_release(out);
		return 0;
	}
	if (s.other)
		return err_set(e, ERR_INPUT, "syntax",
		    "a JSON array here holds strings only: %s", text);
	return 1;
}

void
words_split(const char *text, struct list *out)
{
	for (text = lines_skip(text); *text != '\0'; text = lines_skip(text)) {
		size_t n = 0;

		while (text[n] != '\0' && !lines_blank(text[n]))
			n++;
		list_take(out, mem_dup(text, n));
		text += n;
	}
}

/* The end of the word at p. */
static const char *
word_end(const char *p, char escape)
{
	char quote = '\0';

	for (; *p != '\0' && (quote != '\0' || !lines_blank(*p)); p++) {
		if (*p == escape && quote != '\'') {
			if (*++p == '\0')
				break;
		} else if (quote != '\0') {
			if (*p == quote)
				quote = '\0';
		} else if (*p == '"' || *p == '\'') {
			quote = *p;
		}
	}
	return p;
}

void
words_quoted(const char *text, char escape, struct list *out)
{
	for (text = lines_skip(text); *text != '\0'; text = lines_skip(text)) {
		const char *end = word_end(text, escape);

		list_take(out, mem_dup(text, (size_t)(end - text)));
		text = end;
	}
}
