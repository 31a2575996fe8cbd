#include "net/http_take.h"

#include <stdio.h>
#include <string.h>

#include "net/http_fields.h"
#include "net/http_rules.h"

void
http_take_start(struct http_take *t)
{
	struct http_answer *a = t->answer;

	if (a->fields == NULL) {
		a->fields = mem_zero(1, sizeof(struct http_fields));
		buf_init(&((struct http_fields *)a->fields)->text);
	}
	http_fields_reset(a->fields);
	buf_reset(&a->body);
	a->status = 0;
	a->length = -1;
	t->head_bytes = 0;
	t->received = 0;
	t->complete = t->redirect = t->wanted = t->enough = false;
}

static int
fail(struct http_take *t, enum err_kind kind, const char *code,
    const char *what)
{
	autofree char *shown = url_redact(t->answer->url.text, NULL);

	err_set(t->err, kind, code, "'%s' %s", shown, what);
	err_set_path(t->err, shown);
	return -1;
}

static int
too_large(struct http_take *t, int64_t max)
{
	char number[32];

	fail(t, ERR_CHECK, "too_large", "has more bytes than are allowed");
	snprintf(number, sizeof(number), "%lld", (long long)max);
	err_set_values(t->err, number, "more");
	return -1;
}

/* Most bytes of the body; -1: any number, what is over is cut at the most. */
static int64_t
limit(const struct http_take *t)
{
	if (t->redirect || (!t->wanted &&
	    (t->q->data != NULL || t->answer->status / 100 != 2)))
		return -1;
	if (t->q->max > 0)
		return t->q->max;
	return t->wanted ? -1 : HTTP_BODY_MAX;
}

static bool
has_body(const struct http_take *t)
{
	return strcmp(t->method, "HEAD") != 0 && t->answer->status != 204 &&
	    t->answer->status != 304;
}

/* The empty line after a head. */
static int
end_of_head(struct http_take *t)
{
	struct http_answer *a = t->answer;
	int64_t max;
	int want;

	if (a->status < 200)
		return 0;
	t->complete = true;
	a->length = http_fields_length(a->fields);
	if (a->length < -1)
		return fail(t, ERR_SYS, "connection",
		    "answers with a Content-Length that is no number, or two");
	t->redirect = !t->q->no_follow && http_rules_redirects(a->status) &&
	    http_field(a, "Location", 0) != NULL;
	if (t->redirect)
		return 0;
	want = t->q->head == NULL ? a->status / 100 == 2 :
	    t->q->head(t->q->ctx, a, t->err);
	if (want < 0)
		return -1;
	t->wanted = want > 0 && t->q->data != NULL;
	max = limit(t);
	if (max >= 0 && a->length > max && has_body(t))
		return too_large(t, max);
	return 0;
}

/* The status of "HTTP/1.1 200 OK"; 0 where there is none. */
static int
status_of(const char *line, size_t len)
{
	const char *p = memchr(line, ' ', len);
	int status = 0;

	if (p == NULL || len - (size_t)(p - line) < 4)
		return 0;
	for (int i = 1; i <= 3; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		status = status * 10 + (p[i] - '0');
	}
	return status;
}

int
http_take_line(struct http_take *t, const char *line, size_t len)
{
	struct http_answer *a = t->answer;

	t->head_bytes += len;
	if (t->head_bytes > HTTP_TAKE_HEAD_MAX)
		return fail(t, ERR_CHECK, "too_large",
		    "answers with over 256 KiB of header fields");
	if (t->complete)
		return 0;	/* a trailer */
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		/* an interim answer's fields are not the final one's */
		http_fields_reset(a->fields);
		a->status = status_of(line, len);
		return 0;
	}
	if (len == 0 || *line == '\r' || *line == '\n')
		return end_of_head(t);
	if (http_fields_add(a->fields, line, len) < 0)
		return fail(t, ERR_SYS, "connection",
		    "answers with a NUL in a header field");
	return 0;
}

int
http_take_body(struct http_take *t, const void *data, size_t len)
{
	int64_t max = limit(t), before = t->received;

	t->received += (int64_t)len;
	if (max >= 0 && t->received > max)
		return too_large(t, max);
	if (t->wanted)
		return t->q->data(t->q->ctx, data, len, t->err) < 0 ? -1 : 0;
	if (max < 0 && t->received >= HTTP_TAKE_CUT) {
		t->enough = true;
		len = (size_t)(HTTP_TAKE_CUT - before);
	}
	if (!t->redirect)
		buf_add(&t->answer->body, data, len);
	return t->enough ? -1 : 0;
}
