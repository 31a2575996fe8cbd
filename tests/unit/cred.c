/* Credentials, in all the places that people keep them in. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "net/cred.h"
#include "net/cred_helper.h"

static char root[] = "/tmp/slipway-cred-XXXXXX";

static void
put(const char *path, const char *text, mode_t mode)
{
	autofree char *dir = mem_dup(path, (size_t)(strrchr(path, '/') -
	    path));
	struct err e;

	assert(file_mkdirs(AT_FDCWD, dir, &e) == 0);
	assert(file_replace(AT_FDCWD, path, text, strlen(text), &e) == 0);
	assert(chmod(path, mode) == 0);
}

/* {"auths":{HOST:{"auth":base64 of PAIR}}} */
static char *
auths(const char *host, const char *pair)
{
	autobuf struct buf b = BUF_INIT;

	text_base64(&b, pair, strlen(pair));
	return mem_fmt("{\"auths\":{\"%s\":{\"auth\":\"%s\"}}}", host,
	    b.data);
}

static void
put_auths(const char *path, const char *host, const char *pair)
{
	autofree char *text = auths(host, pair);

	put(path, text, 0600);
}

/* A clean start: nothing is known but the home. */
static void
clean(void)
{
	static const char *const names[] = { "REGISTRY_AUTH_FILE",
		"XDG_CONFIG_HOME", "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG",
		"GITHUB_TOKEN", "GITHUB_ACTOR" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	file_remove_tree(AT_FDCWD, "home");
	file_remove_tree(AT_FDCWD, "bin");
	assert(mkdir("home", 0700) == 0 && mkdir("bin", 0700) == 0);
	setenv("HOME", "home", 1);
	/* unset, it would stand for a place of this machine */
	setenv("XDG_RUNTIME_DIR", "none", 1);
}

/* "USER:SECRET" for HOST/REPO, `~` before it for an identity token, "none",
 * or the code of the failure.  Lent until the next call. */
static const char *
find_with(const struct cred_opts *opts, const char *host, const char *repo)
{
	AUTO(cred_release) struct cred c = CRED_INIT;
	static char found[1024];
	static struct err e;
	int rc = cred_find(opts, host, repo, &c, &e);

	if (rc < 0) {
		assert(strstr(e.msg, "secret") == NULL);
		return e.code;
	}
	if (rc == 0)
		return "none";
	snprintf(found, sizeof(found), "%s%s:%s", c.identity ? "~" : "",
	    c.user, c.secret);
	return found;
}

static const char *
find(const char *host, const char *repo)
{
	const struct cred_opts none = { NULL, NULL };

	return find_with(&none, host, repo);
}

static void
is(const char *want, const char *found)
{
	if (strcmp(want, found) != 0)
		printf("wanted %s, found %s\n", want, found);
	assert(strcmp(want, found) == 0);
}

static void
the_first_place_that_knows_the_host_wins(void)
{
	clean();
	is("none", find("r.io", "a"));
	put_auths("home/.docker/config.json", "r.io", "docker:secret");
	is("docker:secret", find("r.io", "a"));
	put_auths("d/config.json", "r.io", "other:secret");
	setenv("DOCKER_CONFIG", "d", 1);
	is("other:secret", find("r.io", "a"));
	autofree char *text = auths("r.io", "env:secret");
	setenv("DOCKER_AUTH_CONFIG", text, 1);
	is("env:secret", find("r.io", "a"));
	put_auths("home/.config/containers/auth.json", "r.io", "home:secret");
	is("home:secret", find("r.io", "a"));
	put_auths("c/containers/auth.json", "r.io", "config:secret");
	setenv("XDG_CONFIG_HOME", "c", 1);
	is("config:secret", find("r.io", "a"));
	put_auths("x/containers/auth.json", "r.io", "run:secret");
	setenv("XDG_RUNTIME_DIR", "x", 1);
	is("run:secret", find("r.io", "a"));
	put_auths("f/auth.json", "r.io", "file:secret");
	setenv("REGISTRY_AUTH_FILE", "f/auth.json", 1);
	is("file:secret", find("r.io", "a"));
	/* which stands for all the other files, not for the variable */
	put_auths("f/auth.json", "other.io", "file:secret");
	is("env:secret", find("r.io", "a"));
	unsetenv("DOCKER_AUTH_CONFIG");
	is("none", find("r.io", "a"));
	put_auths("o/auth.json", "r.io", "opt:secret");
	is("opt:secret", find_with(&(struct cred_opts){ NULL, "o/auth.json" },
	    "r.io", "a"));
	is("none", find_with(&(struct cred_opts){ NULL, "o/auth.json" },
	    "other.io", "a"));
	is("me:se:cr:et", find_with(&(struct cred_opts){ "me:se:cr:et",
	    "o/auth.json" }, "r.io", "a"));
}

static void
a_host_is_known_by_each_of_its_spellings(void)
{
	static const char *const keys[] = { "r.io", "https://r.io",
		"http://r.io/", "https://r.io/v1/", "r.io/v2/", "R.io",
		"r.io/" };
	static const char *const hub[] = { "https://index.docker.io/v1/",
		"index.docker.io", "docker.io", "registry-1.docker.io",
		"docker.io/library" };
	static const char path[] = "home/.docker/config.json";

	clean();
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		put_auths(path, keys[i], "u:secret");
		is("u:secret", find("r.io", "a"));
		is("none", find("r.io:443", "a"));
		is("none", find("xr.io", "a"));
		is("none", find("docker.io", "a"));
	}
	for (size_t i = 0; i < sizeof(hub) / sizeof(*hub); i++) {
		put_auths(path, hub[i], "u:secret");
		is("u:secret", find("docker.io", "library/a"));
	}
	put_auths(path, "localhost:5000", "u:secret");
	is("u:secret", find("localhost:5000", "a"));
	is("none", find("localhost", "a"));
}

