#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "oci/registry_call.h"

/* All four, so that the registry converts nothing. */
static const char *const accept[] = {
	"Accept: " DESC_OCI_INDEX ", " DESC_OCI_MANIFEST ", "
	    DESC_DOCKER_LIST ", " DESC_DOCKER_MANIFEST, NULL };

/* Names of what a call is about. */
struct subject {
	char *path, *what;	/* owned */
	const char *repo, *wanted;
	bool by_digest;
};

static void
subject_init(struct subject *x, struct registry_session *s, const char *verb,
    const char *repo, const char *wanted)
{
	uint8_t raw[DIGEST_LEN];

	x->repo = repo;
	x->wanted = wanted;
	x->by_digest = digest_parse(wanted, raw);
	x->path = mem_fmt("/v2/%s/manifests/%s", repo, wanted);
	x->what = mem_fmt("cannot %s manifest '%s/%s%c%s'", verb,
	    s->registry->host, repo, x->by_digest ? '@' : ':', wanted);
}

static void
subject_release(struct subject *x)
{
	free(x->path);
	free(x->what);
}

static int
mismatch(const struct subject *x, const char *want, const char *found,
    struct err *e)
{
	err_set(e, ERR_CHECK, "manifest_mismatch",
	    "%s: it is %s, not %s", x->what, found, want);
	err_set_values(e, want, found);
	return -1;
}

/* The digest that an answer claims must be ours. */
static int
check_claim(const struct subject *x, const struct http_answer *a,
    const char *digest, struct err *e)
{
	const char *claim = http_field(a, "Docker-Content-Digest", 0);
	uint8_t raw[DIGEST_LEN];

	if (claim == NULL || !digest_parse(claim, raw) ||
	    strcmp(claim, digest) == 0)
		return 0;
	return mismatch(x, claim, digest, e);
}

/* The media type of an answer, without parameters. */
static void
take_type(const struct http_answer *a, struct desc *d)
{
	const char *type = http_field(a, "Content-Type", 0);
	size_t len = type != NULL ? strcspn(type, "; \t") : 0;

	if (len < sizeof(d->media_type) && !text_has_control(type != NULL ?
	    type : "", len))
		snprintf(d->media_type, sizeof(d->media_type), "%.*s",
		    (int)len, type != NULL ? type : "");
}

/* What the document says it is goes before what the registry says. */
static int
read_type(const struct subject *x, const struct http_answer *a,
    struct desc *d, struct err *e)
{
	struct rec *r = desc_document(a->body.data, a->body.len, x->wanted,
	    e);
	struct err ignored;
	const char *type;

	if (r == NULL)
		return err_wrap(e, "%s", x->what);
	take_type(a, d);
	if (rec_str(r, "mediaType", &type, &ignored) == 1 &&
	    strlen(type) < sizeof(d->media_type))
		snprintf(d->media_type, sizeof(d->media_type), "%s", type);
	rec_free(r);
	return 0;
}

static int
take_manifest(const struct subject *x, const struct http_answer *a,
    struct desc *d, struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	memset(d, 0, sizeof(*d));
	digest_bytes(a->body.data, a->body.len, raw);
	digest_format(raw, d->digest);
	d->size = (int64_t)a->body.len;
	if (x->by_digest && strcmp(x->wanted, d->digest) != 0)
		return mismatch(x, x->wanted, d->digest, e);
	if (check_claim(x, a, d->digest, e) < 0)
		return -1;
	return read_type(x, a, d, e);
}

/* A 404 soon after a push: the registry may need a moment. */
static bool
wait_for_it(double end)
{
	struct timespec t = { 0, 500 * 1000 * 1000 };

	if (clock_monotonic() >= end)
		return false;
	nanosleep(&t, NULL);
	return true;
}

/* The manifest, or 404 (0 with *a of that status). */
static int
get(struct registry_session *s, const struct subject *x, bool fresh,
    struct http_answer *a, struct err *e)
{
	static const int good[] = { 200, 404, 0 };
	double end = clock_monotonic() + REGISTRY_FRESH_SECONDS;
	struct registry_call c = REGISTRY_CALL_INIT;

