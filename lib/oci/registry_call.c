#include "oci/registry_call.h"

#include <stdlib.h>
#include <string.h>

/* A server that speaks TLS says 400 to plain http; a registry would say who it
 * is as well. */
static bool
wants_tls(const struct url *base, const struct http_answer *a)
{
	return strcmp(base->scheme, "http") == 0 && a->status == 400 &&
	    http_field(a, "Docker-Distribution-Api-Version", 0) == NULL;
}

const struct url *
registry_call_base(struct registry *r)
{
	const struct url *base;

	pthread_mutex_lock(&r->lock);
	base = &r->urls[r->url];
	pthread_mutex_unlock(&r->lock);
	return base;
}

void
registry_call_drop(struct http_answer *a)
{
	http_answer_release(a);
	*a = (struct http_answer)REGISTRY_ANSWER_INIT;
}

/* The request's URL, and whether it may be shown who we are. */
static char *
make_url(const struct registry_call *c, const struct url *base, bool *own,
    struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;

	*own = true;
	if (c->path != NULL)
		return mem_fmt("%.*s%s", (int)strlen(base->text) - 1,
		    base->text, c->path);
	if (url_parse(&u, c->url, e) < 0)
		return NULL;
	*own = url_same_origin(&u, base);
	return mem_str(c->url);
}

/* One try, and those that a 401 asks for. */
static int
exchange(struct registry_session *s, struct registry_call *c,
    const struct url *base, bool own, struct http_answer *a, double *wait,
    struct buf *shown, struct err *e)
{
	struct registry_auth *auth = &s->registry->auth;

	for (int tries = 0;; tries++) {
		explicit_bzero(shown->data, shown->len);
		buf_reset(shown);
		if (own && registry_auth_value(auth, s->http, base, &c->scope,
		    shown, wait, e) < 0)
			return -1;
		if (tries > 0 && shown->len == 0)
			return 0;	/* nothing to show: the 401 stands */
		if (tries > 0 && c->again != NULL && c->again(c->q.ctx) < 0)
			return 0;
		registry_call_drop(a);
		c->q.authorization = shown->len > 0 ? shown->data : NULL;
		if (http_do(s->http, &c->q, a, e) < 0)
			return -1;
		if (a->status != 401 || !own || a->moved ||
		    !registry_auth_challenged(auth, a, &c->scope, shown->data,
		    tries))
			return 0;
	}
}

/* In one scheme. */
static int
call(struct registry_session *s, struct registry_call *c,
    const struct url *base, struct http_answer *a, double *wait,
    struct err *e)
{
	struct buf shown = BUF_INIT;
	bool own;
	int rc;

	*wait = -1;
	autofree char *url = make_url(c, base, &own, e);
	if (url == NULL)
		return -1;
	c->q.url = url;
	rc = exchange(s, c, base, own, a, wait, &shown, e);
	explicit_bzero(shown.data, shown.len);
	buf_release(&shown);
	c->q.url = c->q.authorization = NULL;
	return rc;
}

/* The one that answers is for all sessions. */
static void
settle(struct registry *r, int which)
{
	pthread_mutex_lock(&r->lock);
	r->url = which;
	r->settled = true;
	pthread_mutex_unlock(&r->lock);
}

/* Nobody has had an answer yet: the other scheme may be the right one.  Where
 * neither gives one, the failure of the first stands. */
static int
find_scheme(struct registry_session *s, struct registry_call *c,
    struct http_answer *a, double *wait, struct err *e)
{
	struct registry *r = s->registry;
	struct err second;
	int rc = call(s, c, &r->urls[0], a, wait, e), which = 0;

	if (rc == 0 && wants_tls(&r->urls[0], a)) {
		which = 1;
		registry_call_drop(a);
		rc = call(s, c, &r->urls[1], a, wait, e);
	} else if (rc < 0 && (strcmp(e->code, "connection") == 0 ||
	    strcmp(e->code, "tls") == 0)) {
		which = 1;
		rc = call(s, c, &r->urls[1], a, wait, &second);
	}
	if (rc == 0)
		settle(r, which);
	return rc;
}

int
registry_call_once(struct registry_session *s, struct registry_call *c,
    struct http_answer *a, double *wait, struct err *e)
{
	struct registry *r = s->registry;
	bool settled;
	int rc;

	pthread_mutex_lock(&r->lock);
	settled = r->settled;
	pthread_mutex_unlock(&r->lock);
	if (settled)
		rc = call(s, c, registry_call_base(r), a, wait, e);
	else
		rc = find_scheme(s, c, a, wait, e);
	return rc < 0 ? err_wrap(e, "%s", c->what) : 0;
}

int
registry_call_fail(struct registry_session *s,
    const struct registry_call *c, const struct http_answer *a, double *wait,
    struct err *e)
{
	struct registry *r = s->registry;

	retry_status(a, c->what, wait, e);
	if (a->status == 401 && !registry_auth_has_cred(&r->auth,
	    c->scope.repo))
		err_set_detail(e, "no credentials for '%s' were found: log in "
		    "with `skopeo login` or `docker login`, or give --creds",
		    r->host);
	return -1;
}

struct retry
registry_call_retry(const struct registry_session *s)
{
	return (struct retry)RETRY_INIT(s->registry->tries);
}

int
registry_call_run(struct registry_session *s, struct registry_call *c,
    const int *good, struct http_answer *a, struct err *e)
{
	struct retry retry = registry_call_retry(s);
	double wait;

	for (;;) {
		if (registry_call_once(s, c, a, &wait, e) == 0) {
			for (const int *g = good; *g != 0; g++)
				if (a->status == *g)
					return 0;
			registry_call_fail(s, c, a, &wait, e);
		}
		if (!retry_again(&retry, e, wait, false))
			return -1;
		registry_call_drop(a);
	}
}

int
registry_call_location(struct registry_session *s,
    const struct registry_call *c, const struct http_answer *a,
    struct url *out, struct err *e)
{
	const struct url *base = registry_call_base(s->registry);
	const char *location = http_field(a, "Location", 0);
	AUTO(url_release) struct url to = URL_INIT;

	if (location == NULL)
		return err_set(e, ERR_SYS, "location_missing",
		    "%s: the registry does not say where to", c->what);
	if (url_resolve(&a->url, location, &to, e) < 0)
		return err_wrap(e, "%s", c->what);
	if ((strcmp(base->scheme, "https") == 0 &&
	    strcmp(to.scheme, "https") != 0) || (!url_same_origin(base, &to) &&
	    url_is_private(&to) && !url_is_private(base))) {
		err_set(e, ERR_CHECK, "location_refused",
		    "%s: the registry sends it to '%s://%s'%s", c->what,
		    to.scheme, to.host, url_is_private(&to) ? "" :
		    " (a proxy before it may lack X-Forwarded-Proto)");
		err_set_path(e, to.text);
		return -1;
	}
	url_release(out);
	*out = to;
	to = (struct url)URL_INIT;
	return 0;
}