static void
the_longest_namespace_wins(void)
{
	clean();
	put("home/.config/containers/auth.json", "{\"auths\":{"
	    "\"q.io\":{\"auth\":\"aG9zdDpzZWNyZXQ=\"},"
	    "\"q.io/ns\":{\"auth\":\"bnM6c2VjcmV0\"},"
	    "\"q.io/ns/img\":{\"auth\":\"aW1nOnNlY3JldA\"}}}", 0600);
	is("host:secret", find("q.io", "other/img"));
	is("host:secret", find("q.io", "nsx"));
	is("host:secret", find("q.io", NULL));
	is("ns:secret", find("q.io", "ns/other"));
	is("img:secret", find("q.io", "ns/img"));
	is("ns:secret", find("q.io", "ns/img2"));
	is("none", find("q.io.evil", "ns/img"));
}

static void
an_entry_has_several_forms(void)
{
	static const char *const forms[][2] = {
		{ "{\"username\":\"u\",\"password\":\"secret\"}", "u:secret" },
		{ "{\"auth\":\"dTpwOnNlY3JldA\"}", "u:p:secret" },
		{ "{\"auth\":\"dTpzZWNyZXQA\"}", "u:secret" },
		{ "{\"identitytoken\":\"id\"}", "~<token>:id" },
		{ "{\"auth\":\"dTo=\",\"identitytoken\":\"id\"}",
		    "~<token>:id" },
		{ "{}", "none" },
		{ "{\"auth\":\"\"}", "none" },
		{ "{\"auth\":\"!\"}", "auth_file_invalid" },
		{ "{\"auth\":\"dXNlcg==\"}", "auth_file_invalid" },
		{ "{\"auth\":\"dToK\"}", "auth_file_invalid" },
		{ "[]", "auth_file_invalid" },
		{ "{\"username\":\"u:v\",\"password\":\"secret\"}",
		    "auth_file_invalid" },
	};

	clean();
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		autofree char *text = mem_fmt("{\"auths\":{\"r.io\":%s}}",
		    forms[i][0]);

		put("home/.docker/config.json", text, 0600);
		is(forms[i][1], find("r.io", "a"));
		is("none", find("other.io", "a"));
	}
}

static void
a_file_that_cant_be_read_is_named(void)
{
	clean();
	put("home/.docker/config.json", "{\"auths\":\"secret\"}", 0600);
	is("auth_file_invalid", find("r.io", "a"));
	put("home/.docker/config.json", "secret", 0600);
	is("auth_file_invalid", find("r.io", "a"));
	put("home/.docker/config.json", " \n", 0600);
	is("none", find("r.io", "a"));
	is("not_found", find_with(&(struct cred_opts){ NULL, "none.json" },
	    "r.io", "a"));
	is("creds_invalid", find_with(&(struct cred_opts){ "secret", NULL },
	    "r.io", "a"));
	is("creds_invalid", find_with(&(struct cred_opts){ "u:secret\n",
	    NULL }, "r.io", "a"));
}

static void
githubs_token_is_for_its_own_registry(void)
{
	clean();
	setenv("GITHUB_TOKEN", "secret", 1);
	is("none", find("r.io", "a"));
	is("github-actions:secret", find("ghcr.io", "a"));
	setenv("GITHUB_ACTOR", "ann", 1);
	is("ann:secret", find("ghcr.io", "a"));
	put_auths("home/.docker/config.json", "ghcr.io", "u:secret");
	is("u:secret", find("ghcr.io", "a"));
	setenv("GITHUB_TOKEN", "", 1);
	clean();
	is("none", find("ghcr.io", "a"));
}

