#include "oci/ref.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define REF_NAME_MAX 255	/* bytes of a name without its tag */
#define REF_TAG_MAX 128

static bool
is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A path component: lower-case words with `.`, `_`, `__` or hyphens between
 * them. */
static bool
is_component(const char *p, size_t len)
{
	for (size_t i = 0, run; i < len; i += run) {
		for (run = 0; i + run < len && is_lower(p[i + run]); run++)
			continue;
		if (run == 0)
			return false;
		i += run;
		if (i == len)
			return true;
		for (run = 0; i + run < len && p[i + run] == p[i]; run++)
			continue;
		if (!(p[i] == '-' || (p[i] == '.' && run == 1) ||
		    (p[i] == '_' && run <= 2)))
			return false;
	}
	return false;
}

/* Nothing, or a colon and digits. */
static bool
is_port(const char *p, size_t len)
{
	if (len == 0)
		return true;
	if (len == 1 || *p != ':')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!isdigit((unsigned char)p[i]))
			return false;
	return true;
}

/* The first component is a host if it has a dot or a port or is localhost
 * (so does Docker tell `me/app` from `localhost:5000/app`), or an IPv6 address
 * in brackets. */
static bool
is_host(const char *p, size_t len)
{
	char before = '.';
	size_t i;

	if (len > 0 && *p == '[') {
		for (i = 1; i < len && (isxdigit((unsigned char)p[i]) ||
		    p[i] == ':'); i++)
			continue;
		return i > 2 && i < len && p[i] == ']' &&
		    is_port(p + i + 1, len - i - 1);
	}
	for (i = 0; i < len && p[i] != ':'; before = p[i++])
		if (!isalnum((unsigned char)p[i]) && (before == '.' ||
		    (p[i] != '-' && (p[i] != '.' || before == '-'))))
			return false;
	if (!isalnum((unsigned char)before) || (i == len &&
	    memchr(p, '.', len) == NULL &&
	    !(len == 9 && memcmp(p, "localhost", 9) == 0)))
		return false;
	return is_port(p + i, len - i);
}

bool
ref_tag_valid(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > REF_TAG_MAX || *tag == '.' || *tag == '-')
		return false;
	for (; *tag != '\0'; tag++)
		if (!isalnum((unsigned char)*tag) &&
		    strchr("_.-", *tag) == NULL)
			return false;
	return true;
}

/* The colon before the tag, or the end. */
static const char *
name_end(const char *ref)
{
	const char *slash = strrchr(ref, '/');
	const char *last = slash != NULL ? slash : ref;

	return last + strcspn(last, ":");
}

/* HOST[:PORT]/NAME or NAME, and no more, in len bytes. */
static bool
is_name(const char *p, size_t len)
{
	const char *end = p + len;

	if (len > REF_NAME_MAX)
		return false;
	for (bool first = true;; first = false) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t n = (size_t)((slash != NULL ? slash : end) - p);

		if (slash == NULL)
			return is_component(p, n);
		if (!is_component(p, n) && !(first && is_host(p, n)))
			return false;
		p = slash + 1;
	}
}

static int
bad_reference(const char *ref, const char *form, const char *more,
    struct err *e)
{
	return err_set(e, ERR_INPUT, "reference_invalid",
	    "'%.300s' is no image reference (%s, the name in lower case%s)",
	    ref, form, more);
}

int
ref_check(const char *ref, struct err *e)
{
	const char *end = name_end(ref);

	if (is_name(ref, (size_t)(end - ref)) &&
	    (*end == '\0' || ref_tag_valid(end + 1)))
		return 0;
	return bad_reference(ref, "[HOST/]NAME[:TAG]",
	    strchr(ref, '@') != NULL ? ", without a digest" : "", e);
}

/* name is checked: the host in it, if there is one, and the rest. */
static void
take_name(struct ref *r, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t n = slash != NULL ? (size_t)(slash - name) : 0;
	bool has_host = n > 0 && is_host(name, n);
	bool hub = !has_host ||
	    (n == 15 && memcmp(name, "index." REF_HUB, n) == 0);

	r->host = hub ? mem_str(REF_HUB) : mem_dup(name, n);
	if (has_host)
		name += n + 1;
	if (strcmp(r->host, REF_HUB) == 0 && strchr(name, '/') == NULL)
		r->repo = mem_fmt("library/%s", name);
	else
		r->repo = mem_str(name);
}

int
ref_parse(struct ref *r, const char *str, struct err *e)
{
	size_t len = strcspn(str, "@");
	autofree char *rest = mem_dup(str, len);
	char *tag = rest + (name_end(rest) - rest);
	const char *digest = str[len] == '@' ? str + len + 1 : NULL;
	uint8_t raw[DIGEST_LEN];

	if (!is_name(rest, (size_t)(tag - rest)) ||
	    (*tag != '\0' && !ref_tag_valid(tag + 1)) ||
	    (digest != NULL && !digest_parse(digest, raw)))
		return bad_reference(str,
		    "[HOST/]NAME[:TAG][@sha256:HEX]", "", e);
	if (*tag != '\0') {
		*tag = '\0';
		r->tag = mem_str(tag + 1);
	}
	take_name(r, rest);
	if (digest != NULL)
		memcpy(r->digest, digest, DIGEST_STR);
	return 0;
}

void
ref_release(struct ref *r)
{
	free(r->host);
	free(r->repo);
	free(r->tag);
	*r = (struct ref)REF_INIT;
}

const char *
ref_wanted(const struct ref *r)
{
	return *r->digest != '\0' ? r->digest :
	    r->tag != NULL ? r->tag : "latest";
}

const char *
ref_api_host(const char *host)
{
	return strcmp(host, REF_HUB) == 0 ? "registry-1." REF_HUB : host;
}

void
ref_format(const struct ref *r, struct buf *b)
{
	buf_addf(b, "%s/%s", r->host, r->repo);
	if (r->tag != NULL)
		buf_addf(b, ":%s", r->tag);
	if (*r->digest != '\0')
		buf_addf(b, "@%s", r->digest);
}

const char *
ref_tag(const char *ref)
{
	const char *end = name_end(ref);

	return *end == ':' ? end + 1 : "latest";
}
