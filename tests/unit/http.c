/* Requests and their answers, from a server that plays what a test wants. */
#include "base/clock.h"
#include "http_round.h"

static bool
play_plain(struct asked *a)
{
	if (strcmp(a->path, "/chunks") == 0) {
		server_say(a, "HTTP/1.1 103 Early Hints\r\nX-A: early\r\n"
		    "X-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  one \r\n"
		    "x-a: two\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n"
		    "\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-A: trailer\r\n\r\n");
		return true;
	}
	return server_answer(a, "200 OK", "Content-Encoding: gzip\r\n", "abc");
}

static void
the_fields_are_those_of_the_final_head(void)
{
	struct round r;

	begin(&r, play_plain);
	assert(ask(&r, "/chunks") == 0);
	assert(r.a.status == 200 && r.a.length == -1 && !r.a.moved);
	assert(r.a.body.len == 5 && strcmp(r.a.body.data, "abcde") == 0);
	assert(strcmp(http_field(&r.a, "X-A", 0), "one") == 0);
	assert(strcmp(http_field(&r.a, "x-A", 1), "two") == 0);
	assert(http_field(&r.a, "X-A", 2) == NULL);
	assert(strcmp(http_field(&r.a, "x-empty", 0), "") == 0);
	assert(http_field(&r.a, "X-Early", 0) == NULL);
	end(&r);
}

static void
a_request_says_what_it_was_told_and_no_more(void)
{
	static const char *const own[] = { "X-Own: 1", "X-None:", NULL };
	struct round r;

	begin(&r, play_plain);
	r.opts.agent = "test/1";
	r.q.headers = own;
	r.q.authorization = "Bearer secret";
	r.q.first = 10;
	r.q.last = 19;
	assert(ask(&r, "/a?b#fragment") == 0);
	/* what the server has encoded stays so */
	assert(r.a.length == 3 && strcmp(r.a.body.data, "abc") == 0);
	assert(strncmp(here.log.data, "GET /a?b HTTP/1.1\r\n", 19) == 0);
	assert(strstr(here.log.data, "\r\nUser-Agent: test/1\r\n") != NULL);
	assert(strstr(here.log.data, "\r\nX-Own: 1\r\n") != NULL);
	assert(strstr(here.log.data, "\r\nX-None:\r\n") != NULL);
	assert(strstr(here.log.data, "\r\nRange: bytes=10-19\r\n") != NULL);
	assert(strstr(here.log.data,
	    "\r\nAuthorization: Bearer secret\r\n") != NULL);
	assert(strcasestr(here.log.data, "Encoding") == NULL);
	assert(strcasestr(here.log.data, "Expect") == NULL);
	end(&r);
}

static void
head_has_a_length_and_no_body(void)
{
	struct round r;

	begin(&r, play_plain);
	r.q.method = "HEAD";
	r.q.max = 1;	/* of what comes, and nothing does */
	assert(ask(&r, "/") == 0);
	assert(r.a.status == 200 && r.a.length == 3 && r.a.body.len == 0);
	end(&r);
}

static void
methods_without_a_body_say_so(void)
{
	struct round r;

	begin(&r, play_plain);
	r.q.method = "POST";
	assert(ask(&r, "/") == 0);
	assert(strncmp(here.log.data, "POST / ", 7) == 0);
	assert(strstr(here.log.data, "\r\nContent-Length: 0\r\n") != NULL);
	r.q.method = "DELETE";
	assert(ask(&r, "/gone") == 0);
	assert(strstr(here.log.data, "DELETE /gone ") != NULL);
	assert(here.connections == 1);
	end(&r);
}

static void
a_body_that_can_not_be_read_breaks_off(void)
{
	struct source s;
	struct round r;

	begin(&r, play_plain);
	upload(&r, &s, NULL, 1000000);
	s.broken = true;
	assert(ask(&r, "/") < 0);
	assert(failed(&r, ERR_SYS, "broken_off"));
	end(&r);
}

/* Bodies that are not what was said. */
static bool
play_bad(struct asked *a)
{
	if (strcmp(a->path, "/short") == 0) {
		server_say(a, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
		return false;
	}
	if (strcmp(a->path, "/silent") == 0 || strcmp(a->path, "/stall") == 0) {
		if (a->path[2] == 't')
			server_say(a, "HTTP/1.1 200 OK\r\n"
			    "Content-Length: 9\r\n\r\nab");
		server_wait_closed(a);
		return false;
	}
	if (strcmp(a->path, "/endless") == 0) {
		server_say(a, "HTTP/1.1 200 OK\r\n\r\n");
		while (send(a->fd, a, 1024, MSG_NOSIGNAL) > 0)
			continue;
		return false;
	}
	if (strcmp(a->path, "/head") == 0) {
		server_say(a, "HTTP/1.1 200 OK\r\n");
		while (send(a->fd, "A: bbbbbbbbbbbbbbbbbbb\r\n", 24,
		    MSG_NOSIGNAL) > 0)
			continue;
		return false;
	}
	if (strcmp(a->path, "/two") == 0)
		return server_answer(a, "200 OK", "Content-Length: 4\r\n",
		    "abc");
	if (strcmp(a->path, "/none") == 0)
		return false;
	server_say(a, "HTTP/1.1 404 No\r\n\r\n");
	while (send(a->fd, a, 1024, MSG_NOSIGNAL) > 0)
		continue;
	return false;
}

static int
take(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)data;
	(void)e;
	*(size_t *)ctx += len;
	return 0;
}

