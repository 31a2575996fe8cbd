#include "net/fetch_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

static bool
number(const char **p, int64_t *value)
{
	*value = 0;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (*value > (INT64_MAX - 9) / 10)
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

bool
fetch_answer_range(const struct http_answer *a, struct fetch_answer_range *r)
{
	const char *p = http_field(a, "Content-Range", 0);

	r->first = r->last = r->total = -1;
	if (p == NULL || strncasecmp(p, "bytes ", 6) != 0)
		return false;
	for (p += 6; *p == ' '; p++)
		;
	if (*p == '*')
		p++;
	else if (!number(&p, &r->first) || *p++ != '-' ||
	    !number(&p, &r->last) || r->last < r->first)
		return false;
	if (*p++ != '/')
		return false;
	if (*p == '*')
		p++;
	else if (!number(&p, &r->total) || r->last >= r->total)
		return false;
	return *p == '\0';
}

/* IMF-fixdate (RFC 9110, 5.6.7); -1 for the obsolete forms. */
static time_t
date(const char *str)
{
	struct tm tm = { 0 };
	const char *end;

	if (str == NULL || (end = strptime(str, "%a, %d %b %Y %H:%M:%S GMT",
	    &tm)) == NULL || *end != '\0')
		return -1;
	return timegm(&tm);
}

static char *
validator(const struct http_answer *a, const char *name)
{
	const char *value = http_field(a, name, 0);

	return value != NULL && fetch_part_is_validator(value) ?
	    mem_str(value) : NULL;
}

void
fetch_answer_version(const struct http_answer *a, int64_t length,
    struct fetch_part_version *v)
{
	time_t changed, sent = date(http_field(a, "Date", 0));

	v->length = length;
	v->etag = validator(a, "ETag");
	v->last_modified = validator(a, "Last-Modified");
	changed = date(v->last_modified);
	/* RFC 9110, 8.8.2.2: a second of distance makes a date strong; and
	 * 13.1.5: it serves only where there is no entity tag */
	v->strong = v->etag != NULL ? strncmp(v->etag, "W/", 2) != 0 :
	    changed >= 0 && sent > changed;
}

/* RFC 9110, 15.3.7: an answer to If-Range has to have the entity tag, but may
 * leave out the date. */
bool
fetch_answer_same(const struct fetch_part_version *have,
    const struct fetch_part_version *now)
{
	if (have->length != now->length ||
	    (have->etag == NULL) != (now->etag == NULL))
		return false;
	if (have->etag != NULL)
		return strcmp(have->etag, now->etag) == 0;
	return have->last_modified == NULL || now->last_modified == NULL ||
	    strcmp(have->last_modified, now->last_modified) == 0;
}

bool
fetch_answer_is_page(const struct http_answer *a)
{
	const char *type = http_field(a, "Content-Type", 0);

	return type != NULL && (strncasecmp(type, "text/html", 9) == 0 ||
	    strncasecmp(type, "application/json", 16) == 0);
}
