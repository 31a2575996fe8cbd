/*
 * http_round.h - one client that asks two servers, `here` and `there`.
 */
#ifndef HTTP_ROUND_H
#define HTTP_ROUND_H

#include "http_server.h"
#include "net/http.h"

static struct server here, there;

/* One client, one request; what came of it. */
struct round {
	struct http_opts opts;
	struct http_request q;
	struct http *h;
	char *url;
	struct http_answer a;
	struct err e;
	int result;
};

static inline void
begin(struct round *r, bool (*play)(struct asked *a))
{
	memset(r, 0, sizeof(*r));
	r->q = (struct http_request)HTTP_REQUEST_INIT;
	server_start(&here, play);
	server_start(&there, play);
}

/* Ask `here` for path; again on the same client where there is one. */
static inline int
ask(struct round *r, const char *path)
{
	free(r->url);
	http_answer_release(&r->a);
	r->url = mem_fmt("http://127.0.0.1:%d%s", here.port, path);
	r->q.url = r->url;
	if (r->h == NULL)
		r->h = http_new(&r->opts, &r->e);
	assert(r->h != NULL);
	err_init(&r->e);
	r->result = http_do(r->h, &r->q, &r->a, &r->e);
	if (r->result < 0)
		r->a = (struct http_answer){ .body = BUF_INIT };
	return r->result;
}

static inline void
end(struct round *r)
{
	http_answer_release(&r->a);
	http_free(r->h);
	free(r->url);
	server_stop(&here);
	server_stop(&there);
}

static inline bool
failed(const struct round *r, enum err_kind kind, const char *code)
{
	if (r->result < 0 && r->e.kind == kind && strcmp(r->e.code, code) == 0)
		return true;
	printf("%d: %s: %s (%s)\n", r->result, r->e.code, r->e.msg,
	    r->e.detail);
	return false;
}

/* A body that is read in pieces of odd size. */
struct source {
	size_t at, len;
	int rewinds;
	bool no_rewind, broken;
};

static inline int64_t
source_read(void *ctx, void *data, size_t len)
{
	struct source *s = ctx;
	size_t n = s->len - s->at < 7777 ? s->len - s->at : 7777;

	if (s->broken && s->at > 0)
		return -1;
	n = n < len ? n : len;
	memset(data, 'x', n);
	s->at += n;
	return (int64_t)n;
}

static inline int
source_rewind(void *ctx)
{
	struct source *s = ctx;

	s->at = 0;
	s->rewinds++;
	return s->no_rewind ? -1 : 0;
}

static inline void
upload(struct round *r, struct source *s, const char *method, size_t len)
{
	*s = (struct source){ .len = len };
	r->q.method = method;
	r->q.upload_size = (int64_t)len;
	r->q.read = source_read;
	r->q.rewind = source_rewind;
	r->q.ctx = s;
}

#endif
