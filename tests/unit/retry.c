/* What an answer means, and how long to wait before the next try. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/http_fields.h"
#include "net/retry.h"

static struct err e;
static double wait;

/* What is made of an answer with these fields, one a line, and this body. */
static bool
means(int status, const char *fields, const char *body, enum err_kind kind,
    const char *code)
{
	struct http_answer a = { .status = status, .body = BUF_INIT };
	struct http_fields table = { BUF_INIT };

	assert(url_parse(&a.url, "https://h/a?token=hunter2", &e) == 0);
	while (*fields != '\0') {
		size_t len = strcspn(fields, "\n");

		assert(http_fields_add(&table, fields, len) == 0);
		fields += len + (fields[len] != '\0');
	}
	a.fields = mem_alloc(sizeof(table));
	memcpy(a.fields, &table, sizeof(table));
	buf_adds(&a.body, body);
	assert(retry_status(&a, "cannot fetch", &wait, &e) == -1);
	assert(strcmp(e.path, "https://h/a") == 0);
	assert(strstr(e.msg, "hunter2") == NULL);
	assert(strstr(e.msg, "cannot fetch 'https://h/a': ") == e.msg);
	http_answer_release(&a);
	if (e.kind != kind || strcmp(e.code, code) != 0)
		printf("%d %s %f\n", status, e.code, wait);
	return e.kind == kind && strcmp(e.code, code) == 0;
}

static void
a_status_has_one_meaning(void)
{
	assert(means(401, "", "", ERR_CHECK, "unauthorized"));
	assert(means(403, "", "", ERR_CHECK, "forbidden"));
	assert(means(404, "", "", ERR_CHECK, "not_found"));
	assert(means(410, "", "", ERR_CHECK, "not_found"));
	assert(means(400, "", "", ERR_CHECK, "http_status"));
	assert(means(402, "", "", ERR_CHECK, "http_status"));
	assert(means(416, "", "", ERR_CHECK, "http_status"));
	assert(means(451, "", "", ERR_CHECK, "http_status"));
	assert(means(408, "", "", ERR_SYS, "timeout"));
	assert(means(425, "", "", ERR_SYS, "rate_limited"));
	assert(means(429, "", "", ERR_SYS, "rate_limited") && wait < 0);
	assert(means(500, "", "", ERR_SYS, "http_status") && wait < 0);
	assert(means(503, "Retry-After: 2", "", ERR_SYS, "http_status"));
	assert(wait == 2);
	assert(means(302, "", "", ERR_SYS, "http_status"));
	assert(strstr(e.msg, "HTTP 302") != NULL);
	assert(means(404, "Retry-After: 2", "", ERR_CHECK, "not_found"));
	assert(wait == -1);
}

static void
a_forbidden_that_is_a_limit_is_tried_again(void)
{
	static const char body[] = "{\"message\":\"You have exceeded a "
	    "secondary rate limit.\"}";
	char fields[128];

	assert(means(403, "x-ratelimit-remaining: 3", "", ERR_CHECK,
	    "forbidden"));
	snprintf(fields, sizeof(fields), "X-RateLimit-Remaining: 0\n"
	    "X-RateLimit-Reset: %lld", (long long)time(NULL) + 100);
	assert(means(403, fields, "", ERR_SYS, "rate_limited"));
	assert(wait > 90 && wait <= 100);
	assert(means(403, "retry-after: 60", "", ERR_SYS, "rate_limited"));
	assert(wait == 60 && strstr(e.msg, "60 s") != NULL);
	assert(means(403, "", body, ERR_SYS, "rate_limited") && wait == -1);
	assert(strstr(e.detail, "secondary rate limit") != NULL);
	assert(means(403, "", "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\"}]}",
	    ERR_SYS, "rate_limited"));
}

static void
delays_come_in_many_forms(void)
{
	assert(means(429, "", "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\","
	    "\"message\":\"retry-after: 12.5ms, allowed: 2000/minute\"}]}",
	    ERR_SYS, "rate_limited"));
	assert(wait > 0.0124 && wait < 0.0126);
	assert(means(429, "", "Retry-After: 3s", ERR_SYS, "rate_limited"));
	assert(wait == 3);
	assert(means(429, "", "retry-after: 2m", ERR_SYS, "rate_limited"));
	assert(wait == 120);
	assert(means(429, "", "retry-after: soon", ERR_SYS, "rate_limited"));
	assert(wait == -1);
	assert(means(429, "", "retry-after: -5", ERR_SYS, "rate_limited"));
	assert(wait == -1);
	assert(means(429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"
	    "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT", "", ERR_SYS,
	    "rate_limited") && wait == 30);
	assert(means(429, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", "",
	    ERR_SYS, "rate_limited") && wait == 0);
	assert(means(429, "Retry-After: Sun, 06 Nob 1994 08:49:37 GMT", "",
	    ERR_SYS, "rate_limited") && wait == -1);
	assert(means(429, "Retry-After: Sun, 06 anF 1994 08:49:37 GMT", "",
	    ERR_SYS, "rate_limited") && wait == -1);
	assert(means(429, "Retry-After: 99999999999999999999", "", ERR_SYS,
	    "rate_limited") && wait == -1);
	assert(means(429, "Retry-After: 3600", "", ERR_SYS, "rate_limited"));
	assert(wait == 3600 && strstr(e.msg, "not before 2") != NULL);
}

