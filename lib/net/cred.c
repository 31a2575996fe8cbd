#include "net/cred.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "net/cred_helper.h"
#include "record/rec.h"

#define HUB "docker.io"
#define HUB_KEY "https://index.docker.io/v1/"	/* as docker login has it */

/* What is looked for, and where. */
struct search {
	const char *where;	/* the file, for messages */
	const char *host;
	char *place;		/* owned: HOST/REPO */
	size_t best;		/* bytes of place that a key has, so far */
	char *text;		/* owned: that entry, or NULL */
	struct cred *cred;
};

void
cred_release(struct cred *c)
{
	if (c->secret != NULL)
		explicit_bzero(c->secret, strlen(c->secret));
	free(c->user);
	free(c->secret);
	*c = (struct cred)CRED_INIT;
}

bool
cred_set(struct cred *c, const char *user, size_t user_len,
    const char *secret, size_t len)
{
	if (user_len == 0 || user_len > CRED_MAX || len == 0 ||
	    len > CRED_MAX || memchr(user, ':', user_len) != NULL ||
	    text_has_control(user, user_len) || text_has_control(secret, len))
		return false;
	cred_release(c);
	c->user = mem_dup(user, user_len);
	c->secret = mem_dup(secret, len);
	return true;
}

/* USER:SECRET; a password may have colons. */
static bool
set_pair(struct cred *c, const char *pair, size_t len)
{
	const char *colon = memchr(pair, ':', len);

	return colon != NULL && cred_set(c, pair, (size_t)(colon - pair),
	    colon + 1, len - (size_t)(colon - pair) - 1);
}

char *
cred_basic(const struct cred *c)
{
	struct buf b = BUF_INIT;
	char *pair = mem_fmt("%s:%s", c->user, c->secret);

	buf_adds(&b, "Basic ");
	text_base64(&b, pair, strlen(pair));
	explicit_bzero(pair, strlen(pair));
	free(pair);
	return buf_detach(&b);
}

/* RFC 4648 base64, with its padding or without. */
static bool
decode_base64(const char *str, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = 0;
	uint32_t word = 0;

	for (; *str != '\0' && *str != '='; str++) {
		const char *p = strchr(digits, *str);

		if (p == NULL)
			return false;
		word = word << 6 | (uint32_t)(p - digits);
		if ((bits += 6) >= 8)
			buf_addc(out, (char)(word >> (bits -= 8)));
	}
	/* some write the terminator of a C string, too */
	while (out->len > 0 && out->data[out->len - 1] == '\0')
		buf_truncate(out, out->len - 1);
	return str[strspn(str, "=")] == '\0';
}

static bool
is_hub(const char *host)
{
	return strcasecmp(host, HUB) == 0 ||
	    strcasecmp(host, "index." HUB) == 0 ||
	    strcasecmp(host, "registry-1." HUB) == 0;
}

/* Both name one registry. */
static bool
same_host(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0 || (is_hub(a) && is_hub(b));
}

/* A key as a host alone: without the scheme and path of a URL, and without the
 * path of an API's version.  Any other path is a namespace. */
static char *
key_host(const char *key)
{
	const char *host = key;
	size_t n;

	if (strncasecmp(key, "https://", 8) == 0)
		host += 8;
	else if (strncasecmp(key, "http://", 7) == 0)
		host += 7;
	n = strcspn(host, "/");
	if (host == key && host[n] != '\0' && host[n + 1] != '\0' &&
	    strncmp(host + n, "/v1", 3) != 0 &&
	    strncmp(host + n, "/v2", 3) != 0)
		return mem_str(key);
	return mem_dup(host, n);
}

/* How many bytes of the place the key stands for, 0 where it is another's. */
static size_t
key_fits(const struct search *s, const char *key)
{
	size_t len = strlen(key);

	if (len > strlen(s->host) && strncmp(s->place, key, len) == 0 &&
	    (s->place[len] == '/' || s->place[len] == '\0'))
		return len;
	autofree char *host = key_host(key);
	return same_host(host, s->host) ? strlen(s->host) : 0;
}

