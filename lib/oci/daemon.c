#include "oci/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/http.h"
#include "net/retry.h"
#include "oci/daemon_host.h"
#include "record/rec.h"
#include "record/tool.h"

/* An engine that unpacks a large layer says nothing for long. */
#define STALL_SECONDS 900
#define CONNECT_SECONDS 10

struct daemon {
	struct daemon_host host;
	struct http *http;
	char *base;		/* owned: URL with the version, no slash */
};

void
daemon_free(struct daemon *d)
{
	if (d == NULL)
		return;
	http_free(d->http);
	daemon_host_release(&d->host);
	free(d->base);
	free(d);
}

static int
unreachable(const struct daemon *d, const char *why, struct err *e)
{
	autofree char *words = mem_str(why);

	err_set(e, ERR_SYS, "engine_unreachable",
	    "no Docker engine answers at %s (%s): start it, or name another "
	    "with DOCKER_HOST", d->host.name, words);
	err_set_path(e, d->host.name);
	return -1;
}

/* Why a socket can't be connected to, which libcurl does not say. */
static int
try_socket(const struct daemon *d, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(d->host.socket) >= sizeof(addr.sun_path))
		return unreachable(d, "the path is too long for a socket", e);
	strcpy(addr.sun_path, d->host.socket);
	if (fd < 0)
		return err_sys(e, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno != EACCES && errno != EPERM)
		return unreachable(d, strerror(errno), e);
	err_set(e, ERR_CHECK, "engine_forbidden",
	    "permission denied at the Docker engine's socket %s: become a "
	    "member of its group (docker, as a rule), or name another engine "
	    "with DOCKER_HOST", d->host.socket);
	err_set_path(e, d->host.name);
	return -1;
}

/* The body of an answer that was refused: {"message": "…"}. */
static int
refused(const struct daemon *d, const struct http_answer *a, const char *what,
    struct err *e)
{
	struct err ignored;
	struct rec *r = rec_parse(a->body.data, a->body.len, "answer",
	    &ignored);
	const char *said = NULL;
	double wait;

	if (r == NULL || rec_str(r, "message", &said, &ignored) <= 0) {
		rec_free(r);
		return retry_status(a, what, &wait, e);
	}
	err_set(e, a->status >= 500 ? ERR_SYS : ERR_CHECK, "engine_refused",
	    "%s: the Docker engine says: %.1000s", what, said);
	err_set_path(e, d->host.name);
	rec_free(r);
	return -1;
}

/* The answer to a GET of base + path. */
static int
get(struct daemon *d, const char *path, struct http_answer *a, struct err *e)
{
	autofree char *url = mem_fmt("%s%s", d->base, path);
	struct http_request q = HTTP_REQUEST_INIT;

	q.url = url;
	q.no_follow = true;
	if (http_do(d->http, &q, a, e) == 0)
		return 0;
	return e->kind == ERR_SYS ? unreachable(d, e->msg, e) : -1;
}

/* See it answer, and go on with the version that it speaks. */
static int
ping(struct daemon *d, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = { .body = BUF_INIT };
	const char *version;

	if (d->host.socket != NULL && try_socket(d, e) < 0)
		return -1;
	if (get(d, "/_ping", &a, e) < 0)
		return -1;
	if (a.status != 200)
		return refused(d, &a, "cannot use the Docker engine", e);
	version = http_field(&a, "Api-Version", 0);
	if (version != NULL && *version != '\0' &&
	    strspn(version, "0123456789.") == strlen(version)) {
		free(d->base);
		d->base = mem_fmt("%s/v%s", d->host.url, version);
	}
	return 0;
}

struct daemon *
daemon_open(struct err *e)
{
	struct daemon *d = mem_zero(1, sizeof(*d));
	struct http_opts opts = {
		.connect_s = CONNECT_SECONDS, .stall_s = STALL_SECONDS,
	};

	if (daemon_host_find(&d->host, e) == 0) {
		opts.unix_socket = d->host.socket;
		opts.cacert = d->host.cacert;
		opts.cert = d->host.cert;
		opts.key = d->host.key;
		opts.insecure = d->host.insecure;
		d->base = mem_str(d->host.url);
		d->http = http_new(&opts, e);
		if (d->http != NULL && ping(d, e) == 0)
			return d;
	}
	daemon_free(d);
	return NULL;
}

/* A load: the archive goes out, lines of JSON come back. */
struct load {
	struct imgtar *tar;	/* borrowed */
	struct err err;		/* of reading it, where kind is not ERR_NONE */
	struct buf line;	/* not yet whole */
	char *said;		/* owned: the engine's error, or NULL */
};

static int64_t
give(void *ctx, void *data, size_t len)
{
	struct load *l = ctx;

	return imgtar_read(l->tar, data, len, &l->err);
}

static int
again(void *ctx)
{
	struct load *l = ctx;

	imgtar_rewind(l->tar);
	return 0;
}

/* One message of the stream: `errorDetail` (and `error`, for old readers) is a
 * failure though the status was 200. */
