#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

#define YEAR_9999_END INT64_C(253402300799)

double
clock_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
clock_now(char out[32])
{
	struct timespec ts;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, 32 - len, ".%03uZ",
	    (unsigned)(ts.tv_nsec / 1000000) % 1000);
}

void
clock_format(int64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	/* %Y does not fill up to four digits */
	snprintf(out, 32, "%04u-", (unsigned)(tm.tm_year + 1900) % 10000);
	strftime(out + 5, 32 - 5, "%m-%dT%H:%M:%SZ", &tm);
}

/* n digits at *p, as a number, or -1; *p moves on. */
static int
digits(const char **p, const char *end, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (*p == end || **p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static bool
literal(const char **p, const char *end, char a, char b)
{
	if (*p == end || (**p != a && **p != b))
		return false;
	(*p)++;
	return true;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
	    31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool
clock_valid(const char *str, size_t len)
{
	const char *p = str, *end = str + len;
	int year, month, day, hour, min, sec, off_hour = 0, off_min = 0;
	int sign = 0, utc;

	if ((year = digits(&p, end, 4)) < 0 || !literal(&p, end, '-', '-') ||
	    (month = digits(&p, end, 2)) < 1 || month > 12 ||
	    !literal(&p, end, '-', '-') || (day = digits(&p, end, 2)) < 1 ||
	    day > month_days(year, month) || !literal(&p, end, 'T', 't') ||
	    (hour = digits(&p, end, 2)) < 0 || hour > 23 ||
	    !literal(&p, end, ':', ':') || (min = digits(&p, end, 2)) < 0 ||
	    min > 59 || !literal(&p, end, ':', ':') ||
	    (sec = digits(&p, end, 2)) < 0 || sec > 60)
		return false;
	if (literal(&p, end, '.', '.')) {
		if (digits(&p, end, 1) < 0)
			return false;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
	}
	if (!literal(&p, end, 'Z', 'z')) {
		if (p == end)
			return false;
		sign = *p == '-' ? -1 : 1;
		if (!literal(&p, end, '+', '-') ||
		    (off_hour = digits(&p, end, 2)) < 0 || off_hour > 23 ||
		    !literal(&p, end, ':', ':') ||
		    (off_min = digits(&p, end, 2)) < 0 || off_min > 59)
			return false;
	}
	if (p != end)
		return false;
	/* a leap second is the last one of a day in UTC */
	utc = hour * 60 + min - sign * (off_hour * 60 + off_min);
	return sec < 60 || (utc + 2880) % 1440 == 1439;
}

int
clock_epoch(int64_t *seconds, struct err *e)
{
	const char *value = getenv("SOURCE_DATE_EPOCH");

	*seconds = 0;
	if (value == NULL || *value == '\0')
		return 0;
	if (!text_number(value, false, seconds) || *seconds > YEAR_9999_END)
		return err_set(e, ERR_INPUT, "source_date_epoch",
		    "SOURCE_DATE_EPOCH is not a whole number of seconds: '%s'",
		    value);
	return 0;
}
