/*
 * place.h - where images are: a layout, or a repository of a registry.
 *
 * What reads, checks and writes images asks a place and does not need to know
 * which it is.  Every call waits, and may be made by any thread, several at
 * once: of a registry each takes a session of its own while it works.
 *
 * Errors are those of layout.h and registry.h.  A place verifies what it
 * reads: a document is what its digest says, or the call fails.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "oci/desc.h"
#include "oci/layout.h"
#include "oci/registry.h"

/* A registry, and the sessions with it that nobody uses at the moment. */
struct place_host;
struct place_host *place_host_new(const char *name,
    const struct registry_opts *opts, struct err *e);
void place_host_free(struct place_host *h);
const char *place_host_name(const struct place_host *h);

struct place {
	struct layout *layout;		/* borrowed; NULL: a repository */
	const char *unpacked;		/* borrowed: the archive that the layout
					   was made of, or NULL */
	struct place_host *host;	/* borrowed */
	char *repo;			/* owned */
	bool fresh;	/* what is read here may have been pushed a moment ago
			   (registry.h) */
	struct place_kept *kept;	/* owned: documents that were read */
};

/* A layout as a place, for the duration of some calls: needs no release. */
#define PLACE_OF_LAYOUT(l) { .layout = (l) }

/* A repository as a place; repo is copied. */
void place_init(struct place *p, struct place_host *host, const char *repo);
void place_release(struct place *p);

/* Both are one layout, or one repository; one registry. */
bool place_same(const struct place *a, const struct place *b);
bool place_same_host(const struct place *a, const struct place *b);

/* "oci:/dir", "docker://host/repo", or what was unpacked; added to b. */
void place_name(const struct place *p, struct buf *b);

/* ------------------------------------------------------------------------
 * Reading.
 */

/* The image or index that wanted (a tag or a digest) names; in a layout NULL is
 * the only one, and d->media_type may be "" (layout_find_digest). */
int place_find(struct place *p, const char *wanted, struct desc *d,
    struct err *e);

/* The same, where none is no failure: 1, 0, -1.  A registry is asked for the
 * digest alone, and its word is taken. */
int place_look(struct place *p, const char *wanted, struct desc *d,
    struct err *e);

/* A manifest or an index, into out (emptied before).  A repository keeps some
 * megabytes of them, so that each is asked for once. */
int place_document(struct place *p, const struct desc *d, struct buf *out,
    struct err *e);

/* A blob of at most max bytes (a config), kept like a document. */
int place_blob(struct place *p, const struct desc *d, size_t max,
    struct buf *out, struct err *e);

/* It is there: 1 or 0 by its size and by what the registry says; -1.  A blob
 * that was read is. */
int place_has(struct place *p, const struct desc *d, bool document,
    struct err *e);

/* A repository has the blob or document with this digest, by what it said a
 * moment ago: nobody needs to ask again.  A layout remembers nothing. */
void place_know(struct place *p, const char *digest);
bool place_knows(struct place *p, const char *digest);

/* A session with p's registry, to be given back; NULL with *e. */
struct registry_session *place_session(struct place *p, struct err *e);
void place_session_end(struct place *p, struct registry_session *s);

/* ------------------------------------------------------------------------
 * Writing.
 */

/* A repository will be written to: from now on each request asks for the right
 * to, so that one token serves all of them. */
void place_will_push(struct place *p);

/* Put a document under its digest. */
int place_put(struct place *p, const struct desc *d, const struct buf *text,
    struct err *e);

/* Name it; it is there already.  What the name had been is written to previous
 * by a layout alone: nobody else could tell at this very moment. */
int place_tag(struct place *p, const char *tag, const struct desc *d,
    const struct buf *text, char previous[DIGEST_STR], struct err *e);

#endif
