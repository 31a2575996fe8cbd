/* The strict JSON reader and the writer: RFC 8259, and the public suite. */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "record/json.h"

static int
log_event(void *ctx, const struct json_event *ev, struct err *e)
{
	struct buf *log = ctx;

	(void)e;
	if (log == NULL)
		return 0;
	assert(strlen(ev->text) == ev->len);
	assert(ev->text[ev->len] == '\0');
	buf_addf(log, "%d %d %llu-%llu ", (int)ev->type, ev->depth,
	    (unsigned long long)ev->start, (unsigned long long)ev->end);
	buf_add(log, ev->text, ev->len);
	buf_addc(log, '\n');
	return 0;
}

/* Feed text in pieces cut at a and b; 0 or -1. */
static int
read_cut(const char *text, size_t len, size_t a, size_t b, struct buf *log,
    struct err *e)
{
	struct json *j = json_new(log_event, log);
	int rc;

	if (log == NULL)
		json_allow_nul(j);
	err_init(e);
	rc = json_feed(j, text, a, e) < 0 ||
	    json_feed(j, text + a, b - a, e) < 0 ||
	    json_feed(j, text + b, len - b, e) < 0 ||
	    json_finish(j, e) < 0 ? -1 : 0;
	json_free(j);
	return rc;
}

static int
read_text(const char *text, size_t len)
{
	autobuf struct buf log = BUF_INIT;
	struct err e;

	return read_cut(text, len, 0, len, &log, &e);
}

static const char *const valid[] = {
	"{}", "[]", "null", "true", "false", "0", "-0", "1.0", "1e400",
	"-12.5E-7", "0e+1", "\"\"", "\"\\u00e9\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
	"\"\xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80\"",
	"\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\\uFFFF\"", " \t\r\n[ ] ",
	"{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"b\":{\"a\":1}}",
	"[0.1234567890123456789]", "{\"\":0}", "\"\x7f\"", "\"\xc2\x80\"",
};

static const char *const broken[] = {
	"", " ", "{", "[", "}", "]", "{]", "[}", "[1", "[1,", "[1,]", "[,1]",
	"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{\"a\" 1}",
	"{1:1}", "[1 2]", "1 2", "{}{}", "nul", "nulll", "True", "truE",
	"NaN", "Infinity", "-", "-a", "+1", ".5", "1.", "1.e1", "1e", "1e+",
	"01", "-01", "0x1", "1_0", "'a'", "\"", "\"a", "\"\\\"", "\"\\x\"",
	"\"\\u00g0\"", "\"\\u12\"", "\"\t\"", "\"\n\"", "\"\x1f\"",
	"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
	"\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"",
	"\"\x80\"", "\"\xc0\x80\"", "\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"",
	"\"\xed\xa0\x80\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xf4\x90\x80\x80\"",
	"\"\xf5\x80\x80\x80\"", "\"\xe2\x82\"", "\"\xff\"", "\xef\xbb\xbf{}",
	"[1]x", "/**/1", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
	"[{\"k\":[1],\"l\":{\"k\":0},\"k\":1}]", "\xc2\xa0[]", "\f1", "\v1",
};

static void
valid_texts_are_read_and_broken_ones_refused(void)
{
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++)
		if (read_text(valid[i], strlen(valid[i])) < 0) {
			printf("refused: %s\n", valid[i]);
			assert(0);
		}
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		if (read_text(broken[i], strlen(broken[i])) == 0) {
			printf("read: %s\n", broken[i]);
			assert(0);
		}
	assert(read_text("\"a\0b\"", 5) < 0);
	assert(read_text("1\0", 2) < 0);
	assert(read_text("\0", 1) < 0);
}