static int
refuse(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)ctx;
	(void)data;
	(void)len;
	return err_set(e, ERR_CHECK, "mine", "no");
}

static int
want(void *ctx, struct http_answer *a, struct err *e)
{
	(void)ctx;
	(void)a;
	return err_set(e, ERR_CHECK, "head", "no");
}

static void
what_is_not_whole_is_an_error(void)
{
	struct round r;

	begin(&r, play_bad);
	assert(ask(&r, "/short") < 0);
	assert(failed(&r, ERR_SYS, "connection"));
	assert(strstr(r.e.path, "/short") != NULL);
	assert(ask(&r, "/none") < 0);
	assert(failed(&r, ERR_SYS, "connection"));
	assert(ask(&r, "/two") < 0);
	assert(failed(&r, ERR_SYS, "connection"));
	end(&r);
}

static void
too_much_is_refused(void)
{
	size_t got = 0;
	struct round r;

	begin(&r, play_bad);
	assert(ask(&r, "/endless") < 0);
	assert(failed(&r, ERR_CHECK, "too_large"));
	r.q.data = take;
	r.q.ctx = &got;
	r.q.max = 100000;
	assert(ask(&r, "/endless") < 0);
	assert(failed(&r, ERR_CHECK, "too_large") && got <= 100000);
	got = 0;
	r.q.max = 8;
	assert(ask(&r, "/stall") < 0);
	assert(failed(&r, ERR_CHECK, "too_large") && got == 0);
	assert(ask(&r, "/head") < 0);
	assert(failed(&r, ERR_CHECK, "too_large"));
	/* nobody wanted that body: enough of it to read */
	assert(ask(&r, "/404") == 0);
	assert(r.a.status == 404 && got == 0 && r.a.body.len == 64 << 10);
	end(&r);
}

static void
callers_break_off_for_their_own_reasons(void)
{
	struct round r;

	begin(&r, play_plain);
	r.q.data = refuse;
	assert(ask(&r, "/") < 0 && failed(&r, ERR_CHECK, "mine"));
	r.q.head = want;
	assert(ask(&r, "/") < 0 && failed(&r, ERR_CHECK, "head"));
	end(&r);
}

static void
who_waits_too_long_hears_so(void)
{
	struct round r;
	double start = clock_monotonic();

	begin(&r, play_bad);
	r.opts.stall_s = 1;
	assert(ask(&r, "/silent") < 0 && failed(&r, ERR_SYS, "stalled"));
	assert(ask(&r, "/stall") < 0 && failed(&r, ERR_SYS, "stalled"));
	r.q.total_s = 1;
	http_free(r.h);
	r.h = NULL;
	r.opts.stall_s = 0;
	assert(ask(&r, "/stall") < 0 && failed(&r, ERR_SYS, "timeout"));
	assert(clock_monotonic() - start < 30);
	end(&r);
}

static void
nobody_there_is_a_failure_to_try_again(void)
{
	struct round r;
	int port;

	begin(&r, play_plain);
	port = here.port;
	server_stop(&here);
	assert(ask(&r, "/") < 0 && failed(&r, ERR_SYS, "connection"));
	assert(*r.e.detail != '\0' && here.port == port);
	server_start(&here, play_plain);
	end(&r);
}

static void
what_can_not_be_asked_is_not_sent(void)
{
	static const char *const bad[] = { "X: a\r\nY: b", "X", ": a", "X\n:a",
	    "X Y: a", "X: \x7f" };
	const char *one[2] = { NULL, NULL };
	struct round r;

	begin(&r, play_plain);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		one[0] = bad[i];
		r.q.headers = one;
		assert(ask(&r, "/") < 0);
		assert(failed(&r, ERR_INPUT, "header_invalid"));
	}
	r.q.headers = NULL;
	r.q.authorization = "Bearer secret\r\nX: y";
	assert(ask(&r, "/") < 0 && failed(&r, ERR_INPUT, "header_invalid"));
	assert(strstr(r.e.msg, "secret") == NULL);
	r.q.authorization = NULL;
	r.q.method = "GET /";
	assert(ask(&r, "/") < 0 && failed(&r, ERR_INPUT, "header_invalid"));
	r.q.method = NULL;
	assert(ask(&r, "/a b") < 0 && failed(&r, ERR_INPUT, "url_invalid"));
	r.q.url = "file:///etc/passwd";
	r.result = http_do(r.h, &r.q, &r.a, &r.e);
	assert(failed(&r, ERR_INPUT, "url_invalid"));
	assert(here.connections == 0);
	r.a = (struct http_answer){ .body = BUF_INIT };
	r.opts.cacert = "/nowhere/ca.pem";
	assert(http_new(&r.opts, &r.e) == NULL && r.e.kind == ERR_INPUT);
	assert(strcmp(r.e.path, "/nowhere/ca.pem") == 0);
	end(&r);
}

