#include "net/fetch_get.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/url.h"

bool
fetch_get_is_file(const struct fetch_source *s)
{
	return strncasecmp(s->url, "file:", 5) == 0;
}

static void
replace(char **to, const char *value)
{
	free(*to);
	*to = value != NULL ? mem_str(value) : NULL;
}

/*
 * What is wanted
 */

static int
wrong(struct err *e, const char *code, const char *shown, const char *what,
    const char *want, const char *have)
{
	err_set(e, ERR_CHECK, code, "%s has the %s %s, not %s", shown, what,
	    have, want);
	err_set_path(e, shown);
	err_set_values(e, want, have);
	return -1;
}

int
fetch_get_check_digest(const struct fetch_get *g, const char *shown,
    const char *sha256, struct err *e)
{
	if (g->sha256[0] == '\0' || strcmp(g->sha256, sha256) == 0)
		return 0;
	return wrong(e, "checksum_mismatch", shown, "SHA-256", g->sha256,
	    sha256);
}

int
fetch_get_check_size(const struct fetch_get *g, const char *shown,
    int64_t size, struct err *e)
{
	autofree char *want = mem_fmt("%lld", (long long)g->job->size);
	autofree char *have = mem_fmt("%lld", (long long)size);

	if (g->job->size >= 0 && g->job->size != size)
		return wrong(e, "size_mismatch", shown, "size", want, have);
	if (size <= g->o->max_bytes)
		return 0;
	err_set(e, ERR_CHECK, "too_large", "%s has %s bytes, and %lld are "
	    "allowed (--max-bytes)", shown, have, (long long)g->o->max_bytes);
	err_set_path(e, shown);
	return -1;
}

/*
 * Results
 */

/* The blob becomes the destination, or is it. */
int
fetch_get_deliver(struct fetch_get *g, const char *sha256, struct err *e)
{
	autofree char *dir = NULL;
	const char *base;
	autofd int fd = -1;

	if (g->job->dest == NULL) {
		g->r->path = cache_blob_path(g->o->cache, sha256);
		return 0;
	}
	base = file_base(g->job->dest);
	dir = mem_dup(g->job->dest, (size_t)(base - g->job->dest));
	fd = open(*dir != '\0' ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", dir);
	if (cache_export(g->o->cache, sha256, fd, base, e) < 0)
		return -1;
	g->r->path = mem_str(g->job->dest);
	return 0;
}

void
fetch_get_describe(struct fetch_get *g, const struct fetch_source *s,
    const char *sha256, int64_t size, const char *etag, const char *modified)
{
	memcpy(g->r->sha256, sha256, DIGEST_HEX);
	g->r->size = size;
	free(g->r->url);
	g->r->url = url_redact(s->url, NULL);
	replace(&g->r->etag, etag);
	replace(&g->r->last_modified, modified);
}

/*
 * The cache
 */

/* A blob of the cache is what is wanted: 1, or 0 where it is not, or gone. */
int
fetch_get_hit(struct fetch_get *g, const struct fetch_source *s,
    const struct cache_entry *x, struct err *e)
{
	autofree char *shown = url_redact(s->url, NULL);
	autofd int fd = -1;
	struct err why;

	if ((g->sha256[0] != '\0' && strcmp(g->sha256, x->sha256) != 0) ||
	    (g->job->size >= 0 && g->job->size != x->size))
		return 0;
	/* held open until it is delivered, so that nobody removes it */
	fd = cache_blob_open(g->o->cache, x->sha256, false, &why);
	if (fd < 0)
		return why.kind == ERR_SYS ? (*e = why, -1) : 0;
	if (fetch_get_check_size(g, shown, x->size, e) < 0 ||
	    fetch_get_deliver(g, x->sha256, e) < 0)
		return -1;
	fetch_get_describe(g, s, x->sha256, x->size, x->etag, x->last_modified);
	g->r->cached = true;
	return 1;
}

/* What the URL gave before: 1, 0. */
int
fetch_get_hit_url(struct fetch_get *g, const struct fetch_source *s,
    struct err *e)
{
	AUTO(cache_entry_release) struct cache_entry x = CACHE_ENTRY_INIT;
	int rc;

	if (g->o->refresh || fetch_get_is_file(s))
		return 0;
	if ((rc = cache_lookup(g->o->cache, s->url, &x, e)) <= 0)
		return rc;
	return fetch_get_hit(g, s, &x, e);
}

/* By its digest, whichever URL gave it; what is wanted by digest can't be of
 * another version.  A file is here anyway: it is read. */
int
fetch_get_hit_digest(struct fetch_get *g, const struct fetch_source *s,
    struct err *e)
{
	struct cache_entry x = CACHE_ENTRY_INIT;
	int rc;

	if (g->sha256[0] == '\0' || fetch_get_is_file(s))
		return 0;
	x.size = g->job->size;
	memcpy(x.sha256, g->sha256, DIGEST_HEX);
	if ((rc = cache_has(g->o->cache, g->sha256, &x.size, e)) <= 0)
		return rc;
	return fetch_get_hit(g, s, &x, e);
}

int
fetch_get_hit_any(struct fetch_get *g, struct err *e)
{
	int rc = 0;

	if (g->o->cache->fd < 0)
		return 0;
	for (int i = 0; i < g->job->nsources && rc == 0; i++)
		rc = fetch_get_hit_url(g, &g->job->source[i], e);
	return rc == 0 ? fetch_get_hit_digest(g, &g->job->source[0], e) : rc;
}
