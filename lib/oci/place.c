#include "oci/place.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define PLACE_KEPT_MAX (4 << 20)	/* bytes of documents in memory */

struct place_host {
	struct registry *registry;	/* owned */
	pthread_mutex_t lock;		/* guards what follows */
	struct registry_session **idle;	/* owned */
	size_t n, cap;
};

struct kept {
	struct kept *next;
	struct desc desc;
	char *text;			/* owned */
	size_t len;
};

struct place_kept {
	pthread_mutex_t lock;		/* guards what follows */
	struct kept *first;		/* owned */
	size_t bytes;
	char (*known)[DIGEST_STR];	/* owned: digests of what is there */
	size_t nknown, known_cap;
};

struct place_host *
place_host_new(const char *name, const struct registry_opts *opts,
    struct err *e)
{
	struct registry *r = registry_new(name, opts, e);
	struct place_host *h;

	if (r == NULL)
		return NULL;
	h = mem_zero(1, sizeof(*h));
	h->registry = r;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void
place_host_free(struct place_host *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		registry_session_free(h->idle[i]);
	free(h->idle);
	registry_free(h->registry);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

const char *
place_host_name(const struct place_host *h)
{
	return registry_host(h->registry);
}

void
place_init(struct place *p, struct place_host *host, const char *repo)
{
	*p = (struct place){ .host = host, .repo = mem_str(repo) };
	p->kept = mem_zero(1, sizeof(*p->kept));
	pthread_mutex_init(&p->kept->lock, NULL);
}

void
place_release(struct place *p)
{
	struct kept *k, *next;

	free(p->repo);
	if (p->kept != NULL) {
		for (k = p->kept->first; k != NULL; k = next) {
			next = k->next;
			free(k->text);
			free(k);
		}
		free(p->kept->known);
		pthread_mutex_destroy(&p->kept->lock);
		free(p->kept);
	}
	*p = (struct place){ .layout = NULL };
}

bool
place_same_host(const struct place *a, const struct place *b)
{
	return a->host != NULL && a->host == b->host;
}

bool
place_same(const struct place *a, const struct place *b)
{
	if (a->layout != NULL && b->layout != NULL)
		return layout_same(a->layout, b->layout);
	return place_same_host(a, b) && strcmp(a->repo, b->repo) == 0;
}

void
place_name(const struct place *p, struct buf *b)
{
	if (p->unpacked != NULL)
		buf_adds(b, p->unpacked);
	else if (p->layout != NULL)
		buf_addf(b, "oci:%s", p->layout->path);
	else
		buf_addf(b, "docker://%s/%s", place_host_name(p->host),
		    p->repo);
}

struct registry_session *
place_session(struct place *p, struct err *e)
{
	struct place_host *h = p->host;
	struct registry_session *s = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->n > 0)
		s = h->idle[--h->n];
	pthread_mutex_unlock(&h->lock);
	return s != NULL ? s : registry_session_new(h->registry, e);
}

void
place_session_end(struct place *p, struct registry_session *s)
{
	struct place_host *h = p->host;

	if (s == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	mem_grow(&h->idle, &h->cap, h->n, sizeof(*h->idle));
	h->idle[h->n++] = s;
	pthread_mutex_unlock(&h->lock);
}

/*
 * Documents that were read
 */

static void
keep(struct place *p, const struct desc *d, const struct buf *text)
{
	struct place_kept *x = p->kept;
	struct kept *k;

	pthread_mutex_lock(&x->lock);
	if (x->bytes + text->len <= PLACE_KEPT_MAX) {
		k = mem_zero(1, sizeof(*k));
		k->desc = *d;
		k->text = mem_dup(text->data, text->len);
		k->len = text->len;
		k->next = x->first;
		x->first = k;
		x->bytes += text->len;
	}
	pthread_mutex_unlock(&x->lock);
}

static bool
find_kept(struct place *p, const char *digest, struct desc *d,
    struct buf *out)
{
	struct place_kept *x = p->kept;
	struct kept *k;

	pthread_mutex_lock(&x->lock);
	for (k = x->first; k != NULL; k = k->next)
		if (strcmp(k->desc.digest, digest) == 0)
			break;
	if (k != NULL && d != NULL)
		*d = k->desc;
	if (k != NULL && out != NULL)
		buf_add(out, k->text, k->len);
	pthread_mutex_unlock(&x->lock);
	return k != NULL;
}

static bool
is_known(const struct place_kept *x, const char *digest)
{
	for (size_t i = 0; i < x->nknown; i++)
		if (strcmp(x->known[i], digest) == 0)
			return true;
	return false;
}

bool
place_knows(struct place *p, const char *digest)
{
	bool yes;

	if (p->kept == NULL)
		return false;
	pthread_mutex_lock(&p->kept->lock);
	yes = is_known(p->kept, digest);
	pthread_mutex_unlock(&p->kept->lock);
	return yes;
}

void
place_know(struct place *p, const char *digest)
{
	struct place_kept *x = p->kept;

	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	if (!is_known(x, digest)) {
		mem_grow(&x->known, &x->known_cap, x->nknown,
		    sizeof(*x->known));
		snprintf(x->known[x->nknown++], DIGEST_STR, "%s", digest);
	}
	pthread_mutex_unlock(&x->lock);
}

/* descriptor.md, "Verification": the size counts as well. */
static int
check_size(const struct place *p, const struct desc *d, size_t len,
    struct err *e)
{
	char want[24], found[24];

	if (d->size == (int64_t)len)
		return 0;
	snprintf(want, sizeof(want), "%" PRId64, d->size);
	snprintf(found, sizeof(found), "%zu", len);
	err_set(e, ERR_CHECK, "blob_size_mismatch",
	    "blob %s in '%s/%s' has %s bytes, not %s", d->digest,
	    place_host_name(p->host), p->repo, found, want);
	err_set_values(e, want, found);
	return -1;
}

/* What wanted names, from the registry; it is kept. */
static int
fetch(struct place *p, const char *wanted, struct desc *d, struct buf *out,
    struct err *e)
{
	struct registry_session *s = place_session(p, e);
	int rc;

	if (s == NULL)
		return -1;
	rc = registry_manifest_get(s, p->repo, wanted, p->fresh, d, out, e);
	place_session_end(p, s);
	if (rc == 0)
		keep(p, d, out);
	return rc;
}

int
place_find(struct place *p, const char *wanted, struct desc *d, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	uint8_t raw[DIGEST_LEN];

	if (p->layout == NULL)
		return find_kept(p, wanted, d, NULL) ? 0 :
		    fetch(p, wanted, d, &text, e);
	if (wanted != NULL && digest_parse(wanted, raw))
		return layout_find_digest(p->layout, wanted, d, e);
	return layout_find(p->layout, wanted, d, e);
}

int
place_look(struct place *p, const char *wanted, struct desc *d, struct err *e)
{
	struct registry_session *s;
	int rc;

	if (p->layout != NULL) {
		if (layout_find(p->layout, wanted, d, e) == 0)
			return 1;
		return strcmp(e->code, "tag_not_found") == 0 ? 0 : -1;
	}
	if ((s = place_session(p, e)) == NULL)
		return -1;
	rc = registry_manifest_head(s, p->repo, wanted, false, d, e);
	place_session_end(p, s);
	return rc;
}

int
place_document(struct place *p, const struct desc *d, struct buf *out,
    struct err *e)
{
	struct desc found;

	buf_reset(out);
	if (p->layout != NULL)
		return layout_blob_read(p->layout, d, DESC_MANIFEST_MAX, out,
		    e);
	if (!find_kept(p, d->digest, NULL, out) &&
	    fetch(p, d->digest, &found, out, e) < 0)
		return -1;
	return check_size(p, d, out->len, e);
}

int
place_blob(struct place *p, const struct desc *d, size_t max,
    struct buf *out, struct err *e)
{
	struct registry_session *s;
	struct desc want = *d;
	int rc;

	buf_reset(out);
	if (p->layout != NULL)
		return layout_blob_read(p->layout, d, max, out, e);
	if (find_kept(p, d->digest, NULL, out))
		return check_size(p, d, out->len, e);
	if ((s = place_session(p, e)) == NULL)
		return -1;
	rc = registry_blob_read(s, p->repo, &want, max, out, e);
	place_session_end(p, s);
	if (rc == 0)
		keep(p, d, out);
	return rc;
}

static int
has(struct place *p, struct registry_session *s, const struct desc *d,
    bool document, struct err *e)
{
	struct desc found = { .size = -1 };
	int rc = document ? registry_manifest_head(s, p->repo, d->digest,
	    p->fresh, &found, e) :
	    registry_blob_head(s, p->repo, d->digest, &found.size, e);

	/* some say no size: then it is no other */
	return rc == 1 && found.size >= 0 && found.size != d->size ? 0 : rc;
}

int
place_has(struct place *p, const struct desc *d, bool document,
    struct err *e)
{
	struct registry_session *s;
	int rc;

	if (p->layout != NULL)
		return layout_blob_has(p->layout, d, e);
	if (!document && find_kept(p, d->digest, NULL, NULL))
		return 1;
	if ((s = place_session(p, e)) == NULL)
		return -1;
	rc = has(p, s, d, document, e);
	place_session_end(p, s);
	return rc;
}

void
place_will_push(struct place *p)
{
	if (p->host != NULL)
		registry_will_push(p->host->registry, p->repo);
}

static int
put(struct place *p, const char *wanted, const struct desc *d,
    const struct buf *text, struct err *e)
{
	struct registry_session *s = place_session(p, e);
	int rc;

	if (s == NULL)
		return -1;
	rc = registry_manifest_put(s, p->repo, wanted, d, text->data,
	    text->len, NULL, e);
	place_session_end(p, s);
	return rc;
}

int
place_put(struct place *p, const struct desc *d, const struct buf *text,
    struct err *e)
{
	struct desc same;

	if (p->layout != NULL)
		return layout_blob_put(p->layout, text->data, text->len,
		    &same, e);
	return put(p, d->digest, d, text, e);
}

int
place_tag(struct place *p, const char *tag, const struct desc *d,
    const struct buf *text, char previous[DIGEST_STR], struct err *e)
{
	if (p->layout != NULL)
		return layout_tag(p->layout, tag, d, previous, e);
	return put(p, tag, d, text, e);
}
