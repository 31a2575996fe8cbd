#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "oci/registry_slot.h"
#include "oci/registry_upload.h"

#define PIECES_AFTER 2	/* times that a blob in one request got stuck */

/* A blob on its way up. */
struct push {
	struct registry_slot slot;
	const struct desc *d;
	const struct registry_source *src;
	const char *from;	/* to be mounted from, or NULL */
	int stuck;		/* tries that got nowhere */
};

static bool
wants_pieces(struct push *p)
{
	struct registry *r = p->slot.s->registry;
	bool yes;

	pthread_mutex_lock(&r->lock);
	yes = r->pieces || p->stuck >= PIECES_AFTER;
	pthread_mutex_unlock(&r->lock);
	return yes && p->d->size > REGISTRY_CHUNK;
}

/* A body was too large for this registry, or for what stands before it: from
 * now on all go in pieces. */
static void
remember_pieces(struct push *p)
{
	struct registry *r = p->slot.s->registry;

	pthread_mutex_lock(&r->lock);
	r->pieces = true;
	pthread_mutex_unlock(&r->lock);
}

/* All of it by the way of a blob that is not known yet. */
static int
push_pieces(struct push *p, struct err *e)
{
	const struct registry_source *src = p->src;
	struct registry_upload *u = registry_upload_again(p->slot.s,
	    p->slot.scope.repo);
	autofree char *data = mem_alloc(1 << 16);
	int rc = src->seek(src->ctx, 0, e);

	while (rc == 0) {
		int64_t n = src->read(src->ctx, data, 1 << 16, e);

		if (n == 0)
			break;
		rc = n < 0 ? -1 : registry_upload_write(u, data, (size_t)n, e);
	}
	if (rc == 0)
		rc = registry_upload_finish(u, p->d, NULL, e);
	registry_upload_free(u);
	return rc;
}

/* Mounted (1), or with a session (0); a mount that fails in any way leaves an
 * upload as the way to do it. */
static int
begin(struct push *p, double *wait, struct err *e)
{
	int rc;

	if (p->from == NULL)
		return registry_slot_open(&p->slot, NULL, wait, e);
	p->slot.scope.from = p->from;
	rc = registry_slot_open(&p->slot, p->d->digest, wait, e);
	/* A failure on the way is worth another try of the same; where the
	 * registry itself fails at it, it may go on doing so. */
	if (rc >= 0 || e->kind != ERR_SYS ||
	    strcmp(e->code, "http_status") == 0)
		p->from = NULL;
	/* what follows needs no right to read the other repository, and some
	 * token servers refuse one for a repository that is not there */
	p->slot.scope.from = NULL;
	if (rc < 0 && p->from == NULL)
		rc = registry_slot_open(&p->slot, NULL, wait, e);
	return rc;
}

/* One try: an enum registry_how, or -1. */
static int
push_once(struct push *p, double *wait, struct err *e)
{
	struct registry_slot_body body = { .src = p->src };
	int64_t before;

	if (p->slot.location.text == NULL) {
		int rc = begin(p, wait, e);

		if (rc != 0)
			return rc > 0 ? REGISTRY_MOUNTED : -1;
	}
	before = p->slot.at;
	body.size = p->d->size - p->slot.at;
	if (p->slot.at > 0 && body.size > 0) {
		p->slot.twice = true;
		if (registry_slot_patch(&p->slot, &body, wait, e) < 0)
			return -1;
		if (p->slot.at != before + body.size)
			return err_set(e, ERR_SYS, "upload_lost",
			    "%s: the registry has %" PRId64 " bytes of %"
			    PRId64, p->slot.what, p->slot.at, p->d->size);
		body.size = 0;
	}
	if (registry_slot_put(&p->slot, p->d->digest, &body, wait, e) == 0)
		return REGISTRY_SENT;
	/* Bytes of a broken connection may have come twice: once more, from
	 * the start. */
	if (p->slot.twice && strcmp(e->code, "push_refused") == 0) {
		registry_slot_cancel(&p->slot);
		e->kind = ERR_SYS;
	}
	return -1;
}

/* After a failure: true if the blob is there all the same. */
static bool
look(struct push *p, const struct err *e)
{
	struct err ignored;
	int64_t size;
	double wait;

	/* a server that has no time has taken nothing */
	if (strcmp(e->code, "rate_limited") == 0)
		return false;
	if (registry_slot_status(&p->slot, &wait, &ignored) != 0 &&
	    p->slot.at <= p->d->size)
		return false;
	registry_slot_release(&p->slot);
	return registry_blob_head(p->slot.s, p->slot.scope.repo,
	    p->d->digest, &size, &ignored) == 1;
}

static int
push(struct push *p, struct err *e)
{
	struct retry retry = registry_call_retry(p->slot.s);
	bool progress = false;
	double wait;

	for (;;) {
		int64_t before = p->slot.at;
		bool pieces = p->from == NULL && wants_pieces(p);
		int rc;

		wait = -1;
		if (pieces)
			registry_slot_cancel(&p->slot);
		rc = pieces ? push_pieces(p, e) : push_once(p, &wait, e);
		if (rc >= 0)
			return rc;
		if (strcmp(e->code, "body_too_large") == 0 && !pieces &&
		    p->d->size > REGISTRY_CHUNK) {
			remember_pieces(p);
			continue;
		}
		if (!retry_again(&retry, e, wait, progress))
			return -1;
		if (look(p, e))
			return REGISTRY_SENT;
		progress = p->slot.at > before;
		p->stuck = progress ? 0 : p->stuck + 1;
	}
}

int
registry_blob_push(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, const struct registry_source *src,
    struct err *e)
{
	autofree char *what = mem_fmt("cannot push blob %s to '%s/%s'",
	    d->digest, s->registry->host, repo);
	struct push p = { .d = d, .src = src, .from = from };
	int64_t size;
	int rc;

	registry_auth_will_push(&s->registry->auth, repo);
	if ((rc = registry_blob_head(s, repo, d->digest, &size, e)) != 0)
		return rc < 0 ? -1 : REGISTRY_THERE;
	p.slot.s = s;
	p.slot.what = what;
	p.slot.scope.repo = repo;
	rc = push(&p, e);
	if (rc < 0)
		registry_slot_cancel(&p.slot);
	registry_slot_release(&p.slot);
	return rc;
}

/* A source in memory, or in a file. */
struct stored {
	const char *data;
	int fd;
	int64_t at, size;
};

static int64_t
stored_read(void *ctx, void *data, size_t len, struct err *e)
{
	struct stored *p = ctx;
	ssize_t n;

	if ((int64_t)len > p->size - p->at)
		len = (size_t)(p->size - p->at);
	if (p->data != NULL) {
		memcpy(data, p->data + p->at, len);
		n = (ssize_t)len;
	} else if ((n = pread(p->fd, data, len, p->at)) < 0) {
		return err_sys(e, "cannot read a blob to push");
	}
	p->at += n;
	return n;
}

static int
stored_seek(void *ctx, int64_t offset, struct err *e)
{
	struct stored *p = ctx;

	(void)e;
	p->at = offset;
	return 0;
}

int
registry_blob_push_data(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, const void *data, struct err *e)
{
	struct stored p = { data, -1, 0, d->size };
	struct registry_source src = { stored_read, stored_seek, &p };

	return registry_blob_push(s, repo, d, from, &src, e);
}

int
registry_blob_push_fd(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, int fd, struct err *e)
{
	struct stored p = { NULL, fd, 0, d->size };
	struct registry_source src = { stored_read, stored_seek, &p };

	return registry_blob_push(s, repo, d, from, &src, e);
}
