/* Times as RFC 3339 writes them. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void
times_are_judged_by_rfc_3339(void)
{
	static const char *const good[] = { "2026-01-02T03:04:05Z",
	    "2026-01-02t03:04:05z", "2026-01-02T03:04:05.678Z",
	    "2026-01-02T03:04:05.6789012345678901234+01:00",
	    "2026-01-02T03:04:05-23:59", "2024-02-29T00:00:00Z",
	    "2000-02-29T00:00:00Z", "0000-01-01T00:00:00Z",
	    "1990-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00",
	    "1991-01-01T00:59:60+01:00", "2026-12-31T23:59:59-00:00" };
	static const char *const bad[] = { "", "2026-01-02",
	    "2026-01-02 03:04:05Z", "2026-01-02T03:04:05",
	    "2026-01-02T03:04Z", "2026-1-02T03:04:05Z",
	    "2026-00-02T03:04:05Z", "2026-13-02T03:04:05Z",
	    "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
	    "2026-04-31T03:04:05Z", "2025-02-29T00:00:00Z",
	    "1900-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
	    "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
	    "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.Z",
	    "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05+0100",
	    "2026-01-02T03:04:05+01", "2026-01-02T03:04:05+24:00",
	    "2026-01-02T03:04:05+01:60", "2026-01-02T03:04:05Z ",
	    " 2026-01-02T03:04:05Z", "+026-01-02T03:04:05Z",
	    "20260102T030405Z", "2026-01-02T03:04:05ZZ" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert(clock_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(!clock_valid(bad[i], strlen(bad[i])));
	/* every cut of a good one */
	for (size_t n = 0; n < strlen(good[3]); n++)
		assert(!clock_valid(good[3], n));
	assert(!clock_valid("2026-01-02T03:04:05Z\0", 21));
}

static void
seconds_are_written_as_times(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" }, { 951782400, "2000-02-29T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ INT64_C(253402300799), "9999-12-31T23:59:59Z" },
		{ -INT64_C(62135596800), "0001-01-01T00:00:00Z" },
		{ -INT64_C(62167219200), "0000-01-01T00:00:00Z" },
	};
	char out[32];

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		clock_format(cases[i].seconds, out);
		assert(strcmp(out, cases[i].text) == 0);
		assert(clock_valid(out, strlen(out)));
	}
	clock_now(out);
	assert(clock_valid(out, strlen(out)) && strlen(out) == 24);
}

static void
the_reproducible_time_is_a_whole_number(void)
{
	static const char *const bad[] = { "-1", "1.5", "x", " 1", "1 ",
	    "253402300800", "99999999999999999999" };
	int64_t v = 5;
	struct err e;

	unsetenv("SOURCE_DATE_EPOCH");
	assert(clock_epoch(&v, &e) == 0 && v == 0);
	setenv("SOURCE_DATE_EPOCH", "", 1);
	assert(clock_epoch(&v, &e) == 0 && v == 0);
	setenv("SOURCE_DATE_EPOCH", "253402300799", 1);
	assert(clock_epoch(&v, &e) == 0 && v == INT64_C(253402300799));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("SOURCE_DATE_EPOCH", bad[i], 1);
		assert(clock_epoch(&v, &e) < 0 && e.kind == ERR_INPUT);
	}
}

static void
the_monotonic_clock_goes_on(void)
{
	double a = clock_monotonic();

	assert(clock_monotonic() >= a);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	times_are_judged_by_rfc_3339();
	puts("ok times are judged by RFC 3339");
	seconds_are_written_as_times();
	puts("ok seconds are written as times");
	the_reproducible_time_is_a_whole_number();
	puts("ok the reproducible time is a whole number");
	the_monotonic_clock_goes_on();
	puts("ok the monotonic clock goes on");
	return 0;
}