/* docker-credential-NAME: what it is asked goes to bin/NAME.asked. */
static void
put_helper(const char *name, const char *body)
{
	autofree char *path = mem_fmt("bin/docker-credential-%s", name);
	autofree char *text = mem_fmt("#!/bin/sh\nprintf '%%s ' \"$1\" "
	    ">> bin/%s.asked\ncat >> bin/%s.asked\n%s\n", name, name, body);

	put(path, text, 0700);
}

static void
asked(const char *name, const char *want)
{
	autofree char *path = mem_fmt("bin/%s.asked", name);
	autobuf struct buf b = BUF_INIT;
	struct err e;

	assert(file_slurp(AT_FDCWD, path, path, 1000, &b, &e) == 0);
	is(want, b.data);
	assert(file_remove_tree(AT_FDCWD, path) == 0);
}

static void
helpers_are_asked_as_docker_asks_them(void)
{
	clean();
	put_helper("one", "echo '{\"ServerURL\":\"x\",\"Username\":\"one\","
	    "\"Secret\":\"secret\"}'");
	put_helper("two", "echo '{\"Username\":\"<token>\",\"Secret\":"
	    "\"id\"}'");
	put_helper("empty", "echo credentials not found in native keychain\n"
	    "exit 1");
	put("home/.docker/config.json", "{\"credsStore\":\"two\","
	    "\"credHelpers\":{\"r.io\":\"one\",\"e.io\":\"empty\"},"
	    "\"auths\":{\"r.io\":{},\"e.io\":{\"auth\":\"dTpzZWNyZXQ=\"}}}",
	    0600);
	is("one:secret", find("r.io", "a"));
	asked("one", "get r.io");
	is("~<token>:id", find("s.io:1", "a"));
	asked("two", "get s.io:1");
	is("~<token>:id", find("docker.io", "a"));
	asked("two", "get https://index.docker.io/v1/");
	is("u:secret", find("e.io", "a"));
	asked("empty", "get e.io");
}

static void
a_helper_that_fails_is_named(void)
{
	static const char *const names[] = { "../evil", "a/b", "", "a b" };
	AUTO(cred_release) struct cred c = CRED_INIT;
	struct err e;

	clean();
	put_helper("bad", "echo secret is wrong; exit 1");
	put_helper("junk", "echo secret");
	assert(cred_helper_get("bad", "r.io", &c, &e) < 0);
	assert(e.kind == ERR_SYS && strstr(e.msg, "secret") == NULL);
	assert(cred_helper_get("junk", "r.io", &c, &e) < 0);
	assert(e.kind == ERR_SYS && strstr(e.msg, "secret") == NULL);
	assert(cred_helper_get("none", "r.io", &c, &e) < 0);
	assert(e.kind == ERR_INPUT);
	assert(strstr(e.msg, "docker-credential-none") != NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert(cred_helper_get(names[i], "r.io", &c, &e) < 0 &&
		    e.kind == ERR_INPUT);
	assert(c.user == NULL && c.secret == NULL);
}

static void
basic_is_what_the_standard_says(void)
{
	AUTO(cred_release) struct cred c = CRED_INIT;

	assert(cred_set(&c, "Aladdin", 7, "open sesame", 11));
	autofree char *basic = cred_basic(&c);
	is("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", basic);
	assert(!cred_set(&c, "a:b", 3, "x", 1));
	assert(!cred_set(&c, "a", 1, "x\r\nX: y", 7));
	assert(!cred_set(&c, "", 0, "x", 1));
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(the_first_place_that_knows_the_host_wins),
		TEST(a_host_is_known_by_each_of_its_spellings),
		TEST(the_longest_namespace_wins),
		TEST(an_entry_has_several_forms),
		TEST(a_file_that_cant_be_read_is_named),
		TEST(githubs_token_is_for_its_own_registry),
		TEST(helpers_are_asked_as_docker_asks_them),
		TEST(a_helper_that_fails_is_named),
		TEST(basic_is_what_the_standard_says),
	};

	assert(mkdtemp(root) != NULL && chdir(root) == 0);
	autofree char *path = mem_fmt("%s/bin:%s", root, getenv("PATH"));
	setenv("PATH", path, 1);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	assert(chdir("/") == 0);
	return file_remove_tree(AT_FDCWD, root) == 0 ? 0 : 1;
}