/* The verdict, the events and the message, whatever the pieces. */
static void
pieces_make_no_difference(void)
{
	const char *const *lists[] = { valid, broken };
	const size_t counts[] = { sizeof(valid) / sizeof(*valid),
	    sizeof(broken) / sizeof(*broken) };

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < counts[l]; i++) {
			const char *text = lists[l][i];
			size_t len = strlen(text);
			autobuf struct buf whole = BUF_INIT;
			struct err e;
			int rc = read_cut(text, len, len, len, &whole, &e);

			for (size_t a = 0; a <= len; a++)
				for (size_t b = a; b <= len; b++) {
					autobuf struct buf log = BUF_INIT;
					struct err cut;

					assert(read_cut(text, len, a, b, &log,
					    &cut) == rc);
					assert(strcmp(log.data,
					    whole.data) == 0);
					assert(strcmp(cut.detail,
					    e.detail) == 0);
				}
		}
}

static void
events_say_where_tokens_stand(void)
{
	static const char text[] = " {\"a\" : [ 1.50, \"\\u00e9\" ],\"b\":null}";
	autobuf struct buf log = BUF_INIT;
	struct err e;

	assert(read_cut(text, sizeof(text) - 1, 3, 9, &log, &e) == 0);
	assert(strcmp(log.data,
	    "6 0 1-2 \n" "7 1 2-5 a\n" "5 1 8-9 \n" "3 2 10-14 1.50\n"
	    "4 2 16-24 \xc3\xa9\n" "8 1 25-26 \n" "7 1 27-30 b\n"
	    "0 1 31-35 \n" "9 0 35-36 \n") == 0);
}

static void
messages_name_line_and_column(void)
{
	autobuf struct buf log = BUF_INIT;
	struct err e;

	assert(read_cut("{\n \"a\": 1,\n  x}", 15, 5, 9, &log, &e) < 0);
	assert(e.kind == ERR_INPUT && strcmp(e.code, "json") == 0);
	assert(strcmp(e.detail, "line 3, column 3: a key is missing") == 0);
}

static int
nested(size_t depth, char open, char shut)
{
	char text[400];
	size_t n = 0;

	for (size_t i = 0; i < depth; i++) {
		text[n++] = open;
		if (open == '{' && i + 1 < depth) {
			memcpy(text + n, "\"\":", 3);
			n += 3;
		}
	}
	for (size_t i = 0; i < depth; i++)
		text[n++] = shut;
	return read_text(text, n);
}

static void
sixty_four_levels_are_the_limit(void)
{
	assert(nested(64, '[', ']') == 0 && nested(65, '[', ']') < 0);
	assert(nested(64, '{', '}') == 0 && nested(65, '{', '}') < 0);
}

/* A string or number of n bytes, in pieces of piece. */
static int
long_token(char quote, char fill, size_t n, size_t piece)
{
	autobuf struct buf log = BUF_INIT, text = BUF_INIT;
	struct json *j = json_new(log_event, &log);
	struct err e;
	int rc = 0;

	if (quote != 0)
		buf_addc(&text, quote);
	for (size_t i = 0; i < n; i++)
		buf_addc(&text, fill);
	if (quote != 0)
		buf_addc(&text, quote);
	for (size_t i = 0; i < text.len && rc == 0; i += piece)
		rc = json_feed(j, text.data + i, text.len - i < piece ?
		    text.len - i : piece, &e);
	if (rc == 0)
		rc = json_finish(j, &e);
	json_free(j);
	return rc;
}

static void
a_token_over_a_mebibyte_is_refused_in_any_pieces(void)
{
	static const size_t pieces[] = { 4096, 65536, 1 << 22 };
	const size_t mib = 1 << 20;

	for (size_t i = 0; i < 3; i++) {
		assert(long_token('"', 'a', mib, pieces[i]) == 0);
		assert(long_token('"', 'a', mib + 1, pieces[i]) < 0);
		assert(long_token('"', 'a', 2 * mib, pieces[i]) < 0);
		assert(long_token(0, '1', mib, pieces[i]) == 0);
		assert(long_token(0, '1', mib + 1, pieces[i]) < 0);
	}
}

