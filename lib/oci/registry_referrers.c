#include <stdlib.h>
#include <string.h>

#include "oci/registry_call.h"

#define PAGES_MAX 100

struct walk {
	int (*fn)(void *ctx, const char *text, size_t len, struct err *e);
	void *ctx;
};

static int
each(void *ctx, const struct rec_member *m, struct err *e)
{
	struct walk *w = ctx;

	return w->fn(w->ctx, m->text, m->len, e);
}

static int
walk_index(struct rec *r, struct walk *w, struct err *e)
{
	return rec_each(r, "manifests", each, w, e) < 0 ? -1 : 0;
}

/* "sha256-HEX": distribution-spec v1.1, "Referrers Tag Schema". */
static char *
stand_in(const char *digest)
{
	char *tag = mem_str(digest);

	*strchr(tag, ':') = '-';
	return tag;
}

/* The URL of a Link field with rel="next", against the page it stands in; NULL
 * where this is the last. */
static char *
next_page(const struct http_answer *a, const struct url *base)
{
	AUTO(url_release) struct url u = URL_INIT;
	const char *link = http_field(a, "Link", 0);
	const char *end = link != NULL ? strchr(link, '>') : NULL;
	struct err ignored;

	if (end == NULL || *link != '<' ||
	    (strstr(end, "rel=\"next\"") == NULL &&
	    strstr(end, "rel=next") == NULL))
		return NULL;
	autofree char *to = mem_dup(link + 1, (size_t)(end - link) - 1);
	if (url_resolve(&a->url, to, &u, &ignored) < 0 ||
	    !url_same_origin(&u, base))
		return NULL;
	return mem_str(u.text);
}

/* One page of the API: 1 with *next, 0 where there is no such API (some send
 * people to a page about it instead), -1. */
static int
read_page(struct registry_session *s, struct registry_call *c,
    struct walk *w, char **next, struct err *e)
{
	static const int good[] = { 200, 301, 302, 303, 307, 308, 400, 404,
		405, 501, 0 };
	AUTO(http_answer_release) struct http_answer a = REGISTRY_ANSWER_INIT;
	struct err ignored;
	struct rec *r;
	int rc;

	if (registry_call_run(s, c, good, &a, e) < 0)
		return -1;
	if (a.status != 200)
		return 0;
	if ((r = desc_document(a.body.data, a.body.len, c->what,
	    &ignored)) == NULL)
		return 0;
	rc = walk_index(r, w, e);
	rec_free(r);
	*next = next_page(&a, registry_call_base(s->registry));
	return rc < 0 ? -1 : 1;
}

static int
from_api(struct registry_session *s, const char *repo, const char *digest,
    struct walk *w, struct err *e)
{
	static const char *const headers[] = { "Accept: " DESC_OCI_INDEX,
		NULL };
	autofree char *path = mem_fmt("/v2/%s/referrers/%s", repo, digest);
	autofree char *what = mem_fmt("cannot read the referrers of "
	    "'%s/%s@%s'", s->registry->host, repo, digest);
	struct registry_call c = REGISTRY_CALL_INIT;
	autofree char *url = NULL;
	int rc = 1;

	c.what = what;
	c.path = path;
	c.scope.repo = repo;
	c.q.headers = headers;
	c.q.no_follow = true;
	for (int i = 0; rc > 0 && i < PAGES_MAX; i++) {
		char *next = NULL;

		if ((rc = read_page(s, &c, w, &next, e)) <= 0 && i > 0)
			rc = -1;
		free(url);
		url = next;
		if (next == NULL)
			break;
		c.path = NULL;
		c.url = next;
	}
	return rc;
}

/* The index that stands in for the API, or NULL with rc 0 where there is
 * none. */
static int
read_stand_in(struct registry_session *s, const char *repo,
    const char *digest, struct rec **r, struct err *e)
{
	autofree char *tag = stand_in(digest);
	autobuf struct buf text = BUF_INIT;
	struct desc d;

	*r = NULL;
	if (registry_manifest_get(s, repo, tag, false, &d, &text, e) < 0)
		return strcmp(e->code, "not_found") == 0 ? 0 : -1;
	/* GitLab gives the subject itself under this name */
	if (!desc_is_index(d.media_type) || strcmp(d.digest, digest) == 0)
		return 0;
	*r = desc_document(text.data, text.len, tag, e);
	return *r == NULL ? -1 : 0;
}

int
registry_referrers_each(struct registry_session *s, const char *repo,
    const char *digest, int (*fn)(void *ctx, const char *text, size_t len,
    struct err *e), void *ctx, struct err *e)
{
	struct walk w = { fn, ctx };
	int rc = from_api(s, repo, digest, &w, e);
	struct rec *r;

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (read_stand_in(s, repo, digest, &r, e) < 0)
		return -1;
	rc = r != NULL ? walk_index(r, &w, e) : 0;
	rec_free(r);
	return rc;
}

/* Entries that are there already. */
struct entries {
	struct json_out out;
	const char *digest;
	bool there;
};

static int
keep_entry(void *ctx, const char *text, size_t len, struct err *e)
{
	struct entries *x = ctx;
	struct rec *r = desc_document(text, len, "a referrer", e);
	struct desc d;

	if (r == NULL)
		return -1;
	if (desc_read(r, &d, e) < 0) {
		rec_free(r);
		return -1;
	}
	rec_free(r);
	x->there = x->there || strcmp(d.digest, x->digest) == 0;
	json_out_raw(&x->out, text, len);
	return 0;
}

int
registry_referrers_add(struct registry_session *s, const char *repo,
    const char *subject, const char *entry, const char *digest,
    struct err *e)
{
	AUTO(json_out_release) struct json_out index = JSON_OUT_INIT;
	struct entries x = { JSON_OUT_INIT, digest, false };
	struct walk w = { keep_entry, &x };
	struct desc d = { .media_type = DESC_OCI_INDEX };
	autofree char *tag = stand_in(subject);
	uint8_t raw[DIGEST_LEN];
	struct rec *r;
	int rc = read_stand_in(s, repo, subject, &r, e);

	json_out_open(&x.out, '[');
	if (rc == 0 && r != NULL)
		rc = walk_index(r, &w, e);
	rec_free(r);
	json_out_raw(&x.out, entry, strlen(entry));
	json_out_close(&x.out, ']');
	if (rc == 0 && !x.there) {
		json_out_open(&index, '{');
		json_out_kint(&index, "schemaVersion", 2);
		json_out_kstr(&index, "mediaType", DESC_OCI_INDEX);
		json_out_key(&index, "manifests");
		json_out_raw(&index, x.out.buf.data, x.out.buf.len);
		json_out_close(&index, '}');
		digest_bytes(index.buf.data, index.buf.len, raw);
		digest_format(raw, d.digest);
		d.size = (int64_t)index.buf.len;
		rc = registry_manifest_put(s, repo, tag, &d, index.buf.data,
		    index.buf.len, NULL, e);
	}
	json_out_release(&x.out);
	return rc;
}
