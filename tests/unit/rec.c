/* Records: lines in, members out, and everything else as it was. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/json.h"
#include "record/rec.h"

static struct rec *
parse(const char *line)
{
	struct err e;
	struct rec *r = rec_parse(line, strlen(line), "<stdin>:1", &e);

	assert(r != NULL);
	return r;
}

/* The line that r goes out as, and the end of r. */
static void
prints(struct rec *r, const char *wanted)
{
	autobuf struct buf out = BUF_INIT;

	rec_print(r, &out);
	if (strcmp(out.data, wanted) != 0) {
		printf("wanted %s\nfound  %s\n", wanted, out.data);
		assert(0);
	}
	rec_free(r);
}

static void
what_nobody_touched_is_the_same_to_the_byte(void)
{
	static const char *const lines[] = {
		"{}", " { } ", "\t{ \"a\" : 1.0 ,\"b\":1e400}\t ",
		"{\"\\u00e9\\/\":0.1234567890123456789,\"x\":\"\\ud83d\\ude00\"}",
		"{\"a\":-0,\"b\":12345678901234567890,\"c\":[ {\"k\": null} ]}",
		"{\"a\\u0000b\":\"\\u0000\"}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		prints(parse(lines[i]), lines[i]);
}

static void
members_are_put_in_place_or_last(void)
{
	struct rec *r = parse(" { \"a\" : 1.0, \"size\":  7 , \"z\":[1, 2] } ");

	rec_put_int(r, "size", 8);
	rec_put_str(r, "sha256", "f\"f");
	rec_put(r, "bundle", "{}", 2);
	rec_put_int(r, "bundle", 9);
	prints(r, " { \"a\" : 1.0, \"size\":  8 , \"z\":[1, 2],"
	    "\"sha256\":\"f\\\"f\",\"bundle\":9 } ");
	r = parse("{}");
	rec_put_int(r, "n", 1);
	rec_put_int(r, "m", 2);
	prints(r, "{\"n\":1,\"m\":2}");
	r = parse("{\"\\u0061\":1}");	/* a, spelt otherwise */
	rec_put_int(r, "a", 2);
	prints(r, "{\"\\u0061\":2}");
	r = parse("{\"a\":1}");
	rec_put_int(r, "a", 2);
	rec_put_int(r, "b", 2);
	rec_drop(r, "a");
	rec_undo(r);
	prints(r, "{\"a\":1}");
}

static void
members_are_dropped_with_their_commas(void)
{
	static const struct {
		const char *drop, *wanted;
	} cases[] = {
		{ "a", "{\"b\":2, \"c\":3}" }, { "b", "{\"a\":1,\"c\":3}" },
		{ "c", "{\"a\":1, \"b\":2}" }, { "x", "{\"a\":1, \"b\":2, \"c\":3}" },
		{ "ab", "{\"c\":3}" }, { "bc", "{\"a\":1}" },
		{ "ac", "{\"b\":2}" }, { "abc", "{}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rec *r = parse("{\"a\":1, \"b\":2, \"c\":3}");

		for (const char *p = cases[i].drop; *p != '\0'; p++)
			rec_drop(r, (char [2]){ *p, 0 });
		prints(r, cases[i].wanted);
	}
	struct rec *r = parse("{\"a\":1,\"b\":2}");
	rec_drop(r, "a");
	rec_drop(r, "b");
	rec_put_int(r, "n", 1);
	prints(r, "{\"n\":1}");
}

static void
elements_are_appended(void)
{
	static const char *const cases[][2] = {
		{ "{}", "{\"trace\":[5,6]}" },
		{ "{\"trace\":[]}", "{\"trace\":[5,6]}" },
		{ "{\"trace\":[ \t\r ],\"x\":1}", "{\"trace\":[5,6],\"x\":1}" },
		{ "{\"trace\":[ 1.0 , {} ]}", "{\"trace\":[ 1.0 , {},5,6]}" },
		{ "{\"trace\":null}", "{\"trace\":[5,6]}" },
		{ "{\"trace\":{\"a\":1}}", "{\"trace\":[5,6]}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rec *r = parse(cases[i][0]);

		rec_append(r, "trace", "5", 1);
		rec_append(r, "trace", "6", 1);
		prints(r, cases[i][1]);
	}
}

static void
getters_find_members_of_members(void)
{
	struct rec *r = parse("{\"b\":{\"c\":{\"d\":\"\\u00e9\\n\",\"n\":42},"
	    "\"t\":true},\"null\":null,\"b.c\":1,\"last\":\"x\"}");
	const char *str = NULL;
	int64_t n = 0;
	bool t = false;
	size_t len;
	struct err e;

	assert(rec_str(r, "b.c.d", &str, &e) == 1);
	assert(strcmp(str, "\xc3\xa9\n") == 0);
	assert(rec_int(r, "b.c.n", 0, 100, &n, &e) == 1 && n == 42);
	assert(rec_bool(r, "b.t", &t, &e) == 1 && t);
	assert(rec_str(r, "b.c.x", &str, &e) == 0);
	assert(rec_str(r, "b.t.x", &str, &e) == 0);
	assert(rec_str(r, "null", &str, &e) == 0);
	assert(rec_str(r, "null.x", &str, &e) == 0);
	assert(rec_str(r, "las", &str, &e) == 0);
	assert(rec_text(r, "b.c", &len) != NULL && len == 23);
	assert(rec_need_str(r, "no", &str, &e) < 0);
	assert(e.kind == ERR_INPUT && strcmp(e.code, "field_missing") == 0);
	rec_free(r);
}

static void
invalid(struct rec *r, const char *key, const char *part)
{
	const char *str;
	int64_t n;
	bool b;
	struct err e;
	int rc = key[0] == 's' ? rec_str(r, key, &str, &e) :
	    key[0] == 'b' ? rec_bool(r, key, &b, &e) :
	    rec_int(r, key, 0, 100, &n, &e);

	assert(rc < 0 && e.kind == ERR_INPUT);
	assert(strcmp(e.code, "field_invalid") == 0);
	assert(strcmp(e.path, key) == 0);
	if (strstr(e.msg, part) == NULL) {
		printf("%s: %s\n", key, e.msg);
		assert(0);
	}
}

static void
values_of_another_type_are_refused(void)
{
	struct rec *r = parse("{\"s1\":1,\"s2\":\"\",\"s3\":\"a\\u0000b\","
	    "\"b1\":1,\"i1\":1.0,\"i2\":1e2,\"i3\":9007199254740993,"
	    "\"i4\":1e400,\"i5\":101,\"i6\":-1,\"i7\":\"1\",\"i8\":true,"
	    "\"i9\":123456789012345678901234567890}");

	invalid(r, "s1", "a string is wanted");
	invalid(r, "s2", "empty");
	invalid(r, "s3", "NUL");
	invalid(r, "b1", "true or false");
	invalid(r, "i1", "a whole number");
	invalid(r, "i2", "a whole number");
	invalid(r, "i3", "write it as a string");
	invalid(r, "i4", "a whole number");
	invalid(r, "i5", "out of range");
	invalid(r, "i6", "out of range");
	invalid(r, "i7", "a whole number");
	invalid(r, "i8", "a whole number");
	invalid(r, "i9", "write it as a string");
	rec_free(r);
}

static int
list(void *ctx, const struct rec_member *m, struct err *e)
{
	(void)e;
	buf_addf(ctx, "%s=%.*s/%s ", m->name != NULL ? m->name : "-",
	    (int)m->len, m->text, m->str != NULL ? m->str : "-");
	return 0;
}

static void
members_are_walked_in_their_order(void)
{
	struct rec *r = parse("{\"a\":[1,\"\\u0041\",{}],\"b\\u0000\":1,\"o\":{},"
	    "\"s\":\"x\"}");
	autobuf struct buf out = BUF_INIT;
	struct err e;

	assert(rec_each(r, "", list, &out, &e) == 1);
	assert(rec_each(r, "a", list, &out, &e) == 1);
	assert(rec_each(r, "o", list, &out, &e) == 1);
	assert(rec_each(r, "none", list, &out, &e) == 0);
	assert(rec_each(r, "s", list, &out, &e) < 0);
	assert(strcmp(out.data, "a=[1,\"\\u0041\",{}]/- o={}/- s=\"x\"/x "
	    "-=1/- -=\"\\u0041\"/A -={}/- ") == 0);
	rec_free(r);
}

static enum err_kind
failure(const char *line)
{
	struct rec *r = parse(line);
	enum err_kind kind = rec_failed(r);

	rec_free(r);
	return kind;
}

static void
a_failure_of_any_shape_is_one(void)
{
	assert(failure("{}") == ERR_NONE);
	assert(failure("{\"error\":null}") == ERR_NONE);
	assert(failure("{\"error\":{}}") == ERR_CHECK);
	assert(failure("{\"error\":false}") == ERR_CHECK);
	assert(failure("{\"error\":\"x\"}") == ERR_CHECK);
	assert(failure("{\"error\":{\"kind\":\"odd\"}}") == ERR_CHECK);
	assert(failure("{\"error\":{\"kind\":7}}") == ERR_CHECK);
	assert(failure("{\"error\":{\"kind\":\"check\"}}") == ERR_CHECK);
	assert(failure("{\"error\":{\"kind\":\"input\"}}") == ERR_INPUT);
	assert(failure("{\"error\":{\"kind\":\"system\"}}") == ERR_SYS);
}

static void
malformed(const char *line, const char *part)
{
	struct err e;

	assert(rec_parse(line, strlen(line), "x", &e) == NULL);
	assert(e.kind == ERR_INPUT && strcmp(e.code, "malformed_line") == 0);
	if (strstr(e.msg, part) == NULL) {
		printf("%s: %s\n", line, e.msg);
		assert(0);
	}
}

static void
malformed_lines_come_with_advice(void)
{
	struct err e;

	malformed("{", "jq -c .");
	malformed("{ ", "jq -c .");
	malformed("  \"a\": 1,", "jq -c .");
	malformed("}", "jq -c .");
	malformed("{\"a\": [", "jq -c .");
	malformed("[{\"a\":1}]", "jq -c '.[]'");
	malformed("[", "jq -c '.[]'");
	malformed("1", "the value is no object");
	malformed("{\"a\":1}{\"b\":1}", "behind the value");
	malformed("{\"a\":\"\\ud800\"}", "surrogate");
	malformed("{\"a\":1,\"a\":1}", "twice");
	assert(rec_parse("{\"arch\":\"am", 11, "x", &e) == NULL);
	assert(strstr(e.msg, "jq") == NULL);	/* it is cut off */
}

/* All lines of text, fed through a pipe piece bytes at a time. */
static int
read_lines(const char *text, size_t len, size_t piece, struct buf *out)
{
	struct rec_reader r = REC_READER_INIT(-1, "<stdin>");
	const char *line;
	struct err e;
	size_t n;
	int fds[2], rc;

	assert(pipe(fds) == 0);
	r.fd = fds[0];
	for (;;) {
		while ((rc = rec_reader_line(&r, &line, &n, &e)) > 0) {
			buf_addf(out, "%d:", (int)r.lineno);
			buf_add(out, line, n < 40 ? n : 40);
			buf_addc(out, '|');
		}
		if (rc < 0) {
			assert(strcmp(e.code, "malformed_line") == 0);
			buf_addf(out, "%d!", (int)r.lineno);
		}
		if (rc < 0 || r.eof)
			break;
		if (piece > len)
			piece = len;
		if (piece > 0)
			assert(write(fds[1], text, piece) == (ssize_t)piece);
		text += piece;
		len -= piece;
		if (len == 0 && fds[1] >= 0) {
			close(fds[1]);
			fds[1] = -1;
			piece = 0;
		}
		assert(rec_reader_fill(&r, &e) == 0);
	}
	if (fds[1] >= 0)
		close(fds[1]);
	close(fds[0]);
	rec_reader_release(&r);
	return rc;
}

static void
lines_are_read_in_any_pieces(void)
{
	static const char text[] = "\xef\xbb\xbf{\"a\":1}\r\n\n  \t\n\r\n"
	    "{\"b\":2}\n\xef\xbb\xbf{}\n{\"last\":3}";

	for (size_t piece = 1; piece < sizeof(text) + 1; piece++) {
		autobuf struct buf out = BUF_INIT;

		assert(read_lines(text, sizeof(text) - 1, piece, &out) == 0);
		assert(strcmp(out.data, "1:{\"a\":1}|5:{\"b\":2}|"
		    "6:\xef\xbb\xbf{}|7:{\"last\":3}|") == 0);
	}
}

/* A line of n bytes, between before and after. */
static int
read_long(const char *before, size_t n, const char *after)
{
	autobuf struct buf text = BUF_INIT, out = BUF_INIT;

	buf_adds(&text, before);
	buf_grow(&text, n);
	memset(text.data + text.len, 'x', n);
	text.len += n;
	text.data[text.len] = '\0';
	buf_adds(&text, after);
	return read_lines(text.data, text.len, 60000, &out);
}

static void
a_line_has_a_mebibyte_and_no_more(void)
{
	static const char *const ends[] = { "", "\n", "\r\n", "\r\n{}\n" };

	for (size_t i = 0; i < 4; i++) {
		assert(read_long("", REC_LINE_MAX, ends[i]) == 0);
		assert(read_long("{}\n", REC_LINE_MAX, ends[i]) == 0);
		assert(read_long("\xef\xbb\xbf", REC_LINE_MAX, ends[i]) == 0);
		assert(read_long("", REC_LINE_MAX + 1, ends[i]) < 0);
		assert(read_long("\n", REC_LINE_MAX + 1, ends[i]) < 0);
		assert(read_long("", REC_LINE_MAX + 100000, ends[i]) < 0);
	}
}

static void
a_failing_read_is_the_systems_fault(void)
{
	struct rec_reader r = REC_READER_INIT(open(".", O_RDONLY), "<stdin>");
	struct err e;

	assert(rec_reader_fill(&r, &e) < 0);
	assert(e.kind == ERR_SYS);
	close(r.fd);
	rec_reader_release(&r);
}

static void
a_reader_that_does_not_block_is_waited_for(void)
{
	struct rec_reader r = REC_READER_INIT(-1, "<stdin>");
	const char *line;
	struct err e;
	size_t len;
	int fds[2];
	pid_t pid;

	assert(pipe2(fds, O_NONBLOCK) == 0);
	r.fd = fds[0];
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		usleep(20000);
		_exit(write(fds[1], "{}\n", 3) == 3 ? 0 : 1);
	}
	assert(rec_reader_fill(&r, &e) == 0);
	assert(rec_reader_line(&r, &line, &len, &e) == 1 && len == 2);
	close(fds[0]);
	close(fds[1]);
	rec_reader_release(&r);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	what_nobody_touched_is_the_same_to_the_byte();
	puts("ok what nobody touched is the same to the byte");
	members_are_put_in_place_or_last();
	puts("ok members are put in place or last");
	members_are_dropped_with_their_commas();
	puts("ok members are dropped with their commas");
	elements_are_appended();
	puts("ok elements are appended");
	getters_find_members_of_members();
	puts("ok getters find members of members");
	values_of_another_type_are_refused();
	puts("ok values of another type are refused");
	members_are_walked_in_their_order();
	puts("ok members are walked in their order");
	a_failure_of_any_shape_is_one();
	puts("ok a failure of any shape is one");
	malformed_lines_come_with_advice();
	puts("ok malformed lines come with advice");
	lines_are_read_in_any_pieces();
	puts("ok lines are read in any pieces");
	a_line_has_a_mebibyte_and_no_more();
	puts("ok a line has a mebibyte and no more");
	a_failing_read_is_the_systems_fault();
	puts("ok a failing read is the system's fault");
	a_reader_that_does_not_block_is_waited_for();
	puts("ok a reader that does not block is waited for");
	return 0;
}
