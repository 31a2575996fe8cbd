#include "net/http_easy.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/addr.h"
#include "net/proxy.h"

#define CONNECT_S 30
#define STALL_S	  30
#define STALL_RATE 100L			/* bytes a second: who dribbles would
					   keep us for ever */
#define RECEIVE_SIZE (256L << 10)	/* fewer system calls than 16 KiB */
#define SEND_SIZE    (512L << 10)
_Static_assert(sizeof(((struct http_hop *)0)->words) >= CURL_ERROR_SIZE,
    "libcurl's messages fit");

static int
copy_file(char **to, const char *path, const char *what, struct err *e)
{
	if (path == NULL)
		return 0;
	if (access(path, R_OK) < 0) {
		err_set(e, ERR_INPUT, "file_unreadable",
		    "cannot read the %s '%s': %s", what, path,
		    strerror(errno));
		err_set_path(e, path);
		return -1;
	}
	*to = mem_str(path);
	return 0;
}

int
http_easy_init(struct http_easy *o, const struct http_opts *opts,
    struct err *e)
{
	memset(o, 0, sizeof(*o));
	o->insecure = opts->insecure;
	o->netrc = opts->netrc;
	o->connect_s = opts->connect_s > 0 ? opts->connect_s : CONNECT_S;
	o->stall_s = opts->stall_s > 0 ? opts->stall_s : STALL_S;
	o->agent = mem_str(opts->agent != NULL ? opts->agent :
	    "slipway/" TOOL_VERSION);
	if (opts->unix_socket != NULL)
		o->unix_socket = mem_str(opts->unix_socket);
	if (copy_file(&o->cacert, opts->cacert, "CA certificates", e) == 0 &&
	    copy_file(&o->cert, opts->cert, "client certificate", e) == 0 &&
	    copy_file(&o->key, opts->key, "client key", e) == 0)
		return 0;
	http_easy_release(o);
	return -1;
}

void
http_easy_release(struct http_easy *o)
{
	free(o->cacert);
	free(o->cert);
	free(o->key);
	free(o->unix_socket);
	free(o->agent);
}

/* What libcurl calls. */

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_hop *p = arg;

	return http_take_line(&p->take, data, size * n) < 0 ? 0 : size * n;
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	struct http_hop *p = arg;

	return http_take_body(&p->take, data, size * n) < 0 ? 0 : size * n;
}

/* The body's next bytes.  Its end before what was promised would leave the
 * server waiting, so it breaks off. */
static size_t
on_read(char *data, size_t size, size_t n, void *arg)
{
	struct http_hop *p = arg;
	const struct http_request *q = p->take.q;
	int64_t left = q->upload_size - p->sent, len = (int64_t)(size * n);

	if (len > left)
		len = left;
	if (len <= 0)
		return 0;
	if (q->read != NULL)
		len = q->read(q->ctx, data, (size_t)len);
	else
		memcpy(data, (const char *)q->body + p->sent, (size_t)len);
	if (len <= 0) {
		err_set(p->take.err, ERR_SYS, "broken_off",
		    "what is to be sent could not be read");
		return CURL_READFUNC_ABORT;
	}
	p->sent += len;
	return (size_t)len;
}

int
http_easy_rewind(struct http_hop *p)
{
	const struct http_request *q = p->take.q;

	if (p->sent > 0 && q->read != NULL &&
	    (q->rewind == NULL || q->rewind(q->ctx) < 0))
		return -1;
	p->sent = 0;
	return 0;
}

static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_hop *p = arg;

	if (offset != 0 || origin != SEEK_SET || http_easy_rewind(p) < 0)
		return CURL_SEEKFUNC_FAIL;
	return CURL_SEEKFUNC_OK;
}

/* The address of a name that a stranger's redirect has led to: first before
 * it is connected to, then for a kept connection as well. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct http_hop *p = arg;
	struct in6_addr a;

	(void)purpose;
	if (p->guarded && p->direct && (!addr_of(&sa->addr, &a) ||
	    addr_is_private(&a))) {
		p->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

static int
on_request(void *arg, char *remote, char *local, int remote_port,
    int local_port)
{
	struct http_hop *p = arg;
	struct in6_addr a;

	(void)local;
	(void)remote_port;
	(void)local_port;
	if (!p->guarded || !p->direct || (addr_parse(remote, &a) &&
	    !addr_is_private(&a)))
		return CURL_PREREQFUNC_OK;
	p->refused = true;
	return CURL_PREREQFUNC_ABORT;
}

/* Options of a request. */

static void
add_field(struct http_hop *p, const char *line)
{
	const char *value = strchr(line, ':') + 1;
	autofree char *empty = NULL;
	struct curl_slist *list;

	/* "Name:" would take libcurl's own away, "Name;" is an empty one */
	if (value[strspn(value, " \t")] == '\0') {
		empty = mem_fmt("%.*s;", (int)(value - 1 - line), line);
		line = empty;
	}
	if ((list = curl_slist_append(p->fields, line)) == NULL)
		mem_die();
	p->fields = list;
}

