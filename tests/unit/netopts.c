/* Credentials of the command line are for one registry, whatever else is
 * spoken to. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "oci/netopts.h"

static const char *
creds_of(const struct netopts *n, const char *host)
{
	return netopts_registry(n, host).cred.creds;
}

static void
credentials_are_for_the_first_registry_alone(void)
{
	AUTO(netopts_release) struct netopts n = { .creds = "ann:secret" };

	assert(creds_of(&n, "ghcr.io") == NULL);
	netopts_creds_for(&n, "oci:dir:tag");	/* no reference */
	netopts_creds_for(&n, "docker://ghcr.io/me/app:1");
	netopts_creds_for(&n, "quay.io/me/app:1");
	assert(strcmp(creds_of(&n, "ghcr.io"), "ann:secret") == 0);
	assert(creds_of(&n, "quay.io") == NULL);
	assert(creds_of(&n, "docker.io") == NULL);
}

static void
a_name_without_a_registry_is_docker_hub_s(void)
{
	AUTO(netopts_release) struct netopts n = { .creds = "ann:secret" };

	netopts_creds_for(&n, "me/app:1");
	assert(creds_of(&n, "docker.io") != NULL);
	assert(creds_of(&n, "me") == NULL);
}

static void
placeholders_may_be_anything(void)
{
	static const char *const good[] = { "ghcr.io/me/{component}:{version}",
		"docker://ghcr.io/{component}", "ghcr.io/me/app:1-{arch}" };
	static const char *const bad[] = { "{component}/app", "ghcr.io/{x",
		"" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		AUTO(netopts_release) struct netopts n = { .creds = "a:b" };

		netopts_creds_for(&n, good[i]);
		assert(creds_of(&n, "ghcr.io") != NULL);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		AUTO(netopts_release) struct netopts n = { .creds = "a:b" };

		netopts_creds_for(&n, bad[i]);
		assert(creds_of(&n, "ghcr.io") == NULL);
	}
}

static void
the_other_options_are_for_all(void)
{
	struct netopts n = { .authfile = "f", .cert_dir = "d" };
	struct registry_opts o;
	struct err e;

	assert(netopts_tls_verify(&n, "false", &e) == 0);
	o = netopts_registry(&n, "ghcr.io");
	assert(o.insecure && strcmp(o.cert_dir, "d") == 0);
	assert(strcmp(o.cred.authfile, "f") == 0);
	assert(netopts_tls_verify(&n, "true", &e) == 0 && !n.insecure);
	assert(netopts_tls_verify(&n, "no", &e) < 0 && e.kind == ERR_INPUT);
}

#define TEST(name) { #name, name }

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		TEST(credentials_are_for_the_first_registry_alone),
		TEST(a_name_without_a_registry_is_docker_hub_s),
		TEST(placeholders_may_be_anything),
		TEST(the_other_options_are_for_all),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	return 0;
}