static int
find_entry(void *ctx, const struct rec_member *m, struct err *e)
{
	struct search *s = ctx;
	size_t fits = m->name != NULL ? key_fits(s, m->name) : 0;

	(void)e;
	/* of two spellings of a host the one as it was asked for */
	if (fits == 0 || fits < s->best || (fits == s->best &&
	    s->text != NULL && strcmp(m->name, s->host) != 0))
		return 0;
	free(s->text);
	s->text = mem_dup(m->text, m->len);
	s->best = fits;
	return 0;
}

static const char *
get(struct rec *r, const char *key)
{
	struct err ignored;
	const char *str;

	return rec_str(r, key, &str, &ignored) == 1 ? str : NULL;
}

/* 1, 0 for an entry that says nothing (the store has it), -1. */
static int
read_entry(struct rec *r, struct cred *c)
{
	const char *auth = get(r, "auth"), *user = get(r, "username");
	const char *password = get(r, "password");
	const char *token = get(r, "identitytoken");
	bool good = true, any = false;

	if (auth != NULL && (user == NULL || password == NULL)) {
		autobuf struct buf pair = BUF_INIT;

		/* `docker login` leaves USER: beside an identity token */
		good = decode_base64(auth, &pair) &&
		    (set_pair(c, pair.data, pair.len) || token != NULL);
		explicit_bzero(pair.data, pair.len);
		any = true;
	} else if (user != NULL && password != NULL) {
		good = cred_set(c, user, strlen(user), password,
		    strlen(password));
		any = true;
	}
	if (token != NULL) {
		good = cred_set(c, "<token>", 7, token, strlen(token));
		c->identity = any = true;
	}
	return !good ? -1 : any ? 1 : 0;
}

static int
invalid(const struct search *s, const char *what, struct err *e)
{
	err_set(e, ERR_INPUT, "auth_file_invalid", "'%s': %s", s->where, what);
	err_set_path(e, s->where);
	return -1;
}

/* What `auths` has. */
static int
from_auths(struct search *s, struct rec *r, struct err *e)
{
	struct err ignored;
	struct rec *entry;
	int rc;

	free(s->text);
	s->text = NULL;
	s->best = 0;
	if (rec_each(r, "auths", find_entry, s, &ignored) < 0)
		return invalid(s, "its 'auths' is no object", e);
	if (s->text == NULL)
		return 0;
	entry = rec_parse(s->text, strlen(s->text), s->where, &ignored);
	rc = entry != NULL ? read_entry(entry, s->cred) : -1;
	rec_free(entry);
	explicit_bzero(s->text, strlen(s->text));
	if (rc >= 0)
		return rc;
	autofree char *what = mem_fmt("its entry for '%s' can't be read",
	    s->host);
	return invalid(s, what, e);
}

struct helper {
	const char *host;
	char *name;		/* owned */
};

static int
find_helper(void *ctx, const struct rec_member *m, struct err *e)
{
	struct helper *h = ctx;

	(void)e;
	if (m->name == NULL || m->str == NULL)
		return 0;
	autofree char *host = key_host(m->name);
	if (same_host(host, h->host)) {
		free(h->name);
		h->name = mem_str(m->str);
	}
	return 0;
}

/* What the helpers have. */
static int
from_helpers(struct search *s, struct rec *r, struct err *e)
{
	struct helper h = { s->host, NULL };
	const char *store = get(r, "credsStore");
	const char *server = is_hub(s->host) ? HUB_KEY : s->host;
	struct err ignored;
	int rc = 0;

	if (rec_each(r, "credHelpers", find_helper, &h, &ignored) < 0)
		return invalid(s, "its 'credHelpers' is no object", e);
	if (h.name != NULL && *h.name != '\0')
		rc = cred_helper_get(h.name, server, s->cred, e);
	if (rc == 0 && h.name == NULL && store != NULL)
		rc = cred_helper_get(store, server, s->cred, e);
	free(h.name);
	if (rc < 0)
		err_wrap(e, "'%s'", s->where);
	return rc;
}

