/*
 * The reader is a machine that takes one byte at a time; only runs of plain
 * bytes in strings are taken at once.  Keys of the objects that are open lie
 * on a stack, found through a hash table whose entries are removed in reverse
 * order of insertion, which linear probing allows without tombstones.  The
 * hash is keyed, so that nobody can make a text whose keys collide.
 */
#include "record/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/mem.h"
#include "base/text.h"

#define TOKEN_MAX (1 << 20)	/* bytes of a string or number, decoded */

static const char too_long[] = "a string or number over 1 MiB";

enum state {
	S_VALUE, S_VALUE_OR_END, S_KEY, S_KEY_OR_END, S_COLON, S_AFTER, S_DONE,
	S_STRING, S_ESCAPE, S_HEX, S_UTF8, S_LITERAL,
	/* within a number: what may follow, RFC 8259 section 6 */
	S_MINUS, S_ZERO, S_INT, S_DOT, S_FRAC, S_E, S_ESIGN, S_EXP,
};

struct key {
	size_t offset, len;	/* in keys */
	uint64_t hash;
	int object;		/* depth of the object it belongs to */
};

struct json {
	int (*on_event)(void *ctx, const struct json_event *ev, struct err *e);
	void *ctx;
	enum state state;
	int depth;			/* containers that are open */
	char stack[JSON_DEPTH_MAX];	/* '{' or '[' of each */

	struct buf token;
	bool is_key, allow_nul;
	uint64_t start;			/* of the token */
	uint64_t offset;		/* of the byte at hand */
	uint64_t line, line_start;	/* for messages */

	const char *literal;		/* what must still follow */
	enum json_type literal_type;
	unsigned hex, nhex;		/* of a \u escape */
	unsigned high;			/* a high surrogate that waits, or 0 */
	unsigned more;			/* continuation bytes to come */
	unsigned char low, up;		/* bounds of the next one */

	uint64_t secret[2];
	struct buf keys;
	struct key *key;
	size_t nkeys, cap;
	uint32_t *table;		/* index into key, plus one */
	size_t slots;			/* a power of two, or 0 */
};

struct json *
json_new(int (*on_event)(void *ctx, const struct json_event *ev,
    struct err *e), void *ctx)
{
	struct json *j = mem_zero(1, sizeof(*j));

	/* the kernel gives each process 16 random bytes; they never go out */
	unsigned long random = getauxval(AT_RANDOM);

	if (random != 0)
		memcpy(j->secret, (const void *)random, sizeof(j->secret));
	j->on_event = on_event;
	j->ctx = ctx;
	buf_init(&j->token);
	buf_init(&j->keys);
	json_reset(j);
	return j;
}

void
json_free(struct json *j)
{
	if (j == NULL)
		return;
	buf_release(&j->token);
	buf_release(&j->keys);
	free(j->key);
	free(j->table);
	free(j);
}

void
json_reset(struct json *j)
{
	j->state = S_VALUE;
	j->depth = 0;
	j->offset = j->line_start = 0;
	j->line = 1;
	j->high = 0;
	buf_reset(&j->token);
	buf_reset(&j->keys);
	if (j->nkeys > 0)
		memset(j->table, 0, j->slots * sizeof(*j->table));
	j->nkeys = 0;
}

void
json_allow_nul(struct json *j)
{
	j->allow_nul = true;
}

static int
bad(const struct json *j, struct err *e, const char *cause)
{
	err_set(e, ERR_INPUT, "json", "not valid JSON: %s", cause);
	err_set_detail(e, "line %llu, column %llu: %s",
	    (unsigned long long)j->line,
	    (unsigned long long)(j->offset - j->line_start + 1), cause);
	return -1;
}

static int
event(struct json *j, enum json_type type, int depth, uint64_t start,
    uint64_t end, struct err *e)
{
	struct json_event ev = { type, depth, j->token.data, j->token.len,
	    start, end };

	return j->on_event(j->ctx, &ev, e);
}

static void
table_add(struct json *j, size_t i)
{
	size_t at = j->key[i].hash & (j->slots - 1);

	while (j->table[at] != 0)
		at = (at + 1) & (j->slots - 1);
	j->table[at] = (uint32_t)i + 1;
}

static void
table_grow(struct json *j)
{
	j->slots = j->slots > 0 ? j->slots * 2 : 32;
	free(j->table);
	j->table = mem_zero(j->slots, sizeof(*j->table));
	/* in order of insertion, so that removal in reverse stays sound */
	for (size_t i = 0; i < j->nkeys; i++)
		table_add(j, i);
}

