/* URLs taken apart, resolved, and made fit to be shown; who they belong to. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "net/addr.h"
#include "net/proxy.h"
#include "net/url.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct url
parsed(const char *str)
{
	struct url u = URL_INIT;
	struct err e;

	if (url_parse(&u, str, &e) < 0) {
		printf("'%s': %s (%s)\n", str, e.msg, e.detail);
		assert(false);
	}
	return u;
}

static void
a_url_is_normalised(void)
{
	static const char *const pairs[][2] = {
		{ "HTTPS://EXAMPLE.com:443/a/../b?c=D#e",
		    "https://example.com/b?c=D" },
		{ "http://h:80", "http://h/" },
		{ "http://h:8080/%2e%41", "http://h:8080/%2e%41" },
		{ "http://[::1]:5000/v2/", "http://[::1]:5000/v2/" },
		{ "https://h/\xc3\xa9", "https://h/%c3%a9" },
		{ "http://0x7f.1/", "http://127.0.0.1/" },
		{ "file:///tmp/a", "file:///tmp/a" },
	};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct url u = parsed(pairs[i][0]), again;

		if (strcasecmp(u.text, pairs[i][1]) != 0)
			printf("%s\n", u.text);
		assert(strcasecmp(u.text, pairs[i][1]) == 0);
		again = parsed(u.text);
		assert(strcmp(u.text, again.text) == 0);
		url_release(&u);
		url_release(&again);
	}
}

static void
the_parts_are_there(void)
{
	struct url u = parsed("https://Ghcr.IO/v2/a?x=1&y"), f;

	assert(strcmp(u.scheme, "https") == 0 && u.port == 443);
	assert(strcmp(u.host, "ghcr.io") == 0);
	assert(strcmp(u.path, "/v2/a") == 0 && strcmp(u.query, "x=1&y") == 0);
	url_release(&u);
	u = parsed("http://[FE80::1]:81");
	assert(strcmp(u.host, "[fe80::1]") == 0 && u.port == 81);
	assert(strcmp(u.path, "/") == 0 && u.query == NULL);
	url_release(&u);
	f = parsed("file:///etc/hosts");
	assert(*f.host == '\0' && f.port == 0);
	assert(strcmp(f.path, "/etc/hosts") == 0);
	url_release(&f);
}

static void
what_is_no_url_is_refused(void)
{
	static const char *const bad[] = { "", "x", "/a", "//h/a", "h:80/a",
	    "ftp://h/", "javascript:alert(1)", "https:/h/", "https:h/",
	    "https:///h/", "https://", "https://:80/", "https://?x",
	    "http://h:0/", "http://h:65536/", "http://h:x/", "http://h/ ",
	    " http://h/",
	    "http://h/a b", "http://h/\n", "http://h/\x7f", "http://h/\t",
	    "http://h\\@g/", "http://h/\\", "http://b\xc3\xbc.example/",
	    "http://a%00b/", "http://[::1", "http://[::1%25eth0]/",
	    "http://[v1.x]/", "x?https://h/" };
	struct url u = URL_INIT;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (url_parse(&u, bad[i], &e) == 0)
			printf("'%s' is taken for %s\n", bad[i], u.text);
		assert(u.text == NULL && e.kind == ERR_INPUT);
		assert(strcmp(e.code, "url_invalid") == 0);
	}
}

static void
one_that_is_too_long_is_refused(void)
{
	autofree char *str = mem_alloc(URL_MAX + 2);
	struct url u = URL_INIT;
	struct err e;

	memset(str, 'a', URL_MAX + 1);
	memcpy(str, "http://h/", 9);
	str[URL_MAX + 1] = '\0';
	assert(url_parse(&u, str, &e) < 0);
	assert(strcmp(e.code, "url_invalid") == 0);
	str[URL_MAX] = '\0';
	assert(url_parse(&u, str, &e) == 0);
	url_release(&u);
	/* an encoded byte is three */
	str[URL_MAX - 1] = '\xe9';
	assert(url_parse(&u, str, &e) < 0);
}

static void
user_info_is_refused_and_not_repeated(void)
{
	static const char *const bad[] = { "https://me:hunter2@h/",
	    "https://hunter2@h/", "https://@h/", "https://:hunter2@h:1/?x",
	    "file://hunter2@/x", "http://a@hunter2@h/" };
	struct url u = URL_INIT;
	struct err e;

	for (size_t i = 0; i < COUNT(bad); i++) {
		assert(url_parse(&u, bad[i], &e) < 0 && e.kind == ERR_INPUT);
		assert(strcmp(e.code, "credentials_in_url") == 0);
		assert(strstr(e.msg, "hunter2") == NULL);
		assert(strstr(e.detail, "hunter2") == NULL);
	}
	u = parsed("https://h/@x?a@b");
	url_release(&u);
}

