/* References as Docker writes them. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "oci/ref.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX

struct sample {
	const char *str, *host, *repo, *tag, *digest;
	const char *full;	/* as ref_format writes it */
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
check(const struct sample *s)
{
	AUTO(ref_release) struct ref r = REF_INIT;
	AUTO(ref_release) struct ref again = REF_INIT;
	autobuf struct buf b = BUF_INIT;
	struct err e;

	puts(s->str);
	assert(ref_parse(&r, s->str, &e) == 0);
	assert(same(r.host, s->host) && same(r.repo, s->repo));
	assert(same(r.tag, s->tag) && same(r.digest, s->digest));
	ref_format(&r, &b);
	assert(same(b.data, s->full));
	assert(ref_parse(&again, b.data, &e) == 0);
	assert(same(r.host, again.host) && same(r.repo, again.repo));
	assert(same(r.tag, again.tag) && same(r.digest, again.digest));
}

static void
a_reference_is_taken_apart_as_docker_does(void)
{
	static const struct sample samples[] = {
		{ "alpine", "docker.io", "library/alpine", NULL, "",
		    "docker.io/library/alpine" },
		{ "me/app:1.2", "docker.io", "me/app", "1.2", "",
		    "docker.io/me/app:1.2" },
		{ "docker.io/alpine:3", "docker.io", "library/alpine", "3",
		    "", "docker.io/library/alpine:3" },
		{ "index.docker.io/me/app", "docker.io", "me/app", NULL, "",
		    "docker.io/me/app" },
		{ "localhost/app", "localhost", "app", NULL, "",
		    "localhost/app" },
		{ "localhost:5000/a:b", "localhost:5000", "a", "b", "",
		    "localhost:5000/a:b" },
		{ "ghcr.io/a/b-c/d__e:V_1.0-x", "ghcr.io", "a/b-c/d__e",
		    "V_1.0-x", "", "ghcr.io/a/b-c/d__e:V_1.0-x" },
		{ "[::1]:5000/a", "[::1]:5000", "a", NULL, "",
		    "[::1]:5000/a" },
		{ "[fe80::1]/a/b:t", "[fe80::1]", "a/b", "t", "",
		    "[fe80::1]/a/b:t" },
		{ "a@" DIGEST, "docker.io", "library/a", NULL, DIGEST,
		    "docker.io/library/a@" DIGEST },
		{ "r.io/a:1@" DIGEST, "r.io", "a", "1", DIGEST,
		    "r.io/a:1@" DIGEST },
		{ "r.io:443/a@" DIGEST, "r.io:443", "a", NULL, DIGEST,
		    "r.io:443/a@" DIGEST },
		{ "127.0.0.1:5000/a", "127.0.0.1:5000", "a", NULL, "",
		    "127.0.0.1:5000/a" },
		{ "a.b", "docker.io", "library/a.b", NULL, "",
		    "docker.io/library/a.b" },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		check(&samples[i]);
}

static void
what_is_no_reference_is_refused(void)
{
	static const char no_name[] = "@" DIGEST;
	static const char longer[] = "a@" DIGEST "0";
	static const char twice[] = "a@" DIGEST "@x";
	static const char upper[] = "a:1@SHA256:" HEX;
	static const char *const bad[] = { "", ":1", "App", "a/", "/a", "a//b",
		"a:", "a:-1", "a:b c", "a@", "a@sha256:00", no_name,
		"a@sha512:00", longer, twice, upper, "a..b/c", "host:x/a", "a/b-", "h_ost:1/a",
		"https://ghcr.io/a", "[::1]", "[]/a", "[::1]:/a", "[::1]x/a",
		"r.io/a\n", "r.io/../a", "r.io/a:1:2", "-r.io/a" };
	AUTO(ref_release) struct ref r = REF_INIT;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		puts(bad[i]);
		assert(ref_parse(&r, bad[i], &e) < 0 && e.kind == ERR_INPUT);
		assert(strcmp(e.code, "reference_invalid") == 0);
		assert(r.host == NULL && r.repo == NULL && r.tag == NULL);
	}
}

static void
what_is_wanted_is_the_digest_then_the_tag(void)
{
	static const char *const samples[][2] = { { "a:1@" DIGEST, DIGEST },
		{ "a:1", "1" }, { "a", "latest" }, { "a@" DIGEST, DIGEST } };
	struct err e;

	for (size_t i = 0; i < 4; i++) {
		AUTO(ref_release) struct ref r = REF_INIT;

		assert(ref_parse(&r, samples[i][0], &e) == 0);
		assert(strcmp(ref_wanted(&r), samples[i][1]) == 0);
	}
}

static void
another_host_answers_for_docker_hub(void)
{
	assert(same(ref_api_host("docker.io"), "registry-1.docker.io"));
	assert(same(ref_api_host("ghcr.io"), "ghcr.io"));
	assert(same(ref_api_host("localhost:5000"), "localhost:5000"));
}

static void
an_image_is_not_given_a_digest(void)
{
	struct err e;

	assert(ref_check("a:1", &e) == 0 && same(ref_tag("a:1"), "1"));
	assert(ref_check("[::1]:1/a", &e) == 0);
	assert(same(ref_tag("[::1]:1/a"), "latest"));
	assert(ref_check("a@" DIGEST, &e) < 0 && e.kind == ERR_INPUT);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(a_reference_is_taken_apart_as_docker_does),
		TEST(what_is_no_reference_is_refused),
		TEST(what_is_wanted_is_the_digest_then_the_tag),
		TEST(another_host_answers_for_docker_hub),
		TEST(an_image_is_not_given_a_digest),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	return 0;
}
