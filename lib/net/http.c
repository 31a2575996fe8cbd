#include "net/http.h"

#include <string.h>

#include "base/clock.h"
#include "net/http_fields.h"
#include "net/http_rules.h"
#include "net/http_wire.h"

struct http {
	struct http_wire *wire;
	struct http_transfer *live;		/* on their way */
	struct http_transfer *done, **last;	/* not yet handed out */
};

struct http_transfer {
	struct http *http;	/* NULL once it is the caller's */
	struct http_transfer *next;
	struct http_request q;
	struct url first;	/* what was asked for; the current one is the
				   answer's */
	int hops;
	struct http_hop hop;
	struct http_answer answer;
	int result;
	struct err err;
};

void
http_setup(void)
{
	http_wire_setup();
}

struct http *
http_new(const struct http_opts *opts, struct err *e)
{
	struct http_wire *wire = http_wire_new(opts, e);
	struct http *h;

	if (wire == NULL)
		return NULL;
	h = mem_zero(1, sizeof(*h));
	h->wire = wire;
	h->last = &h->done;
	return h;
}

/* Free t, which is in no list. */
static void
discard(struct http_transfer *t)
{
	http_wire_cancel(&t->hop);
	url_release(&t->first);
	http_answer_release(&t->answer);
	free(t);
}

static void
discard_all(struct http_transfer *t)
{
	while (t != NULL) {
		struct http_transfer *next = t->next;

		discard(t);
		t = next;
	}
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	discard_all(h->live);
	discard_all(h->done);
	http_wire_free(h->wire);
	free(h);
}

void
http_answer_release(struct http_answer *a)
{
	url_release(&a->url);
	buf_release(&a->body);
	if (a->fields != NULL)
		http_fields_release(a->fields);
	free(a->fields);
	a->fields = NULL;
}

const char *
http_field(const struct http_answer *a, const char *name, unsigned n)
{
	return a->fields == NULL ? NULL : http_fields_get(a->fields, name, n);
}

/* Take t out of the list at *list. */
static void
unlink_from(struct http_transfer **list, const struct http_transfer *t)
{
	while (*list != NULL && *list != t)
		list = &(*list)->next;
	if (*list != NULL)
		*list = t->next;
}

static void
unlink_done(struct http *h, const struct http_transfer *t)
{
	unlink_from(&h->done, t);
	h->last = &h->done;
	while (*h->last != NULL)
		h->last = &(*h->last)->next;
}

static void
finish(struct http_transfer *t, int result)
{
	struct http *h = t->http;

	t->result = result;
	unlink_from(&h->live, t);
	t->next = NULL;
	*h->last = t;
	h->last = &t->next;
}

static int
fail(struct http_transfer *t, enum err_kind kind, const char *code,
    const char *what)
{
	autofree char *shown = url_redact(t->answer.url.text, NULL);

	err_set(&t->err, kind, code, "'%s' %s", shown, what);
	err_set_path(&t->err, shown);
	return -1;
}

/* Go where the answer sends us. */
static int
follow(struct http_transfer *t)
{
	struct http_take *take = &t->hop.take;
	struct url to = URL_INIT;
	const char *method;

	if (++t->hops > HTTP_REDIRECTS_MAX)
		return fail(t, ERR_CHECK, "redirect_loop",
		    "is the last of too many redirects");
	t->hop.guarded = !t->hop.private;
	if (http_rules_follow(&t->answer.url, http_field(&t->answer,
	    "Location", 0), t->hop.guarded, &to, &t->err) < 0)
		return -1;
	url_release(&t->answer.url);
	t->answer.url = to;
	/* once away, secrets do not come back with a redirect home */
	t->answer.moved = t->answer.moved || !url_same_origin(&t->first, &to);
	method = http_rules_method(t->answer.status, take->method);
	t->hop.body = t->hop.body && method == take->method;
	if (t->hop.body && http_easy_rewind(&t->hop) < 0)
		return fail(t, ERR_SYS, "connection",
		    "is a redirect's, and what was sent can't be sent again");
	take->method = method;
	http_wire_send(t->http->wire, &t->hop);
	return 0;
}

