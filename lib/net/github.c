#include "net/github.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/retry.h"
#include "net/url.h"
#include "record/rec.h"

#define PUBLIC_SERVER "https://github.com"
#define PUBLIC_API "https://api.github.com"
#define MEDIA_TYPE "application/vnd.github+json"
#define NO_TOKEN_HINT "a private repository needs GH_TOKEN or GITHUB_TOKEN " \
	"with `contents: read` (or, of a classic token, the scope `repo`)"
#define LIMIT_HINT "GH_TOKEN or GITHUB_TOKEN is allowed more requests"
#define TOKEN_HINT "the token lacks `contents: read` for this repository " \
	"(or, of a classic token, the scope `repo`), or is no longer good"

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static char *
without_slash(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return mem_dup(url, len);
}

static int
check_address(const char *name, const char *value, bool *tls, struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *shown = url_redact(value, NULL);

	shown[strcspn(shown, "?")] = '\0';
	/* paths are put behind it */
	if (strpbrk(value, "?#") != NULL || url_parse(&u, value, e) < 0 ||
	    strcmp(u.scheme, "file") == 0)
		return err_set(e, ERR_INPUT, "usage",
		    "%s is no web address: '%s'", name, shown);
	*tls = strcmp(u.scheme, "https") == 0;
	return 0;
}

int
github_env(struct github *g, struct err *e)
{
	const char *server = env("GITHUB_SERVER_URL");
	const char *api = env("GITHUB_API_URL");
	const char *name = "GH_TOKEN";
	bool tls;

	*g = (struct github)GITHUB_INIT;
	if ((g->token = env("GH_TOKEN")) == NULL)
		g->token = env(name = "GITHUB_TOKEN");
	g->server = without_slash(server != NULL ? server : PUBLIC_SERVER);
	if (api != NULL)
		g->api = without_slash(api);
	else if (strcasecmp(g->server, PUBLIC_SERVER) == 0)
		g->api = mem_str(PUBLIC_API);
	else	/* GitHub Enterprise Server, "REST API", "Schema" */
		g->api = mem_fmt("%s/api/v3", g->server);
	if (g->token != NULL && (text_has_control(g->token,
	    strlen(g->token)) || strchr(g->token, ' ') != NULL))
		return err_set(e, ERR_INPUT, "usage",
		    "%s has a space or a control byte in it", name);
	if (check_address("GITHUB_SERVER_URL", g->server, &tls, e) < 0 ||
	    check_address("GITHUB_API_URL", g->api, &tls, e) < 0)
		return -1;
	g->withheld = g->token != NULL && !tls;
	if (g->withheld)
		g->token = NULL;
	return 0;
}

void
github_release(struct github *g)
{
	free(g->api);
	free(g->server);
	*g = (struct github)GITHUB_INIT;
}

void
github_asset_release(struct github_asset *a)
{
	free(a->repo);
	free(a->tag);
	free(a->name);
	free(a->id);
	memset(a, 0, sizeof(*a));
}

