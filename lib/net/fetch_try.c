#include "net/fetch_try.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/fetch_answer.h"
#include "net/retry.h"

#define RANGE_MIN ((int64_t)4 << 20)
#define RANGE_MAX ((int64_t)8 << 20)
#define FIELDS_MAX 4
#define HEAD_MS 5	/* between looks for the first answer's head */

/* One request. */
struct slot {
	struct run *run;
	struct http_request q;
	struct http_transfer *x;	/* owned; NULL: free */
	bool first;		/* the try's first request */
	bool whole;		/* the answer is the file from its start */
	int64_t next, end;	/* bytes next <= n < end are to come; end is
				   INT64_MAX while nobody knows */
	const char *fields[FIELDS_MAX + 1];
	char *owned[FIELDS_MAX];
};

/* One call of fetch_try_run. */
struct run {
	struct fetch_try *t;
	struct slot slots[FETCH_TRY_CONNECTIONS_MAX];
	int active, most;	/* requests on their way; the most so far */
	int64_t cursor;		/* ranges below are handed out */
	int64_t range;		/* bytes of one */
	bool answered;		/* the first request has its answer's head */
	bool ranges;		/* more may be asked for */
	bool begun;		/* the first bytes are those of `kind` */
	bool again;		/* not a failure: ask for the whole instead */
};

static int
protocol(struct fetch_try *t, struct err *e, const char *what)
{
	err_set(e, ERR_SYS, "protocol", "cannot fetch %s: %s", t->shown, what);
	err_set_path(e, t->shown);
	return -1;
}

/* Ask for the whole file at once instead. */
static int
no_ranges(struct slot *s, const char *why, struct err *e)
{
	s->run->again = s->run->t->whole_only = true;
	return protocol(s->run->t, e, why);
}

/*
 * What the head of an answer says
 */

static int
not_an_archive(struct fetch_try *t, const char *found, struct err *e)
{
	err_set(e, ERR_SYS, "not_an_archive", "%s gives no %s archive, as its "
	    "name promises, but %s", t->shown, fetch_kind_name(t->kind),
	    found);
	err_set_path(e, t->shown);
	err_set_values(e, fetch_kind_name(t->kind), found);
	return -1;
}

/* length is what the server says that the file has, or -1. */
static int
check_length(struct fetch_try *t, const struct http_answer *a, int64_t length,
    struct err *e)
{
	autofree char *want = mem_fmt("%lld", (long long)t->size);
	autofree char *have = mem_fmt("%lld", (long long)length);

	if (length > t->max) {
		err_set(e, ERR_CHECK, "too_large", "%s has %s bytes, and %lld "
		    "are allowed (--max-bytes)", t->shown, have,
		    (long long)t->max);
		err_set_path(e, t->shown);
		return -1;
	}
	if (length < 0 || t->size < 0 || length == t->size)
		return 0;
	/* a server that sends its error pages as good answers may recover */
	if (t->kind != NULL && fetch_answer_is_page(a))
		return not_an_archive(t, http_field(a, "Content-Type", 0), e);
	err_set(e, ERR_CHECK, "size_mismatch", "%s has %s bytes, not %s",
	    t->shown, have, want);
	err_set_path(e, t->shown);
	err_set_values(e, want, have);
	return -1;
}

/* The file is not the one that a part is there of. */
static int
changed(struct fetch_try *t, struct err *e)
{
	if (fetch_part_reset(t->part, e) < 0)
		return -1;
	err_set(e, ERR_SYS, "content_changed", "cannot fetch %s: the file "
	    "changed on the server meanwhile", t->shown);
	err_set_path(e, t->shown);
	return -1;
}

/* The rest of a file that has no validator can't be asked for by itself: the
 * digest alone would tell what it belongs to. */
