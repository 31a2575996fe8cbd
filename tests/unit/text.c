/* Bytes as people see them, and messages that hold them. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void
utf8_is_judged_by_rfc_3629(void)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80",
	    "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
	    "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xed\xa0\x80",
	    "\xef\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xfe", "\xff" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert(text_utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(!text_utf8_valid(bad[i], strlen(bad[i])));
	assert(text_utf8_valid("a\0b", 3));
}

static void
nothing_that_a_terminal_obeys_is_shown(void)
{
	autobuf struct buf b = BUF_INIT;
	static const char text[] = "a\n\t\r\x1b[0m\x7f\0\xc2\x9b\xe2\x80\xae"
	    "\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c\xff\xc3\xa9\xe2\x82";

	text_escape(&b, text, sizeof(text) - 1);
	assert(strcmp(b.data, "a\\n\\t\\r\\x1b[0m\\x7f\\x00\\xc2\\x9b"
	    "\\xe2\\x80\\xae\\xe2\\x80\\xa8\\xe2\\x81\\xa6\\xd8\\x9c\\xff"
	    "\xc3\xa9\\xe2\\x82") == 0);
	assert(text_has_control("a\x1f", 2) && text_has_control("\x7f", 1));
	assert(!text_has_control("a b\xc2\x80", 5));
}

static void
a_prefix_cuts_no_sequence(void)
{
	static const char s[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		assert(text_prefix(s, i) == want[i]);
	assert(text_prefix("\x80\x80\x80\x80\x80\x80\x80", 5) == 5);
	assert(text_prefix("", 0) == 0);
}

static void
hex_goes_both_ways(void)
{
	uint8_t bytes[3] = { 0, 0x9f, 0xff }, back[3];
	char hex[7];

	text_hex(bytes, 3, hex);
	assert(strcmp(hex, "009fff") == 0);
	assert(text_unhex(hex, 3, back) && memcmp(bytes, back, 3) == 0);
	assert(!text_unhex("009ff", 3, back) && !text_unhex("009fff0", 3, back));
	assert(!text_unhex("009fFF", 3, back) && !text_unhex("", 3, back));
	assert(!text_unhex("0x9fff", 3, back));
}

static void
base64_is_padded(void)
{
	static const char *const want[] = { "", "Zg==", "Zm8=", "Zm9v",
	    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };

	for (size_t i = 0; i < 7; i++) {
		autobuf struct buf b = BUF_INIT;

		text_base64(&b, "foobar", i);
		assert(strcmp(b.data, want[i]) == 0);
	}
	autobuf struct buf b = BUF_INIT;
	text_base64(&b, "\xff\xff\xfe", 3);
	assert(strcmp(b.data, "///+") == 0);
}

static void
numbers_are_whole_and_fit(void)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1.0",
	    "0x1", "9223372036854775808", "1K1", "K", "8388608T", "1k", "1KB" };
	int64_t v;

	assert(text_number("0", false, &v) && v == 0);
	assert(text_number("007", false, &v) && v == 7);
	assert(text_number("9223372036854775807", false, &v) && v == INT64_MAX);
	assert(text_number("2K", true, &v) && v == 2048);
	assert(text_number("3T", true, &v) && v == INT64_C(3) << 40);
	assert(!text_number("2K", false, &v));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(!text_number(bad[i], true, &v));
}

static void
sizes_read_well(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" }, { 999, "999 B" }, { 1000, "1.0 kB" },
		{ 999949, "999.9 kB" }, { 999950, "1.0 MB" },
		{ 1234567, "1.2 MB" }, { UINT64_MAX, "18446.7 PB" },
	};
	char out[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert(strcmp(text_size(cases[i].bytes, out),
		    cases[i].text) == 0);
}

/* s after n bytes, in every field, at every place where it can be cut. */
static void
long_messages_stay_utf8(void)
{
	char text[2 * ERR_MSG_MAX];

	for (size_t shift = 0; shift < 4; shift++) {
		struct err e;
		size_t n = shift;

		memset(text, 'x', shift);
		while (n + 4 < sizeof(text)) {
			memcpy(text + n, "\xf0\x9f\x98\x80", 4);
			n += 4;
		}
		text[n] = '\0';
		err_set(&e, ERR_CHECK, "x", "%s", text);
		assert(text_utf8_valid(e.msg, strlen(e.msg)));
		assert(strlen(e.msg) > ERR_MSG_MAX - 5);
		err_set_detail(&e, "%s", text);
		err_set_path(&e, text);
		err_set_values(&e, text, text + 1);
		assert(text_utf8_valid(e.detail, strlen(e.detail)));
		assert(strlen(e.detail) > sizeof(e.detail) - 5);
		assert(text_utf8_valid(e.path, strlen(e.path)));
		assert(text_utf8_valid(e.expected, strlen(e.expected)));
		assert(strlen(e.expected) > sizeof(e.expected) - 5);
		err_wrap(&e, "%.100s", "in a file");
		assert(text_utf8_valid(e.msg, strlen(e.msg)));
		assert(strncmp(e.msg, "in a file: ", 11) == 0);
		errno = ENOENT;
		err_sys(&e, "%s", text);
		assert(text_utf8_valid(e.msg, strlen(e.msg)));
		/* what is no UTF-8 anyhow is not eaten up */
		memset(text, 0x80, sizeof(text) - 1);
		err_set(&e, ERR_CHECK, "x", "%s", text);
		assert(strlen(e.msg) > ERR_MSG_MAX - 5);
	}
}

static void
the_systems_words_come_last(void)
{
	struct err e;

	errno = ENOSPC;
	assert(err_sys(&e, "cannot write '%s'", "x") == -1);
	assert(strcmp(e.msg, "cannot write 'x': No space left on device") == 0);
	assert(e.kind == ERR_SYS && strcmp(e.code, "no_space") == 0);
	err_wrap(&e, "line %d", 3);
	assert(strcmp(e.msg, "line 3: cannot write 'x': "
	    "No space left on device") == 0);
	assert(strcmp(err_kind_name(ERR_CHECK), "check") == 0);
	assert(strcmp(err_kind_name(ERR_INPUT), "input") == 0);
	assert(strcmp(err_kind_name(ERR_SYS), "system") == 0);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	utf8_is_judged_by_rfc_3629();
	puts("ok UTF-8 is judged by RFC 3629");
	nothing_that_a_terminal_obeys_is_shown();
	puts("ok nothing that a terminal obeys is shown");
	a_prefix_cuts_no_sequence();
	puts("ok a prefix cuts no sequence");
	hex_goes_both_ways();
	puts("ok hex goes both ways");
	base64_is_padded();
	puts("ok base64 is padded");
	numbers_are_whole_and_fit();
	puts("ok numbers are whole and fit");
	sizes_read_well();
	puts("ok sizes read well");
	long_messages_stay_utf8();
	puts("ok long messages stay UTF-8");
	the_systems_words_come_last();
	puts("ok the system's words come last");
	return 0;
}
