/*
 * ref.h - image references as Docker writes them:
 * [HOST[:PORT]/]NAME[:TAG][@sha256:HEX].
 *
 * Source of the grammar: distribution/reference; the tag's is also
 * distribution-spec v1.1, "Pulling manifests".  All failures are ERR_INPUT
 * "reference_invalid".
 */
#ifndef REF_H
#define REF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

#define REF_HUB "docker.io"	/* the registry of a name without a host */

struct ref {
	char *host;		/* owned: "ghcr.io", "localhost:5000"; REF_HUB
				   where none is written */
	char *repo;		/* owned: "me/app"; "library/alpine" for what
				   REF_HUB calls "alpine" */
	char *tag;		/* owned; NULL where none is written */
	char digest[DIGEST_STR];	/* "" where none is written */
};
#define REF_INIT { .digest = "" }

/*
 * Take str apart.  Tag and digest may both be there (the digest says what is
 * meant then), or neither (a caller who needs one takes "latest").  *r is
 * REF_INIT before, ends in ref_release, and is filled on success only.
 */
int ref_parse(struct ref *r, const char *str, struct err *e);
void ref_release(struct ref *r);

/* What the registry is asked for: the digest, else the tag, else "latest". */
const char *ref_wanted(const struct ref *r);

/* The host[:port] that answers for a host: another one for REF_HUB alone. */
const char *ref_api_host(const char *host);

/* Add it in full, as HOST/REPO[:TAG][@DIGEST]: a text that ref_parse reads as
 * the same. */
void ref_format(const struct ref *r, struct buf *b);

/* A name with or without a tag, and without a digest: what an image can be
 * given. */
int ref_check(const char *ref, struct err *e);

/* The tag of a reference that ref_check passed: lent, "latest" without one. */
const char *ref_tag(const char *ref);

/* A tag by itself. */
bool ref_tag_valid(const char *tag);

#endif