static void
the_body_says_why(void)
{
	char text[600];

	assert(means(404, "", "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\","
	    "\"message\":\"no\\u001b such\",\"detail\":{\"a\":1}},"
	    "{\"code\":\"X\"}]}\n", ERR_CHECK, "not_found"));
	assert(strcmp(e.detail, "MANIFEST_UNKNOWN: no\\x1b such: X") == 0);
	assert(means(401, "", "{\n \"message\": \"Bad credentials\",\n \"a\": "
	    "[1, 2]\n}", ERR_CHECK, "unauthorized"));
	assert(strcmp(e.detail, "Bad credentials") == 0);
	assert(means(401, "", "{\"details\":\"incorrect username\"}",
	    ERR_CHECK, "unauthorized"));
	assert(strcmp(e.detail, "incorrect username") == 0);
	assert(means(400, "", "{\"errors\":[\"one\",2,null,[]]}", ERR_CHECK,
	    "http_status") && strcmp(e.detail, "one") == 0);
	assert(means(500, "", "<html>", ERR_SYS, "http_status"));
	assert(*e.detail == '\0');
	assert(means(500, "Content-Type: text/plain; charset=x", "oh no\nb",
	    ERR_SYS, "http_status") && strcmp(e.detail, "oh no") == 0);
	snprintf(text, sizeof(text), "{\"message\":\"%0500d\"}", 1);
	assert(means(400, "", text, ERR_CHECK, "http_status"));
	assert(strlen(e.detail) == 200);
	assert(means(400, "", "[", ERR_CHECK, "http_status"));
}

static void
delays_grow_within_their_spans(void)
{
	static const double spans[] = { 0.25, 0.5, 1, 2, 4, 8, 15, 15, 15 };
	struct retry r = RETRY_INIT(100);
	double first = -1, delay;
	bool differ = false;

	err_set(&e, ERR_SYS, "connection", "x");
	for (int i = 0; i < 9; i++) {
		delay = retry_delay(&r, &e, -1, false);
		assert(delay >= spans[i] / 2 && delay <= spans[i]);
	}
	for (int i = 0; i < 100; i++) {
		delay = retry_delay(&r, &e, -1, true);
		assert(delay >= 0.125 && delay <= 0.25 && r.tries == 1);
		differ = differ || (first >= 0 && delay < first);
		first = delay;
	}
	assert(differ);
	for (int i = 0; i < 100; i++) {
		delay = retry_delay(&r, &e, 20, true);
		assert(delay >= 20 && delay <= 22);
	}
	assert(retry_delay(&r, &e, RETRY_AFTER_MAX + 1, false) == -1);
}

static void
enough_is_enough(void)
{
	struct retry r = RETRY_INIT(3), forever = RETRY_INIT(0);
	struct retry once = RETRY_INIT(1);

	err_set(&e, ERR_SYS, "connection", "x");
	assert(retry_delay(&once, &e, -1, false) == -1);
	assert(retry_delay(&r, &e, -1, false) > 0);
	assert(retry_delay(&r, &e, -1, false) > 0);
	assert(retry_delay(&r, &e, -1, false) == -1);
	for (int i = 0; i < 20; i++)
		assert(retry_delay(&forever, &e, -1, false) > 0);
	forever.start = clock_monotonic() - RETRY_SECONDS - 1;
	assert(retry_delay(&forever, &e, -1, false) == -1);
	forever.start = clock_monotonic() - RETRY_SECONDS - 1;
	forever.tries = 1;
	assert(retry_delay(&forever, &e, -1, false) > 0);
	assert(retry_delay(&forever, &e, -1, true) > 0);
}

static void
not_everything_is_worth_another_try(void)
{
	struct retry r = RETRY_INIT(100);

	err_set(&e, ERR_CHECK, "not_found", "x");
	assert(!retry_again(&r, &e, -1, false));
	err_set(&e, ERR_INPUT, "url_invalid", "x");
	assert(!retry_again(&r, &e, -1, false));
	err_set(&e, ERR_SYS, "no_space", "x");
	assert(!retry_again(&r, &e, -1, false));
	err_set(&e, ERR_SYS, "cache_readonly", "x");
	assert(!retry_again(&r, &e, -1, false));
	errno = EIO;
	err_sys(&e, "x");
	assert(!retry_again(&r, &e, -1, false));
	assert(r.tries == 0);
	err_set(&e, ERR_SYS, "stalled", "x");
	double start = clock_monotonic();
	assert(retry_again(&r, &e, 0.3, false));
	assert(clock_monotonic() - start >= 0.3);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_ALL, "");
	a_status_has_one_meaning();
	puts("ok a status has one meaning");
	a_forbidden_that_is_a_limit_is_tried_again();
	puts("ok a forbidden that is a limit is tried again");
	delays_come_in_many_forms();
	puts("ok delays come in many forms");
	the_body_says_why();
	puts("ok the body says why");
	delays_grow_within_their_spans();
	puts("ok delays grow within their spans");
	enough_is_enough();
	puts("ok enough is enough");
	not_everything_is_worth_another_try();
	puts("ok not everything is worth another try");
	return 0;
}