/* Drive all transfers; wait for timeout_ms at most if there is no news. */
static void
pump(struct http *h, int timeout_ms)
{
	struct http_hop *p;
	bool idle = true;
	int result = 0;

	while ((p = http_wire_next(h->wire, &result)) != NULL) {
		struct http_transfer *t = p->owner;

		idle = false;
		if (result < 0 || !p->take.redirect)
			finish(t, result);
		else if (follow(t) < 0)
			finish(t, -1);
	}
	if (idle && h->live != NULL && timeout_ms > 0)
		http_wire_poll(h->wire, timeout_ms);
}

/* Methods whose request says how long its body is even where it has none
 * (RFC 9110, 8.6). */
static bool
means_body(const char *method)
{
	return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
	    strcmp(method, "PATCH") == 0;
}

static int
prepare(struct http_transfer *t)
{
	struct http_request *q = &t->q;
	bool body = q->upload_size >= 0;

	t->hop.take = (struct http_take){ .q = q, .answer = &t->answer,
	    .err = &t->err };
	t->hop.take.method = q->method != NULL ? q->method :
	    body ? "PUT" : "GET";
	if (!body && means_body(t->hop.take.method)) {
		body = true;
		q->upload_size = 0;
	}
	t->hop.owner = t;
	t->hop.body = body;
	t->hop.deadline = q->total_s > 0 ? clock_monotonic() + q->total_s : 0;
	if (http_rules_check(q, &t->err) < 0 ||
	    url_parse(&t->first, q->url, &t->err) < 0 ||
	    url_parse(&t->answer.url, t->first.text, &t->err) < 0)
		return -1;
	if (*t->first.host == '\0')
		return err_set(&t->err, ERR_INPUT, "url_invalid",
		    "a file URL can't be asked for over the network");
	return 0;
}

struct http_transfer *
http_start(struct http *h, const struct http_request *q)
{
	struct http_transfer *t = mem_zero(1, sizeof(*t));

	t->http = h;
	t->q = *q;
	buf_init(&t->answer.body);
	err_init(&t->err);
	t->next = h->live;
	h->live = t;
	if (prepare(t) < 0)
		finish(t, -1);
	else
		http_wire_send(h->wire, &t->hop);
	return t;
}

struct http_transfer *
http_wait(struct http *h, int timeout_ms)
{
	double end = clock_monotonic() + timeout_ms / 1000.0;
	struct http_transfer *t;

	while (h->done == NULL && h->live != NULL) {
		double left = (end - clock_monotonic()) * 1000;

		if (timeout_ms < 0 || left > 1000)
			left = 1000;
		pump(h, left > 0 ? (int)left + 1 : 0);
		if (left <= 0)
			break;
	}
	if ((t = h->done) == NULL)
		return NULL;
	unlink_done(h, t);
	t->http = NULL;
	return t;
}

int
http_result(struct http_transfer *t, struct http_answer **a, struct err *e)
{
	if (t->result < 0) {
		*e = t->err;
		return -1;
	}
	*a = &t->answer;
	return 0;
}

void *
http_ctx(const struct http_transfer *t)
{
	return t->q.ctx;
}

void
http_transfer_free(struct http_transfer *t)
{
	if (t == NULL)
		return;
	if (t->http != NULL) {
		unlink_from(&t->http->live, t);
		unlink_done(t->http, t);
	}
	discard(t);
}

static bool
is_live(const struct http *h, const struct http_transfer *t)
{
	const struct http_transfer *x = h->live;

	while (x != NULL && x != t)
		x = x->next;
	return x != NULL;
}

int
http_do(struct http *h, const struct http_request *q, struct http_answer *a,
    struct err *e)
{
	struct http_transfer *t = http_start(h, q);
	int result;

	while (is_live(h, t))
		pump(h, 1000);
	result = t->result;
	if (result < 0) {
		*e = t->err;
	} else {
		*a = t->answer;
		t->answer = (struct http_answer){ .body = BUF_INIT };
	}
	http_transfer_free(t);
	return result;
}
