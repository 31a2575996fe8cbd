#include "net/retry.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "record/rec.h"

#define FIRST_SPAN 0.25		/* seconds */
#define LAST_SPAN  15.0
#define TRIES_MIN  3		/* two of them may have waited for a stall */
#define DETAIL_MAX 200		/* bytes */
#define WAIT_LIMIT 1e9		/* seconds; more is no date to show */

/* Seconds of an IMF-fixdate (RFC 9110, 5.6.7), whatever the locale; -1. */
static int64_t
parse_date(const char *str)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at;
	char month[4];
	struct tm tm = { .tm_isdst = 0 };
	int end = 0;

	if (sscanf(str, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n",
	    &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
	    &tm.tm_sec, &end) != 6 || end == 0 || str[end] != '\0')
		return -1;
	at = strstr(names, month);
	if (strlen(month) != 3 || at == NULL || (at - names) % 3 != 0 ||
	    tm.tm_year < 1970)
		return -1;
	tm.tm_mon = (int)(at - names) / 3;
	tm.tm_year -= 1900;
	return timegm(&tm);
}

/* The server's clock, else ours. */
static int64_t
server_now(const struct http_answer *a)
{
	const char *date = http_field(a, "Date", 0);
	int64_t now = date == NULL ? -1 : parse_date(date);

	return now >= 0 ? now : time(NULL);
}

static double
until(const struct http_answer *a, int64_t then)
{
	double left = (double)then - (double)server_now(a);

	return left < 0 ? 0 : left;
}

static bool
limit_reached(const struct http_answer *a)
{
	const char *left = http_field(a, "x-ratelimit-remaining", 0);

	return left != NULL && strcmp(left, "0") == 0;
}

/* "retry-after: 12.5ms" in the body: seconds, or -1. */
static double
body_wait(const struct http_answer *a)
{
	static const char name[] = "retry-after:";
	const char *p = strcasestr(a->body.data, name);
	long long whole;
	int end = 0, more = 0, digits = 0;
	double value;

	if (p == NULL || sscanf(p + sizeof(name) - 1, " %9lld%n", &whole,
	    &end) != 1 || whole < 0)
		return -1;
	value = (double)whole;
	p += sizeof(name) - 1 + end;
	if (*p == '.' && sscanf(p + 1, "%9d%n", &more, &digits) == 1 &&
	    more >= 0) {
		value += more / pow(10, digits);
		p += 1 + digits;
	}
	if (strncmp(p, "ms", 2) == 0)
		return value / 1e3;
	if (strncmp(p, "us", 2) == 0 || strncmp(p, "\xc2\xb5s", 3) == 0)
		return value / 1e6;
	if (*p == 'm')
		return value * 60;
	return value;
}

/* What the server asks for in seconds, or -1. */
static double
server_wait(const struct http_answer *a)
{
	const char *value = http_field(a, "Retry-After", 0);
	int64_t number;

	if (value != NULL && text_number(value, false, &number))
		return (double)number;
	if (value != NULL && (number = parse_date(value)) >= 0)
		return until(a, number);
	value = http_field(a, "x-ratelimit-reset", 0);
	if (value != NULL && limit_reached(a) &&
	    text_number(value, false, &number))
		return until(a, number);
	return body_wait(a);
}

static bool
is_rate_limit(const struct http_answer *a)
{
	return limit_reached(a) || http_field(a, "Retry-After", 0) != NULL ||
	    strcasestr(a->body.data, "secondary rate limit") != NULL ||
	    strcasestr(a->body.data, "toomanyrequests") != NULL;
}

/* What people are told of a body. */

static void
say(struct buf *out, const char *text)
{
	if (text == NULL || *text == '\0' || out->len >= DETAIL_MAX)
		return;
	if (out->len > 0)
		buf_adds(out, ": ");
	text_escape(out, text, strlen(text));
}

/* The strings of an object that say something, by the usual names. */
static void
say_object(struct rec *r, struct buf *out)
{
	static const char *const keys[] = { "code", "error", "message",
	    "error_description", "details", "detail" };
	const char *str;
	struct err e;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (rec_str(r, keys[i], &str, &e) > 0)
			say(out, str);
}

/* An element of errors[]: an object of a registry, or a string. */
static int
say_error(void *ctx, const struct rec_member *m, struct err *e)
{
	struct rec *r;

	if (m->str != NULL)
		say(ctx, m->str);
	else if ((r = rec_parse(m->text, m->len, "error", e)) != NULL) {
		say_object(r, ctx);
		rec_free(r);
	}
	return 0;
}

