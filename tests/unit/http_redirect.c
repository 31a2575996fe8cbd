/* Where redirects lead, and what goes along: secrets, bodies, proxies. */
#include <netdb.h>

#include "http_round.h"
#include "net/addr.h"
#include "net/http_rules.h"

/* Redirects: /STATUS/here|there|... */
static bool
play_redirects(struct asked *a)
{
	autofree char *fields = NULL;
	int status, port;

	if (sscanf(a->path, "/%d/", &status) != 1)
		return server_answer(a, "200 OK", "", a->body.data);
	port = strstr(a->path, "/there") != NULL ? there.port : here.port;
	if (strstr(a->path, "/circle") != NULL)
		fields = mem_fmt("Location: %s\r\n", a->path);
	else if (strstr(a->path, "/relative") != NULL)
		fields = mem_str("Location: ../end point\r\n");
	else if (strstr(a->path, "/back") != NULL)
		fields = mem_fmt("Location: http://127.0.0.1:%d/302/there/"
		    "home\r\n", there.port);
	else if (strstr(a->path, "/home") != NULL)
		fields = mem_fmt("Location: http://127.0.0.1:%d/end\r\n",
		    here.port);
	else if (strstr(a->path, "/user") != NULL)
		fields = mem_str("Location: http://me:secret@localhost/\r\n");
	else if (strstr(a->path, "/file") != NULL)
		fields = mem_str("Location: file:///etc/passwd\r\n");
	else if (strstr(a->path, "/none") != NULL)
		fields = mem_str("");
	else
		fields = mem_fmt("Location: http://127.0.0.1:%d/end\r\n",
		    port);
	return server_answer(a, a->path + 1, fields, "elsewhere");
}

static void
secrets_stay_with_their_origin(void)
{
	static const char *const own[] = { "X-Own: 1", "Cookie: a=b", NULL };
	static const char *const plain[] = { "Accept: text/x", NULL };
	struct round r;

	begin(&r, play_redirects);
	r.q.headers = own;
	r.q.plain = plain;
	r.q.authorization = "Bearer secret";
	assert(ask(&r, "/302/here") == 0);
	assert(r.a.status == 200 && !r.a.moved && here.requests == 2);
	assert(strcmp(r.a.url.path, "/end") == 0);
	assert(strstr(strstr(here.log.data, "GET /end"), "secret") != NULL);
	assert(ask(&r, "/302/there") == 0);
	assert(r.a.status == 200 && r.a.moved);
	assert(r.a.url.port == there.port && there.requests == 1);
	assert(strstr(there.log.data, "secret") == NULL);
	assert(strstr(there.log.data, "X-Own") == NULL);
	assert(strstr(there.log.data, "Cookie") == NULL);
	assert(strstr(there.log.data, "\r\nAccept: text/x\r\n") != NULL);
	buf_reset(&here.log);
	assert(ask(&r, "/302/back") == 0);
	assert(strcmp(r.a.url.path, "/end") == 0 && r.a.moved);
	assert(strstr(strstr(here.log.data, "GET /end"), "secret") == NULL);
	end(&r);
}

static void
redirects_end_somewhere(void)
{
	struct round r;

	begin(&r, play_redirects);
	assert(ask(&r, "/302/circle") < 0);
	assert(failed(&r, ERR_CHECK, "redirect_loop"));
	assert(here.requests == HTTP_REDIRECTS_MAX + 1);
	assert(ask(&r, "/302/user") < 0);
	assert(failed(&r, ERR_SYS, "redirect_invalid"));
	assert(strstr(r.e.msg, "secret") == NULL);
	assert(strstr(r.e.detail, "secret") == NULL);
	assert(ask(&r, "/302/file") < 0);
	assert(failed(&r, ERR_SYS, "redirect_invalid"));
	assert(ask(&r, "/301/relative") == 0);
	assert(strcmp(r.a.url.path, "/end%20point") == 0);
	assert(ask(&r, "/302/none") == 0 && r.a.status == 302);
	assert(ask(&r, "/304/here") == 0 && r.a.status == 304);
	r.q.no_follow = true;
	assert(ask(&r, "/302/here") == 0 && r.a.status == 302);
	assert(strcmp(r.a.body.data, "elsewhere") == 0);
	end(&r);
}

static void
a_body_goes_where_the_redirect_goes(void)
{
	struct source s;
	struct round r;

	begin(&r, play_redirects);
	upload(&r, &s, "PUT", 100000);
	assert(ask(&r, "/307/there") == 0);
	assert(s.rewinds == 1 && r.a.body.len == 100000);
	assert(strncmp(there.log.data, "PUT /end ", 9) == 0);
	upload(&r, &s, "PUT", 100000);
	s.no_rewind = true;
	assert(ask(&r, "/307/there") < 0);
	assert(failed(&r, ERR_SYS, "connection"));
	r.q.read = NULL;
	r.q.body = "12345";
	r.q.upload_size = 5;
	r.q.method = "POST";
	assert(ask(&r, "/308/here") == 0);
	assert(strcmp(r.a.body.data, "12345") == 0);
	buf_reset(&here.log);
	assert(ask(&r, "/302/here") == 0 && r.a.body.len == 0);
	assert(strstr(here.log.data, "GET /end ") != NULL);
	r.q.method = NULL;
	assert(ask(&r, "/301/here") == 0);
	assert(strcmp(r.a.body.data, "12345") == 0);
	buf_reset(&here.log);
	assert(ask(&r, "/303/here") == 0 && r.a.body.len == 0);
	assert(strncmp(here.log.data, "PUT /303/here ", 14) == 0);
	assert(strstr(here.log.data, "GET /end ") != NULL);
	end(&r);
}

