#include "net/fetch_from.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/fetch_file.h"
#include "net/fetch_kind.h"
#include "net/fetch_part.h"
#include "net/fetch_try.h"
#include "net/retry.h"
#include "net/url.h"

/* So many bytes more make a try worth to be followed by as many others as the
 * first was, unless a user has bounded them: fewer, and a server that dribbles
 * would be asked for ever. */
#define PROGRESS (64 << 10)

/* A source that is being downloaded. */
struct source {
	struct fetch_get *g;
	struct fetch_source *s;
	char *shown;			/* owned: its URL without secrets */
	const struct fetch_kind *kind;
	struct cache_part kept;
	struct file_tmp tmp;		/* where no cache can be written */
	int beside;			/* of tmp, for reading too; owned */
	int fd;				/* of the one or the other; borrowed */
	struct fetch_part part;
	bool open;			/* part is */
	struct cache_entry known;	/* for a conditional request */
	bool conditional;
};

static void
ask_release(struct fetch_ask *a)
{
	free(a->url);
	if (a->authorization != NULL)
		explicit_bzero(a->authorization, strlen(a->authorization));
	free(a->authorization);
	free(a->accept);
}

/*
 * The place that is written to
 */

/* Beside the destination: nothing of it is kept for another run. */
static int
open_beside(struct source *x, struct err *e)
{
	struct fetch_get *g = x->g;

	if (g->job->dest == NULL) {
		err_set(e, ERR_SYS, "cache_readonly", "no cache can be "
		    "written: %s; give -d or -o, or another --cache-dir",
		    g->o->cache->why != NULL ? g->o->cache->why : "read-only");
		err_set_path(e, g->o->cache->path != NULL ?
		    g->o->cache->path : "");
		return -1;
	}
	if (file_tmp_open(&x->tmp, AT_FDCWD, g->job->dest, e) < 0)
		return -1;
	x->fd = x->beside = openat(x->tmp.dirfd, x->tmp.tmp, O_RDWR |
	    O_NOFOLLOW | O_CLOEXEC);
	return x->fd < 0 ? err_sys(e, "cannot open '%s'", g->job->dest) : 0;
}

/* 1 where another process has filled the cache meanwhile. */
static int
open_kept(struct source *x, struct err *e)
{
	struct fetch_get *g = x->g;
	bool waited;
	int rc;

	if (cache_part_open(g->o->cache, x->s->url, &x->kept, &waited, e) < 0)
		return -1;
	if ((rc = fetch_get_hit_url(g, x->s, e)) != 0)
		return rc;
	if ((rc = fetch_get_hit_digest(g, x->s, e)) != 0)
		return rc;
	x->fd = x->kept.fd;
	return 0;
}

/* What is in the cache of a URL that is to be asked for anew. */
static int
open_known(struct source *x, struct err *e)
{
	struct fetch_get *g = x->g;
	struct err why;
	int fd;

	if (!g->o->refresh || g->o->cache->fd < 0 || fetch_get_is_file(x->s) ||
	    cache_lookup(g->o->cache, x->s->url, &x->known, e) < 1)
		return 0;
	if (g->sha256[0] != '\0' && strcmp(g->sha256, x->known.sha256) != 0)
		return 0;
	if ((fd = cache_blob_open(g->o->cache, x->known.sha256, false,
	    &why)) < 0)
		return 0;
	close(fd);
	x->conditional = true;
	return 0;
}

static int
open_source(struct source *x, struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	struct fetch_get *g = x->g;
	bool writable = g->o->cache->fd >= 0 && !g->o->cache->readonly;
	int rc;

	x->shown = url_redact(x->s->url, NULL);
	if (url_parse(&u, x->s->url, e) < 0)
		return -1;
	x->kind = fetch_kind_of(u.path);
	if ((rc = writable ? open_kept(x, e) : open_beside(x, e)) != 0)
		return rc;
	fetch_part_open(&x->part, x->fd, writable ? &x->kept : NULL,
	    g->job->done, g->job->total);
	x->open = true;
	return open_known(x, e);
}

static void
source_release(struct source *x)
{
	if (x->open)
		fetch_part_release(&x->part);
	if (x->beside >= 0)
		close(x->beside);
	file_tmp_release(&x->tmp);
	cache_part_release(&x->kept);
	cache_entry_release(&x->known);
	free(x->shown);
}

/* It is good: it takes its place. */
static int
commit(struct source *x, const char *sha256, struct err *e)
{
	struct fetch_get *g = x->g;
	struct cache_entry entry = {
		.size = x->part.version.length,
		.etag = x->part.version.etag,
		.last_modified = x->part.version.last_modified,
	};

	fetch_get_describe(g, x->s, sha256, entry.size, entry.etag,
	    entry.last_modified);
	if (x->beside >= 0) {
		if (file_tmp_commit(&x->tmp, e) < 0)
			return -1;
		g->r->path = mem_str(g->job->dest);
		return 0;
	}
	memcpy(entry.sha256, sha256, DIGEST_HEX);
	if (cache_part_commit(&x->kept, sha256, e) < 0 ||
	    (!fetch_get_is_file(x->s) &&
	    cache_remember(g->o->cache, x->s->url, &entry, e) < 0))
		return -1;
	return fetch_get_deliver(g, sha256, e);
}

/*
 * Tries
 */

