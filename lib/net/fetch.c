#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/fetch_from.h"
#include "net/fetch_get.h"
#include "net/url.h"

void
fetch_job_release(struct fetch_job *job)
{
	for (int i = 0; i < job->nsources; i++)
		free(job->source[i].url);
	free(job->dest);
	job->nsources = 0;
	job->dest = NULL;
}

struct fetch_source *
fetch_job_add(struct fetch_job *job, char *url)
{
	struct fetch_source *s;

	if (job->nsources == FETCH_SOURCES_MAX) {
		free(url);
		return NULL;
	}
	s = &job->source[job->nsources++];
	*s = (struct fetch_source){ .url = url };
	return s;
}

void
fetch_result_release(struct fetch_result *r)
{
	free(r->path);
	free(r->url);
	free(r->etag);
	free(r->last_modified);
	*r = (struct fetch_result)FETCH_RESULT_INIT;
}

/* Who can change what plain http carries is unknown: the digest has to be. */
static int
check_scheme(const struct fetch_get *g, const struct fetch_source *s,
    struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *shown = url_redact(s->url, NULL);

	if (url_parse(&u, s->url, e) < 0)
		return -1;
	if (strcmp(u.scheme, "http") != 0 || url_is_loopback(&u) ||
	    g->o->insecure_http || g->sha256[0] != '\0')
		return 0;
	err_set(e, ERR_INPUT, "insecure_http", "%s is plain http: give its "
	    "sha256, or --insecure-http", shown);
	err_set_path(e, shown);
	return -1;
}

/*
 * Several places
 */

/* No other place helps against these. */
static bool
is_local(const struct err *e)
{
	return e->kind == ERR_SYS && (e->sys != 0 ||
	    strcmp(e->code, "cache_readonly") == 0 ||
	    strcmp(e->code, "no_space") == 0);
}

static bool
is_refusal(const struct err *e)
{
	static const char *const codes[] = { "unauthorized", "forbidden",
	    "not_found" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return false;
}

/* The failure that is told: of the last place, or of an earlier one that
 * matters more. */
struct verdict {
	struct err *told;	/* owned */
	struct buf tried;
	int places;
	const char *hint;	/* of the place that it is told of */
};

static void
verdict_release(struct verdict *v)
{
	free(v->told);
	buf_release(&v->tried);
}

static void
verdict_add(struct verdict *v, const struct fetch_source *s,
    const struct err *e)
{
	autofree char *shown = url_redact(s->url, NULL);

	if (v->told == NULL || (v->told->kind != ERR_SYS &&
	    e->kind == ERR_SYS)) {
		if (v->told == NULL)
			v->told = mem_alloc(sizeof(*v->told));
		*v->told = *e;
		v->hint = is_refusal(e) ? s->hint :
		    strcmp(e->code, "rate_limited") == 0 ? s->limit_hint :
		    NULL;
	}
	buf_addf(&v->tried, "%s%s%s (%s)", v->places++ > 0 ? ", " : "tried ",
	    shown, s->fallback ? " without a token" : "", e->code);
}

static int
verdict_tell(struct verdict *v, struct err *e)
{
	size_t len;

	*e = *v->told;
	len = strlen(e->msg);
	if (v->hint != NULL)
		snprintf(e->msg + len, sizeof(e->msg) - len, "; %s", v->hint);
	if (v->places > 1)
		err_set_detail(e, "%s%s%s", v->told->detail,
		    v->told->detail[0] != '\0' ? "; " : "", v->tried.data);
	return -1;
}

static int
offline_miss(const struct fetch_get *g, struct err *e)
{
	autofree char *shown = url_redact(g->job->source[0].url, NULL);

	err_set(e, ERR_CHECK, "offline_miss", "%s is not in the cache, and "
	    "--offline asks nobody", shown);
	err_set_path(e, shown);
	return -1;
}

static int
from_any(struct fetch_get *g, struct err *e)
{
	AUTO(verdict_release) struct verdict v = { .tried = BUF_INIT };
	bool refused = false;

	for (int i = 0; i < g->job->nsources; i++) {
		struct fetch_source *s = &g->job->source[i];

		if ((g->o->offline && !fetch_get_is_file(s)) ||
		    (s->fallback && !refused))
			continue;
		if (fetch_from_source(g, s, e) >= 0)
			return 0;
		if (is_local(e))
			return -1;
		refused = is_refusal(e);
		verdict_add(&v, s, e);
	}
	return v.told != NULL ? verdict_tell(&v, e) : offline_miss(g, e);
}

int
fetch_get(const struct fetch_opts *o, struct fetch_job *job,
    struct fetch_result *r, struct err *e)
{
	struct fetch_get g = { .o = o, .job = job, .r = r };
	int rc;

	*r = (struct fetch_result)FETCH_RESULT_INIT;
	memcpy(g.sha256, job->sha256, DIGEST_HEX);
	for (int i = 0; i < job->nsources; i++)
		if (check_scheme(&g, &job->source[i], e) < 0)
			return -1;
	if ((rc = fetch_get_hit_any(&g, e)) == 0)
		rc = from_any(&g, e);
	http_free(g.http);
	return rc < 0 ? -1 : 0;
}
