#include "codec/tarhdr.h"

#include <assert.h>
#include <string.h>

unsigned
tarhdr_checksum(const struct tarhdr *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	for (size_t i = 0; i < sizeof(h->checksum); i++)
		sum += ' ' - (unsigned)(unsigned char)h->checksum[i];
	return sum;
}

/* GNU: 0x80 and a positive number, or a negative one that starts with 0xff,
 * big-endian. */
static const char *
base256(const unsigned char *p, size_t size, int64_t *value)
{
	unsigned char fill = p[0] == 0xff ? 0xff : 0;
	uint64_t bits = 0;
	size_t i = 1;

	for (; i + 8 < size; i++)
		if (p[i] != fill)
			return "number too large";
	if (size >= 9 && ((p[i] ^ fill) & 0x80))
		return "number too large";
	bits = fill ? UINT64_MAX : 0;
	for (; i < size; i++)
		bits = bits << 8 | p[i];
	*value = (int64_t)bits;
	return NULL;
}

const char *
tarhdr_number(const char *field, size_t size, int64_t *value)
{
	const unsigned char *p = (const unsigned char *)field;
	uint64_t n = 0;
	size_t i = 0;

	if (p[0] == 0x80 || p[0] == 0xff)
		return base256(p, size, value);
	while (i < size && p[i] == ' ')
		i++;
	if (i < size && p[i] == '-')
		return "negative number";
	/* at most 12 digits, so this can not overflow */
	for (; i < size && p[i] >= '0' && p[i] <= '7'; i++)
		n = n << 3 | (p[i] - '0');
	for (; i < size; i++)
		if (p[i] != ' ' && p[i] != '\0')
			return "malformed number";
	*value = (int64_t)n;
	return NULL;
}

void
tarhdr_octal(char *field, size_t size, uint64_t value)
{
	field[--size] = '\0';
	while (size > 0) {
		field[--size] = (char)('0' + (value & 7));
		value >>= 3;
	}
	assert(value == 0);
}
