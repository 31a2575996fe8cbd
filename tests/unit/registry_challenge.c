/* What a 401 asks for. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "oci/registry_challenge.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
the_first_that_we_can_meet_is_taken(void)
{
	static const struct {
		const char *field;
		bool bearer;
		const char *realm, *service, *scope, *error;
	} samples[] = {
		{ "Bearer realm=\"https://a/t\",service=\"s\",scope=\"x:y:z\"",
		    true, "https://a/t", "s", "x:y:z", NULL },
		{ "bearer Realm = \"r\" , error=invalid_token", true, "r",
		    NULL, NULL, "invalid_token" },
		{ "Bearer realm=\"a\\\"b,c\", realm=\"second\"", true,
		    "a\"b,c", NULL, NULL, NULL },
		{ "Basic realm=\"x y\"", false, "x y", NULL, NULL, NULL },
		{ "BASIC", false, NULL, NULL, NULL, NULL },
		{ "Negotiate, Bearer realm=r", true, "r", NULL, NULL, NULL },
		{ "Negotiate YWJj==, Basic realm=r", false, "r", NULL, NULL,
		    NULL },
		{ "Digest realm=\"Bearer realm=x\", nonce=1, Basic", false,
		    NULL, NULL, NULL, NULL },
		{ "Bearer service=s, Basic realm=b", false, "b", NULL, NULL,
		    NULL },
		{ " , Bearer realm=\"cut", true, "cut", NULL, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		AUTO(registry_challenge_release)
		struct registry_challenge c = REGISTRY_CHALLENGE_INIT;

		puts(samples[i].field);
		assert(registry_challenge_parse(samples[i].field, &c));
		assert(c.bearer == samples[i].bearer);
		assert(same(c.realm, samples[i].realm));
		assert(same(c.service, samples[i].service));
		assert(same(c.scope, samples[i].scope));
		assert(same(c.error, samples[i].error));
	}
}

static void
what_asks_for_nothing_of_ours_is_passed_over(void)
{
	static const char *const none[] = { "", ",", "Negotiate", "Bearer",
		"Bearer service=x", "Bearerx realm=y", "=", "\"Basic\"",
		"Digest a=b, c=\"Basic\"", "\x80" };
	static char large[REGISTRY_CHALLENGE_MAX + 100];

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		struct registry_challenge c = REGISTRY_CHALLENGE_INIT;

		puts(none[i]);
		assert(!registry_challenge_parse(none[i], &c));
		assert(c.realm == NULL && c.service == NULL);
	}
	memset(large, 'a', sizeof(large) - 1);
	memcpy(large, "Bearer realm=", 13);
	struct registry_challenge c = REGISTRY_CHALLENGE_INIT;
	assert(!registry_challenge_parse(large, &c));
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(the_first_that_we_can_meet_is_taken),
		TEST(what_asks_for_nothing_of_ours_is_passed_over),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	return 0;
}
