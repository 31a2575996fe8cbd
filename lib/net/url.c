#include "net/url.h"

#include <curl/urlapi.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "net/addr.h"

#define NAME_LIMIT 200		/* leaves room for what a cache adds */

static int
invalid(struct err *e, const char *why)
{
	err_set(e, ERR_INPUT, "url_invalid", "not a URL that can be used");
	err_set_detail(e, "%s", why);
	return -1;
}

/* The bytes alone: what no URL may have, whatever a parser makes of it. */
static int
check_bytes(const char *str, struct err *e)
{
	size_t len = strlen(str);

	if (len > URL_MAX)
		return invalid(e, "it is over 8,192 bytes");
	if (text_has_control(str, len))
		return invalid(e, "it has a control byte");
	if (strpbrk(str, " \\") != NULL)
		return invalid(e, "it has a space or a backslash");
	return 0;
}

/* The authority's start and length; NULL where there is no `scheme://`. */
static const char *
authority(const char *str, size_t *len)
{
	const char *p = strstr(str, "://");

	if (p == NULL || strcspn(str, "/?#") < (size_t)(p - str))
		return NULL;
	p += 3;
	*len = strcspn(p, "/?#");
	return p;
}

/* What libcurl's parser would forgive: `https:/host`, `https:///host`, a host
 * in another script (which looks like one that it is not), a zone. */
static int
check_authority(const char *str, struct err *e)
{
	size_t len;
	const char *p = authority(str, &len);

	if (p == NULL)
		return invalid(e, "it does not begin with a scheme and ://");
	if (memchr(p, '@', len) != NULL)
		return err_set(e, ERR_INPUT, "credentials_in_url",
		    "the URL has user info: credentials belong into a netrc "
		    "file or a credential helper");
	if (len == 0 && strncasecmp(str, "file:", 5) != 0)
		return invalid(e, "it has no host");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] >= 0x80 || p[i] == '%')
			return invalid(e, "its host is not plain ASCII");
	return 0;
}

/* A part as the house's memory; NULL where there is none. */
static char *
part(CURLU *cu, CURLUPart what, unsigned flags)
{
	char *theirs, *ours;

	if (curl_url_get(cu, what, &theirs, flags) != CURLUE_OK)
		return NULL;
	ours = mem_str(theirs);
	curl_free(theirs);
	return ours;
}

static void
lower(char *str)
{
	for (; *str != '\0'; str++)
		if (*str >= 'A' && *str <= 'Z')
			*str = (char)(*str - 'A' + 'a');
}