/* Blocks that FNV-1a can not tell apart make 2^16 keys of one hash there. */
static uint32_t
fnv(uint32_t h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619U;
	return h;
}

static bool
find_pair(uint32_t state, char a[5], char b[5])
{
	enum { SLOTS = 1 << 19 };
	static uint32_t seen[SLOTS];

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 1; i < 400000; i++) {
		uint32_t h, at, v = i * 2654435761U;

		for (int k = 0; k < 4; k++, v >>= 6)
			a[k] = (char)('0' + (v & 63));
		if (memchr(a, '\\', 4) != NULL)
			continue;
		h = fnv(state, a, 4);
		for (at = h % SLOTS; seen[at] != 0; at = (at + 1) % SLOTS) {
			v = seen[at] * 2654435761U;
			for (int k = 0; k < 4; k++, v >>= 6)
				b[k] = (char)('0' + (v & 63));
			if (fnv(state, b, 4) == h && memcmp(a, b, 4) != 0)
				return true;
		}
		seen[at] = i;
	}
	return false;
}

static void
nobody_makes_keys_that_collide(void)
{
	enum { BLOCKS = 16 };
	char pair[BLOCKS][2][5];
	uint32_t state = 2166136261U ^ 1;
	autobuf struct buf text = BUF_INIT;
	double start;

	for (int i = 0; i < BLOCKS; i++) {
		assert(find_pair(state, pair[i][0], pair[i][1]));
		state = fnv(state, pair[i][0], 4);
	}
	buf_addc(&text, '{');
	for (uint32_t n = 0; n < 1U << BLOCKS; n++) {
		buf_adds(&text, n > 0 ? ",\"" : "\"");
		for (int i = 0; i < BLOCKS; i++)
			buf_add(&text, pair[i][n >> i & 1], 4);
		buf_adds(&text, "\":0");
	}
	buf_addc(&text, '}');
	start = clock_monotonic();
	assert(read_text(text.data, text.len) == 0);
	/* milliseconds; with such a hash it takes most of a minute */
	assert(clock_monotonic() - start < 5);
}

static void
integers_are_exact_or_none(void)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 }, { "-0", 0 }, { "42", 42 }, { "-7", -7 },
		{ "9007199254740991", INT64_C(9007199254740991) },
		{ "-9007199254740991", -INT64_C(9007199254740991) },
	};
	static const char *const bad[] = { "", "-", "1.0", "1e0",
	    "9007199254740992", "-9007199254740992", "1e400",
	    "99999999999999999999999999", " 1" };
	int64_t v;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert(json_integer(good[i].text, strlen(good[i].text), &v));
		assert(v == good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(!json_integer(bad[i], strlen(bad[i]), &v));
}

static void
a_nul_is_read_where_it_is_asked_for(void)
{
	struct err e;

	assert(read_cut("{\"a\\u0000\":\"\\u0000\"}", 20, 9, 20, NULL,
	    &e) == 0);
	assert(read_cut("{\"a\\u0000\":1,\"a\":1}", 19, 9, 19, NULL,
	    &e) == 0);
	assert(read_cut("\"\0\"", 3, 3, 3, NULL, &e) < 0);
}

static void
a_reader_can_start_anew(void)
{
	autobuf struct buf log = BUF_INIT;
	struct json *j = json_new(log_event, &log);
	struct err e;

	assert(json_feed(j, "{\"a\":\"\\ud8", 10, &e) == 0);
	json_reset(j);
	assert(json_feed(j, "{\"a\":1}", 7, &e) == 0);
	assert(json_finish(j, &e) == 0);
	json_free(j);
}

static int
stop(void *ctx, const struct json_event *ev, struct err *e)
{
	(void)ctx;
	(void)ev;
	return err_set(e, ERR_CHECK, "enough", "enough");
}