static bool
has_authorization(const struct http_request *q)
{
	static const char name[] = "Authorization:";
	const char *const *f = q->headers;

	for (; f != NULL && *f != NULL; f++)
		if (strncasecmp(*f, name, sizeof(name) - 1) == 0)
			return true;
	return q->authorization != NULL;
}

/* What goes to the server that the request names, and to no other. */
static void
set_secrets(struct http_hop *p)
{
	const struct http_easy *o = p->opts;
	const struct url *u = &p->take.answer->url;
	const char *const *f = p->take.q->headers;
	const char *netrc = getenv("NETRC");

	if (p->take.answer->moved)
		return;
	if (p->take.q->authorization != NULL) {
		autofree char *line = mem_fmt("Authorization: %s",
		    p->take.q->authorization);

		add_field(p, line);
	}
	for (; f != NULL && *f != NULL; f++)
		add_field(p, *f);
	if (o->netrc && !has_authorization(p->take.q) &&
	    (strcmp(u->scheme, "https") == 0 || url_is_loopback(u))) {
		curl_easy_setopt(p->handle, CURLOPT_NETRC,
		    (long)CURL_NETRC_OPTIONAL);
		if (netrc != NULL && *netrc != '\0')
			curl_easy_setopt(p->handle, CURLOPT_NETRC_FILE, netrc);
	}
	curl_easy_setopt(p->handle, CURLOPT_SSLCERT, o->cert);
	curl_easy_setopt(p->handle, CURLOPT_SSLKEY, o->key);
}

static void
set_fields(struct http_hop *p)
{
	const char *const *f = p->take.q->plain;

	curl_slist_free_all(p->fields);
	p->fields = NULL;
	set_secrets(p);
	for (; f != NULL && *f != NULL; f++)
		add_field(p, *f);
	/* a wait of a second for servers that do not know it */
	p->fields = curl_slist_append(p->fields, "Expect:");
	if (p->fields == NULL)
		mem_die();
	curl_easy_setopt(p->handle, CURLOPT_HTTPHEADER, p->fields);
}

static void
set_method(struct http_hop *p)
{
	const struct http_request *q = p->take.q;
	CURL *c = p->handle;
	char range[64];

	if (strcmp(p->take.method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (p->body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, SEND_SIZE);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)q->upload_size);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, p->take.method);
	} else {
		curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, p->take.method);
	}
	if (q->first < 0)
		return;
	snprintf(range, sizeof(range), q->last < 0 ? "%lld-" : "%lld-%lld",
	    (long long)q->first, (long long)q->last);
	curl_easy_setopt(c, CURLOPT_RANGE, range);
}

static void
set_callbacks(struct http_hop *p)
{
	CURL *c = p->handle;

	curl_easy_setopt(c, CURLOPT_PRIVATE, (void *)p);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, p->words);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, p);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, p);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, p);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, p);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, p);
}

/* HTTP/1.1: of several ranged requests each has a connection, a window and a
 * loss of its own, where HTTP/2 would put all into one. */
static void
set_protocol(const struct http_hop *p)
{
	CURL *c = p->handle;

#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(c, CURLOPT_PROTOCOLS,
	    (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(c, CURLOPT_URL, p->take.answer->url.text);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, p->opts->agent);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void
set_tls(const struct http_hop *p)
{
	const struct http_easy *o = p->opts;
	CURL *c = p->handle;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
	if (o->cacert == NULL)
		return;
	/* the system's directory would be asked beside the file */
	curl_easy_setopt(c, CURLOPT_CAINFO, o->cacert);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
}

static void
set_route(struct http_hop *p)
{
	const struct http_easy *o = p->opts;
	const char *proxy = o->unix_socket != NULL ? NULL :
	    proxy_for(&p->take.answer->url);
	CURL *c = p->handle;

	p->direct = proxy == NULL && o->unix_socket == NULL;
	curl_easy_setopt(c, CURLOPT_PROXY, proxy != NULL ? proxy : "");
	curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	if (o->unix_socket != NULL)
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
}

/* Milliseconds that are left of the whole; 0 where there is no limit. */
long
http_easy_time_left(const struct http_hop *p)
{
	double left = (p->deadline - clock_monotonic()) * 1000;

	return p->deadline <= 0 ? 0 : left < 1 ? 1 : (long)left;
}

static void
set_times(struct http_hop *p)
{
	CURL *c = p->handle;

	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, p->opts->connect_s);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_RATE);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, p->opts->stall_s);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, http_easy_time_left(p));
}

void
http_easy_apply(struct http_hop *p)
{
	set_protocol(p);
	set_callbacks(p);
	set_route(p);
	set_tls(p);
	set_times(p);
	set_fields(p);
	set_method(p);
}
