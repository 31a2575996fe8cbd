/* Which addresses are assets of a release, and which are not. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/github.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct github
hub(const char *server, const char *api)
{
	struct github g = GITHUB_INIT;
	struct err e;

	server != NULL ? setenv("GITHUB_SERVER_URL", server, 1) :
	    unsetenv("GITHUB_SERVER_URL");
	api != NULL ? setenv("GITHUB_API_URL", api, 1) :
	    unsetenv("GITHUB_API_URL");
	assert(github_env(&g, &e) == 0);
	return g;
}

static void
the_api_is_where_the_server_has_it(void)
{
	struct github g = hub(NULL, NULL);

	assert(strcmp(g.api, "https://api.github.com") == 0);
	github_release(&g);
	g = hub("https://ghe.example/", NULL);
	assert(strcmp(g.server, "https://ghe.example") == 0);
	assert(strcmp(g.api, "https://ghe.example/api/v3") == 0);
	github_release(&g);
	g = hub("https://ghe.example", "https://api.ghe.example/");
	assert(strcmp(g.api, "https://api.ghe.example") == 0);
	github_release(&g);
}

static void
a_token_stays_away_from_plain_http(void)
{
	struct github g;

	setenv("GH_TOKEN", "secret", 1);
	g = hub("http://127.0.0.1:1", NULL);
	assert(g.token == NULL && g.withheld);
	github_release(&g);
	g = hub(NULL, NULL);
	assert(g.token != NULL && !g.withheld);
	github_release(&g);
	unsetenv("GH_TOKEN");
}

static void
an_address_is_an_asset_or_not(void)
{
	static const struct {
		const char *url, *repo, *tag, *name;
	} good[] = {
		{ "https://github.com/o/r/releases/download/v1/a.tar.gz",
		    "o/r", "v1", "a.tar.gz" },
		{ "https://github.com/o/r.s/releases/download/x%2Fv1/a%20b",
		    "o/r.s", "x/v1", "a b" },
		{ "https://github.com/o/r/releases/latest/download/a",
		    "o/r", "latest", "a" },
	};
	static const char *const bad[] = {
		"https://github.com/o/r",
		"https://github.com.evil/o/r/releases/download/v1/a",
		"https://github.com/o/r/releases/download/v1",
		"https://github.com/o/r/releases/download/v1/a/b",
		"https://github.com/o/../releases/download/v1/a",
		"https://github.com/o/%2e%2e/releases/download/v1/a",
		"https://github.com/o/r/releases/download/v1/a?b",
		"http://github.com/o/r/releases/download/v1/a",
		"https://github.com/o/r/releases/download/latest/a",
	};
	struct github g = hub(NULL, NULL);
	struct github_asset a;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert(github_asset_match(&a, &g, good[i].url));
		assert(strcmp(a.repo, good[i].repo) == 0);
		assert(strcmp(a.tag, good[i].tag) == 0);
		assert(strcmp(a.name, good[i].name) == 0);
		char *url = github_asset_url(&a);

		assert(strcmp(url, good[i].url) == 0);
		free(url);
		github_asset_release(&a);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (github_asset_match(&a, &g, bad[i]))
			printf("'%s' is taken\n", bad[i]);
		assert(!github_asset_match(&a, &g, bad[i]));
	}
	github_release(&g);
}

int
main(void)
{
	unsetenv("GH_TOKEN");
	unsetenv("GITHUB_TOKEN");
	the_api_is_where_the_server_has_it();
	puts("ok the API is where the server has it");
	a_token_stays_away_from_plain_http();
	puts("ok a token stays away from plain http");
	an_address_is_an_asset_or_not();
	puts("ok an address is an asset or not");
	return 0;
}
