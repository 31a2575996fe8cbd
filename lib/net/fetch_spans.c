#include "net/fetch_spans.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

void
fetch_spans_release(struct fetch_spans *s)
{
	free(s->span);
	*s = (struct fetch_spans)FETCH_SPANS_INIT;
}

void
fetch_spans_clear(struct fetch_spans *s)
{
	s->count = 0;
}

void
fetch_spans_add(struct fetch_spans *s, int64_t from, int64_t to)
{
	size_t first = 0, end;

	while (first < s->count && s->span[first].to < from)
		first++;
	for (end = first; end < s->count && s->span[end].from <= to; end++) {
		from = s->span[end].from < from ? s->span[end].from : from;
		to = s->span[end].to > to ? s->span[end].to : to;
	}
	if (end == first)
		mem_grow(&s->span, &s->cap, s->count, sizeof(*s->span));
	/* those from first to end become one */
	memmove(s->span + first + 1, s->span + end,
	    (s->count - end) * sizeof(*s->span));
	s->count = s->count - (end - first) + 1;
	s->span[first] = (struct fetch_spans_span){ from, to };
}

int64_t
fetch_spans_prefix(const struct fetch_spans *s)
{
	return s->count > 0 && s->span[0].from == 0 ? s->span[0].to : 0;
}

int64_t
fetch_spans_total(const struct fetch_spans *s)
{
	int64_t total = 0;

	for (size_t i = 0; i < s->count; i++)
		total += s->span[i].to - s->span[i].from;
	return total;
}

bool
fetch_spans_gap(const struct fetch_spans *s, int64_t from, int64_t end,
    struct fetch_spans_span *gap)
{
	gap->from = from;
	gap->to = end;
	for (size_t i = 0; i < s->count; i++) {
		if (s->span[i].to <= gap->from)
			continue;
		if (s->span[i].from > gap->from) {
			if (s->span[i].from < end)
				gap->to = s->span[i].from;
			break;
		}
		gap->from = s->span[i].to;
	}
	return gap->from < gap->to;
}

void
fetch_spans_print(const struct fetch_spans *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++)
		buf_addf(out, "%s%" PRId64 "-%" PRId64, i > 0 ? " " : "",
		    s->span[i].from, s->span[i].to);
}

/* Digits up to `end`; moves *p behind it. */
static bool
number(const char **p, char end, int64_t *value)
{
	*value = 0;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (*value > (INT64_MAX - 9) / 10)
			return false;
		*value = *value * 10 + (**p - '0');
	}
	if (**p == end)
		(*p)++;
	else if (**p != '\0' || end == '-')
		return false;
	return true;
}

bool
fetch_spans_parse(struct fetch_spans *s, const char *text)
{
	int64_t last = -1, from, to;

	fetch_spans_clear(s);
	while (*text != '\0') {
		if (!number(&text, '-', &from) || !number(&text, ' ', &to) ||
		    from <= last || to <= from)
			return false;
		fetch_spans_add(s, from, to);
		last = to;
	}
	return true;
}
