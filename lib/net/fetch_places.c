#include "net/fetch_places.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/url.h"
#include "record/tool.h"

void
fetch_places_init(struct fetch_places *p, const struct fetch_places_opts *o)
{
	memset(p, 0, sizeof(*p));
	p->o = o;
	p->job.size = -1;
}

void
fetch_places_release(struct fetch_places *p)
{
	for (int i = 0; i < p->nassets; i++)
		github_asset_release(&p->asset[i]);
	fetch_job_release(&p->job);
	free(p->url);
	p->nassets = 0;
	p->url = NULL;
}

int
fetch_places_add(struct fetch_places *p, const char *location, struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;

	if (p->url == NULL)
		p->url = mem_str(location);
	if (strncasecmp(location, "docker:", 7) == 0)
		return p->o->other(p, location, e);
	if (url_parse(&u, location, e) < 0)
		return -1;
	if (p->nassets < FETCH_SOURCES_MAX &&
	    github_asset_match(&p->asset[p->nassets], p->o->hub, location))
		return github_asset_sources(&p->asset[p->nassets++], location,
		    false, &p->job, e);
	if (fetch_job_add(&p->job, mem_str(location)) == NULL)
		return err_set(e, ERR_INPUT, "field_invalid",
		    "more than %d places", FETCH_SOURCES_MAX);
	return 0;
}

static int
add_asset(struct fetch_places *p, const char *repo, const char *tag,
    const char *name, bool api, struct err *e)
{
	struct github_asset *a = &p->asset[p->nassets];

	if (p->nassets == FETCH_SOURCES_MAX)
		return err_set(e, ERR_INPUT, "field_invalid",
		    "more than %d places", FETCH_SOURCES_MAX);
	if (github_asset_set(a, p->o->hub, repo, tag, name, e) < 0)
		return -1;
	p->nassets++;
	if (p->url == NULL)
		p->url = github_asset_url(a);
	return github_asset_sources(a, NULL, api, &p->job, e);
}

/*
 * Addresses in the record
 */

static void
put_redacted(struct rec *r, const char *key, const char *json, size_t len)
{
	rec_put(r, key, json, len);
	rec_put(r, "url_redacted", "true", 4);
}

static int
read_url(struct fetch_places *p, struct rec *r, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autofree char *shown = NULL;
	const char *url;
	bool cut;
	int rc = rec_str(r, "url", &url, e);

	if (rc <= 0)
		return rc;
	shown = url_redact(url, &cut);
	json_out_str(&o, shown);
	if (cut)
		put_redacted(r, "url", o.buf.data, o.buf.len);
	return fetch_places_add(p, url, e);
}

struct mirrors {
	struct fetch_places *p;
	struct json_out shown;
	bool cut;
	struct err bad;		/* the first that is no place */
};

static int
see_mirror(void *arg, const struct rec_member *m, struct err *e)
{
	struct mirrors *x = arg;
	autofree char *shown = NULL;
	bool cut = false;

	if (m->str == NULL) {
		err_set(e, ERR_INPUT, "field_invalid",
		    "invalid field: urls: a list of strings is wanted");
		err_set_path(e, "urls");
		return -1;
	}
	shown = url_redact(m->str, &cut);
	x->cut = x->cut || cut;
	json_out_str(&x->shown, shown);
	if (x->bad.kind == ERR_NONE)
		fetch_places_add(x->p, m->str, &x->bad);
	return 0;
}

static int
read_mirrors(struct fetch_places *p, struct rec *r, struct err *e)
{
	struct mirrors x = { .p = p, .shown = JSON_OUT_INIT };
	int rc;

	err_init(&x.bad);
	json_out_open(&x.shown, '[');
	rc = rec_each(r, "urls", see_mirror, &x, e);
	json_out_close(&x.shown, ']');
	if (rc > 0 && x.cut)
		put_redacted(r, "urls", x.shown.buf.data, x.shown.buf.len);
	json_out_release(&x.shown);
	if (rc >= 0 && x.bad.kind != ERR_NONE) {
		*e = x.bad;
		return -1;
	}
	return rc < 0 ? -1 : 0;
}

/*
 * The rest of it
 */

static int
read_expect(struct fetch_job *job, struct rec *r, struct err *e)
{
	uint8_t raw[DIGEST_LEN];
	const char *sha256;
	int rc;

	if (rec_int(r, "size", 0, JSON_INT_MAX, &job->size, e) < 0 ||
	    (rc = rec_str(r, "sha256", &sha256, e)) < 0)
		return -1;
	if (rc == 0)
		return 0;
	if (!digest_parse_hex(sha256, raw)) {
		err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "sha256: 64 lower-case hex digits are wanted");
		err_set_path(e, "sha256");
		return -1;
	}
	digest_format_hex(raw, job->sha256);
	return 0;
}

static int
read_github(struct fetch_places *p, struct rec *r, struct err *e)
{
	const char *repo, *tag, *asset;
	size_t len;

	if (rec_text(r, "github", &len) == NULL)
		return 0;
	if (rec_need_str(r, "github.repo", &repo, e) < 0 ||
	    rec_need_str(r, "github.tag", &tag, e) < 0 ||
	    rec_need_str(r, "github.asset", &asset, e) < 0)
		return -1;
	/* the API is asked for the digest, where that is not known */
	return add_asset(p, repo, tag, asset, p->job.sha256[0] == '\0', e);
}

static int
derive(struct fetch_places *p, const char *arch, struct err *e)
{
	autofree char *name = NULL;

	if (p->o->repo == NULL || arch == NULL) {
		const char *what = p->o->repo == NULL ? "url" : "arch";

		err_set(e, ERR_INPUT, "field_missing", "missing field: %s%s",
		    what, p->o->repo == NULL ? " (or urls, or github)" : "");
		err_set_path(e, what);
		return -1;
	}
	name = mem_fmt("%s_%s_%s.tar.gz", p->o->prefix, p->o->version, arch);
	return add_asset(p, p->o->repo, p->o->tag, name, false, e);
}

int
fetch_places_read(struct fetch_places *p, struct rec *r, struct err *e)
{
	const char *arch = NULL;
	struct err first;
	int rc = read_url(p, r, &first);

	/* all addresses are looked at, for their secrets */
	if (read_mirrors(p, r, e) < 0 || rc < 0) {
		if (rc < 0)
			*e = first;
		return -1;
	}
	if (rec_str(r, "arch", &arch, e) < 0 ||
	    (arch != NULL && tool_arch_check(arch, e) < 0) ||
	    read_expect(&p->job, r, e) < 0 || read_github(p, r, e) < 0)
		return -1;
	return p->job.nsources > 0 ? 0 : derive(p, arch, e);
}

char *
fetch_places_name(const struct fetch_places *p, const char *arch,
    struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *base = NULL;
	uint8_t raw[DIGEST_LEN];
	char hex[DIGEST_HEX], *name;

	if (url_parse(&u, p->url, e) < 0)
		return NULL;
	base = url_basename(&u);
	digest_bytes(p->url, strlen(p->url), raw);
	digest_format_hex(raw, hex);
	name = mem_fmt("%s%s%s-%s", arch != NULL ? arch : "",
	    arch != NULL ? "-" : "", hex, base);
	name[text_prefix(name, NAME_MAX)] = '\0';
	return name;
}
