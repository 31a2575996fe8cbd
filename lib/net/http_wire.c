#include "net/http_wire.h"

#include <curl/multi.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "net/addr.h"
#include "net/http_rules.h"
#include "net/sigpipe.h"

#define IDLE_MAX 16		/* connections, and handles */

struct http_wire {
	CURLM *multi;
	struct http_easy opts;
	CURL *idle[IDLE_MAX];	/* handles keep their TLS sessions */
	size_t idles;
};

static void
global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_die();
}

void
http_wire_setup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

struct http_wire *
http_wire_new(const struct http_opts *opts, struct err *e)
{
	struct http_wire *w = mem_zero(1, sizeof(*w));

	if (http_easy_init(&w->opts, opts, e) < 0) {
		free(w);
		return NULL;
	}
	if ((w->multi = curl_multi_init()) == NULL)
		mem_die();
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_MAX);
	return w;
}

void
http_wire_free(struct http_wire *w)
{
	struct sigpipe pipe;

	sigpipe_hold(&pipe);
	while (w->idles > 0)
		curl_easy_cleanup(w->idle[--w->idles]);
	curl_multi_cleanup(w->multi);
	sigpipe_release(&pipe);
	http_easy_release(&w->opts);
	free(w);
}

static CURL *
take_handle(struct http_wire *w)
{
	CURL *c = w->idles > 0 ? w->idle[--w->idles] : curl_easy_init();

	if (c == NULL)
		mem_die();
	return c;
}

/* Take p off the wire; its handle is free for the next. */
static void
let_go(struct http_hop *p)
{
	struct http_wire *w = p->wire;

	curl_multi_remove_handle(w->multi, p->handle);
	curl_easy_reset(p->handle);
	curl_slist_free_all(p->fields);
	if (w->idles < IDLE_MAX)
		w->idle[w->idles++] = p->handle;
	else
		curl_easy_cleanup(p->handle);
	p->handle = p->fields = NULL;
}

void
http_wire_send(struct http_wire *w, struct http_hop *p)
{
	p->wire = w;
	p->opts = &w->opts;
	p->handle = take_handle(w);
	p->fields = NULL;
	p->words[0] = '\0';
	p->refused = p->private = false;
	http_take_start(&p->take);
	http_easy_apply(p);
	if (curl_multi_add_handle(w->multi, p->handle) != CURLM_OK)
		mem_die();
}

void
http_wire_cancel(struct http_hop *p)
{
	struct sigpipe pipe;

	if (p->handle == NULL)
		return;
	sigpipe_hold(&pipe);
	let_go(p);
	sigpipe_release(&pipe);
}

/* An error whose message is before, the URL, after. */
static int
fail(struct http_hop *p, enum err_kind kind, const char *code,
    const char *before, const char *after)
{
	autofree char *shown = url_redact(p->take.answer->url.text, NULL);
	autobuf struct buf words = BUF_INIT;
	struct err *e = p->take.err;

	text_escape(&words, p->words, strlen(p->words));
	err_set(e, kind, code, "%s'%s'%s", before, shown, after);
	err_set_path(e, shown);
	err_set_detail(e, "%s", words.data);
	return -1;
}

/* Nothing came in time: in all, since the request, or before it was sent. */
static int
fail_late(struct http_hop *p)
{
	curl_off_t asked = 0;

	curl_easy_getinfo(p->handle, CURLINFO_PRETRANSFER_TIME_T,
	    &asked);
	if (p->deadline > 0 && http_easy_time_left(p) < 10)
		return fail(p, ERR_SYS, "timeout", "", " took too long");
	if (asked > 0)
		return fail(p, ERR_SYS, "stalled", "", " stalled");
	return fail(p, ERR_SYS, "timeout", "",
	    " can't be reached in time");
}

/* Make an error of libcurl's code. */
static int
fail_curl(struct http_hop *p, CURLcode code)
{
	char *words = p->words;

	if (*words == '\0')
		snprintf(words, sizeof(p->words), "%s",
		    curl_easy_strerror(code));
	/* these repeat the proxy as it was given, with its password */
	if (strncmp(words, "Unsupported proxy", 17) == 0) {
		*words = '\0';
		return fail(p, ERR_INPUT, "proxy_invalid", "cannot reach ",
		    ": the environment's proxy is none that can be used");
	}
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return fail_late(p);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return fail(p, ERR_CHECK, "tls", "the certificate of ",
		    " is not to be trusted");
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return fail(p, ERR_INPUT, "file_unreadable",
		    "a certificate file for ", " can't be used");
	case CURLE_OUT_OF_MEMORY:
		/* so it calls a field of over 100 KiB, too */
		if (p->take.complete)
			mem_die();
		*words = '\0';
		return fail(p, ERR_CHECK, "too_large", "",
		    " answers with over 100 KiB in one header field");
	case CURLE_SEND_FAIL_REWIND:
		return fail(p, ERR_SYS, "connection", "",
		    " was lost, and what was sent can't be sent again");
	case CURLE_PARTIAL_FILE:
		return fail(p, ERR_SYS, "connection", "",
		    " ended before all of it was there");
	default:
		return fail(p, ERR_SYS, "connection", "cannot reach ", "");
	}
}

static int
outcome(struct http_hop *p, CURLcode code)
{
	struct err *e = p->take.err;

	if (code == CURLE_OK || p->take.enough)
		return 0;
	if (p->refused)
		return http_rules_refuse(&p->take.answer->url,
		    "it leads to a private address", e);
	return e->kind != ERR_NONE ? -1 : fail_curl(p, code);
}

/* The machine that has answered is this one, or one of a private net. */
static bool
is_private(const struct http_hop *p)
{
	struct in6_addr a;
	char *ip = NULL;

	if (p->opts->unix_socket != NULL ||
	    url_is_private(&p->take.answer->url))
		return true;
	curl_easy_getinfo(p->handle, CURLINFO_PRIMARY_IP, &ip);
	return p->direct && ip != NULL && addr_parse(ip, &a) &&
	    addr_is_private(&a);
}

struct http_hop *
http_wire_next(struct http_wire *w, int *result)
{
	struct sigpipe pipe;
	struct http_hop *p = NULL;
	CURLMsg *m;
	int left;

	sigpipe_hold(&pipe);
	curl_multi_perform(w->multi, &left);
	while ((m = curl_multi_info_read(w->multi, &left)) != NULL &&
	    m->msg != CURLMSG_DONE)
		continue;
	if (m != NULL) {
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
		p->private = is_private(p);
		*result = outcome(p, m->data.result);
		let_go(p);
	}
	sigpipe_release(&pipe);
	return p;
}

void
http_wire_poll(struct http_wire *w, int timeout_ms)
{
	curl_multi_poll(w->multi, NULL, 0, timeout_ms, NULL);
}
