#include "oci/registry_upload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/registry_slot.h"

struct registry_upload {
	struct registry_slot slot;
	char *repo, *what;	/* owned */
	struct buf piece;	/* what the registry does not have for sure */
	int64_t start;		/* where the piece is in the blob */
	size_t chunk;		/* bytes of a whole piece */
	int spool;		/* what came before the piece; -1: no piece
				   was whole yet */
	bool lost;		/* the registry can't go on: all is spooled */
	bool no_spool;		/* by who can read it again */
};

struct registry_upload *
registry_upload_new(struct registry_session *s, const char *repo)
{
	struct registry_upload *u = mem_zero(1, sizeof(*u));

	u->repo = mem_str(repo);
	u->what = mem_fmt("cannot push a blob to '%s/%s'",
	    s->registry->host, repo);
	u->slot.s = s;
	u->slot.what = u->what;
	u->slot.scope.repo = u->repo;
	registry_auth_will_push(&s->registry->auth, repo);
	u->chunk = REGISTRY_CHUNK;
	u->spool = -1;
	buf_init(&u->piece);
	return u;
}

struct registry_upload *
registry_upload_again(struct registry_session *s, const char *repo)
{
	struct registry_upload *u = registry_upload_new(s, repo);

	u->no_spool = true;
	return u;
}

void
registry_upload_free(struct registry_upload *u)
{
	if (u == NULL)
		return;
	registry_slot_cancel(&u->slot);
	buf_release(&u->piece);
	if (u->spool >= 0)
		close(u->spool);
	free(u->repo);
	free(u->what);
	free(u);
}

/* Where the registry is after a failure.  Before the piece, or behind it: it
 * can't go on. */
static int
look(struct registry_upload *u, double *wait, struct err *e)
{
	int64_t end = u->start + (int64_t)u->piece.len;

	if (registry_slot_status(&u->slot, wait, e) < 0)
		return -1;
	if (u->slot.at < u->start || u->slot.at > end)
		u->lost = true;
	return 0;
}

/* Send what is missing of the piece, once.  Not the last, and smaller than the
 * registry takes: it waits for more. */
static int
send_rest(struct registry_upload *u, bool last, double *wait, struct err *e)
{
	int64_t end = u->start + (int64_t)u->piece.len;

	if (u->slot.location.text == NULL &&
	    registry_slot_open(&u->slot, NULL, wait, e) < 0)
		return -1;
	if (!last && (int64_t)u->piece.len < u->slot.chunk)
		return 0;
	while (u->slot.at < end && !u->lost) {
		struct registry_slot_body body = {
			.data = u->piece.data + (u->slot.at - u->start),
			.size = end - u->slot.at };
		int64_t before = u->slot.at;

		if (registry_slot_patch(&u->slot, &body, wait, e) < 0)
			return -1;
		if (u->slot.at <= before || u->slot.at > end)
			u->lost = true;
	}
	return 0;
}

/* Send the piece, as often as it takes. */
static int
send_piece(struct registry_upload *u, bool last, struct err *e)
{
	struct retry retry = registry_call_retry(u->slot.s);
	bool failed = false, progress = false;
	double wait;

	for (;;) {
		int64_t before = u->slot.at;

		wait = -1;
		if ((!failed || look(u, &wait, e) == 0) && (u->lost ||
		    send_rest(u, last, &wait, e) == 0))
			return 0;
		failed = true;
		if (!retry_again(&retry, e, wait, progress))
			return -1;
		progress = u->slot.at > before;
	}
}

static int
lost(const struct registry_upload *u, struct err *e)
{
	return err_set(e, ERR_SYS, "upload_lost",
	    "%s: the registry has lost what it was sent", u->what);
}

static int
spool(struct registry_upload *u, struct err *e)
{
	const char *dir = getenv("TMPDIR");

	if (u->lost && u->no_spool)
		return lost(u, e);
	if (dir == NULL || *dir == '\0')
		dir = "/var/tmp";
	if (u->spool < 0 && !u->no_spool)
		u->spool = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (!u->no_spool && (u->spool < 0 || file_pwrite(u->spool,
	    u->piece.data, u->piece.len, u->start) < 0))
		return err_sys(e, "%s: cannot keep a piece of it in '%s'",
		    u->what, dir);
	u->start += (int64_t)u->piece.len;
	buf_reset(&u->piece);
	return 0;
}

/* The piece is whole, or the last one: send it, and keep it. */
static int
flush(struct registry_upload *u, bool last, struct err *e)
{
	if (!u->lost && send_piece(u, last, e) < 0)
		return -1;
	if ((int64_t)u->chunk < u->slot.chunk) {
		u->chunk = (size_t)u->slot.chunk;
		if (!last && !u->lost && u->slot.at == u->start)
			return 0;
	}
	return spool(u, e);
}

int
registry_upload_write(struct registry_upload *u, const void *data, size_t len,
    struct err *e)
{
	while (len > 0) {
		size_t n = u->chunk - u->piece.len;

		/* A whole piece stays here until there is more: a blob of one
		 * piece needs no session. */
		if (n == 0) {
			if (flush(u, false, e) < 0)
				return -1;
			continue;
		}
		if (n > len)
			n = len;
		buf_add(&u->piece, data, n);
		data = (const char *)data + n;
		len -= n;
	}
	return 0;
}

/* The registry has it all: now it learns what it is.  0, 1 where the whole
 * blob must be sent again, -1. */
static int
name_it(struct registry_upload *u, const struct desc *d, struct err *e)
{
	struct registry_slot_body none = { .data = "" };
	struct retry retry = registry_call_retry(u->slot.s);
	double wait = -1;

	while (registry_slot_put(&u->slot, d->digest, &none, &wait, e) < 0) {
		if (u->slot.location.text == NULL || (u->slot.twice &&
		    strcmp(e->code, "push_refused") == 0))
			return 1;
		if (!retry_again(&retry, e, wait, false))
			return -1;
		wait = -1;
	}
	return 0;
}

int
registry_upload_finish(struct registry_upload *u, const struct desc *d,
    const char *from, struct err *e)
{
	int rc = 1;

	if (u->start == 0) {
		registry_slot_cancel(&u->slot);
		return registry_blob_push_data(u->slot.s, u->repo, d, from,
		    u->piece.data, e);
	}
	if (u->piece.len > 0 && flush(u, true, e) < 0)
		return -1;
	if (!u->lost)
		rc = name_it(u, d, e);
	if (rc > 0 && u->no_spool)
		return lost(u, e);
	if (rc > 0) {
		registry_slot_cancel(&u->slot);
		return registry_blob_push_fd(u->slot.s, u->repo, d, from,
		    u->spool, e);
	}
	registry_slot_release(&u->slot);
	return rc < 0 ? -1 : REGISTRY_SENT;
}