/* The first connection dies of its second request. */
static bool
play_dying(struct asked *a)
{
	if (a->connection == 0 && a->request == 1)
		return false;
	return server_answer(a, "201 Created", "", a->body.data);
}

static void
connections_are_kept_and_their_death_is_survived(void)
{
	struct source s;
	struct round r;

	begin(&r, play_dying);
	assert(ask(&r, "/") == 0);
	upload(&r, &s, "PUT", 50000);
	assert(ask(&r, "/") == 0);
	assert(r.a.body.len == 50000 && s.rewinds == 1);
	assert(here.connections == 2 && here.requests == 3);
	upload(&r, &s, "PUT", 10);
	assert(ask(&r, "/") == 0 && here.connections == 2);
	end(&r);
}

enum { MANY = 6 };

/* Nobody is answered before all are there. */
static bool
play_together(struct asked *a)
{
	for (int i = 0; i < 3000 && here.requests < MANY; i++)
		poll(NULL, 0, 10);
	return server_answer(a, "200 OK", "", a->path);
}

static void
several_are_on_their_way_at_once(void)
{
	struct http_transfer *t;
	struct http_answer *a;
	char urls[MANY][64];
	bool seen[MANY] = { false };
	struct round r;

	begin(&r, play_together);
	assert((r.h = http_new(&r.opts, &r.e)) != NULL);
	assert(http_wait(r.h, -1) == NULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%d/%d",
		    here.port, i);
		r.q.url = urls[i];
		r.q.ctx = &seen[i];
		http_start(r.h, &r.q);
	}
	for (int i = 0; i < MANY; i++) {
		assert((t = http_wait(r.h, 60000)) != NULL);
		assert(http_result(t, &a, &r.e) == 0 && a->status == 200);
		assert(http_ctx(t) == &seen[atoi(a->body.data + 1)]);
		*(bool *)http_ctx(t) = true;
		http_transfer_free(t);
	}
	for (int i = 0; i < MANY; i++)
		assert(seen[i]);
	assert(http_wait(r.h, 0) == NULL);
	r.a = (struct http_answer){ .body = BUF_INIT };
	end(&r);
}

static void
what_is_on_its_way_can_be_given_up(void)
{
	struct http_transfer *t;
	double start = clock_monotonic();
	char url[64];
	struct round r;

	begin(&r, play_bad);
	assert((r.h = http_new(&r.opts, &r.e)) != NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/silent", here.port);
	r.q.url = url;
	http_start(r.h, &r.q);
	t = http_start(r.h, &r.q);
	assert(http_wait(r.h, 50) == NULL);
	http_transfer_free(t);
	/* one that fails by itself does not wait for the others */
	r.q.url = "nonsense";
	t = http_start(r.h, &r.q);
	assert(http_wait(r.h, -1) == t);
	http_transfer_free(t);
	assert(clock_monotonic() - start < 20);
	end(&r);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	unsetenv("ALL_PROXY");
	http_setup();
	the_fields_are_those_of_the_final_head();
	puts("ok the fields are those of the final head");
	a_request_says_what_it_was_told_and_no_more();
	puts("ok a request says what it was told and no more");
	head_has_a_length_and_no_body();
	puts("ok head has a length and no body");
	methods_without_a_body_say_so();
	puts("ok methods without a body say so");
	a_body_that_can_not_be_read_breaks_off();
	puts("ok a body that can not be read breaks off");
	what_is_not_whole_is_an_error();
	puts("ok what is not whole is an error");
	too_much_is_refused();
	puts("ok too much is refused");
	callers_break_off_for_their_own_reasons();
	puts("ok callers break off for their own reasons");
	who_waits_too_long_hears_so();
	puts("ok who waits too long hears so");
	nobody_there_is_a_failure_to_try_again();
	puts("ok nobody there is a failure to try again");
	what_can_not_be_asked_is_not_sent();
	puts("ok what can not be asked is not sent");
	connections_are_kept_and_their_death_is_survived();
	puts("ok connections are kept and their death is survived");
	several_are_on_their_way_at_once();
	puts("ok several are on their way at once");
	what_is_on_its_way_can_be_given_up();
	puts("ok what is on its way can be given up");
	return 0;
}