static bool
leads(const char *from, const char *location, bool guarded)
{
	struct url a = URL_INIT, b = URL_INIT;
	struct err e;
	int result;

	assert(url_parse(&a, from, &e) == 0);
	result = http_rules_follow(&a, location, guarded, &b, &e);
	assert(result == 0 || strcmp(e.code, "redirect_refused") == 0);
	url_release(&a);
	url_release(&b);
	return result == 0;
}

static void
no_redirect_leads_to_http_or_inside(void)
{
	assert(leads("https://a.example/", "https://b.example/", true));
	assert(leads("http://a.example/", "https://b.example/", true));
	assert(!leads("https://a.example/", "http://a.example/", true));
	assert(!leads("https://localhost/", "http://localhost/", false));
	assert(!leads("https://a.example/", "https://169.254.169.254/", true));
	assert(!leads("https://a.example/", "//[::1]/", true));
	assert(leads("https://10.0.0.1/", "https://10.0.0.2/", false));
}

/* A name that is no literal and has a private address, or NULL. */
static const char *
private_name(void)
{
	static const char *const names[] = { "ip6-localhost", "ip6-loopback" };
	static char host[256];
	struct addrinfo *ai;
	struct in6_addr a;
	bool private;

	for (size_t i = 0; i <= 2; i++) {
		const char *name = i < 2 ? names[i] : host;

		gethostname(host, sizeof(host) - 1);
		if (getaddrinfo(name, NULL, NULL, &ai) != 0)
			continue;
		private = addr_of(ai->ai_addr, &a) && addr_is_private(&a);
		freeaddrinfo(ai);
		if (private && strcmp(name, "localhost") != 0)
			return name;
	}
	return NULL;
}

static char inside[512];

static bool
play_proxy(struct asked *a)
{
	return server_answer(a, "302 Found", inside, "");
}

static void
a_name_may_not_lead_inside_either(void)
{
	const char *name = private_name();
	struct round r;
	char text[64];

	if (name == NULL) {
		puts("skip a name may not lead inside either: this machine "
		    "has no name with a private address");
		return;
	}
	begin(&r, play_proxy);
	snprintf(text, sizeof(text), "http://127.0.0.1:%d", there.port);
	snprintf(inside, sizeof(inside), "Location: http://%s:%d/\r\n", name,
	    here.port);
	setenv("http_proxy", text, 1);
	setenv("no_proxy", name, 1);
	r.q.url = "http://stranger.invalid/";
	assert((r.h = http_new(&r.opts, &r.e)) != NULL);
	r.result = http_do(r.h, &r.q, &r.a, &r.e);
	unsetenv("http_proxy");
	unsetenv("no_proxy");
	assert(failed(&r, ERR_CHECK, "redirect_refused"));
	assert(there.requests == 1 && here.connections == 0);
	r.a = (struct http_answer){ .body = BUF_INIT };
	end(&r);
	puts("ok a name may not lead inside either");
}

static void
the_loopback_needs_no_proxy(void)
{
	struct round r;

	begin(&r, play_redirects);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	assert(ask(&r, "/") == 0);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	end(&r);
}

static void
netrc_is_for_the_host_that_was_named(void)
{
	char path[] = "/tmp/netrc.XXXXXX";
	int fd = mkstemp(path);
	struct round r;

	assert(fd >= 0);
	assert(dprintf(fd, "machine 127.0.0.1 login me password pw\n") > 0);
	close(fd);
	setenv("NETRC", path, 1);
	begin(&r, play_redirects);
	assert(ask(&r, "/302/there") == 0);
	assert(strstr(here.log.data, "Authorization") == NULL);
	http_free(r.h);
	r.h = NULL;
	r.opts.netrc = true;
	assert(ask(&r, "/302/there") == 0);
	assert(strstr(here.log.data,
	    "\r\nAuthorization: Basic bWU6cHc=\r\n") != NULL);
	assert(strstr(there.log.data, "Authorization") == NULL);
	buf_reset(&here.log);
	r.q.authorization = "Bearer x";
	assert(ask(&r, "/") == 0);
	assert(strstr(here.log.data, "Basic") == NULL);
	end(&r);
	unsetenv("NETRC");
	unlink(path);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	unsetenv("ALL_PROXY");
	http_setup();
	secrets_stay_with_their_origin();
	puts("ok secrets stay with their origin");
	redirects_end_somewhere();
	puts("ok redirects end somewhere");
	a_body_goes_where_the_redirect_goes();
	puts("ok a body goes where the redirect goes");
	no_redirect_leads_to_http_or_inside();
	puts("ok no redirect leads to http or inside");
	a_name_may_not_lead_inside_either();
	the_loopback_needs_no_proxy();
	puts("ok the loopback needs no proxy");
	netrc_is_for_the_host_that_was_named();
	puts("ok netrc is for the host that was named");
	return 0;
}