static int
first_range(struct slot *s, struct fetch_part_version *v, struct err *e)
{
	struct fetch_try *t = s->run->t;
	bool more = s->end < v->length, safe = v->strong || t->digest_known;

	if (more && !safe)
		return no_ranges(s, "no validator", e);
	s->run->ranges = true;
	s->run->range = v->length / (4 * (int64_t)t->connections);
	if (s->run->range < RANGE_MIN)
		s->run->range = RANGE_MIN;
	if (s->run->range > RANGE_MAX)
		s->run->range = RANGE_MAX;
	return fetch_part_adopt(t->part, v, e);
}

static int
head_part(struct slot *s, struct http_answer *a, struct err *e)
{
	AUTO(fetch_part_version_release) struct fetch_part_version v =
	    FETCH_PART_VERSION_INIT;
	struct fetch_try *t = s->run->t;
	struct fetch_answer_range r;
	int64_t want_end;

	if (!fetch_answer_range(a, &r) || r.first != s->next || r.total < 0)
		return no_ranges(s, "its Content-Range is not what was asked "
		    "for", e);
	want_end = s->end < r.total ? s->end : r.total;
	if (r.last + 1 != want_end ||
	    (a->length >= 0 && a->length != want_end - s->next))
		return no_ranges(s, "the part that it sends has not the "
		    "length that was asked for", e);
	if (check_length(t, a, r.total, e) < 0)
		return -1;
	fetch_answer_version(a, r.total, &v);
	s->end = want_end;
	if (fetch_part_have(t->part) == 0 && s->first)
		return first_range(s, &v, e);
	if (t->part->version.length < 0)	/* it was not known */
		fetch_part_set_length(t->part, r.total);
	if (!fetch_answer_same(&t->part->version, &v))
		return changed(t, e);
	v.strong = t->part->version.strong;
	return s->first ? first_range(s, &v, e) : 0;
}

/* 200: the whole file, whatever was asked for. */
static int
head_whole(struct slot *s, struct http_answer *a, struct err *e)
{
	AUTO(fetch_part_version_release) struct fetch_part_version v =
	    FETCH_PART_VERSION_INIT;
	struct fetch_try *t = s->run->t;

	if (!s->first)	/* the first was told otherwise */
		return changed(t, e);
	if (check_length(t, a, a->length, e) < 0)
		return -1;
	fetch_answer_version(a, a->length, &v);
	if (fetch_part_have(t->part) > 0 && fetch_part_reset(t->part, e) < 0)
		return -1;
	s->whole = true;
	s->next = 0;
	s->end = a->length >= 0 ? a->length : INT64_MAX;
	return fetch_part_adopt(t->part, &v, e);
}

static int
on_head(void *ctx, struct http_answer *a, struct err *e)
{
	struct slot *s = ctx;

	s->run->answered = true;
	if (a->status == 206 && s->q.first >= 0)
		return head_part(s, a, e) < 0 ? -1 : 1;
	if (a->status == 200)
		return head_whole(s, a, e) < 0 ? -1 : 1;
	return 0;
}

/*
 * Bytes
 */

/* Is it what the name promises?  Once enough is there, so that nobody waits for
 * the rest of it.  Where a digest is known, that decides at the end. */
static int
check_begin(struct run *r, struct err *e)
{
	struct fetch_try *t = r->t;
	char data[FETCH_KIND_BYTES], shown[64];
	autofree char *found = NULL;
	ssize_t n;

	if (r->begun || t->kind == NULL || t->digest_known ||
	    fetch_part_prefix(t->part) < FETCH_KIND_BYTES)
		return 0;
	r->begun = true;
	if ((n = pread(t->part->fd, data, sizeof(data), 0)) < 0)
		return err_sys(e, "cannot read the download back");
	if (fetch_kind_begins(t->kind, data, (size_t)n))
		return 0;
	fetch_kind_show(data, (size_t)n, shown);
	found = mem_fmt("'%s'", shown);
	if (fetch_part_reset(t->part, e) < 0)
		return -1;
	return not_an_archive(t, found, e);
}