	c.what = x->what;
	c.path = x->path;
	c.scope.repo = x->repo;
	c.q.headers = accept;
	c.q.max = DESC_MANIFEST_MAX;
	for (;;) {
		if (registry_call_run(s, &c, good, a, e) < 0) {
			if (strcmp(e->code, "too_large") == 0)
				e->code = "manifest_too_large";
			return -1;
		}
		if (a->status != 404 || !fresh || !wait_for_it(end))
			return 0;
		registry_call_drop(a);
	}
}

int
registry_manifest_get(struct registry_session *s, const char *repo,
    const char *wanted, bool fresh, struct desc *d, struct buf *out,
    struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	AUTO(subject_release) struct subject x;
	struct registry_call c = REGISTRY_CALL_INIT;
	double wait;

	subject_init(&x, s, "read", repo, wanted);
	c.what = x.what;
	c.scope.repo = repo;
	if (get(s, &x, fresh, &a, e) < 0)
		return -1;
	if (a.status == 404)
		return registry_call_fail(s, &c, &a, &wait, e);
	if (take_manifest(&x, &a, d, e) < 0)
		return -1;
	if (out != NULL)
		buf_add(out, a.body.data, a.body.len);
	return 0;
}

/* HEAD says all that is to be known. */
static bool
take_head(const struct subject *x, const struct http_answer *a,
    struct desc *d)
{
	const char *digest = http_field(a, "Docker-Content-Digest", 0);
	uint8_t raw[DIGEST_LEN];

	memset(d, 0, sizeof(*d));
	if (a->status != 200 || a->length < 0 || digest == NULL ||
	    !digest_parse(digest, raw))
		return false;
	memcpy(d->digest, digest, DIGEST_STR);
	d->size = a->length;
	take_type(a, d);
	return *d->media_type != '\0' &&
	    (!x->by_digest || strcmp(x->wanted, digest) == 0);
}

int
registry_manifest_head(struct registry_session *s, const char *repo,
    const char *wanted, bool fresh, struct desc *d, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	AUTO(subject_release) struct subject x;
	struct registry_call c = REGISTRY_CALL_INIT;
	double wait;

	subject_init(&x, s, "look up", repo, wanted);
	c.what = x.what;
	c.path = x.path;
	c.scope.repo = repo;
	c.q.method = "HEAD";
	c.q.headers = accept;
	if (registry_call_once(s, &c, &a, &wait, e) == 0) {
		if (a.status == 404 && !fresh)
			return 0;
		if (take_head(&x, &a, d))
			return 1;
	}
	/* An answer to HEAD has no body that says what is wrong: GET has, and
	 * is tried again where that may help. */
	registry_call_drop(&a);
	if (get(s, &x, fresh, &a, e) < 0)
		return -1;
	if (a.status == 404)
		return 0;
	return take_manifest(&x, &a, d, e) < 0 ? -1 : 1;
}

int
registry_manifest_put(struct registry_session *s, const char *repo,
    const char *wanted, const struct desc *d, const char *data, size_t len,
    bool *subject, struct err *e)
{
	/* any other 2xx is the answer of a web server that says yes to all */
	static const int good[] = { 201, 0 };
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	AUTO(subject_release) struct subject x;
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *type = mem_fmt("Content-Type: %s", d->media_type);
	const char *const headers[] = { type, NULL };

	registry_auth_will_push(&s->registry->auth, repo);
	subject_init(&x, s, "push", repo, wanted);
	c.what = x.what;
	c.path = x.path;
	c.scope.repo = repo;
	c.q.method = "PUT";
	c.q.headers = headers;
	c.q.body = data;
	c.q.upload_size = (int64_t)len;
	if (registry_call_run(s, &c, good, &a, e) < 0 ||
	    check_claim(&x, &a, d->digest, e) < 0)
		return -1;
	if (subject != NULL)
		*subject = http_field(&a, "OCI-Subject", 0) != NULL;
	return 0;
}
