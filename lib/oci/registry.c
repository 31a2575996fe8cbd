#include "oci/registry.h"

#include <stdlib.h>
#include <string.h>

#include "oci/ref.h"
#include "oci/registry_call.h"

static int
set_url(struct registry *r, int i, const char *scheme, struct err *e)
{
	autofree char *text = mem_fmt("%s://%s/", scheme, r->api);

	return url_parse(&r->urls[i], text, e);
}

/* How it is spoken to first, and how it may be spoken to as well. */
static int
set_urls(struct registry *r, struct err *e)
{
	if (set_url(r, 0, "https", e) < 0 || set_url(r, 1, "http", e) < 0)
		return -1;
	if (url_is_loopback(&r->urls[0]) && !r->certs.there) {
		struct url u = r->urls[0];

		r->urls[0] = r->urls[1];
		r->urls[1] = u;
	} else if (!r->insecure) {
		r->settled = true;
	}
	return 0;
}

static int
setup(struct registry *r, const struct registry_opts *opts, struct err *e)
{
	AUTO(cred_release) struct cred cred = CRED_INIT;

	/* said before any work is done */
	if (opts->cred.creds != NULL &&
	    cred_find(&opts->cred, r->host, NULL, &cred, e) < 0)
		return -1;
	if (registry_certs_load(&r->certs, opts->cert_dir, r->host, e) < 0)
		return -1;
	return set_urls(r, e);
}

struct registry *
registry_new(const char *host, const struct registry_opts *opts,
    struct err *e)
{
	struct registry *r = mem_zero(1, sizeof(*r));

	r->host = mem_str(host);
	r->api = mem_str(ref_api_host(host));
	r->agent = opts->agent != NULL ? mem_str(opts->agent) : NULL;
	r->insecure = opts->insecure;
	r->tries = opts->tries;
	r->certs = (struct registry_certs)REGISTRY_CERTS_INIT;
	pthread_mutex_init(&r->lock, NULL);
	registry_auth_init(&r->auth, r->host, &opts->cred, opts->anonymous);
	if (setup(r, opts, e) == 0)
		return r;
	registry_free(r);
	return NULL;
}

void
registry_free(struct registry *r)
{
	if (r == NULL)
		return;
	registry_auth_release(&r->auth);
	registry_certs_release(&r->certs);
	url_release(&r->urls[0]);
	url_release(&r->urls[1]);
	pthread_mutex_destroy(&r->lock);
	free(r->host);
	free(r->api);
	free(r->agent);
	free(r);
}

const char *
registry_host(const struct registry *r)
{
	return r->host;
}

void
registry_will_push(struct registry *r, const char *repo)
{
	registry_auth_will_push(&r->auth, repo);
}

struct registry_session *
registry_session_new(struct registry *r, struct err *e)
{
	struct http_opts opts = { .cacert = r->certs.cacert,
		.cert = r->certs.cert, .key = r->certs.key,
		.insecure = r->insecure, .agent = r->agent };
	struct http *http = http_new(&opts, e);
	struct registry_session *s;

	if (http == NULL)
		return NULL;
	s = mem_zero(1, sizeof(*s));
	s->registry = r;
	s->http = http;
	return s;
}

void
registry_session_free(struct registry_session *s)
{
	if (s == NULL)
		return;
	http_free(s->http);
	free(s);
}