static int
on_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct slot *s = ctx;
	struct fetch_try *t = s->run->t;

	if ((int64_t)len > s->end - s->next)
		return protocol(t, e, "it sends more than it said");
	if (s->next + (int64_t)len > t->max)
		return check_length(t, NULL, s->next + (int64_t)len, e);
	if (fetch_part_write(t->part, data, len, s->next, e) < 0)
		return -1;
	s->next += (int64_t)len;
	return check_begin(s->run, e);
}

/*
 * Requests
 */

static void
field(struct slot *s, const char *name, const char *value)
{
	for (int i = 0; i < FIELDS_MAX; i++) {
		if (s->owned[i] != NULL)
			continue;
		s->owned[i] = mem_fmt("%s: %s", name, value);
		s->fields[i] = s->owned[i];
		return;
	}
}

/* Ask for [from, to), or for all of it where to is 0. */
static void
slot_start(struct slot *s, int64_t from, int64_t to)
{
	const struct fetch_try *t = s->run->t;
	const struct fetch_part_version *v = &t->part->version;

	memset(s->fields, 0, sizeof(s->fields));
	memset(s->owned, 0, sizeof(s->owned));
	s->whole = false;
	s->next = from;
	s->end = to > 0 ? to : INT64_MAX;
	if (t->accept != NULL)
		field(s, "Accept", t->accept);
	if (to > 0 && v->strong)
		field(s, "If-Range", v->etag != NULL ? v->etag :
		    v->last_modified);
	if (s->first && t->if_none_match != NULL)
		field(s, "If-None-Match", t->if_none_match);
	else if (s->first && t->if_modified_since != NULL)
		field(s, "If-Modified-Since", t->if_modified_since);
	s->q = (struct http_request)HTTP_REQUEST_INIT;
	s->q.url = t->url;
	s->q.authorization = t->authorization;
	s->q.headers = t->headers;
	s->q.plain = s->fields;
	if (to > 0) {
		s->q.first = from;
		s->q.last = to - 1;
	}
	s->q.head = on_head;
	s->q.data = on_data;
	s->q.ctx = s;
	s->x = http_start(t->http, &s->q);
	s->run->active++;
}

static void
slot_stop(struct slot *s)
{
	if (s->x == NULL)
		return;
	http_transfer_free(s->x);
	s->x = NULL;
	for (int i = 0; i < FIELDS_MAX; i++)
		free(s->owned[i]);
	s->run->active--;
}

/* What is there already can be gone on with only where it is sure to be of the
 * same file: else it is forgotten. */
static int
start_first(struct run *r, struct err *e)
{
	struct fetch_try *t = r->t;
	struct slot *s = &r->slots[0];
	struct fetch_spans_span gap;

	s->first = true;
	if (fetch_part_have(t->part) > 0 &&
	    (t->whole_only || !t->part->version.strong) &&
	    fetch_part_reset(t->part, e) < 0)
		return -1;
	if (t->whole_only) {
		slot_start(s, 0, 0);
		return 0;
	}
	if (!fetch_part_gap(t->part, 0, &gap))
		return 1;	/* it is whole; only the end was missing */
	if (gap.to - gap.from > RANGE_MAX)
		gap.to = gap.from + RANGE_MAX;
	r->cursor = gap.to;
	slot_start(s, gap.from, gap.to);
	return 0;
}

static void
start_more(struct run *r)
{
	struct fetch_try *t = r->t;
	struct fetch_spans_span gap;

	for (int i = 0; i < t->connections && r->ranges; i++) {
		if (r->slots[i].x != NULL)
			continue;
		if (!fetch_part_gap(t->part, r->cursor, &gap)) {
			r->ranges = false;
			break;
		}
		if (gap.to - gap.from > r->range)
			gap.to = gap.from + r->range;
		r->cursor = gap.to;
		r->slots[i].first = false;
		slot_start(&r->slots[i], gap.from, gap.to);
	}
	if (r->active > r->most)
		r->most = r->active;
	if (r->active > t->used)
		t->used = r->active;
}

