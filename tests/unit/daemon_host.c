/* Where the Docker engine is, by what the environment says. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "oci/daemon_host.h"

static char root[] = "/tmp/slipway-unit-XXXXXX";
static struct daemon_host host;
static struct err e;

static void
forget(void)
{
	static const char *const names[] = { "DOCKER_HOST", "DOCKER_CONTEXT",
	    "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

static void
put(const char *path, const char *text)
{
	autofree char *whole = mem_fmt("%s/%s", root, path);
	autofree char *dir = mem_dup(whole,
	    (size_t)(file_base(whole) - whole - 1));

	assert(file_mkdirs(AT_FDCWD, dir, &e) == 0);
	assert(file_replace(AT_FDCWD, whole, text, strlen(text), &e) == 0);
}

static int
find(const char *address)
{
	daemon_host_release(&host);
	if (address != NULL)
		setenv("DOCKER_HOST", address, 1);
	return daemon_host_find(&host, &e);
}

static void
without_a_word_it_is_the_usual_socket(void)
{
	forget();
	assert(find(NULL) == 0);
	assert(strcmp(host.socket, "/var/run/docker.sock") == 0);
	assert(strcmp(host.name, "unix:///var/run/docker.sock") == 0);
	assert(strcmp(host.url, "http://localhost") == 0);
	assert(find("") == 0 && host.socket != NULL);
}

static void
addresses_are_sockets_and_hosts(void)
{
	static const struct { const char *address, *plain, *tls; } all[] = {
		{ "tcp://h", "http://h:2375", "https://h:2376" },
		{ "tcp://h:1", "http://h:1", "https://h:1" },
		{ "tcp://[::1]", "http://[::1]:2375", "https://[::1]:2376" },
		{ "tcp://[::1]:9", "http://[::1]:9", "https://[::1]:9" },
	};

	forget();
	assert(find("unix:///a/b.sock") == 0);
	assert(strcmp(host.socket, "/a/b.sock") == 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		forget();
		assert(find(all[i].address) == 0 && host.socket == NULL);
		assert(strcmp(host.url, all[i].plain) == 0);
		assert(strcmp(host.name, all[i].address) == 0);
		setenv("DOCKER_TLS_VERIFY", "1", 1);
		assert(find(all[i].address) == 0);
		assert(strcmp(host.url, all[i].tls) == 0);
	}
}

static void
what_is_no_address_is_refused_and_not_repeated(void)
{
	static const char *const bad[] = { "secret", "unix://secret",
	    "tcp://", "tcp://u:secret@h:1", "tcp://h/secret",
	    "ssh://u:secret@h", "http://u:secret@h", "npipe:////./secret",
	    "fd://secret" };

	forget();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert(find(bad[i]) < 0 && e.kind == ERR_INPUT);
		assert(strcmp(e.code, "docker_host") == 0);
		assert(strstr(e.msg, "secret") == NULL);
		assert(strstr(e.msg, "DOCKER_HOST: ") == e.msg);
	}
}

static void
certificates_are_those_of_the_folder_that_is_named(void)
{
	autofree char *dir = mem_fmt("%s/certs", root);

	forget();
	put("certs/ca.pem", "");
	put("certs/cert.pem", "");
	setenv("DOCKER_CERT_PATH", dir, 1);
	assert(find("tcp://h") == 0 && host.cacert == NULL);
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	assert(find("tcp://h") == 0 && host.cacert != NULL);
	assert(strncmp(host.cacert, dir, strlen(dir)) == 0);
	assert(host.cert != NULL && host.key == NULL && !host.insecure);
}

static void
put_context(const char *name, const char *meta)
{
	uint8_t digest[DIGEST_LEN];
	char id[DIGEST_HEX];

	digest_bytes(name, strlen(name), digest);
	digest_format_hex(digest, id);
	autofree char *path = mem_fmt("contexts/meta/%s/meta.json", id);
	autofree char *ca = mem_fmt("contexts/tls/%s/docker/ca.pem", id);
	put(path, meta);
	if (strcmp(name, "far") == 0)
		put(ca, "");
}

static void
a_context_stands_behind_the_address(void)
{
	forget();
	put_context("near", "{\"Endpoints\":{\"docker\":{\"Host\":"
	    "\"unix:///near\"}}}");
	put_context("far", "{\"Endpoints\":{\"docker\":{\"Host\":\"tcp://far\","
	    "\"SkipTLSVerify\":true}}}");
	put_context("bad", "{\"Endpoints\":{}}");
	put("config.json", "{\"currentContext\":\"near\"}");
	assert(find(NULL) == 0 && strcmp(host.socket, "/near") == 0);
	setenv("DOCKER_CONTEXT", "far", 1);
	assert(find(NULL) == 0 && host.insecure && host.cacert != NULL);
	assert(strcmp(host.url, "https://far:2376") == 0);
	setenv("DOCKER_CONTEXT", "default", 1);
	assert(find(NULL) == 0 && strstr(host.socket, "docker.sock") != NULL);
	setenv("DOCKER_CONTEXT", "bad", 1);
	assert(find(NULL) < 0 && e.kind == ERR_INPUT);
	setenv("DOCKER_CONTEXT", "none", 1);
	assert(find(NULL) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "docker_context") == 0);
	assert(find("unix:///first") == 0);
	assert(strcmp(host.socket, "/first") == 0);
	/* what can't be read says nothing */
	forget();
	put("config.json", "{");
	assert(find(NULL) == 0 && strstr(host.socket, "docker.sock") != NULL);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	assert(mkdtemp(root) != NULL);
	setenv("DOCKER_CONFIG", root, 1);
	without_a_word_it_is_the_usual_socket();
	puts("ok without a word it is the usual socket");
	addresses_are_sockets_and_hosts();
	puts("ok addresses are sockets and hosts");
	what_is_no_address_is_refused_and_not_repeated();
	puts("ok what is no address is refused and not repeated");
	certificates_are_those_of_the_folder_that_is_named();
	puts("ok certificates are those of the folder that is named");
	a_context_stands_behind_the_address();
	puts("ok a context stands behind the address");
	daemon_host_release(&host);
	file_remove_tree(AT_FDCWD, root);
	return 0;
}
