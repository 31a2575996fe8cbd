/*
 * netopts.h - the options of every tool that speaks to registries.
 *
 * A tool's context has a struct netopts, its table of options the rows below.
 */
#ifndef NETOPTS_H
#define NETOPTS_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/registry.h"
#include "record/tool.h"

struct netopts {		/* strings lent: argv */
	const char *creds;	/* --creds USER:PASSWORD */
	const char *authfile;	/* --authfile FILE */
	const char *cert_dir;	/* --cert-dir DIR */
	bool insecure;		/* --tls-verify=false */
	char *creds_host;	/* owned; see netopts_creds_for */
};
#define NETOPTS_INIT { .creds = NULL }
void netopts_release(struct netopts *n);

/* --tls-verify takes true or false; ERR_INPUT "usage". */
int netopts_tls_verify(struct netopts *n, const char *value, struct err *e);

/*
 * --creds is for one registry, that of ref ("HOST/NAME…", or with docker://
 * before it): only the first call counts, so tools ask in the order in which a
 * person would mean it (where a result goes to, then where it comes from).
 * Until then it is for none.  Placeholders in it ({arch}) may be anything; what
 * is no reference does not count.
 */
void netopts_creds_for(struct netopts *n, const char *ref);

/* What a client of host is made with; lent by n. */
struct registry_opts netopts_registry(const struct netopts *n,
    const char *host);

#define NETOPTS_CREDS(target) \
	{ .name = "creds", .arg = "USER:PASS", .str = (target), \
	  .help = "credentials for the registry" }
#define NETOPTS_AUTHFILE(target) \
	{ .name = "authfile", .arg = "FILE", .str = (target), \
	  .help = "credentials file, and no other" }
#define NETOPTS_TLS_VERIFY(setter) \
	{ .name = "tls-verify", .arg = "BOOL", .set = (setter), \
	  .help = "false: any certificate, or plain http" }
#define NETOPTS_CERT_DIR(target) \
	{ .name = "cert-dir", .arg = "DIR", .str = (target), \
	  .help = "*.crt, *.cert and *.key for the registry" }

#endif
