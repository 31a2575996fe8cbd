#include "oci/ref.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

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

/* The first component is a host if it has a dot or a port or is localhost
 * (so does Docker tell `me/app` from `localhost:5000/app`). */
static bool
is_host(const char *p, size_t len)
{
	char before = '.';
	size_t i;

	for (i = 0; i < len && p[i] != ':'; before = p[i++])
		if (!isalnum((unsigned char)p[i]) && (before == '.' ||
		    (p[i] != '-' && (p[i] != '.' || before == '-'))))
			return false;
	if (!isalnum((unsigned char)before) || (i == len &&
	    memchr(p, '.', len) == NULL &&
	    !(len == 9 && memcmp(p, "localhost", 9) == 0)))
		return false;
	if (i < len && i + 1 == len)
		return false;
	while (i < len && ++i < len)
		if (!isdigit((unsigned char)p[i]))
			return false;
	return true;
}

static bool
is_tag(const char *tag)
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

int
ref_check(const char *ref, struct err *e)
{
	const char *end = name_end(ref), *p = ref;
	bool good = end - ref <= REF_NAME_MAX &&
	    (*end == '\0' || is_tag(end + 1));

	for (bool first = true; good; first = false) {
		size_t len = strcspn(p, "/");

		if (p + len >= end) {
			good = p < end && is_component(p, (size_t)(end - p));
			break;
		}
		good = is_component(p, len) || (first && is_host(p, len));
		p += len + 1;
	}
	if (good)
		return 0;
	err_set(e, ERR_INPUT, "reference_invalid",
	    "'%.300s' is no image reference ([HOST/]NAME[:TAG], the name in "
	    "lower case%s)", ref, strchr(ref, '@') != NULL ?
	    ", without a digest" : "");
	return -1;
}

const char *
ref_tag(const char *ref)
{
	const char *end = name_end(ref);

	return *end == ':' ? end + 1 : "latest";
}