static void
hear(struct load *l, const char *line, size_t len)
{
	struct err ignored;
	struct rec *r = rec_parse(line, len, "the engine's answer", &ignored);
	const char *text;

	if (r == NULL)
		return;
	if (l->said == NULL &&
	    (rec_str(r, "errorDetail.message", &text, &ignored) > 0 ||
	    rec_str(r, "error", &text, &ignored) > 0))
		l->said = mem_str(text);
	if (rec_str(r, "stream", &text, &ignored) > 0)
		tool_note("engine: %.*s", (int)strcspn(text, "\r\n"), text);
	rec_free(r);
}

static int
take(void *ctx, const void *data, size_t len, struct err *e)
{
	struct load *l = ctx;
	char *end, *start;

	buf_add(&l->line, data, len);
	start = l->line.data;
	while ((end = strchr(start, '\n')) != NULL) {
		hear(l, start, (size_t)(end - start));
		start = end + 1;
	}
	len = strlen(start);
	memmove(l->line.data, start, len);
	buf_truncate(&l->line, len);
	if (len <= REC_LINE_MAX)
		return 0;
	return err_set(e, ERR_SYS, "engine_answer",
	    "the Docker engine's answer has a line of over 1 MiB");
}

static int
loaded(const struct daemon *d, struct load *l, const struct http_answer *a,
    struct err *e)
{
	if (a->status != 200)
		return refused(d, a, "cannot load the image", e);
	hear(l, l->line.data, l->line.len);
	if (l->said == NULL)
		return 0;
	err_set(e, strstr(l->said, "no space left") != NULL ? ERR_SYS :
	    ERR_CHECK, "engine_refused",
	    "cannot load the image: the Docker engine says: %.1000s", l->said);
	err_set_path(e, d->host.name);
	return -1;
}

int
daemon_load(struct daemon *d, struct imgtar *t, struct err *e)
{
	static const char *const headers[] = {
		"Content-Type: application/x-tar", NULL
	};
	AUTO(http_answer_release) struct http_answer a = { .body = BUF_INIT };
	autofree char *url = mem_fmt("%s/images/load", d->base);
	struct load *l = mem_zero(1, sizeof(*l));
	struct http_request q = HTTP_REQUEST_INIT;
	int rc;

	*l = (struct load){ .tar = t, .line = BUF_INIT };
	imgtar_rewind(t);
	q.method = "POST";
	q.url = url;
	q.headers = headers;
	q.upload_size = imgtar_size(t);
	q.read = give;
	q.rewind = again;
	q.data = take;
	q.no_follow = true;
	q.ctx = l;
	rc = http_do(d->http, &q, &a, e);
	if (rc < 0 && l->err.kind != ERR_NONE)
		*e = l->err;
	else if (rc < 0)
		err_wrap(e, "cannot load the image");
	else
		rc = loaded(d, l, &a, e);
	buf_release(&l->line);
	free(l->said);
	free(l);
	return rc;
}

/* What the engine has by that name: its id, the caller's to free. */
static char *
image_id(struct daemon *d, const char *ref, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = { .body = BUF_INIT };
	autofree char *path = mem_fmt("/images/%s/json", ref);
	const char *id;
	char *copy = NULL;
	struct rec *r;

	if (get(d, path, &a, e) < 0)
		return NULL;
	if (a.status == 404) {
		err_set(e, ERR_CHECK, "not_found",
		    "the Docker engine at %s has no image '%s'", d->host.name,
		    ref);
		err_set_path(e, ref);
		return NULL;
	}
	if (a.status != 200) {
		refused(d, &a, "cannot look at the image", e);
		return NULL;
	}
	r = rec_parse(a.body.data, a.body.len, "the engine's answer", e);
	if (r != NULL && rec_need_str(r, "Id", &id, e) == 0)
		copy = mem_str(id);
	else
		err_set(e, ERR_SYS, "engine_answer",
		    "the Docker engine's answer for '%s' makes no sense", ref);
	rec_free(r);
	return copy;
}

int
daemon_verify(struct daemon *d, const char *ref,
    const char *config_digest, const char *manifest_digest, struct err *e)
{
	autofree char *id = image_id(d, ref, e);

	if (id == NULL)
		return -1;
	if (strcmp(id, config_digest) == 0 || strcmp(id, manifest_digest) == 0)
		return 0;
	err_set(e, ERR_CHECK, "engine_image_mismatch",
	    "the Docker engine's '%s' is %.100s and not the image that was "
	    "loaded", ref, id);
	err_set_values(e, config_digest, id);
	return -1;
}

static int
keep(void *ctx, const void *data, size_t len, struct err *e)
{
	const int *fd = ctx;

	if (file_write(*fd, data, len) < 0)
		return err_sys(e, "cannot write a temporary file");
	return 0;
}

int
daemon_save(struct daemon *d, const char *ref, int fd, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a = { .body = BUF_INIT };
	autofree char *id = image_id(d, ref, e);
	autofree char *url = mem_fmt("%s/images/%s/get", d->base, ref);
	struct http_request q = HTTP_REQUEST_INIT;

	if (id == NULL)
		return -1;
	q.url = url;
	q.data = keep;
	q.no_follow = true;
	q.ctx = &fd;
	if (http_do(d->http, &q, &a, e) < 0)
		return err_wrap(e, "cannot save the image '%s'", ref);
	if (a.status != 200)
		return refused(d, &a, "cannot save the image", e);
	return 0;
}