/* 416: what was asked for lies behind the end (RFC 9110, 15.5.17). */
static int
past_end(struct slot *s, const struct http_answer *a, struct err *e)
{
	struct fetch_try *t = s->run->t;
	struct fetch_answer_range r;

	if (fetch_answer_range(a, &r) && r.first < 0 && r.total > 0 &&
	    r.total == fetch_part_prefix(t->part) &&
	    r.total == fetch_part_have(t->part)) {
		fetch_part_set_length(t->part, r.total);
		s->end = s->next;
		return 0;
	}
	return no_ranges(s, "it has no such range", e);
}

/* The transfer of s is done: 1 goes on, 0 not modified, -1. */
static int
slot_done(struct slot *s, struct err *e)
{
	struct fetch_try *t = s->run->t;
	struct http_answer *a;

	if (http_result(s->x, &a, e) < 0)
		return -1;
	if (a->status == 304 && s->first &&
	    (t->if_none_match != NULL || t->if_modified_since != NULL))
		return 0;
	if (a->status == 416 && s->q.first >= 0)
		return past_end(s, a, e) < 0 ? -1 : 1;
	if (a->status != 200 && a->status != 206)
		return retry_status(a, "cannot fetch", &t->wait, e);
	if (s->whole && s->end == INT64_MAX) {
		fetch_part_set_length(t->part, s->next);
		s->end = s->next;
		if (check_length(t, a, s->next, e) < 0)
			return -1;
	}
	if (s->next != s->end) {
		err_set(e, ERR_SYS, "connection", "cannot fetch %s: the body "
		    "is shorter than was said", t->shown);
		err_set_path(e, t->shown);
		return -1;
	}
	return 1;
}

/* What comes over the other connections is good all the same: where it is one
 * that broke, they are listened to until they end, but no more are made. */
static bool
others_go_on(const struct run *r, const struct err *e)
{
	static const char *const codes[] = { "connection", "timeout",
	    "stalled", "rate_limited", "http_status" };

	for (size_t i = 0; e->kind == ERR_SYS && !r->again && i <
	    sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return false;
}

static int
run_transfers(struct run *r, struct err *e)
{
	struct http_transfer *x;
	struct err now;
	struct slot *s;
	bool broken = false;
	int rc;

	while (r->active > 0) {
		x = http_wait(r->t->http, r->answered ? -1 : HEAD_MS);
		if (x != NULL) {
			s = http_ctx(x);
			rc = slot_done(s, &now);
			slot_stop(s);
			if (rc == 0)
				return 0;
			if (rc < 0 && (!broken || !others_go_on(r, &now)))
				*e = now;
			if (rc < 0 && !others_go_on(r, &now))
				return -1;
			broken = broken || rc < 0;
		}
		if (r->ranges && !broken)
			start_more(r);
	}
	return broken ? -1 : 1;
}

static int
run_once(struct fetch_try *t, bool *again, struct err *e)
{
	struct run r = { .t = t };
	int rc;

	for (int i = 0; i < FETCH_TRY_CONNECTIONS_MAX; i++)
		r.slots[i].run = &r;
	if ((rc = start_first(&r, e)) == 0) {
		if (t->used == 0)
			t->used = 1;
		rc = run_transfers(&r, e);
	}
	/* a server may allow fewer connections than we make */
	if (rc < 0 && r.most > 1 && t->connections > 1)
		t->connections /= 2;
	for (int i = 0; i < FETCH_TRY_CONNECTIONS_MAX; i++)
		slot_stop(&r.slots[i]);
	*again = rc < 0 && r.again;
	return rc;
}

int
fetch_try_run(struct fetch_try *t, struct err *e)
{
	bool again;
	int rc;

	t->wait = -1;
	/* once for all at most: it asks without ranges then */
	while ((rc = run_once(t, &again, e)) < 0 && again)
		;
	return rc;
}

