/*
 * daemon_host.h - where the Docker engine is, as docker's own client finds it.
 *
 * DOCKER_HOST, else the context that DOCKER_CONTEXT or currentContext in
 * config.json (of DOCKER_CONFIG, else ~/.docker) names, else the socket
 * /var/run/docker.sock.  With DOCKER_HOST, DOCKER_TLS_VERIFY asks for TLS with
 * ca.pem, cert.pem and key.pem of DOCKER_CERT_PATH, else of the folder of
 * config.json.
 *
 * Source: docker/cli, "Environment variables" and "docker context".
 */
#ifndef DAEMON_HOST_H
#define DAEMON_HOST_H

#include <stdbool.h>

#include "base/err.h"

struct daemon_host {
	char *name;		/* owned, as all here: "unix:///…", "tcp://…" */
	char *socket;		/* path, or NULL */
	char *url;		/* "http://HOST:PORT", without a path */
	char *cacert, *cert, *key;	/* PEM files, or NULL */
	bool insecure;		/* the context says: look at no certificate */
};
void daemon_host_release(struct daemon_host *h);

/*
 * h is zeroed before, and is released also after a failure.  ERR_INPUT
 * "docker_host" for an address that is none, or of a kind that we do not speak
 * (ssh://); ERR_CHECK "docker_context" for a context that is not there.
 */
int daemon_host_find(struct daemon_host *h, struct err *e);

#endif
