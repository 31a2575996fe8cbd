#include "oci/registry_slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define RESEND_MAX (1 << 20)	/* bytes */

/* A body as http.h reads it: also one in memory, so that it is here that a
 * second sending is decided. */
struct feed {
	const struct registry_slot_body *body;
	int64_t start, at, end;
	bool failed, resent;
	struct err *e;
};

void
registry_slot_release(struct registry_slot *x)
{
	url_release(&x->location);
	x->at = 0;
	x->twice = false;
}

static int64_t
feed_read(void *ctx, void *data, size_t len)
{
	struct feed *f = ctx;
	const struct registry_source *src = f->body->src;
	int64_t n;

	if ((int64_t)len > f->end - f->at)
		len = (size_t)(f->end - f->at);
	if (len == 0)
		return 0;
	if (f->body->data != NULL) {
		memcpy(data, (const char *)f->body->data + (f->at - f->start),
		    len);
		n = (int64_t)len;
	} else if ((n = src->read(src->ctx, data, len, f->e)) == 0) {
		n = err_set(f->e, ERR_CHECK, "push_refused",
		    "a blob ends before its size, at byte %" PRId64, f->at);
	}
	if (n < 0) {
		f->failed = true;
		return -1;
	}
	f->at += n;
	return n;
}

static int
feed_again(void *ctx)
{
	struct feed *f = ctx;

	f->at = f->start;
	if (f->body->data != NULL ||
	    f->body->src->seek(f->body->src->ctx, f->start, f->e) == 0)
		return 0;
	f->failed = true;
	return -1;
}

/* A kept connection was dead.  What it took may have arrived all the same: a
 * little is sent again, else the registry is asked first. */
static int
feed_rewind(void *ctx)
{
	struct feed *f = ctx;

	if (f->at - f->start > RESEND_MAX)
		return -1;
	f->resent = f->resent || f->at > f->start;
	return feed_again(f);
}

/* One request of the session; the status is for the caller to look at. */
static int
request(struct registry_slot *x, struct registry_call *c,
    const struct registry_slot_body *body, struct http_answer *a,
    double *wait, struct err *e)
{
	struct err cause;
	struct feed f = { .start = x->at, .e = &cause };
	int rc;

	err_init(&cause);
	c->what = x->what;
	c->scope = x->scope;
	c->q.body = "";
	c->q.upload_size = 0;
	if (body != NULL && body->size > 0) {
		f.body = body;
		f.end = x->at + body->size;
		c->q.upload_size = body->size;
		c->q.body = NULL;
		c->q.read = feed_read;
		c->q.rewind = feed_rewind;
		c->q.ctx = &f;
		c->again = feed_again;
	}
	rc = c->again != NULL ? feed_again(&f) : 0;
	if (rc == 0)
		rc = registry_call_once(x->s, c, a, wait, e);
	x->twice = x->twice || f.resent;
	if (rc < 0 && f.failed)
		*e = cause;
	c->q.ctx = NULL;
	return rc;
}

static int
fail(struct registry_slot *x, const struct registry_call *c,
    const struct http_answer *a, double *wait, struct err *e)
{
	registry_call_fail(x->s, c, a, wait, e);
	/* out of step, or unknown after all: see the header */
	if (a->status == 416 || (a->status == 404 &&
	    x->location.text != NULL))
		e->kind = ERR_SYS;
	if (a->status == 404)
		registry_slot_release(x);
	if (a->status == 413)
		e->code = "body_too_large";
	return -1;
}

/* "0-N": so many bytes and one are there.  `0-0` is said for none as well, and
 * counts as none: then the session is begun anew. */
static void
take_range(struct registry_slot *x, const struct http_answer *a,
    int64_t otherwise)
{
	const char *range = http_field(a, "Range", 0);
	int64_t last;

	if (range != NULL && strncmp(range, "bytes=", 6) == 0)
		range += 6;
	if (range == NULL || strncmp(range, "0-", 2) != 0 ||
	    !text_number(range + 2, false, &last))
		x->at = otherwise;
	else
		x->at = last > 0 ? last + 1 : 0;
}

