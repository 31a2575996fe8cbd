/*
 * registry_certs.h - certificates for one registry, as certs.d keeps them.
 *
 * In its directory *.crt are authorities that are trusted for this host besides
 * the system's, NAME.cert with NAME.key is who we are (containers-certs.d(5)).
 */
#ifndef REGISTRY_CERTS_H
#define REGISTRY_CERTS_H

#include <stdbool.h>

#include "base/err.h"

struct registry_certs {
	bool there;		/* there is a directory for the host */
	int fd;			/* of a file in memory, or -1 */
	char *cacert;		/* owned: its path; NULL: the system's alone */
	char *cert, *key;	/* owned paths, or NULL */
};
#define REGISTRY_CERTS_INIT { false, -1, NULL, NULL, NULL }
void registry_certs_release(struct registry_certs *c);

/*
 * Read dir (NULL: the one for host[:port], see registry.h).  ERR_INPUT
 * "certificate_invalid" for a file that can't be read, and a .cert without its
 * .key; ERR_CHECK "not_found" for a dir that is not there.
 */
int registry_certs_load(struct registry_certs *c, const char *dir,
    const char *host, struct err *e);

#endif
