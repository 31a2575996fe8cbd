/*
 * registry.h - a registry as a client sees it: OCI distribution-spec v1.1.
 *
 * struct registry is one host with what is known of it (how to reach it, the
 * credentials and tokens for it); any number of threads share it.  Each thread
 * works through a struct registry_session of its own, which keeps connections;
 * a session does one call at a time.  Several blobs go up at once by as many
 * threads with a session each.
 *
 * Every call waits, signs in where the registry asks for it (the token flow,
 * Basic or anonymous; a token that expires on the way is renewed), follows
 * redirects without taking credentials along, and tries again with growing
 * delays for at least 30 seconds where a failure may pass: lost connections
 * (a transfer goes on where it was), 5xx, rate limits.  What is read is
 * verified before it counts.
 *
 * http_setup (http.h) comes before threads.
 *
 * repo is a repository's name as ref.repo has it, checked ("library/alpine");
 * wanted is a tag or a digest.  Everything is borrowed for the call.
 *
 * Error codes, besides those of http.h, retry.h and cred.h: ERR_CHECK
 * "not_found" (no such manifest), "blob_missing" (no such blob; the names and
 * codes of layout.h), "blob_size_mismatch", "blob_digest_mismatch",
 * "manifest_mismatch" (its bytes are not what was asked for),
 * "manifest_too_large", "document_invalid", "unauthorized" (no credentials, or
 * the registry does not take them), "realm_refused" (the registry names a
 * place for tokens where a credential must not go), "location_refused" (the
 * same for an upload), "push_refused" (what was sent is not what arrived).
 * err.path is the URL, without its secrets.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/cred.h"
#include "oci/desc.h"

struct http;
struct registry;
struct registry_session;

struct registry_opts {		/* all borrowed until registry_new returns */
	struct cred_opts cred;	/* its `creds` goes to this host whatever it
				   is: set it only where the user meant it */
	bool anonymous;		/* look for no credentials */
	bool insecure;		/* --tls-verify=false: TLS without looking at
				   the certificate, else plain http */
	const char *cert_dir;	/* *.crt, *.cert and *.key as in certs.d; NULL:
				   HOST[:PORT] below ~/.config/containers/
				   certs.d, /etc/containers/certs.d and
				   /etc/docker/certs.d, the first there is */
	int tries;		/* of one request; 0: for 30 seconds */
	const char *agent;	/* User-Agent; NULL: http.h's */
};

/*
 * The registry that a reference's host names ("docker.io" too).  Does not talk
 * to it yet.  On the loopback plain http is spoken (TLS where there are
 * certificates for it in certs.d, or the server wants it), TLS everywhere else.
 * ERR_INPUT for a certificate that can't be read and a bad opts.cred.creds.
 */
struct registry *registry_new(const char *host,
    const struct registry_opts *opts, struct err *e);
void registry_free(struct registry *r);		/* its sessions are freed */

const char *registry_host(const struct registry *r);	/* as it was given */

/*
 * repo will be pushed to: from now on whatever is asked of it asks for the
 * right to push as well, so that one token serves the HEADs before a push and
 * the push.  A call that pushes needs no such announcement.
 */
void registry_will_push(struct registry *r, const char *repo);

/* A client of r.  ERR_INPUT as http_new. */
struct registry_session *registry_session_new(struct registry *r,
    struct err *e);
void registry_session_free(struct registry_session *s);

/* ------------------------------------------------------------------------
 * Manifests and indexes: at most DESC_MANIFEST_MAX bytes, the bytes as they
 * are.
 *
 * fresh: it was pushed a moment ago, maybe by another process; registries that
 * copy their data do not know it yet, so that a 404 is asked again for
 * REGISTRY_FRESH_SECONDS.
 */
#define REGISTRY_FRESH_SECONDS 8

/*
 * What wanted names: bytes added to out (may be NULL), digest, size and media
 * type into *d (the document's own mediaType, else what the registry says, one
 * that nobody supports too: see desc_is_manifest).  No platform is chosen here.
 * The digest is of the bytes, and compared with the one asked for and the one
 * that the registry gives.
 */
int registry_manifest_get(struct registry_session *s, const char *repo,
    const char *wanted, bool fresh, struct desc *d, struct buf *out,
    struct err *e);

/*
 * Is it there, and what is it: 1 with *d, 0 where it is not.  One HEAD; where
 * a registry can't do that, or does not say digest and size, the manifest is
 * read.  The digest is the registry's word.
 */
int registry_manifest_head(struct registry_session *s, const char *repo,
    const char *wanted, bool fresh, struct desc *d, struct err *e);

/*
 * Put len bytes under wanted: d says their media type and digest.  All that it
 * names must be there before.  subject (may be NULL): the registry has listed
 * it as a referrer of its `subject`; else see registry_referrers_add.
 */
int registry_manifest_put(struct registry_session *s, const char *repo,
    const char *wanted, const struct desc *d, const char *data, size_t len,
    bool *subject, struct err *e);

