#include "codec/pax.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

struct record {
	const char *key, *value;
	size_t key_len, value_len, len;
};

static bool
key_is(const struct record *r, const char *key)
{
	return r->key_len == strlen(key) &&
	    memcmp(r->key, key, r->key_len) == 0;
}

static bool
key_starts(const struct record *r, const char *start)
{
	size_t len = strlen(start);

	return r->key_len >= len && memcmp(r->key, start, len) == 0;
}

static bool
value_is(const struct record *r, const char *value)
{
	return r->value_len == strlen(value) &&
	    memcmp(r->value, value, r->value_len) == 0;
}

/* Split the record at data: its length counts all of it. */
static const char *
split(const char *data, size_t len, struct record *r)
{
	const char *equals;
	size_t i = 0, n = 0;

	if (data[0] == '0')
		return "a record's length starts with 0";
	for (; i < len && data[i] >= '0' && data[i] <= '9'; i++)
		if ((n = n * 10 + (size_t)(data[i] - '0')) > len)
			return "a record is longer than its header";
	if (i == 0 || i == len || data[i] != ' ' || n < i + 2 ||
	    data[n - 1] != '\n')
		return "malformed record";
	r->len = n;
	r->key = data + i + 1;
	n -= i + 2;			/* of keyword, '=' and value */
	if ((equals = memchr(r->key, '=', n)) == NULL || equals == r->key)
		return "a record without a keyword";
	r->key_len = (size_t)(equals - r->key);
	r->value = equals + 1;
	r->value_len = n - r->key_len - 1;
	if (memchr(r->key, '\0', r->key_len) != NULL)
		return "NUL in a keyword";
	return NULL;
}

static const char *
number(const struct record *r, int64_t *value)
{
	char digits[24];

	if (r->value_len == 0 || r->value_len >= sizeof(digits))
		return "malformed number";
	memcpy(digits, r->value, r->value_len);
	digits[r->value_len] = '\0';
	return text_number(digits, false, value) ? NULL : "malformed number";
}

/* The attribute with which Linux grants capabilities, under whatever vendor's
 * prefix; libarchive writes some bytes of attribute names as %XX. */
static bool
names_capability(const struct record *r)
{
	static const char want[] = "security.capability";
	autobuf struct buf name = BUF_INIT;
	char hex[3] = "";
	uint8_t byte;

	for (size_t i = 0; i < r->key_len; i++) {
		if (r->key[i] == '%' && i + 2 < r->key_len) {
			hex[0] = (char)tolower((unsigned char)r->key[i + 1]);
			hex[1] = (char)tolower((unsigned char)r->key[i + 2]);
			if (text_unhex(hex, 1, &byte)) {
				buf_addc(&name, (char)byte);
				i += 2;
				continue;
			}
		}
		buf_addc(&name, r->key[i]);
	}
	return name.len >= sizeof(want) - 1 &&
	    strcmp(name.data + name.len - (sizeof(want) - 1), want) == 0;
}

/* POSIX: the charset of names; both mean bytes as they are. */
static const char *
charset(const struct record *r)
{
	return value_is(r, "BINARY") ||
	    value_is(r, "ISO-IR 10646 2000 UTF-8") ? NULL :
	    "unknown hdrcharset";
}

static const char *
text(const struct record *r, struct pax_text *to)
{
	to->data = r->value;
	to->len = r->value_len;
	return to->len > 0 ? NULL : "empty path or linkpath";
}

/* Owners do not matter to most: one that is no plain number is none. */
static const char *
owner(const struct record *r, int64_t *id)
{
	if (number(r, id) != NULL)
		*id = -1;
	return NULL;
}

static const char *
vendor(const struct record *r, struct pax *pax)
{
	if (names_capability(r))
		pax->capability = true;
	if (key_starts(r, "GNU.sparse.") || key_is(r, "SCHILY.realsize") ||
	    key_is(r, "SUN.holesdata"))
		pax->sparse = true;
	return NULL;
}

static const char *
take(const struct record *r, struct pax *pax)
{
	static const char *const ignored[] = {
		"atime", "charset", "comment", "ctime", "gname", "mtime",
		"uname"
	};

	if (!key_is(r, "comment"))
		pax->only_comment = false;
	if (memchr(r->value, '\0', r->value_len) != NULL &&
	    !key_starts(r, "SCHILY.xattr."))
		return "NUL in a value";
	if (key_is(r, "path"))
		return text(r, &pax->path);
	if (key_is(r, "linkpath"))
		return text(r, &pax->link);
	if (key_is(r, "size"))
		return number(r, &pax->size);
	if (key_is(r, "uid"))
		return owner(r, &pax->uid);
	if (key_is(r, "gid"))
		return owner(r, &pax->gid);
	if (key_is(r, "hdrcharset"))
		return charset(r);
	if (memchr(r->key, '.', r->key_len) != NULL)
		return vendor(r, pax);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		if (key_is(r, ignored[i]))
			return NULL;
	return "unknown keyword";
}

static bool
seen(const struct record *list, size_t n, const struct record *r)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].key_len == r->key_len &&
		    memcmp(list[i].key, r->key, r->key_len) == 0)
			return true;
	return false;
}

const char *
pax_parse(const char *data, size_t len, struct pax *pax, size_t *at)
{
	struct record list[PAX_KEYS_MAX];
	size_t n = 0;

	*pax = (struct pax){ .size = -1, .uid = -1, .gid = -1,
	    .only_comment = true };
	if (len == 0) {
		*at = 0;
		return "no records";
	}
	for (*at = 0; *at < len; *at += list[n++].len) {
		const char *why;

		if (n == PAX_KEYS_MAX)
			return "too many records";
		if ((why = split(data + *at, len - *at, &list[n])) != NULL)
			return why;
		if (seen(list, n, &list[n]))
			return "a keyword is given twice";
		if ((why = take(&list[n], pax)) != NULL)
			return why;
	}
	return NULL;
}
