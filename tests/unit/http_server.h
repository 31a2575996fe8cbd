/*
 * http_server.h - a server on the loopback that a test writes the answers of.
 *
 * Each connection has a thread; each request is read whole, written down, and
 * given to the test's `play`.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#undef NDEBUG
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define SERVER_CLIENTS 64

struct server;

struct asked {
	struct server *server;
	int fd;
	int connection, request;	/* from 0, of the server and of this
					   connection */
	struct buf head, body;
	char method[16], path[4096];
};

struct server {
	int listener, port;
	pthread_t thread, clients[SERVER_CLIENTS];
	atomic_int connections, requests;
	pthread_mutex_t lock;
	struct buf log;		/* heads and bodies */
	/* Answer on a->fd; true: keep the connection. */
	bool (*play)(struct asked *a);
};

static inline void
server_say(const struct asked *a, const char *text)
{
	/* the client may have had enough */
	(void)!send(a->fd, text, strlen(text), MSG_NOSIGNAL);
}

/* An answer with a body; fields are lines with their CRLF. */
static inline bool
server_answer(const struct asked *a, const char *status, const char *fields,
    const char *body)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
	    strlen(body), fields, body);
	server_say(a, b.data);
	return true;
}

/* Wait until the client has closed. */
static inline void
server_wait_closed(const struct asked *a)
{
	char c[4096];

	while (recv(a->fd, c, sizeof(c), 0) > 0)
		continue;
}

static inline const char *
server_field(const struct asked *a, const char *name)
{
	const char *p = strcasestr(a->head.data, name);

	return p == NULL ? NULL : p + strlen(name);
}

/* Read until the head is there, then the body. */
static inline bool
server_read(struct asked *a)
{
	const char *p;
	size_t want;
	char c;

	buf_reset(&a->head);
	buf_reset(&a->body);
	while (strstr(a->head.data, "\r\n\r\n") == NULL) {
		if (recv(a->fd, &c, 1, 0) != 1)
			return false;
		buf_addc(&a->head, c);
	}
	assert(sscanf(a->head.data, "%15s %4095s", a->method, a->path) == 2);
	p = server_field(a, "\r\nContent-Length:");
	want = p == NULL ? 0 : strtoul(p, NULL, 10);
	while (a->body.len < want) {
		if (recv(a->fd, &c, 1, 0) != 1)
			return false;
		buf_addc(&a->body, c);
	}
	return true;
}

static inline void *
server_client(void *arg)
{
	struct asked *a = arg;
	struct server *s = a->server;
	bool keep = true;

	while (keep && server_read(a)) {
		pthread_mutex_lock(&s->lock);
		buf_add(&s->log, a->head.data, a->head.len);
		buf_add(&s->log, a->body.data, a->body.len);
		pthread_mutex_unlock(&s->lock);
		atomic_fetch_add(&s->requests, 1);
		keep = s->play(a);
		a->request++;
	}
	close(a->fd);
	buf_release(&a->head);
	buf_release(&a->body);
	free(a);
	return NULL;
}

static inline void *
server_run(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		struct asked *a = mem_zero(1, sizeof(*a));

		*a = (struct asked){ .server = s, .fd = fd,
		    .head = BUF_INIT, .body = BUF_INIT };
		a->connection = atomic_fetch_add(&s->connections, 1);
		assert(a->connection < SERVER_CLIENTS);
		assert(pthread_create(&s->clients[a->connection], NULL,
		    server_client, a) == 0);
	}
	return NULL;
}

static inline void
server_start(struct server *s, bool (*play)(struct asked *a))
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);

	memset(s, 0, sizeof(*s));
	s->play = play;
	buf_init(&s->log);
	pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(s->listener, (struct sockaddr *)&sin, len) == 0);
	assert(listen(s->listener, SERVER_CLIENTS) == 0);
	assert(getsockname(s->listener, (struct sockaddr *)&sin, &len) == 0);
	s->port = ntohs(sin.sin_port);
	assert(pthread_create(&s->thread, NULL, server_run, s) == 0);
}

/* The clients have closed their connections: http_free is called before. */
static inline void
server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listener);
	for (int i = 0; i < s->connections; i++)
		pthread_join(s->clients[i], NULL);
	buf_release(&s->log);
	pthread_mutex_destroy(&s->lock);
}

#endif