static void
a_location_leads_somewhere_or_nowhere(void)
{
	static const char *const good[][2] = {
		{ "/x?y", "https://h:81/x?y" },
		{ "x", "https://h:81/a/x" },
		{ "../x", "https://h:81/x" },
		{ "?q=1", "https://h:81/a/b?q=1" },
		{ "//other/x", "https://other/x" },
		{ "http://other:5000/a b#c", "http://other:5000/a%20b" },
	};
	static const char *const bad[] = { "https://u:hunter2@h/", "file:///x",
	    "ftp://h/", "/\x01", "https://h\\@evil/", "//u@h/",
	    "https://b\xc3\xbc.example/", "mailto:a@b" };
	struct url base = parsed("https://h:81/a/b?c"), u = URL_INIT;
	struct err e;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert(url_resolve(&base, good[i][0], &u, &e) == 0);
		assert(strcmp(u.text, good[i][1]) == 0);
		url_release(&u);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (url_resolve(&base, bad[i], &u, &e) == 0)
			printf("'%s' leads to %s\n", bad[i], u.text);
		assert(u.text == NULL && e.kind == ERR_SYS);
		assert(strcmp(e.code, "redirect_invalid") == 0);
		assert(strstr(e.msg, "hunter2") == NULL);
		assert(strcmp(e.path, base.text) == 0);
	}
	url_release(&base);
}

static void
an_origin_is_scheme_host_and_port(void)
{
	static const char *const other[] = { "http://h/", "https://h:444/",
	    "https://h.example/", "https://g/" };
	struct url a = parsed("https://h/a"), b = parsed("https://H:443/b?c");

	assert(url_same_origin(&a, &b));
	url_release(&b);
	for (size_t i = 0; i < COUNT(other); i++) {
		b = parsed(other[i]);
		assert(!url_same_origin(&a, &b));
		url_release(&b);
	}
	url_release(&a);
}

/* 'l': the loopback, 'p': private and no more, 'o': open to all. */
static char
reach(const char *host)
{
	autofree char *str = mem_fmt("http://%s/", host);
	struct url u = parsed(str);
	bool loopback = url_is_loopback(&u), private = url_is_private(&u);

	url_release(&u);
	assert(private || !loopback);
	return loopback ? 'l' : private ? 'p' : 'o';
}

static void
addresses_are_known_by_their_net(void)
{
	static const struct {
		char reach;
		const char *host;
	} table[] = { { 'l', "localhost" }, { 'l', "LOCALHOST." },
	    { 'l', "a.localhost" }, { 'l', "127.0.0.1" },
	    { 'l', "127.255.1.2" }, { 'l', "2130706433" }, { 'l', "[::1]" },
	    { 'l', "[::ffff:127.0.0.1]" }, { 'l', "[0:0:0:0:0:0:0:1]" },
	    { 'p', "10.0.0.1" }, { 'p', "172.16.0.1" },
	    { 'p', "172.31.255.255" }, { 'p', "192.168.1.1" },
	    { 'p', "169.254.169.254" }, { 'p', "100.100.100.200" },
	    { 'p', "0.0.0.0" }, { 'p', "[::]" }, { 'p', "[fd00::1]" },
	    { 'p', "[fe80::1]" }, { 'p', "[64:ff9b::10.0.0.1]" },
	    { 'p', "[::ffff:169.254.169.254]" }, { 'o', "172.32.0.1" },
	    { 'o', "172.15.0.1" }, { 'o', "100.128.0.1" },
	    { 'o', "192.169.0.1" }, { 'o', "128.0.0.1" }, { 'o', "8.8.8.8" },
	    { 'o', "[2001:db8::1]" }, { 'o', "[64:ff9b::8.8.8.8]" },
	    { 'o', "localhost.example" }, { 'o', "notlocalhost" },
	    { 'o', "127.0.0.1.example" } };

	for (size_t i = 0; i < COUNT(table); i++) {
		if (reach(table[i].host) != table[i].reach)
			printf("%s\n", table[i].host);
		assert(reach(table[i].host) == table[i].reach);
	}
}

static void
what_is_shown_has_no_secrets(void)
{
	static const char *const cut[][2] = {
		{ "https://me:hunter2@h/a", "https://h/a" },
		{ "https://u:hun/ter2@h/a", "https://h/a" },
		{ "https://u:h?x#unter2@h/a", "https://h/a" },
		{ "me:hunter2@h/a", "h/a" },
		{ "https://h/a#hunter2", "https://h/a" },
		{ "https://h/a?X-Amz-Signature=hunter2&b=1", "https://h/a" },
		{ "https://h/a?b=1&sig=hunter2", "https://h/a" },
		{ "https://h/a?b=1;SIG=hunter2", "https://h/a" },
		{ "https://h/a?access_token=hunter2", "https://h/a" },
		{ "https://h/a?%73ig=hunter2", "https://h/a" },
		{ "https://h/a?_state=hunter2", "https://h/a" },
		{ "https://h/a?jwt=hunter2", "https://h/a" },
		{ "nothing\n?token=hunter2", "nothing\\n" },
	};
	static const char *const whole[] = { "https://h/a@b?c=d&e",
	    "https://h/?design=1", "/a/b", "", "https://h" };
	bool went;

	for (size_t i = 0; i < COUNT(cut); i++) {
		autofree char *shown = url_redact(cut[i][0], &went);

		if (strcmp(shown, cut[i][1]) != 0)
			printf("'%s': '%s'\n", cut[i][0], shown);
		assert(strcmp(shown, cut[i][1]) == 0 && went);
	}
	for (size_t i = 0; i < COUNT(whole); i++) {
		autofree char *shown = url_redact(whole[i], &went);

		assert(strcmp(shown, whole[i]) == 0 && !went);
	}
	free(url_redact("x", NULL));
}