/* http and https, of which libcurl knows the ports. */
static int
take_remote(struct url *u, CURLU *cu, struct err *e)
{
	autofree char *port = part(cu, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	int64_t number;

	u->host = part(cu, CURLUPART_HOST, 0);
	if (u->host == NULL || *u->host == '\0')
		return invalid(e, "it has no host");
	lower(u->host);
	if (port == NULL || !text_number(port, false, &number) || number < 1 ||
	    number > 65535)
		return invalid(e, "its port is no port");
	u->port = (int)number;
	if (curl_url_set(cu, CURLUPART_HOST, u->host, 0) != CURLUE_OK)
		return invalid(e, "its host is no host");
	return 0;
}

static int
take_apart(struct url *u, CURLU *cu, struct err *e)
{
	u->scheme = part(cu, CURLUPART_SCHEME, 0);
	if (u->scheme == NULL)
		return invalid(e, "it has no scheme");
	lower(u->scheme);
	if (strcmp(u->scheme, "file") == 0)
		u->host = mem_str("");
	else if (strcmp(u->scheme, "https") != 0 &&
	    strcmp(u->scheme, "http") != 0)
		return invalid(e, "its scheme is not https, http or file");
	else if (take_remote(u, cu, e) < 0)
		return -1;
	curl_url_set(cu, CURLUPART_FRAGMENT, NULL, 0);
	u->path = part(cu, CURLUPART_PATH, 0);
	u->query = part(cu, CURLUPART_QUERY, 0);
	u->text = part(cu, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
	if (u->path == NULL || u->text == NULL)
		return invalid(e, "it can't be put together again");
	if (strlen(u->text) > URL_MAX)
		return invalid(e, "it is over 8,192 bytes, once encoded");
	return 0;
}

int
url_parse(struct url *u, const char *str, struct err *e)
{
	struct url got = URL_INIT;
	CURLU *cu;
	CURLUcode code;
	int result;

	if (check_bytes(str, e) < 0 || check_authority(str, e) < 0)
		return -1;
	if ((cu = curl_url()) == NULL)
		mem_die();
	/* user info is looked for by both */
	code = curl_url_set(cu, CURLUPART_URL, str,
	    CURLU_URLENCODE | CURLU_DISALLOW_USER);
	result = code == CURLUE_OK ? take_apart(&got, cu, e) :
	    invalid(e, curl_url_strerror(code));
	curl_url_cleanup(cu);
	if (result < 0) {
		url_release(&got);
		return -1;
	}
	*u = got;
	return 0;
}

void
url_release(struct url *u)
{
	free(u->text);
	free(u->scheme);
	free(u->host);
	free(u->path);
	free(u->query);
	*u = (struct url)URL_INIT;
}

/* The text that libcurl makes of location below base, or NULL. */
static char *
resolve(const char *base, const char *location)
{
	autobuf struct buf b = BUF_INIT;
	char *text = NULL;
	CURLU *cu;

	for (; *location != '\0'; location++)
		if (*location == ' ')
			buf_adds(&b, "%20");
		else
			buf_addc(&b, *location);
	if ((cu = curl_url()) == NULL)
		mem_die();
	if (curl_url_set(cu, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(cu, CURLUPART_URL, b.data, CURLU_URLENCODE) ==
	    CURLUE_OK)
		text = part(cu, CURLUPART_URL, 0);
	curl_url_cleanup(cu);
	return text;
}

int
url_resolve(const struct url *base, const char *location, struct url *out,
    struct err *e)
{
	autofree char *text = NULL, *from = url_redact(base->text, NULL);
	struct url got = URL_INIT;
	struct err why = { .detail = "it can't be resolved" };

	if (strlen(location) <= URL_MAX)
		text = resolve(base->text, location);
	if (text != NULL && url_parse(&got, text, &why) == 0) {
		if (*got.host != '\0') {
			*out = got;
			return 0;
		}
		url_release(&got);
		err_set_detail(&why, "it leads to a file");
	}
	err_set(e, ERR_SYS, "redirect_invalid",
	    "'%s' redirects to a URL that can't be used", from);
	err_set_path(e, from);
	err_set_detail(e, "%s", *why.detail != '\0' ? why.detail : why.msg);
	return -1;
}

bool
url_same_origin(const struct url *a, const struct url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 &&
	    strcmp(a->host, b->host) == 0 && a->port == b->port;
}

/* "localhost" and names below it, with a dot at their end too. */
static bool
is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), n = sizeof(name) - 1;

	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < n || memcmp(host + len - n, name, n) != 0)
		return false;
	return len == n || host[len - n - 1] == '.';
}

bool
url_is_loopback(const struct url *u)
{
	struct in6_addr a;

	return is_localhost(u->host) ||
	    (addr_parse(u->host, &a) && addr_is_loopback(&a));
}

bool
url_is_private(const struct url *u)
{
	struct in6_addr a;

	return is_localhost(u->host) ||
	    (addr_parse(u->host, &a) && addr_is_private(&a));
}

/* A parameter of this name signs, or is a secret.  A name that hides in
 * percent-encoding is taken for one. */