/* Remove the keys of the object that ends. */
static void
keys_drop(struct json *j)
{
	while (j->nkeys > 0 && j->key[j->nkeys - 1].object == j->depth) {
		const struct key *k = &j->key[--j->nkeys];
		size_t at = k->hash & (j->slots - 1);

		while (j->table[at] != j->nkeys + 1)
			at = (at + 1) & (j->slots - 1);
		j->table[at] = 0;
		buf_truncate(&j->keys, k->offset);
	}
}

static inline uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012) of the key and its depth. */
static uint64_t
hash_key(const struct json *j)
{
	uint64_t v[4] = {
		j->secret[0] ^ UINT64_C(0x736f6d6570736575) ^
		    (uint64_t)j->depth,
		j->secret[1] ^ UINT64_C(0x646f72616e646f6d),
		j->secret[0] ^ UINT64_C(0x6c7967656e657261),
		j->secret[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t left = j->token.len;
	const char *p = j->token.data;

	for (;;) {
		size_t n = left < 8 ? left : 8;
		uint64_t word = 0;

		memcpy(&word, p, n);
		if (n < 8)
			word |= (uint64_t)j->token.len << 56;
		v[3] ^= word;
		mix(v);
		v[0] ^= word;
		if (n < 8)
			break;
		p += n;
		left -= n;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static int
key_add(struct json *j, struct err *e)
{
	uint64_t hash = hash_key(j);
	struct key *k;

	if ((j->nkeys + 1) * 2 > j->slots)
		table_grow(j);
	for (size_t at = hash & (j->slots - 1); j->table[at] != 0;
	    at = (at + 1) & (j->slots - 1)) {
		k = &j->key[j->table[at] - 1];
		if (k->hash == hash && k->object == j->depth &&
		    k->len == j->token.len && memcmp(j->keys.data + k->offset,
		    j->token.data, k->len) == 0)
			return bad(j, e, "a key stands twice in one object");
	}
	mem_grow(&j->key, &j->cap, j->nkeys, sizeof(*j->key));
	k = &j->key[j->nkeys];
	*k = (struct key){ j->keys.len, j->token.len, hash, j->depth };
	buf_add(&j->keys, j->token.data, j->token.len);
	table_add(j, j->nkeys++);
	return 0;
}

static void
value_done(struct json *j)
{
	j->state = j->depth > 0 ? S_AFTER : S_DONE;
}

static int
open_container(struct json *j, char c, struct err *e)
{
	if (j->depth == JSON_DEPTH_MAX)
		return bad(j, e, "more than 64 levels");
	buf_reset(&j->token);
	if (event(j, c == '{' ? JSON_OBJECT : JSON_ARRAY, j->depth, j->offset,
	    j->offset + 1, e) < 0)
		return -1;
	j->stack[j->depth++] = c;
	j->state = c == '{' ? S_KEY_OR_END : S_VALUE_OR_END;
	return 0;
}

static int
close_container(struct json *j, char c, struct err *e)
{
	if (j->depth == 0 || j->stack[j->depth - 1] != (c == '}' ? '{' : '['))
		return bad(j, e, "a bracket without its partner");
	if (c == '}')
		keys_drop(j);
	j->depth--;
	buf_reset(&j->token);
	value_done(j);
	return event(j, c == '}' ? JSON_END_OBJECT : JSON_END_ARRAY, j->depth,
	    j->offset, j->offset + 1, e);
}

static int
begin_value(struct json *j, char c, struct err *e)
{
	j->start = j->offset;
	buf_reset(&j->token);
	switch (c) {
	case '{':
	case '[':
		return open_container(j, c, e);
	case '"':
		j->is_key = false;
		j->state = S_STRING;
		return 0;
	case 't':
		j->literal = "rue";
		j->literal_type = JSON_TRUE;
		j->state = S_LITERAL;
		return 0;
	case 'f':
		j->literal = "alse";
		j->literal_type = JSON_FALSE;
		j->state = S_LITERAL;
		return 0;
	case 'n':
		j->literal = "ull";
		j->literal_type = JSON_NULL;
		j->state = S_LITERAL;
		return 0;
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return bad(j, e, "a value is missing");
		j->state = c == '-' ? S_MINUS : c == '0' ? S_ZERO : S_INT;
		buf_addc(&j->token, c);
		return 0;
	}
}

/* A byte between tokens that is no space. */
static int
structure(struct json *j, char c, struct err *e)
{
	switch (j->state) {
	case S_VALUE_OR_END:
		if (c == ']')
			return close_container(j, c, e);
		return begin_value(j, c, e);
	case S_VALUE:
		return begin_value(j, c, e);
	case S_KEY_OR_END:
		if (c == '}')
			return close_container(j, c, e);
		/* fall through */
	case S_KEY:
		if (c != '"')
			return bad(j, e, "a key is missing");
		j->start = j->offset;
		j->is_key = true;
		j->state = S_STRING;
		buf_reset(&j->token);
		return 0;
	case S_COLON:
		if (c != ':')
			return bad(j, e, "a colon is missing");
		j->state = S_VALUE;
		return 0;
	case S_AFTER:
		if (c != ',')
			return c == ']' || c == '}' ?
			    close_container(j, c, e) :
			    bad(j, e, "a comma is missing");
		j->state = j->stack[j->depth - 1] == '{' ? S_KEY : S_VALUE;
		return 0;
	default:
		return bad(j, e, "something stands behind the value");
	}
}

static int
end_string(struct json *j, struct err *e)
{
	if (j->high != 0)
		return bad(j, e, "a surrogate stands alone");
	if (j->token.len > TOKEN_MAX)
		return bad(j, e, too_long);
	if (j->is_key) {
		j->state = S_COLON;
		if (key_add(j, e) < 0)
			return -1;
		return event(j, JSON_KEY, j->depth, j->start, j->offset + 1,
		    e);
	}
	value_done(j);
	return event(j, JSON_STRING, j->depth, j->start, j->offset + 1, e);
}

static void
add_point(struct json *j, unsigned c)
{
	char out[4];
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 63));
		out[n++] = (char)(0x80 | (c & 63));
	} else {
		out[n++] = (char)(0xf0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 63));
		out[n++] = (char)(0x80 | (c >> 6 & 63));
		out[n++] = (char)(0x80 | (c & 63));
	}
	buf_add(&j->token, out, n);
}

