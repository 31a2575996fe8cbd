/*
 * contract.h - what a project's bundles must hold.
 *
 * Four kinds of rule: components, paths that the manifest must list, paths
 * that must be regular files or directories, and globs of which each must
 * match.  The built-in one is OpenShell's GPU contract.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

struct contract_list {
	char **items;		/* owned */
	size_t count, cap;
};

struct contract {
	char *name;			/* owned */
	struct contract_list components, required, files, directories, globs;
	char sha256[DIGEST_HEX];	/* of contract_print's text */
};

/* The built-in one; file NULL or "" too.  ERR_INPUT "contract_invalid" with the
 * file's name and the field, ERR_CHECK where it is not there. */
int contract_load(struct contract *c, const char *file, struct err *e);
void contract_release(struct contract *c);

/* As a contract file reads. */
void contract_print(const struct contract *c, struct buf *out);

/* "x86_64-linux-gnu" for "amd64", "aarch64-linux-gnu" for "arm64". */
const char *contract_multiarch(const char *arch);

/* pattern with {multiarch} replaced, added to out. */
void contract_glob(const char *pattern, const char *arch, struct buf *out);

#endif