static int
from_text(struct search *s, const char *text, size_t len, struct err *e)
{
	struct err ignored;
	struct rec *r;
	int rc;

	if (strspn(text, " \t\r\n") == len)
		return 0;
	r = rec_parse(text, len, s->where, &ignored);
	if (r == NULL)
		return invalid(s, "it is no JSON object", e);
	if ((rc = from_helpers(s, r, e)) == 0)
		rc = from_auths(s, r, e);
	rec_free(r);
	return rc;
}

static int
from_file(struct search *s, const char *path, bool required, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = file_slurp(AT_FDCWD, path, path, CRED_FILE_MAX, &b, e);

	s->where = path;
	if (rc == 0)
		rc = from_text(s, b.data, b.len, e);
	else if (!required && strcmp(e->code, "not_found") == 0)
		rc = 0;
	explicit_bzero(b.data, b.len);
	buf_release(&b);
	return rc;
}

/* NAME below $VARIABLE, or below ~/HOME where that is unset; NULL without a
 * home. */
static char *
config_path(const char *variable, const char *home, const char *name)
{
	const char *dir = getenv(variable), *user = getenv("HOME");

	if (dir != NULL && *dir != '\0')
		return mem_fmt("%s/%s", dir, name);
	if (user == NULL || *user == '\0')
		return NULL;
	return mem_fmt("%s/%s/%s", user, home, name);
}

static int
from_config(struct search *s, const char *variable, const char *home,
    const char *name, struct err *e)
{
	autofree char *path = config_path(variable, home, name);

	return path != NULL ? from_file(s, path, false, e) : 0;
}

/* Where `podman login` puts it without being told. */
static int
from_runtime(struct search *s, const char *name, struct err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir != NULL && *dir != '\0')
		return from_config(s, "XDG_RUNTIME_DIR", "", name, e);
	autofree char *path = mem_fmt("/run/containers/%u/auth.json",
	    (unsigned)getuid());
	/* the directories above it may be closed to us */
	return access(path, F_OK) == 0 ? from_file(s, path, false, e) : 0;
}

static int
from_github(struct search *s)
{
	const char *token = getenv("GITHUB_TOKEN");
	const char *actor = getenv("GITHUB_ACTOR");

	if (strcasecmp(s->host, "ghcr.io") != 0 || token == NULL)
		return 0;
	/* ghcr.io looks at the token alone, but wants a name */
	if (actor == NULL || *actor == '\0')
		actor = "github-actions";
	return cred_set(s->cred, actor, strlen(actor), token, strlen(token));
}

static int
from_environment(struct search *s, struct err *e)
{
	static const char name[] = "containers/auth.json";
	const char *file = getenv("REGISTRY_AUTH_FILE");
	const char *text = getenv("DOCKER_AUTH_CONFIG");
	bool alone = file != NULL && *file != '\0';
	int rc = 0;

	if (alone)
		rc = from_file(s, file, false, e);
	if (rc == 0 && !alone)
		rc = from_runtime(s, name, e);
	if (rc == 0 && !alone)
		rc = from_config(s, "XDG_CONFIG_HOME", ".config", name, e);
	if (rc == 0 && text != NULL) {
		s->where = "$DOCKER_AUTH_CONFIG";
		rc = from_text(s, text, strlen(text), e);
	}
	if (rc == 0 && !alone)
		rc = from_config(s, "DOCKER_CONFIG", ".docker", "config.json",
		    e);
	return rc != 0 ? rc : from_github(s);
}

int
cred_find(const struct cred_opts *opts, const char *host, const char *repo,
    struct cred *c, struct err *e)
{
	struct search s = { .host = host, .cred = c };
	int rc;

	if (opts->creds != NULL) {
		if (!set_pair(c, opts->creds, strlen(opts->creds)))
			return err_set(e, ERR_INPUT, "creds_invalid",
			    "credentials are given as USER:PASSWORD");
		return 1;
	}
	s.place = repo != NULL ? mem_fmt("%s/%s", host, repo) : mem_str(host);
	rc = opts->authfile != NULL ? from_file(&s, opts->authfile, true, e) :
	    from_environment(&s, e);
	free(s.place);
	free(s.text);
	return rc;
}