/* OWNER/REPO, of what GitHub lets names be. */
static bool
is_repo(const char *repo)
{
	const char *slash = strchr(repo, '/');

	return slash != NULL && slash > repo && slash[1] != '\0' &&
	    strspn(repo, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_./") == strlen(repo) &&
	    strchr(slash + 1, '/') == NULL && strcmp(slash + 1, "..") != 0 &&
	    strcmp(slash + 1, ".") != 0 && *repo != '.';
}

/* Of a path, once escaped: dots would lead elsewhere. */
static bool
is_part(const char *str)
{
	return *str != '\0' && strcmp(str, ".") != 0 &&
	    strcmp(str, "..") != 0 && !text_has_control(str, strlen(str));
}

int
github_asset_set(struct github_asset *a, const struct github *g,
    const char *repo, const char *tag, const char *name, struct err *e)
{
	if (!is_repo(repo))
		return err_set(e, ERR_INPUT, "field_invalid",
		    "'%s' is no repository: OWNER/REPO is wanted", repo);
	if (!is_part(tag) || !is_part(name) || strchr(name, '/') != NULL)
		return err_set(e, ERR_INPUT, "field_invalid", "there is no "
		    "asset '%s' of a release '%s'", name, tag);
	*a = (struct github_asset){ .hub = g, .repo = mem_str(repo),
		.tag = mem_str(tag), .name = mem_str(name) };
	return 0;
}

/* A part of a path, decoded: up to a slash, or to the end of the string. */
static char *
part(const char **p)
{
	size_t len = strcspn(*p, "/");
	char *out = mem_dup(*p, len), *to = out;
	uint8_t byte;

	for (const char *from = out; *from != '\0'; from++) {
		char hex[3] = { 0 };

		if (*from == '%' && from[1] != '\0') {
			for (int i = 0; i < 2; i++)
				hex[i] = from[1 + i] >= 'A' ?
				    (char)(from[1 + i] | 0x20) : from[1 + i];
			if (text_unhex(hex, 1, &byte) && byte != 0) {
				*to++ = (char)byte;
				from += 2;
				continue;
			}
		}
		*to++ = *from;
	}
	*to = '\0';
	*p += len + ((*p)[len] == '/');
	return out;
}

/* SERVER/OWNER/REPO/releases/download/TAG/NAME, or .../releases/latest/
 * download/NAME ("Linking to releases"). */
bool
github_asset_match(struct github_asset *a, const struct github *g,
    const char *url)
{
	size_t len = strlen(g->server);
	const char *p = url + len;
	bool latest;
	struct err e;

	if (strncasecmp(url, g->server, len) != 0 || *p++ != '/' ||
	    strpbrk(p, "?#") != NULL)
		return false;
	autofree char *owner = part(&p), *repo = part(&p);
	autofree char *path = mem_fmt("%s/%s", owner, repo);

	latest = strncmp(p, "releases/latest/download/", 25) == 0;
	if (!latest && strncmp(p, "releases/download/", 18) != 0)
		return false;
	p += latest ? 25 : 18;
	autofree char *tag = latest ? mem_str("latest") : part(&p);
	autofree char *name = part(&p);

	/* a tag that is called so is not the newest release */
	return *p == '\0' && (latest || strcmp(tag, "latest") != 0) &&
	    github_asset_set(a, g, path, tag, name, &e) == 0;
}

static bool
is_latest(const struct github_asset *a)
{
	return strcmp(a->tag, "latest") == 0;
}

char *
github_asset_url(const struct github_asset *a)
{
	autofree char *tag = url_escape(a->tag), *name = url_escape(a->name);

	if (is_latest(a))
		return mem_fmt("%s/%s/releases/latest/download/%s",
		    a->hub->server, a->repo, name);
	return mem_fmt("%s/%s/releases/download/%s/%s", a->hub->server,
	    a->repo, tag, name);
}

/*
 * The API
 */

struct search {
	struct github_asset *a;
	struct buf names;	/* of all assets, for a message */
};

/* An element of a release's `assets`. */
static int
see_asset(void *ctx, const struct rec_member *m, struct err *e)
{
	struct search *s = ctx;
	struct rec *r = rec_parse(m->text, m->len, "an asset", e);
	const char *name, *digest = NULL;
	uint8_t raw[DIGEST_LEN];
	struct err ignored;
	int64_t id;
	int rc = 0;

	if (r == NULL)
		return -1;
	if (rec_need_str(r, "name", &name, e) < 0) {
		rc = -1;
	} else if (strcmp(name, s->a->name) != 0) {
		if (s->names.len < 200)
			buf_addf(&s->names, " %s", name);
	} else if (rec_int(r, "id", 1, INT64_MAX, &id, e) < 1) {
		rc = err_set(e, ERR_SYS, "protocol",
		    "the API tells no id of '%s'", name);
	} else {
		free(s->a->id);
		s->a->id = mem_fmt("%" PRId64, id);
		/* null for what was uploaded before mid-2025 */
		if (rec_str(r, "digest", &digest, &ignored) == 1 &&
		    digest_parse(digest, raw))
			digest_format_hex(raw, s->a->sha256);
	}
	rec_free(r);
	return rc;
}

static int
read_release(struct github_asset *a, const struct http_answer *answer,
    struct err *e)
{
	struct search s = { .a = a, .names = BUF_INIT };
	struct rec *r = rec_parse(answer->body.data, answer->body.len,
	    "the API", e);
	int rc = -1;

	if (r == NULL || rec_each(r, "assets", see_asset, &s, e) < 0) {
		e->kind = ERR_SYS;	/* it may have another answer soon */
		e->code = "protocol";
		err_wrap(e, "cannot read the release '%s' of %s", a->tag,
		    a->repo);
	} else if (a->id == NULL) {
		err_set(e, ERR_CHECK, "not_found", "the release '%s' of %s "
		    "has no asset '%s'", a->tag, a->repo, a->name);
		err_set_detail(e, "it has%s",
		    s.names.len > 0 ? s.names.data : " none");
		a->asked->hint = NULL;	/* the token was good enough */
	} else {
		rc = 0;
	}
	buf_release(&s.names);
	rec_free(r);
	return rc;
}

/* Which asset it is: asked once. */
static int
find(struct github_asset *a, struct http *h, const char *authorization,
    double *wait, struct err *e)
{
	autofree char *tag = url_escape(a->tag);
	autofree char *url = is_latest(a) ?
	    mem_fmt("%s/repos/%s/releases/latest", a->hub->api, a->repo) :
	    mem_fmt("%s/repos/%s/releases/tags/%s", a->hub->api, a->repo, tag);
	static const char *const fields[] = { "Accept: " MEDIA_TYPE,
		"X-GitHub-Api-Version: 2022-11-28", NULL };
	struct http_request q = HTTP_REQUEST_INIT;
	struct http_answer answer;
	int rc;

	q.url = url;
	q.authorization = authorization;
	q.plain = fields;
	q.total_s = 60;
	if (http_do(h, &q, &answer, e) < 0)
		return -1;
	if (answer.status == 200)
		rc = read_release(a, &answer, e);
	else
		rc = retry_status(&answer, "cannot read the release at", wait,
		    e);
	http_answer_release(&answer);
	return rc;
}

/* fetch_source.prepare */
static int
prepare(void *ctx, struct http *h, struct fetch_ask *ask, double *wait,
    struct err *e)
{
	struct github_asset *a = ctx;

	if (a->hub->token != NULL)
		ask->authorization = mem_fmt("Bearer %s", a->hub->token);
	if (a->id == NULL && find(a, h, ask->authorization, wait, e) < 0)
		return -1;
	ask->url = mem_fmt("%s/repos/%s/releases/assets/%s", a->hub->api,
	    a->repo, a->id);
	ask->accept = mem_str("application/octet-stream");
	memcpy(ask->sha256, a->sha256, DIGEST_HEX);
	return 0;
}

int
github_asset_sources(struct github_asset *a, const char *url, bool api,
    struct fetch_job *job, struct err *e)
{
	autofree char *name = url != NULL ? mem_str(url) :
	    github_asset_url(a);
	bool token = a->hub->token != NULL;
	struct fetch_source *s;

	if (job->nsources + 2 > FETCH_SOURCES_MAX)
		return err_set(e, ERR_INPUT, "field_invalid",
		    "more than %d places", FETCH_SOURCES_MAX);
	if (token || api) {
		s = a->asked = fetch_job_add(job, mem_str(name));
		s->prepare = prepare;
		s->ctx = a;
		s->hint = token ? TOKEN_HINT : NO_TOKEN_HINT;
		s->limit_hint = token ? NULL : LIMIT_HINT;
	}
	if (token || !api) {
		s = fetch_job_add(job, mem_str(name));
		s->fallback = token;
		s->hint = NO_TOKEN_HINT;
	}
	return 0;
}