/* A new place for the next request; where none is said it stays. */
static int
take_location(struct registry_slot *x, const struct registry_call *c,
    const struct http_answer *a, struct err *e)
{
	if (http_field(a, "Location", 0) == NULL && x->location.text != NULL)
		return 0;
	return registry_call_location(x->s, c, a, &x->location, e);
}

int
registry_slot_open(struct registry_slot *x, const char *mount, double *wait,
    struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *from = mount != NULL ? url_escape(x->scope.from) : NULL;
	autofree char *path = mount == NULL ?
	    mem_fmt("/v2/%s/blobs/uploads/", x->scope.repo) :
	    mem_fmt("/v2/%s/blobs/uploads/?mount=%s&from=%s", x->scope.repo,
	    mount, from);
	const char *chunk;

	registry_slot_release(x);
	c.path = path;
	c.q.method = "POST";
	if (request(x, &c, NULL, &a, wait, e) < 0)
		return -1;
	if (a.status == 201 && mount != NULL)
		return 1;
	if (a.status != 202)
		return fail(x, &c, &a, wait, e);
	x->chunk = 0;
	chunk = http_field(&a, "OCI-Chunk-Min-Length", 0);
	if (chunk != NULL && text_number(chunk, false, &x->chunk) &&
	    x->chunk > REGISTRY_SLOT_CHUNK_MAX)
		x->chunk = REGISTRY_SLOT_CHUNK_MAX;
	return registry_call_location(x->s, &c, &a, &x->location, e);
}

int
registry_slot_patch(struct registry_slot *x,
    const struct registry_slot_body *body, double *wait, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	int64_t end = x->at + body->size;
	/* without `bytes` before it and a total behind */
	autofree char *range = mem_fmt("Content-Range: %" PRId64 "-%" PRId64,
	    x->at, end - 1);
	const char *const headers[] = {
		"Content-Type: application/octet-stream", range, NULL };
	autofree char *url = mem_str(x->location.text);

	c.url = url;
	c.q.method = "PATCH";
	c.q.headers = headers;
	if (request(x, &c, body, &a, wait, e) < 0)
		return -1;
	/* 202 it should be; ECR says 201, others 204 */
	if (a.status != 201 && a.status != 202 && a.status != 204)
		return fail(x, &c, &a, wait, e);
	take_range(x, &a, end);
	return take_location(x, &c, &a, e);
}

int
registry_slot_put(struct registry_slot *x, const char *digest,
    const struct registry_slot_body *body, double *wait, struct err *e)
{
	static const char *const headers[] = {
		"Content-Type: application/octet-stream", NULL };
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	/* the query may be signed: nothing of it changes */
	autofree char *url = mem_fmt("%s%cdigest=sha256%%3A%s",
	    x->location.text, x->location.query != NULL ? '&' : '?',
	    digest + strlen("sha256:"));

	c.url = url;
	c.q.method = "PUT";
	c.q.headers = headers;
	if (request(x, &c, body, &a, wait, e) < 0)
		return -1;
	if (a.status == 201 || a.status == 204)
		return 0;
	fail(x, &c, &a, wait, e);
	if (a.status == 400)
		e->code = "push_refused";
	return -1;
}

int
registry_slot_status(struct registry_slot *x, double *wait, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *url = NULL;

	if (x->location.text == NULL)
		return 0;
	url = mem_str(x->location.text);
	c.what = x->what;
	c.scope = x->scope;
	c.url = url;
	if (registry_call_once(x->s, &c, &a, wait, e) < 0)
		return -1;
	if (a.status == 204 || a.status == 202 || a.status == 200) {
		take_range(x, &a, 0);
		if (x->at > 0)
			return take_location(x, &c, &a, e) < 0 ? -1 : 1;
	} else if (a.status >= 500 || a.status == 429) {
		return fail(x, &c, &a, wait, e);
	}
	registry_slot_release(x);
	return 0;
}

void
registry_slot_cancel(struct registry_slot *x)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *url = NULL;
	struct err ignored;
	double wait;

	if (x->location.text == NULL)
		return;
	url = mem_str(x->location.text);
	c.what = x->what;
	c.scope = x->scope;
	c.url = url;
	c.q.method = "DELETE";
	c.q.total_s = 10;
	registry_call_once(x->s, &c, &a, &wait, &ignored);
	registry_slot_release(x);
}