/* A whole \uXXXX is in j->hex. */
static int
unicode_escape(struct json *j, struct err *e)
{
	unsigned c = j->hex;

	j->state = S_STRING;
	if (j->high != 0) {
		if (c < 0xdc00 || c > 0xdfff)
			return bad(j, e, "a surrogate stands alone");
		c = 0x10000 + ((j->high - 0xd800) << 10) + (c - 0xdc00);
		j->high = 0;
	} else if (c >= 0xd800 && c <= 0xdbff) {
		j->high = c;
		return 0;
	} else if (c >= 0xdc00 && c <= 0xdfff) {
		return bad(j, e, "a surrogate stands alone");
	} else if (c == 0 && !j->allow_nul) {
		return bad(j, e, "a NUL in a string");
	}
	add_point(j, c);
	return 0;
}

static int
escape(struct json *j, char c, struct err *e)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = c != '\0' ? strchr(from, c) : NULL;

	if (c == 'u') {
		j->hex = j->nhex = 0;
		j->state = S_HEX;
		return 0;
	}
	if (j->high != 0)
		return bad(j, e, "a surrogate stands alone");
	if (p == NULL)
		return bad(j, e, "an unknown escape");
	buf_addc(&j->token, to[p - from]);
	j->state = S_STRING;
	return 0;
}

static int
hex_digit(struct json *j, char c, struct err *e)
{
	unsigned v = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
	    c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) :
	    c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10) : 16;

	if (v == 16)
		return bad(j, e, "a \\u escape wants four hex digits");
	j->hex = j->hex << 4 | v;
	return ++j->nhex == 4 ? unicode_escape(j, e) : 0;
}

/* The first byte of a UTF-8 sequence: RFC 3629, section 4. */
static int
utf8_first(struct json *j, unsigned char c, struct err *e)
{
	j->low = 0x80;
	j->up = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		j->more = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		j->more = 2;
		if (c == 0xe0)
			j->low = 0xa0;
		if (c == 0xed)
			j->up = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		j->more = 3;
		if (c == 0xf0)
			j->low = 0x90;
		if (c == 0xf4)
			j->up = 0x8f;
	} else {
		return bad(j, e, "invalid UTF-8");
	}
	j->state = S_UTF8;
	buf_addc(&j->token, (char)c);
	return 0;
}