static void
a_file_name_is_fit_for_a_file(void)
{
	static const char *const pairs[][2] = {
		{ "https://h/d/a_1.0.tar.gz?x=/y", "a_1.0.tar.gz" },
		{ "https://h/a%20b", "a b" },
		{ "https://h/%c3%a9", "\xc3\xa9" },
		{ "https://h/a%2Fb%5cc%00%0a%1b", "a_b_c___" },
		{ "https://h/%ff%c3", "__" },
		{ "https://h/a%e2%80%aeb", "a___b" },
		{ "https://h/a%2", "a%2" }, { "https://h/", "index" },
		{ "https://h", "index" }, { "https://h/d/", "index" },
		{ "https://h/x/%2e%2e", NULL } };
	autofree char *longest = mem_alloc(600);

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct url u = parsed(pairs[i][0]);
		autofree char *name = url_basename(&u);

		if (pairs[i][1] != NULL)
			assert(strcmp(name, pairs[i][1]) == 0);
		assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
		url_release(&u);
	}
	memset(longest, 'a', 599);
	memcpy(longest, "https://h/", 10);
	longest[599] = '\0';
	struct url u = parsed(longest);
	autofree char *name = url_basename(&u);
	assert(strlen(name) == 200);
	url_release(&u);
}

static void
escapes_leave_what_is_unreserved(void)
{
	autofree char *str = url_escape("aZ09-._~/ %+?&\xc3\xa9");

	assert(strcmp(str, "aZ09-._~%2F%20%25%2B%3F%26%C3%A9") == 0);
}

static bool
proxied(const char *str)
{
	struct url u = parsed(str);
	bool yes = proxy_for(&u) != NULL;

	url_release(&u);
	return yes;
}

static void
the_environment_names_proxies_and_exceptions(void)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY",
	    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
	    "NO_PROXY" };

	for (size_t i = 0; i < COUNT(names); i++)
		unsetenv(names[i]);
	assert(!proxied("https://h/"));
	setenv("HTTP_PROXY", "http://p", 1);
	assert(!proxied("http://h/") && !proxied("https://h/"));
	setenv("HTTPS_PROXY", "http://p", 1);
	assert(!proxied("http://h/") && proxied("https://h/"));
	setenv("ALL_PROXY", "http://p", 1);
	assert(proxied("http://h/"));
	assert(!proxied("http://localhost/") && !proxied("http://[::1]/"));
	setenv("no_proxy", "a.example, .b.example,*.c.example,10.0.0.0/8,"
	    "1.2.3.4,[2001:db8::1]:81,d.example:444,fd00::/8", 1);
	assert(!proxied("http://a.example/") && !proxied("http://x.A.example"));
	assert(proxied("http://aa.example/"));
	assert(!proxied("http://b.example/") && !proxied("http://x.c.example"));
	assert(!proxied("http://10.9.9.9/") && proxied("http://11.0.0.1/"));
	assert(!proxied("http://1.2.3.4/") && proxied("http://1.2.3.5/"));
	assert(!proxied("http://[2001:db8::1]:81/"));
	assert(proxied("http://[2001:db8::1]/"));
	assert(!proxied("https://d.example:444/"));
	assert(proxied("https://d.example/"));
	assert(!proxied("http://[fd12::1]/"));
	setenv("no_proxy", "*", 1);
	assert(!proxied("http://h/"));
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	a_url_is_normalised();
	puts("ok a url is normalised");
	the_parts_are_there();
	puts("ok the parts are there");
	what_is_no_url_is_refused();
	puts("ok what is no url is refused");
	one_that_is_too_long_is_refused();
	puts("ok one that is too long is refused");
	user_info_is_refused_and_not_repeated();
	puts("ok user info is refused and not repeated");
	a_location_leads_somewhere_or_nowhere();
	puts("ok a location leads somewhere or nowhere");
	an_origin_is_scheme_host_and_port();
	puts("ok an origin is scheme, host and port");
	addresses_are_known_by_their_net();
	puts("ok addresses are known by their net");
	what_is_shown_has_no_secrets();
	puts("ok what is shown has no secrets");
	a_file_name_is_fit_for_a_file();
	puts("ok a file name is fit for a file");
	escapes_leave_what_is_unreserved();
	puts("ok escapes leave what is unreserved");
	the_environment_names_proxies_and_exceptions();
	puts("ok the environment names proxies and exceptions");
	return 0;
}
