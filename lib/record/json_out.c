#include "record/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void
json_out_release(struct json_out *o)
{
	buf_release(&o->buf);
	o->comma = false;
}

static void
separate(struct json_out *o)
{
	if (o->comma)
		buf_addc(&o->buf, ',');
	o->comma = true;
}

void
json_out_open(struct json_out *o, char bracket)
{
	separate(o);
	buf_addc(&o->buf, bracket);
	o->comma = false;
}

void
json_out_close(struct json_out *o, char bracket)
{
	buf_addc(&o->buf, bracket);
	o->comma = true;
}

/* Points that are escaped though RFC 8259 lets them stand: C1 controls, line
 * separators, bidirectional controls.  Returns the length at p, or 0. */
static size_t
unsafe_point(const unsigned char *p, size_t len, unsigned *point)
{
	if (len >= 2 && (p[0] == 0xc2 || p[0] == 0xd8)) {
		*point = (unsigned)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
		return *point < 0xa0 || *point == 0x61c ? 2 : 0;
	}
	if (len >= 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81)) {
		*point = 0x2000 | (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
		if ((*point >= 0x200e && *point <= 0x200f) ||
		    (*point >= 0x2028 && *point <= 0x202e) ||
		    (*point >= 0x2066 && *point <= 0x2069))
			return 3;
	}
	return 0;
}

static void
escaped(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *p = c != '\0' ? strchr(from, c) : NULL;

	if (p != NULL)
		buf_addf(b, "\\%c", to[p - from]);
	else
		buf_addf(b, "\\u%04x", c);
}

static void
add_string(struct buf *b, const char *str, size_t len)
{
	const unsigned char *p = (const unsigned char *)str;
	size_t run = 0;

	buf_addc(b, '"');
	for (size_t i = 0; i < len;) {
		unsigned point = 0;
		size_t n = p[i] < 0x80 ? 0 :
		    unsafe_point(p + i, len - i, &point);

		if (n == 0 && p[i] >= 0x20 && p[i] != 0x7f && p[i] != '"' &&
		    p[i] != '\\') {
			i++;
			continue;
		}
		buf_add(b, str + run, i - run);
		if (n > 0)
			buf_addf(b, "\\u%04x", point);
		else
			escaped(b, p[i]);
		i += n > 0 ? n : 1;
		run = i;
	}
	buf_add(b, str + run, len - run);
	buf_addc(b, '"');
}

void
json_out_strn(struct json_out *o, const char *str, size_t len)
{
	separate(o);
	if (text_utf8_valid(str, len)) {
		add_string(&o->buf, str, len);
		return;
	}
	/* every byte that belongs to no sequence becomes U+FFFD */
	autobuf struct buf clean = BUF_INIT;

	for (size_t i = 0; i < len;) {
		size_t n = 1;

		while (n <= 4 && i + n <= len && !text_utf8_valid(str + i, n))
			n++;
		if (n > 4 || i + n > len) {
			buf_adds(&clean, "\xef\xbf\xbd");
			n = 1;
		} else {
			buf_add(&clean, str + i, n);
		}
		i += n;
	}
	add_string(&o->buf, clean.data, clean.len);
}

void
json_out_str(struct json_out *o, const char *str)
{
	json_out_strn(o, str, strlen(str));
}

void
json_out_key(struct json_out *o, const char *key)
{
	json_out_str(o, key);
	buf_addc(&o->buf, ':');
	o->comma = false;
}

void
json_out_int(struct json_out *o, int64_t value)
{
	separate(o);
	buf_addf(&o->buf, "%" PRId64, value);
}

void
json_out_bool(struct json_out *o, bool value)
{
	separate(o);
	buf_adds(&o->buf, value ? "true" : "false");
}

void
json_out_seconds(struct json_out *o, double seconds)
{
	int64_t ms = seconds > 0 ? (int64_t)(seconds * 1000 + 0.5) : 0;

	/* printf's %f asks the locale for its decimal point */
	separate(o);
	buf_addf(&o->buf, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

void
json_out_raw(struct json_out *o, const char *text, size_t len)
{
	separate(o);
	buf_add(&o->buf, text, len);
}

void
json_out_kstr(struct json_out *o, const char *key, const char *str)
{
	json_out_key(o, key);
	json_out_str(o, str);
}

void
json_out_kint(struct json_out *o, const char *key, int64_t value)
{
	json_out_key(o, key);
	json_out_int(o, value);
}

void
json_out_kbool(struct json_out *o, const char *key, bool value)
{
	json_out_key(o, key);
	json_out_bool(o, value);
}