static bool
is_secret(const char *name, size_t len)
{
	static const char *const words[] = { "signature", "token", "secret",
	    "passw", "credential", "api_key", "apikey", "access_key",
	    "accesskey", "authoriz", "jwt", "x-amz-", "x-goog-", "x-oss-",
	    "hmac", "session" };
	static const char *const whole[] = { "sig", "key", "auth", "policy",
	    "key-pair-id", "_state", "sign", "code", "pwd", "st" };
	autofree char *copy = mem_dup(name, len);

	if (memchr(name, '%', len) != NULL)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(copy, words[i]) != NULL)
			return true;
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (strcasecmp(copy, whole[i]) == 0)
			return true;
	return false;
}

static bool
has_secret(const char *query)
{
	while (*query != '\0') {
		size_t len = strcspn(query, "&;");

		if (is_secret(query, strcspn(query, "=&;")))
			return true;
		query += len + (query[len] != '\0');
	}
	return false;
}

/* Add str without its user info; true where it had some. */
static bool
drop_user(const char *str, struct buf *out)
{
	struct url u = URL_INIT;
	struct err e;
	size_t len = 0;
	const char *p = authority(str, &len), *start = p == NULL ? str : p;
	const char *at = NULL;

	if (url_parse(&u, str, &e) < 0) {
		/* a password with a `/` ends the authority too soon */
		if (p == NULL || memchr(p, '@', len) == NULL)
			len = strlen(start);
		at = memrchr(start, '@', len);
		/* a reference's digest is no secret */
		if (at != NULL && strncmp(at, "@sha256:", 8) == 0 &&
		    strncmp(str, "docker://", 9) == 0)
			at = memrchr(start, '@', (size_t)(at - start));
	}
	url_release(&u);
	buf_add(out, str, (size_t)(start - str));
	buf_adds(out, at == NULL ? start : at + 1);
	return at != NULL;
}

char *
url_redact(const char *str, bool *cut)
{
	autobuf struct buf b = BUF_INIT, shown = BUF_INIT;
	bool went = drop_user(str, &b);
	size_t len = strcspn(b.data, "#");

	if (len < b.len) {
		buf_truncate(&b, len);
		went = true;
	}
	len = strcspn(b.data, "?");
	if (len < b.len && has_secret(b.data + len + 1)) {
		buf_truncate(&b, len);
		went = true;
	}
	if (cut != NULL)
		*cut = went;
	text_escape(&shown, b.data, b.len);
	return buf_detach(&shown);
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void
decode(const char *str, struct buf *out)
{
	for (; *str != '\0'; str++) {
		int high = *str == '%' ? hex_digit(str[1]) : -1;
		int low = high >= 0 ? hex_digit(str[2]) : -1;

		if (low >= 0)
			str += 2;
		buf_addc(out, low >= 0 ? (char)(high * 16 + low) : *str);
	}
}

/* The length of the character at str if it may stand in a name, else 0. */
static size_t
fit(const char *str, size_t left)
{
	unsigned char c = (unsigned char)*str;
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	autobuf struct buf b = BUF_INIT;

	if (c == '/' || c == '\\' || len > left)
		return 0;
	text_escape(&b, str, len);
	return b.len == len && memcmp(b.data, str, len) == 0 ? len : 0;
}

char *
url_basename(const struct url *u)
{
	autobuf struct buf raw = BUF_INIT, name = BUF_INIT;

	decode(strrchr(u->path, '/') + 1, &raw);
	for (size_t i = 0, len; i < raw.len; i += len > 0 ? len : 1) {
		len = fit(raw.data + i, raw.len - i);
		if (len > 0)
			buf_add(&name, raw.data + i, len);
		else
			buf_addc(&name, '_');
	}
	buf_truncate(&name, text_prefix(name.data, NAME_LIMIT));
	if (name.len == 0)
		return mem_str("index");
	if (strcmp(name.data, ".") == 0 || strcmp(name.data, "..") == 0)
		*name.data = '_';
	return buf_detach(&name);
}

char *
url_escape(const char *str)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct buf b = BUF_INIT;

	for (; *str != '\0'; str++)
		if (strchr(unreserved, *str) != NULL)
			buf_addc(&b, *str);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*str);
	return buf_detach(&b);
}