static void
say_body(const struct http_answer *a, struct buf *out)
{
	const char *type = http_field(a, "Content-Type", 0);
	struct err e;
	struct rec *r = NULL;

	if (a->body.len > 0)
		r = rec_parse(a->body.data, a->body.len, "answer", &e);
	if (r != NULL) {
		say_object(r, out);
		rec_each(r, "errors", say_error, out, &e);
		rec_free(r);
	} else if (type != NULL && strncasecmp(type, "text/plain", 10) == 0) {
		autofree char *line = mem_dup(a->body.data,
		    strcspn(a->body.data, "\r\n"));

		say(out, line);
	}
	buf_truncate(out, text_prefix(out->data, DETAIL_MAX));
}

struct meaning {
	enum err_kind kind;
	const char *code, *words;
};

static struct meaning
meaning_of(const struct http_answer *a)
{
	static const struct meaning limited = { ERR_SYS, "rate_limited",
	    "the server's rate limit is reached" };
	static const struct meaning table[] = {
		[0] = { ERR_CHECK, "unauthorized", "it needs credentials" },
		[2] = { ERR_CHECK, "forbidden", "it is not allowed" },
		[3] = { ERR_CHECK, "not_found", "it is not there" },
		[7] = { ERR_SYS, "timeout", "the server waited too long" },
		[9] = { ERR_CHECK, "not_found", "it is no longer there" },
	};
	size_t i = (size_t)(a->status - 401);

	if (a->status == 425 || a->status == 429 ||
	    (a->status == 403 && is_rate_limit(a)))
		return limited;
	if (a->status > 400 && i < sizeof(table) / sizeof(*table) &&
	    table[i].code != NULL)
		return table[i];
	if (a->status / 100 == 4)
		return (struct meaning){ ERR_CHECK, "http_status",
		    "the server refuses" };
	return (struct meaning){ ERR_SYS, "http_status",
	    a->status / 100 == 5 ? "the server has failed" :
	    "the server answers something else" };
}

int
retry_status(const struct http_answer *a, const char *what, double *wait,
    struct err *e)
{
	struct meaning m = meaning_of(a);
	autofree char *shown = url_redact(a->url.text, NULL);
	autobuf struct buf said = BUF_INIT;
	char when[64] = "", date[32];

	*wait = m.kind == ERR_SYS ? server_wait(a) : -1;
	if (*wait > RETRY_AFTER_MAX && *wait < WAIT_LIMIT) {
		clock_format(time(NULL) + (int64_t)*wait, date);
		snprintf(when, sizeof(when), ", not before %s", date);
	} else if (*wait >= 1) {
		snprintf(when, sizeof(when), ", try again in %.0f s", *wait);
	}
	err_set(e, m.kind, m.code, "%s '%s': %s (HTTP %d)%s", what, shown,
	    m.words, a->status, when);
	err_set_path(e, shown);
	say_body(a, &said);
	err_set_detail(e, "%s", said.data);
	return -1;
}

/* A failure that is this machine's own: asking again changes nothing. */
static bool
is_local(const struct err *e)
{
	static const char *const codes[] = { "no_space", "no_memory",
	    "too_many_files", "system", "cache_readonly", "broken_off" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strcmp(e->code, codes[i]) == 0)
			return true;
	return e->sys != 0;
}

/* A number from 0 to 1. */
static double
chance(void)
{
	uint32_t bits;

	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		bits = (uint32_t)(clock_monotonic() * 1e9);
	return bits / 4294967295.0;
}

double
retry_delay(struct retry *r, const struct err *e, double wait, bool progress)
{
	double now = clock_monotonic(), span;

	if (e->kind != ERR_SYS || is_local(e) || wait > RETRY_AFTER_MAX)
		return -1;
	if (progress || r->tries == 0) {
		r->tries = 0;
		r->start = now;
	}
	r->tries++;
	if (r->max > 0 ? r->tries >= r->max : r->tries >= TRIES_MIN &&
	    now - r->start >= RETRY_SECONDS)
		return -1;
	span = ldexp(FIRST_SPAN, r->tries < 16 ? r->tries - 1 : 15);
	span = fmin(span, LAST_SPAN);
	return fmax(span / 2 * (1 + chance()), wait * (1 + chance() / 10));
}

bool
retry_again(struct retry *r, const struct err *e, double wait, bool progress)
{
	double delay = retry_delay(r, e, wait, progress);
	struct timespec left;

	if (delay < 0)
		return false;
	left.tv_sec = (time_t)delay;
	left.tv_nsec = (long)((delay - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
	return true;
}
