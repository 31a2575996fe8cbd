#include "oci/daemon_host.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "record/rec.h"

#define DEFAULT_HOST "unix:///var/run/docker.sock"
#define FILE_MAX_ (1 << 20)	/* bytes of config.json and meta.json */

void
daemon_host_release(struct daemon_host *h)
{
	free(h->name);
	free(h->socket);
	free(h->url);
	free(h->cacert);
	free(h->cert);
	free(h->key);
	memset(h, 0, sizeof(*h));
}

/* A variable that is set to something. */
static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static char *
config_dir(void)
{
	const char *dir = env("DOCKER_CONFIG"), *home = env("HOME");

	return dir != NULL ? mem_str(dir) :
	    mem_fmt("%s/.docker", home != NULL ? home : "");
}

/* The address itself is not repeated: it might hold a password. */
static int
bad_host(const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "docker_host",
	    "the Docker engine's address %s", why);
}

/* HOST[:PORT], or [IPv6][:PORT]. */
static int
set_tcp(struct daemon_host *h, const char *host, bool tls, struct err *e)
{
	const char *end = strrchr(host, ']');

	if (*host == '\0' || strpbrk(host, "/@?#") != NULL)
		return bad_host("is not tcp://HOST:PORT", e);
	h->url = mem_fmt("%s://%s%s", tls ? "https" : "http", host,
	    strchr(end != NULL ? end : host, ':') != NULL ? "" :
	    tls ? ":2376" : ":2375");
	h->name = mem_fmt("tcp://%s", host);
	return 0;
}

static int
set_address(struct daemon_host *h, const char *host, bool tls, struct err *e)
{
	if (strncmp(host, "unix://", 7) == 0 && host[7] == '/') {
		h->name = mem_str(host);
		h->socket = mem_str(host + 7);
		h->url = mem_str("http://localhost");
		return 0;
	}
	if (strncmp(host, "tcp://", 6) == 0)
		return set_tcp(h, host + 6, tls, e);
	if (strncmp(host, "ssh://", 6) == 0)
		return bad_host("is ssh://, which needs a tunnel: "
		    "ssh -L /tmp/engine:/var/run/docker.sock HOST, and "
		    "DOCKER_HOST=unix:///tmp/engine", e);
	return bad_host("is neither unix:///PATH nor tcp://HOST:PORT", e);
}

/* The file name in dir, if it is there. */
static char *
file_in(const char *dir, const char *name)
{
	char *path = mem_fmt("%s/%s", dir, name);

	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static void
set_certificates(struct daemon_host *h, const char *dir)
{
	h->cacert = file_in(dir, "ca.pem");
	h->cert = file_in(dir, "cert.pem");
	h->key = file_in(dir, "key.pem");
}

static int
from_environment(struct daemon_host *h, const char *host, struct err *e)
{
	bool tls = env("DOCKER_TLS_VERIFY") != NULL;
	const char *certs = env("DOCKER_CERT_PATH");
	autofree char *dir = certs != NULL ? mem_str(certs) : config_dir();

	if (set_address(h, host, tls, e) < 0)
		return err_wrap(e, "DOCKER_HOST");
	if (tls)
		set_certificates(h, dir);
	return 0;
}

/* A JSON file: NULL where it is not there or can't be read as one. */
static struct rec *
read_json(const char *path, struct err *e)
{
	autobuf struct buf text = BUF_INIT;

	if (file_slurp(AT_FDCWD, path, path, FILE_MAX_, &text, e) < 0)
		return NULL;
	return rec_parse(text.data, text.len, path, e);
}

/* The context's name, or NULL for the default one.  What can't be read says
 * nothing: docker goes on without it, too. */
static char *
context_name(const char *dir)
{
	autofree char *path = mem_fmt("%s/config.json", dir);
	const char *name = env("DOCKER_CONTEXT");
	char *found = NULL;
	struct rec *r = NULL;
	struct err ignored;

	if (name == NULL && (r = read_json(path, &ignored)) != NULL &&
	    rec_str(r, "currentContext", &name, &ignored) < 0)
		name = NULL;
	if (name != NULL && strcmp(name, "default") != 0)
		found = mem_str(name);
	rec_free(r);
	return found;
}

static int
from_context(struct daemon_host *h, const char *dir, const char *name,
    struct err *e)
{
	uint8_t digest[DIGEST_LEN];
	char id[DIGEST_HEX];
	const char *host;
	struct rec *r;
	int rc;

	digest_bytes(name, strlen(name), digest);
	digest_format_hex(digest, id);
	autofree char *meta = mem_fmt("%s/contexts/meta/%s/meta.json", dir,
	    id);
	autofree char *certs = mem_fmt("%s/contexts/tls/%s/docker", dir, id);
	if ((r = read_json(meta, e)) == NULL)
		return err_set(e, ERR_CHECK, "docker_context",
		    "docker's context '%s' is not there ('%s'): choose "
		    "another with DOCKER_CONTEXT or DOCKER_HOST", name, meta);
	rc = rec_need_str(r, "Endpoints.docker.Host", &host, e);
	if (rc == 0)
		rc = rec_bool(r, "Endpoints.docker.SkipTLSVerify",
		    &h->insecure, e) < 0 ? -1 : 0;
	if (rc == 0) {
		set_certificates(h, certs);
		rc = set_address(h, host, h->cacert != NULL ||
		    h->cert != NULL || h->insecure, e);
	}
	rec_free(r);
	return rc < 0 ? err_wrap(e, "docker's context '%s'", name) : 0;
}

int
daemon_host_find(struct daemon_host *h, struct err *e)
{
	autofree char *dir = config_dir();
	autofree char *name = NULL;

	if (env("DOCKER_HOST") != NULL)
		return from_environment(h, env("DOCKER_HOST"), e);
	if ((name = context_name(dir)) != NULL)
		return from_context(h, dir, name, e);
	return set_address(h, DEFAULT_HOST, false, e);
}
