/* Spans of a file that are there, their gaps, and how they are written down;
 * and what a file's first bytes say of the name that it has. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "net/fetch_kind.h"
#include "net/fetch_spans.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void
has(const struct fetch_spans *s, const char *want)
{
	autobuf struct buf b = BUF_INIT;

	fetch_spans_print(s, &b);
	if (strcmp(b.data, want) != 0)
		printf("wanted '%s', found '%s'\n", want, b.data);
	assert(strcmp(b.data, want) == 0);
}

static void
spans_that_touch_become_one(void)
{
	struct fetch_spans s = FETCH_SPANS_INIT;

	fetch_spans_add(&s, 10, 20);
	fetch_spans_add(&s, 30, 40);
	fetch_spans_add(&s, 50, 60);
	has(&s, "10-20 30-40 50-60");
	fetch_spans_add(&s, 20, 25);
	has(&s, "10-25 30-40 50-60");
	fetch_spans_add(&s, 0, 5);
	has(&s, "0-5 10-25 30-40 50-60");
	fetch_spans_add(&s, 12, 13);
	has(&s, "0-5 10-25 30-40 50-60");
	fetch_spans_add(&s, 5, 50);
	has(&s, "0-60");
	assert(fetch_spans_prefix(&s) == 60 && fetch_spans_total(&s) == 60);
	fetch_spans_release(&s);
}

/* Against an array of one flag a byte. */
static void
any_order_gives_the_same(void)
{
	struct fetch_spans s = FETCH_SPANS_INIT;
	struct fetch_spans_span gap;
	bool there[64] = { false };
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		int64_t from, to, first = 0, total = 0;

		if (round % 20 == 0) {
			fetch_spans_clear(&s);
			memset(there, 0, sizeof(there));
		}
		seed = seed * 1103515245 + 12345;
		from = seed >> 16 & 63;
		to = from + 1 + (seed >> 22 & 7);
		to = to > 64 ? 64 : to;
		fetch_spans_add(&s, from, to);
		memset(there + from, true, (size_t)(to - from));
		while (first < 64 && there[first])
			first++;
		for (int i = 0; i < 64; i++)
			total += there[i];
		assert(fetch_spans_prefix(&s) == first);
		assert(fetch_spans_total(&s) == total);
		if (fetch_spans_gap(&s, 0, 64, &gap)) {
			assert(gap.from == first && gap.to > first);
			for (int64_t i = gap.from; i < gap.to; i++)
				assert(!there[i]);
			assert(gap.to == 64 || there[gap.to]);
		} else {
			assert(first == 64);
		}
	}
	fetch_spans_release(&s);
}

static void
what_is_written_is_read(void)
{
	static const char *const bad[] = { "x", "1", "1-", "5-5", "7-3", "-1-4",
		"0-5 3-9", "5-9 0-2", "0-5,9-10", "1-99999999999999999999999" };
	struct fetch_spans s = FETCH_SPANS_INIT;

	assert(fetch_spans_parse(&s, "0-4194304 8388608-9000000"));
	has(&s, "0-4194304 8388608-9000000");
	assert(fetch_spans_parse(&s, "") && s.count == 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (fetch_spans_parse(&s, bad[i]))
			printf("'%s' is taken\n", bad[i]);
		assert(!fetch_spans_parse(&s, bad[i]));
	}
	fetch_spans_release(&s);
}

static void
a_name_promises_how_a_file_begins(void)
{
	char tar[FETCH_KIND_BYTES] = { 0 }, shown[64];

	memcpy(tar + 257, "ustar", 5);
	assert(fetch_kind_begins(fetch_kind_of("a.tar"), tar, sizeof(tar)));
	assert(!fetch_kind_begins(fetch_kind_of("a.tar"), tar, 100));
	assert(fetch_kind_begins(fetch_kind_of("A.TAR.GZ"), "\x1f\x8b", 2));
	assert(!fetch_kind_begins(fetch_kind_of("a.tgz"), "<!DOCTYPE", 9));
	assert(!fetch_kind_begins(fetch_kind_of("a.tar.zst"), "\x28", 1));
	assert(fetch_kind_of("a.sh") == NULL && fetch_kind_of(".gz") == NULL);
	fetch_kind_show("<a>\033[31m\n", 9, shown);
	assert(strcmp(shown, "<a>.[31m.") == 0);
}

int
main(void)
{
	spans_that_touch_become_one();
	puts("ok spans that touch become one");
	any_order_gives_the_same();
	puts("ok any order gives the same");
	what_is_written_is_read();
	puts("ok what is written is read");
	a_name_promises_how_a_file_begins();
	puts("ok a name promises how a file begins");
	return 0;
}
