#include "oci/netopts.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/ref.h"

/* Of creds_host: what a Dockerfile names is found out about by workers. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
netopts_release(struct netopts *n)
{
	free(n->creds_host);
	n->creds_host = NULL;
}

int
netopts_tls_verify(struct netopts *n, const char *value, struct err *e)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(e, ERR_INPUT, "usage",
		    "--tls-verify takes true or false, not '%s'", value);
	n->insecure = *value == 'f';
	return 0;
}

/* A reference with an x for each placeholder, the caller's to free. */
static char *
fill(const char *ref)
{
	struct buf b = BUF_INIT;

	while (*ref != '\0') {
		size_t len = strcspn(ref, "{");

		buf_add(&b, ref, len);
		ref += len;
		if (*ref == '\0' || strchr(ref, '}') == NULL)
			break;
		buf_addc(&b, 'x');
		ref = strchr(ref, '}') + 1;
	}
	return buf_detach(&b);
}

void
netopts_creds_for(struct netopts *n, const char *ref)
{
	static const char scheme[] = "docker://";
	AUTO(ref_release) struct ref r = REF_INIT;
	autofree char *text = fill(ref);
	char *from = text;
	struct err ignored;

	if (n->creds == NULL)
		return;
	if (strncmp(from, scheme, strlen(scheme)) == 0)
		from += strlen(scheme);
	if (ref_parse(&r, from, &ignored) < 0)
		return;
	pthread_mutex_lock(&lock);
	if (n->creds_host == NULL)
		n->creds_host = mem_str(r.host);
	pthread_mutex_unlock(&lock);
}

struct registry_opts
netopts_registry(const struct netopts *n, const char *host)
{
	bool mine;

	pthread_mutex_lock(&lock);
	mine = n->creds_host != NULL && strcmp(n->creds_host, host) == 0;
	pthread_mutex_unlock(&lock);
	return (struct registry_opts){
		.cred = { .creds = mine ? n->creds : NULL,
		    .authfile = n->authfile },
		.insecure = n->insecure, .cert_dir = n->cert_dir };
}
