#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oci/registry_call.h"

/* A blob on its way to us. */
struct pull {
	struct desc *d;
	const char *what;
	int (*data)(void *ctx, const void *bytes, size_t len, struct err *e);
	void *ctx;
	struct digest sum;
	int64_t at;		/* bytes that were given */
	int64_t skip;		/* of the answer at hand: given before */
	int64_t wanted;		/* where its range begins */
	bool refused;		/* no other try helps */
};

static void
pull_release(struct pull *p)
{
	digest_release(&p->sum);
}

int
registry_blob_head(struct registry_session *s, const char *repo,
    const char *digest, int64_t *size, struct err *e)
{
	static const int good[] = { 200, 404, 0 };
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *path = mem_fmt("/v2/%s/blobs/%s", repo, digest);
	autofree char *what = mem_fmt("cannot look up blob %s in '%s/%s'",
	    digest, s->registry->host, repo);

	c.what = what;
	c.path = path;
	c.scope.repo = repo;
	c.q.method = "HEAD";
	if (registry_call_run(s, &c, good, &a, e) < 0)
		return -1;
	*size = a.length;
	return a.status == 200;
}

static int
wrong_size(struct pull *p, int64_t found, struct err *e)
{
	p->refused = true;
	return err_set(e, ERR_CHECK, "blob_size_mismatch",
	    "it has %s%" PRId64 " bytes, not %" PRId64,
	    found > p->d->size ? "at least " : "", found, p->d->size);
}

/* Where the body that comes begins: at the byte that was asked for, or at the
 * first (RFC 9110, 14.2: a range may be ignored). */
static int
pull_head(void *ctx, struct http_answer *a, struct err *e)
{
	struct pull *p = ctx;
	const char *range = http_field(a, "Content-Range", 0);
	int64_t first = -1;

	if (a->status == 200)
		first = 0;
	else if (a->status == 206 && (range == NULL ||
	    sscanf(range, "bytes %" SCNd64 "-", &first) != 1 ||
	    first != p->wanted))
		return err_set(e, ERR_SYS, "http_status",
		    "another range came than was asked for");
	if (first < 0)
		return 0;
	p->skip = p->at - first;
	if (p->d->size >= 0 && a->length >= 0 &&
	    first + a->length > p->d->size)
		return wrong_size(p, first + a->length, e);
	return 1;
}

static int
pull_data(void *ctx, const void *bytes, size_t len, struct err *e)
{
	struct pull *p = ctx;
	size_t old = p->skip < (int64_t)len ? (size_t)p->skip : len;

	p->skip -= (int64_t)old;
	bytes = (const char *)bytes + old;
	if ((len -= old) == 0)
		return 0;
	if (p->d->size >= 0 && p->at + (int64_t)len > p->d->size)
		return wrong_size(p, p->at + (int64_t)len, e);
	digest_add(&p->sum, bytes, len);
	p->at += (int64_t)len;
	if (p->data(p->ctx, bytes, len, e) == 0)
		return 0;
	p->refused = true;
	return -1;
}

/* All has come: is it what it should be? */
static int
pull_check(struct pull *p, struct err *e)
{
	char found[DIGEST_STR];
	uint8_t raw[DIGEST_LEN];

	if (p->d->size >= 0 && p->at != p->d->size) {
		wrong_size(p, p->at, e);
		return err_wrap(e, "%s", p->what);
	}
	digest_end(&p->sum, raw);
	digest_format(raw, found);
	if (strcmp(found, p->d->digest) != 0) {
		err_set(e, ERR_CHECK, "blob_digest_mismatch",
		    "%s: its digest is %s", p->what, found);
		err_set_values(e, p->d->digest, found);
		return -1;
	}
	p->d->size = p->at;
	return 0;
}

/* One request for what is missing: 0 when all is there, or -1. */
static int
pull_once(struct registry_session *s, struct registry_call *c, struct pull *p,
    double *wait, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;

	p->wanted = p->at;
	c->q.first = p->at > 0 ? p->at : -1;
	if (registry_call_once(s, c, &a, wait, e) < 0)
		return -1;
	if (a.status == 200 || a.status == 206)
		return pull_check(p, e);
	/* a size that is not known: nothing may be left to be read */
	if (a.status == 416 && p->at > 0)
		return pull_check(p, e);
	registry_call_fail(s, c, &a, wait, e);
	if (a.status == 404)
		e->code = "blob_missing";
	return -1;
}

int
registry_blob_get(struct registry_session *s, const char *repo,
    struct desc *d, int (*data)(void *ctx, const void *bytes, size_t len,
    struct err *e), void *ctx, struct err *e)
{
	autofree char *path = mem_fmt("/v2/%s/blobs/%s", repo, d->digest);
	autofree char *what = mem_fmt("cannot read blob %s of '%s/%s'",
	    d->digest, s->registry->host, repo);
	AUTO(pull_release) struct pull p = { .d = d, .what = what,
		.data = data, .ctx = ctx, .sum = DIGEST_INIT };
	struct registry_call c = REGISTRY_CALL_INIT;
	struct retry retry = registry_call_retry(s);
	int64_t before;
	double wait;

	c.what = what;
	c.path = path;
	c.scope.repo = repo;
	c.q.head = pull_head;
	c.q.data = pull_data;
	c.q.ctx = &p;
	digest_start(&p.sum);
	do {
		before = p.at;
		if (p.at > 0 && p.at == d->size)
			return pull_check(&p, e);
		if (pull_once(s, &c, &p, &wait, e) == 0)
			return 0;
	} while (!p.refused && retry_again(&retry, e, wait, p.at > before));
	return -1;
}

struct memory {
	struct buf *out;
	size_t max, start;
};

static int
to_memory(void *ctx, const void *bytes, size_t len, struct err *e)
{
	struct memory *m = ctx;

	if (m->out->len - m->start + len > m->max)
		return err_set(e, ERR_CHECK, "blob_too_large",
		    "a blob has over %zu bytes", m->max);
	buf_add(m->out, bytes, len);
	return 0;
}

int
registry_blob_read(struct registry_session *s, const char *repo,
    struct desc *d, size_t max, struct buf *out, struct err *e)
{
	struct memory m = { out, max, out->len };

	if (d->size > (int64_t)max)
		return err_set(e, ERR_CHECK, "blob_too_large",
		    "blob %s has %" PRId64 " bytes; %zu are read at most",
		    d->digest, d->size, max);
	if (registry_blob_get(s, repo, d, to_memory, &m, e) == 0)
		return 0;
	buf_truncate(out, m.start);
	return -1;
}

int
registry_blob_place(struct registry_session *s, const char *repo,
    const char *digest, struct http **http, char **url, char **authorization,
    double *wait, struct err *e)
{
	const struct url *base = registry_call_base(s->registry);
	struct registry_scope scope = { .repo = repo };
	struct buf value = BUF_INIT;

	if (registry_auth_value(&s->registry->auth, s->http, base, &scope,
	    &value, wait, e) < 0) {
		buf_release(&value);
		return -1;
	}
	*http = s->http;
	*url = mem_fmt("%.*s/v2/%s/blobs/%s", (int)strlen(base->text) - 1,
	    base->text, repo, digest);
	if (value.len > 0)
		*authorization = buf_detach(&value);
	buf_release(&value);
	return 0;
}