/* It begins as the archive that its name promises. */
static int
check_kind(struct source *x, struct err *e)
{
	char data[FETCH_KIND_BYTES], shown[64];
	ssize_t n = pread(x->fd, data, sizeof(data), 0);

	if (x->kind == NULL || n < 0 ||
	    fetch_kind_begins(x->kind, data, (size_t)n))
		return 0;
	fetch_kind_show(data, (size_t)n, shown);
	err_set(e, ERR_SYS, "not_an_archive", "%s gives no %s archive, as its "
	    "name promises, but '%s'", x->shown, fetch_kind_name(x->kind),
	    shown);
	err_set_path(e, x->shown);
	err_set_values(e, fetch_kind_name(x->kind), shown);
	return -1;
}

/* All bytes are there: are they the right ones?  1, or -1 with none left.  A
 * digest that is wanted goes before a name's promise; and what is wrong and
 * does not even begin as it should is an error page. */
static int
judge(struct source *x, char sha256[DIGEST_HEX], struct err *e)
{
	struct err again;
	bool right;

	if (fetch_part_finish(&x->part, sha256, e) < 0)
		return -1;
	right = fetch_get_check_size(x->g, x->shown, x->part.version.length,
	    e) == 0 && fetch_get_check_digest(x->g, x->shown, sha256, e) == 0;
	if ((right && x->g->sha256[0] != '\0') ||
	    (check_kind(x, e) == 0 && right))
		return 1;
	if (fetch_part_reset(&x->part, &again) < 0)
		*e = again;
	return -1;
}

/* What the place itself says of the file is wanted from here on. */
static int
want_asked(struct source *x, const struct fetch_ask *ask, struct err *e)
{
	struct fetch_get *g = x->g;

	if (ask->sha256[0] == '\0')
		return 0;
	if (fetch_get_check_digest(g, x->shown, ask->sha256, e) < 0)
		return -1;
	memcpy(g->sha256, ask->sha256, DIGEST_HEX);
	return 0;
}

/* 1 with the digest, 0 where the cache's file is the newest, -1. */
static int
try_once(struct source *x, struct fetch_try *t, char sha256[DIGEST_HEX],
    struct err *e)
{
	AUTO(ask_release) struct fetch_ask ask = FETCH_ASK_INIT;
	struct fetch_get *g = x->g;
	int rc;

	t->wait = -1;
	if (x->s->prepare != NULL &&
	    (x->s->prepare(x->s->ctx, g->http, &ask, &t->wait, e) < 0 ||
	    want_asked(x, &ask, e) < 0))
		return -1;
	t->url = ask.url != NULL ? ask.url : x->s->url;
	t->authorization = ask.authorization;
	t->accept = ask.accept;
	t->http = ask.http != NULL ? ask.http : g->http;
	t->headers = x->s->prepare != NULL ? NULL : g->o->headers;
	t->digest_known = g->sha256[0] != '\0';
	rc = fetch_try_run(t, e);
	g->r->connections = t->used > g->r->connections ? t->used :
	    g->r->connections;
	return rc < 1 ? rc : judge(x, sha256, e);
}

/* What the cache remembers may be damaged. */
static bool
is_askable(const struct source *x, const char *value)
{
	return x->conditional && value != NULL &&
	    fetch_part_is_validator(value);
}

static int
try_until(struct source *x, char sha256[DIGEST_HEX], struct err *e)
{
	struct fetch_get *g = x->g;
	struct retry retry = RETRY_INIT(g->o->retries);
	struct fetch_try t = {
		.http = g->http, .part = &x->part, .shown = x->shown,
		.size = g->job->size, .max = g->o->max_bytes,
		.kind = x->kind, .connections = g->o->connections,
	};
	bool resumed = x->part.resumed > 0;
	int rc;

	if (is_askable(x, x->known.etag))
		t.if_none_match = x->known.etag;
	else if (is_askable(x, x->known.last_modified))
		t.if_modified_since = x->known.last_modified;
	for (;;) {
		int64_t before = fetch_part_have(&x->part);

		g->r->attempts++;
		if ((rc = try_once(x, &t, sha256, e)) >= 0)
			return rc;
		/* what an earlier run left may be what is wrong */
		if (resumed && strcmp(e->code, "checksum_mismatch") == 0 &&
		    fetch_part_have(&x->part) == 0) {
			resumed = false;
			continue;
		}
		if (!retry_again(&retry, e, t.wait, g->o->retries == 0 &&
		    fetch_part_have(&x->part) - before >= PROGRESS))
			return -1;
	}
}

static int
try_file(struct source *x, char sha256[DIGEST_HEX], struct err *e)
{
	x->g->r->attempts++;
	if (fetch_part_reset(&x->part, e) < 0 ||
	    fetch_file_copy(x->s->url, &x->part, x->g->o->max_bytes, e) < 0)
		return -1;
	return judge(x, sha256, e);
}

int
fetch_from_source(struct fetch_get *g, struct fetch_source *s, struct err *e)
{
	AUTO(source_release) struct source x = {
		.g = g, .s = s, .kept = CACHE_PART_INIT,
		.tmp = FILE_TMP_INIT, .beside = -1, .fd = -1,
		.known = CACHE_ENTRY_INIT,
	};
	char sha256[DIGEST_HEX];
	int rc = open_source(&x, e);

	if (rc != 0)
		return rc;
	if (fetch_get_is_file(s))
		rc = try_file(&x, sha256, e);
	else if (g->http == NULL &&
	    (g->http = http_new(&g->o->http, e)) == NULL)
		rc = -1;
	else
		rc = try_until(&x, sha256, e);
	if (rc < 0)
		return -1;
	g->r->resumed_from = x.part.resumed;
	if (rc > 0)
		return commit(&x, sha256, e) < 0 ? -1 : 1;
	if ((rc = fetch_get_hit(g, s, &x.known, e)) == 0)
		return err_set(e, ERR_SYS, "content_changed", "the cache lost "
		    "%s while its server was asked for it", x.shown);
	return rc;
}