static void
the_callback_can_stop(void)
{
	struct json *j = json_new(stop, NULL);
	struct err e;

	assert(json_feed(j, "[1]", 3, &e) < 0);
	assert(e.kind == ERR_CHECK && strcmp(e.code, "enough") == 0);
	json_free(j);
}

static void
what_is_written_is_escaped_and_read_back(void)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '[');
	json_out_str(&o, "\x1b\n\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xd8\x9c"
	    "\\\"\xc3\xa9\xf0\x9f\x98\x80");
	json_out_str(&o, "cut \xe2\x82");
	json_out_str(&o, "\xff ok");
	json_out_seconds(&o, 1.9996);
	json_out_seconds(&o, -1);
	json_out_int(&o, -5);
	json_out_bool(&o, false);
	json_out_close(&o, ']');
	assert(strcmp(o.buf.data, "[\"\\u001b\\n\\u007f\\u009b\\u202e\\u2028"
	    "\\u061c\\\\\\\"\xc3\xa9\xf0\x9f\x98\x80\","
	    "\"cut \xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd ok\","
	    "2.000,0.000,-5,false]") == 0);
	assert(read_text(o.buf.data, o.buf.len) == 0);
}

/* y_ must be read, n_ refused, i_ is ours to say: no crash. */
static size_t
the_public_suite_is_judged_as_it_says(void)
{
	const char *root = getenv("SLIPWAY_CORPORA");
	autofree char *dir = mem_fmt("%s/json-JSONTestSuite/test_parsing",
	    root != NULL ? root : "../shared/corpora");
	DIR *d = opendir(dir);
	struct dirent *entry;
	size_t n = 0;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		autobuf struct buf text = BUF_INIT;
		char kind = entry->d_name[0];
		struct err e;
		int rc;

		if (entry->d_name[0] == '\0' || entry->d_name[1] != '_')
			continue;
		assert(file_slurp(dirfd(d), entry->d_name, entry->d_name,
		    1 << 24, &text, &e) == 0);
		/* as records are read */
		rc = read_cut(text.data, text.len, 0, text.len / 2, NULL, &e);
		/* duplicate keys are RFC 8259's "should": ours is a must */
		if (strncmp(entry->d_name, "y_object_duplicated_key", 23) == 0)
			kind = 'n';
		if ((kind == 'y' && rc < 0) || (kind == 'n' && rc == 0)) {
			printf("%s: %d\n", entry->d_name, rc);
			assert(0);
		}
		n++;
	}
	if (d != NULL)
		closedir(d);
	assert(n == 0 || n > 300);
	return n;
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	valid_texts_are_read_and_broken_ones_refused();
	puts("ok valid texts are read and broken ones refused");
	pieces_make_no_difference();
	puts("ok pieces make no difference");
	events_say_where_tokens_stand();
	puts("ok events say where tokens stand");
	messages_name_line_and_column();
	puts("ok messages name line and column");
	sixty_four_levels_are_the_limit();
	puts("ok sixty-four levels are the limit");
	a_token_over_a_mebibyte_is_refused_in_any_pieces();
	puts("ok a token over a mebibyte is refused in any pieces");
	nobody_makes_keys_that_collide();
	puts("ok nobody makes keys that collide");
	integers_are_exact_or_none();
	puts("ok integers are exact or none");
	a_nul_is_read_where_it_is_asked_for();
	puts("ok a nul is read where it is asked for");
	a_reader_can_start_anew();
	puts("ok a reader can start anew");
	the_callback_can_stop();
	puts("ok the callback can stop");
	what_is_written_is_escaped_and_read_back();
	puts("ok what is written is escaped and read back");
	if (the_public_suite_is_judged_as_it_says() > 0)
		puts("ok the public suite is judged as it says");
	else
		puts("skip the public suite is judged as it says: "
		    "no corpora/json-JSONTestSuite");
	return 0;
}