/* ------------------------------------------------------------------------
 * Blobs.
 */

/* 1 with *size (-1: not said), 0 where it is not there. */
int registry_blob_head(struct registry_session *s, const char *repo,
    const char *digest, int64_t *size, struct err *e);

/*
 * Give its bytes to `data` in order, as they come.  d has digest and size; a
 * size of -1 is any (it is filled in).  They are verified only when this has
 * returned 0: what was made of them before must be dropped on -1.  A lost
 * connection goes on where it was, so that no byte is given twice.  data
 * returns 0, or -1 with *e to stop.
 */
int registry_blob_get(struct registry_session *s, const char *repo,
    struct desc *d, int (*data)(void *ctx, const void *bytes, size_t len,
    struct err *e), void *ctx, struct err *e);

/* The same into memory, added to out, for a config: ERR_CHECK
 * "blob_too_large" over max bytes. */
int registry_blob_read(struct registry_session *s, const char *repo,
    struct desc *d, size_t max, struct buf *out, struct err *e);

/*
 * For who reads its bytes in a way of its own: a client that knows the
 * registry's certificates (lent), the URL, and the value of Authorization or
 * NULL; the caller frees both.  A token expires: ask anew for each try.
 */
int registry_blob_place(struct registry_session *s, const char *repo,
    const char *digest, struct http **http, char **url, char **authorization,
    double *wait, struct err *e);

/* Where bytes to be pushed come from. */
struct registry_source {
	/* Up to len bytes, 0 at the end.  It may block: the registry waits. */
	int64_t (*read)(void *ctx, void *data, size_t len, struct err *e);
	/* Read on from offset: each try starts at a place of its own. */
	int (*seek)(void *ctx, int64_t offset, struct err *e);
	void *ctx;
};

enum registry_how {		/* a blob came to be there */
	REGISTRY_THERE,		/* it was already */
	REGISTRY_MOUNTED,	/* from another repository */
	REGISTRY_SENT,
};

/*
 * See to it that the blob d is in repo: one HEAD where it is there, else a
 * mount from the repository `from` of the same registry (NULL: none is known
 * to have it; where it can't be mounted it is sent), else its bytes in one
 * request, or in pieces where the registry wants that.  The registry checks
 * the digest: ERR_CHECK "push_refused" if src gives other bytes.  Returns an
 * enum registry_how, or -1.
 */
int registry_blob_push(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, const struct registry_source *src,
    struct err *e);
/* From memory, and from a descriptor that can be read anywhere: from its first
 * byte, without moving its offset. */
int registry_blob_push_data(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, const void *data,
    struct err *e);
int registry_blob_push_fd(struct registry_session *s, const char *repo,
    const struct desc *d, const char *from, int fd, struct err *e);

/*
 * A blob that is sent while it is made, its digest known at the end: a layer
 * under the compressor.  Bytes are gathered to pieces of REGISTRY_CHUNK (the
 * memory it takes; more where the registry wants larger ones) and sent from
 * there.  The producer stands still while a piece is sent: where it should
 * not, give this a thread and a pipe.  Some registries (docker-registry is
 * one) can't go on with an upload that broke off within a piece: for them what
 * has gone by is kept in a file without a name in $TMPDIR (/var/tmp), and sent
 * from there at the end.  A blob of one piece is sent as registry_blob_push
 * does it, HEAD first.
 */
#define REGISTRY_CHUNK (5 << 20)	/* S3's least, behind many registries */

struct registry_upload;
struct registry_upload *registry_upload_new(struct registry_session *s,
    const char *repo);
int registry_upload_write(struct registry_upload *u, const void *data,
    size_t len, struct err *e);
/* All was written and is d: digest and size.  Returns as
 * registry_blob_push. */
int registry_upload_finish(struct registry_upload *u, const struct desc *d,
    const char *from, struct err *e);
/* Also breaks one off: the registry is told to forget it. */
void registry_upload_free(struct registry_upload *u);

/* ------------------------------------------------------------------------
 * Referrers: signatures and attestations that name a manifest as `subject`.
 */

/*
 * Each descriptor (JSON text) that refers to digest: from the referrers API,
 * else from the tag that stands in for it (`sha256-HEX`).  fn returns 0, or -1
 * with *e to stop.  None is no error.
 */
int registry_referrers_each(struct registry_session *s, const char *repo,
    const char *digest, int (*fn)(void *ctx, const char *text, size_t len,
    struct err *e), void *ctx, struct err *e);

/*
 * Add entry (JSON text of a descriptor with this digest) to the tag that
 * stands in for the API, for a manifest whose put did not list it.  Read,
 * changed and written back: of two at once one may be lost (the specification
 * has no better way).
 */
int registry_referrers_add(struct registry_session *s, const char *repo,
    const char *subject, const char *entry, const char *digest,
    struct err *e);

#endif