static int
string_byte(struct json *j, unsigned char c, struct err *e)
{
	if (c == '"')
		return end_string(j, e);
	if (c == '\\') {
		j->state = S_ESCAPE;
		return 0;
	}
	if (j->high != 0)
		return bad(j, e, "a surrogate stands alone");
	if (c < 0x20)
		return bad(j, e, "a control byte in a string");
	if (c >= 0x80)
		return utf8_first(j, c, e);
	buf_addc(&j->token, (char)c);
	return 0;
}

static int
utf8_byte(struct json *j, unsigned char c, struct err *e)
{
	if (c < j->low || c > j->up)
		return bad(j, e, "invalid UTF-8");
	j->low = 0x80;
	j->up = 0xbf;
	buf_addc(&j->token, (char)c);
	if (--j->more == 0)
		j->state = S_STRING;
	return 0;
}

/* The state behind c in a number, or S_DONE if c is not part of one. */
static enum state
number_next(enum state state, char c)
{
	bool digit = c >= '0' && c <= '9';

	switch (state) {
	case S_MINUS:
		return c == '0' ? S_ZERO : digit ? S_INT : S_DONE;
	case S_INT:
		if (digit)
			return S_INT;
		/* fall through */
	case S_ZERO:
		return c == '.' ? S_DOT :
		    c == 'e' || c == 'E' ? S_E : S_DONE;
	case S_DOT:
		return digit ? S_FRAC : S_DONE;
	case S_FRAC:
		return digit ? S_FRAC : c == 'e' || c == 'E' ? S_E : S_DONE;
	case S_E:
		return digit ? S_EXP :
		    c == '+' || c == '-' ? S_ESIGN : S_DONE;
	default:
		return digit ? S_EXP : S_DONE;
	}
}

static int
end_number(struct json *j, struct err *e)
{
	if (j->state != S_ZERO && j->state != S_INT && j->state != S_FRAC &&
	    j->state != S_EXP)
		return bad(j, e, "a number is cut short");
	if (j->token.len > TOKEN_MAX)
		return bad(j, e, too_long);
	value_done(j);
	return event(j, JSON_NUMBER, j->depth, j->start, j->offset, e);
}

static int
literal_byte(struct json *j, char c, struct err *e)
{
	if (c != *j->literal)
		return bad(j, e, "a value is missing");
	if (*++j->literal != '\0')
		return 0;
	value_done(j);
	return event(j, j->literal_type, j->depth, j->start, j->offset + 1, e);
}

static int
byte(struct json *j, char c, struct err *e)
{
	if (j->state >= S_MINUS) {
		enum state next = number_next(j->state, c);

		if (next != S_DONE) {
			j->state = next;
			buf_addc(&j->token, c);
			return 0;
		}
		if (end_number(j, e) < 0)
			return -1;
	}
	switch (j->state) {
	case S_STRING:
		return string_byte(j, (unsigned char)c, e);
	case S_ESCAPE:
		return escape(j, c, e);
	case S_HEX:
		return hex_digit(j, c, e);
	case S_UTF8:
		return utf8_byte(j, (unsigned char)c, e);
	case S_LITERAL:
		return literal_byte(j, c, e);
	default:
		if (c == '\n') {
			j->line++;
			j->line_start = j->offset + 1;
		}
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			return 0;
		return structure(j, c, e);
	}
}

/* How many of the len bytes at data are plain bytes of a string. */
static size_t
plain_run(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t n = 0;

	while (n < len && p[n] >= 0x20 && p[n] < 0x80 && p[n] != '"' &&
	    p[n] != '\\')
		n++;
	return n;
}

int
json_feed(struct json *j, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len;) {
		if (j->token.len > TOKEN_MAX)
			return bad(j, e, too_long);
		if (j->state == S_STRING && j->high == 0) {
			size_t n = plain_run(data + i, len - i);

			buf_add(&j->token, data + i, n);
			j->offset += n;
			i += n;
			if (i == len)
				break;
		}
		if (byte(j, data[i], e) < 0)
			return -1;
		i++;
		j->offset++;
	}
	return 0;
}

int
json_finish(struct json *j, struct err *e)
{
	if (j->state >= S_MINUS && end_number(j, e) < 0)
		return -1;
	if (j->state != S_DONE)
		return bad(j, e, "the text ends too early");
	return 0;
}

bool
json_integer(const char *text, size_t len, int64_t *value)
{
	bool negative = len > 0 && *text == '-';
	int64_t v = 0;

	if (len == (size_t)negative)
		return false;
	for (size_t i = negative; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (text[i] - '0');
		if (v > JSON_INT_MAX)
			return false;
	}
	*value = negative ? -v : v;
	return true;
}
