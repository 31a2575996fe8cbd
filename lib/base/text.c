#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence at p (at most len bytes), 0 if it is none. */
static size_t
sequence(const unsigned char *p, size_t len, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 :
	    c < 0xf5 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	if (n > 1)
		c &= 0x7fU >> n;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*point = c;
	return n;
}

bool
text_utf8_valid(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	uint32_t point;
	size_t n;

	while (len > 0) {
		if ((n = sequence(p, len, &point)) == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

size_t
text_prefix(const char *str, size_t max)
{
	size_t len = strnlen(str, max + 1);

	if (len <= max)
		return len;
	/* the byte behind the cut must begin something */
	for (len = max; len > 0 && max - len < 4; len--)
		if (((unsigned char)str[len] & 0xc0) != 0x80)
			return len;
	return max;
}

bool
text_has_control(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

/* U+2028, U+2029 and the bidirectional controls reorder or end lines. */
static bool
shown(uint32_t c)
{
	return c >= 0x20 && (c < 0x7f || c >= 0xa0) &&
	    !(c >= 0x200e && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	    !(c >= 0x2066 && c <= 0x2069) && c != 0x061c;
}

void
text_escape(struct buf *b, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;

	while (len > 0) {
		uint32_t point = 0;
		size_t n = sequence(p, len, &point);

		if (n > 0 && shown(point)) {
			buf_add(b, p, n);
		} else {
			n = n > 0 ? n : 1;
			for (size_t i = 0; i < n; i++) {
				if (p[i] == '\n')
					buf_adds(b, "\\n");
				else if (p[i] == '\t')
					buf_adds(b, "\\t");
				else if (p[i] == '\r')
					buf_adds(b, "\\r");
				else
					buf_addf(b, "\\x%02x", p[i]);
			}
		}
		p += n;
		len -= n;
	}
}

void
text_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

static int
nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
text_unhex(const char *str, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		int high = nibble(str[2 * i]);
		int low = high < 0 ? -1 : nibble(str[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return str[2 * len] == '\0';
}

void
text_base64(struct buf *b, const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)p[i] << 16 |
		    (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		    (left > 2 ? p[i + 2] : 0);

		buf_addc(b, digits[v >> 18]);
		buf_addc(b, digits[v >> 12 & 63]);
		buf_addc(b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_addc(b, left > 2 ? digits[v & 63] : '=');
	}
}

bool
text_number(const char *str, bool suffix, int64_t *value)
{
	static const char units[] = "KMGT";
	const char *unit;
	int64_t v = 0;

	if (*str < '0' || *str > '9')
		return false;
	for (; *str >= '0' && *str <= '9'; str++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *str - '0', &v))
			return false;
	if (suffix && *str != '\0' && (unit = strchr(units, *str)) != NULL) {
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(v, 1024, &v))
				return false;
		str++;
	}
	*value = v;
	return *str == '\0';
}

const char *
text_size(uint64_t bytes, char out[32])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
	double v = (double)bytes;
	int unit = -1;

	while (v >= 999.95 && unit < 4) {
		v /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(out, 32, "%d B", (int)bytes);
	else
		snprintf(out, 32, "%.1f %s", v, units[unit]);
	return out;
}
