#include "oci/registry_certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define FILE_MAX (4 << 20)

void
registry_certs_release(struct registry_certs *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->cacert);
	free(c->cert);
	free(c->key);
	*c = (struct registry_certs)REGISTRY_CERTS_INIT;
}

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static int
add_authority(const char *path, struct buf *pem, struct err *e)
{
	struct err cause;

	if (file_slurp(AT_FDCWD, path, path, FILE_MAX, pem, &cause) < 0)
		return err_set(e, ERR_INPUT, "certificate_invalid", "%s",
		    cause.msg);
	buf_addc(pem, '\n');
	return 0;
}

static int
add_client(struct registry_certs *c, const char *path, struct err *e)
{
	autofree char *key = mem_fmt("%.*s.key", (int)strlen(path) - 5, path);

	if (access(key, R_OK) < 0)
		return err_set(e, ERR_INPUT, "certificate_invalid",
		    "'%s' stands without its key '%s'", path, key);
	free(c->cert);
	free(c->key);
	c->cert = mem_str(path);
	c->key = mem_str(key);
	return 0;
}

static int
only_certs(const struct dirent *d)
{
	return ends_in(d->d_name, ".crt") || ends_in(d->d_name, ".cert");
}

/* Where systems keep the authorities that everybody trusts. */
static void
add_system(struct buf *pem)
{
	const char *const paths[] = { getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };
	struct err ignored;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (paths[i] != NULL && add_authority(paths[i], pem,
		    &ignored) == 0)
			return;
}

/* One file for libcurl, which takes no more. */
static int
keep(struct registry_certs *c, struct buf *pem, struct err *e)
{
	add_system(pem);
	c->fd = memfd_create("authorities", MFD_CLOEXEC);
	if (c->fd < 0 || file_write(c->fd, pem->data, pem->len) < 0)
		return err_sys(e, "cannot keep the certificates");
	c->cacert = mem_fmt("/proc/self/fd/%d", c->fd);
	return 0;
}

/* 1 where the directory is there, 0, -1. */
static int
load(struct registry_certs *c, const char *dir, struct err *e)
{
	autobuf struct buf pem = BUF_INIT;
	struct dirent **list;
	int n = scandir(dir, &list, only_certs, alphasort), rc = 0;

	if (n < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(e, "cannot read '%s'", dir);
	}
	for (int i = 0; i < n; i++) {
		autofree char *path = mem_fmt("%s/%s", dir, list[i]->d_name);

		if (rc == 0)
			rc = ends_in(path, ".crt") ?
			    add_authority(path, &pem, e) :
			    add_client(c, path, e);
		free(list[i]);
	}
	free(list);
	if (rc == 0 && pem.len > 0)
		rc = keep(c, &pem, e);
	c->there = true;
	return rc < 0 ? -1 : 1;
}

int
registry_certs_load(struct registry_certs *c, const char *dir,
    const char *host, struct err *e)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	autofree char *own = config != NULL && *config != '\0' ?
	    mem_fmt("%s/containers", config) :
	    mem_fmt("%s/.config/containers", home != NULL ? home : "");
	const char *const parents[] = { own, "/etc/containers",
		"/etc/docker" };
	int rc = 0;

	if (dir != NULL) {
		if ((rc = load(c, dir, e)) == 0)
			return err_set(e, ERR_CHECK, "not_found",
			    "there is no directory '%s'", dir);
		return rc < 0 ? -1 : 0;
	}
	for (size_t i = 0; rc == 0 && i < 3; i++) {
		autofree char *path = mem_fmt("%s/certs.d/%s", parents[i],
		    host);

		rc = load(c, path, e);
	}
	return rc < 0 ? -1 : 0;
}
