#include "oci/registry_token.h"

#include <stdlib.h>
#include <string.h>

#include "net/retry.h"
#include "record/rec.h"

static int
refuse(const struct registry_token_request *q, const struct url *realm,
    const char *why, struct err *e)
{
	err_set(e, ERR_CHECK, "realm_refused",
	    "'%s' wants the login at '%s://%s', %s", q->host, realm->scheme,
	    realm->host, why);
	err_set_path(e, realm->text);
	return -1;
}

/* Where a token is to be had, if we may go there. */
static int
check_realm(const struct registry_token_request *q, struct url *realm,
    struct err *e)
{
	bool tls, own;

	if (url_resolve(q->base, q->realm, realm, e) < 0)
		return err_wrap(e, "'%s' names no place for tokens", q->host);
	tls = strcmp(realm->scheme, "https") == 0;
	own = url_same_origin(q->base, realm);
	if (!tls && !own && (q->cred != NULL ||
	    strcmp(q->base->scheme, "https") == 0))
		return refuse(q, realm, "without TLS: credentials do not go "
		    "there", e);
	if (url_is_private(realm) && !url_is_private(q->base) &&
	    strcmp(realm->host, q->base->host) != 0)
		return refuse(q, realm, "which is an address of a private net",
		    e);
	return 0;
}

static void
add_param(struct buf *b, const char *name, const char *value)
{
	char *escaped = url_escape(value);

	if (b->len > 0)
		buf_addc(b, '&');
	buf_addf(b, "%s=%s", name, escaped);
	explicit_bzero(escaped, strlen(escaped));
	free(escaped);
}

static int
get(struct http *h, const struct registry_token_request *q,
    const struct url *realm, struct http_answer *a, struct err *e)
{
	struct http_request r = HTTP_REQUEST_INIT;
	autobuf struct buf query = BUF_INIT;
	char *basic = q->cred != NULL ? cred_basic(q->cred) : NULL;
	int rc;

	if (q->service != NULL)
		add_param(&query, "service", q->service);
	for (size_t i = 0; i < q->n; i++)
		add_param(&query, "scope", q->scopes[i]);
	/* the realm's own query stays as it is */
	autofree char *url = query.len == 0 ? mem_str(realm->text) :
	    mem_fmt("%s%c%s", realm->text, realm->query != NULL ? '&' : '?',
	    query.data);
	r.url = url;
	r.authorization = basic;
	r.max = REGISTRY_TOKEN_MAX * 2;
	rc = http_do(h, &r, a, e);
	if (basic != NULL)
		explicit_bzero(basic, strlen(basic));
	free(basic);
	return rc;
}

/* oauth.md: the secret is in the body, so that no redirect is followed. */
static int
post(struct http *h, const struct registry_token_request *q,
    const struct url *realm, struct http_answer *a, struct err *e)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL };
	struct http_request r = HTTP_REQUEST_INIT;
	autobuf struct buf body = BUF_INIT, scope = BUF_INIT;
	int rc;

	for (size_t i = 0; i < q->n; i++)
		buf_addf(&scope, "%s%s", i > 0 ? " " : "", q->scopes[i]);
	add_param(&body, "grant_type", "refresh_token");
	add_param(&body, "client_id", "slipway");
	if (q->service != NULL)
		add_param(&body, "service", q->service);
	add_param(&body, "scope", scope.data);
	add_param(&body, "refresh_token", q->cred->secret);
	r.method = "POST";
	r.url = realm->text;
	r.headers = headers;
	r.body = body.data;
	r.upload_size = (int64_t)body.len;
	r.max = REGISTRY_TOKEN_MAX * 2;
	r.no_follow = true;
	rc = http_do(h, &r, a, e);
	explicit_bzero(body.data, body.len);
	return rc;
}

/* It goes into a header field: printable, and no spaces (RFC 6750, 2.1). */
static bool
is_token(const char *str)
{
	size_t n = 0;

	while (str[n] > ' ' && str[n] < 0x7f)
		n++;
	return n > 0 && n <= REGISTRY_TOKEN_MAX && str[n] == '\0';
}

static int
read_answer(const struct registry_token_request *q,
    const struct http_answer *a, struct buf *out, double *life, struct err *e)
{
	struct err ignored;
	struct rec *r = rec_parse(a->body.data, a->body.len, "token",
	    &ignored);
	const char *token = NULL;
	int64_t seconds = REGISTRY_TOKEN_LIFE;
	bool good = r != NULL &&
	    (rec_str(r, "token", &token, &ignored) == 1 ||
	    rec_str(r, "access_token", &token, &ignored) == 1) &&
	    is_token(token);

	if (good) {
		buf_adds(out, token);
		rec_int(r, "expires_in", 0, INT32_MAX, &seconds, &ignored);
		*life = (double)seconds;
	}
	rec_free(r);
	if (good)
		return 0;
	err_set(e, ERR_SYS, "token_invalid",
	    "'%s' answers a login without a token", q->host);
	err_set_path(e, a->url.text);
	return -1;
}

/* The server has no POST, or none for this (some say 401 to what they do not
 * know). */
static bool
is_post_unknown(int status)
{
	return status == 404 || status == 405 || status == 401;
}

int
registry_token_fetch(struct http *h, const struct registry_token_request *q,
    struct buf *out, double *life, double *wait, struct err *e)
{
	AUTO(url_release) struct url realm = URL_INIT;
	AUTO(http_answer_release) struct http_answer a = { .body = BUF_INIT };
	autofree char *what = mem_fmt("cannot log in to '%s'", q->host);
	bool posted = q->cred != NULL && q->cred->identity;

	if (check_realm(q, &realm, e) < 0)
		return -1;
	if (posted && post(h, q, &realm, &a, e) < 0)
		return err_wrap(e, "%s", what);
	if (posted && is_post_unknown(a.status)) {
		http_answer_release(&a);
		a = (struct http_answer){ .body = BUF_INIT };
		posted = false;
	}
	if (!posted && get(h, q, &realm, &a, e) < 0)
		return err_wrap(e, "%s", what);
	if (a.status != 200)
		return retry_status(&a, what, wait, e);
	return read_answer(q, &a, out, life, e);
}
