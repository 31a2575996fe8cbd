/*
 * copy.h - blobs that must be there, and get from one place to another.
 *
 * A blob is verified once, however many images share it, on any of several
 * processors; several are on their way at once.  Who wanted one asks for the
 * verdict.
 *
 * Lists may be made by any thread; one thread verifies, runs and waits.
 */
#ifndef COPY_H
#define COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "oci/desc.h"
#include "oci/place.h"

struct copy;
struct copy_blob;

/* What one image or index needs. */
struct copy_item {
	struct place *from;		/* borrowed */
	struct desc desc;
	bool document;			/* a manifest or an index */
	struct copy_blob *blob;		/* borrowed from a copy, or NULL */
};

struct copy_list {
	struct copy_item *items;	/* owned */
	size_t n, cap;
};
#define COPY_LIST_INIT { NULL, 0, 0 }
void copy_list_release(struct copy_list *list);

/* from stays open as long as what it is given to. */
void copy_list_add(struct copy_list *list, struct place *from,
    const struct desc *d, bool document);
void copy_list_join(struct copy_list *list, const struct copy_list *more);

/* threads verify; more work where a registry is asked. */
struct copy *copy_new(int threads);
void copy_free(struct copy *c);

/* Start to verify what the list has of layouts; with `remote` also to ask
 * registries whether they have what it says of them. */
void copy_verify(struct copy *c, struct copy_list *list, bool remote);

/* Wait until all is verified. */
void copy_wait(struct copy *c);

/* What is wrong with the first bad blob of the list: -1, or 0. */
int copy_verdict(const struct copy_list *list, struct err *e);

/* Bytes of the list that were read, or sent somewhere. */
uint64_t copy_bytes(const struct copy_list *list);

/*
 * See to it that `to` has all of the list, blobs before documents: what is
 * there already stays, what the same registry has elsewhere is mounted, the
 * rest is sent.  What is in `to` by the list's own word is looked for
 * (ERR_CHECK "blob_missing").  Every byte is hashed on its way.  Call copy_wait
 * first, and only for a list whose verdict is good.
 */
int copy_run(struct copy *c, struct copy_list *list, struct place *to,
    struct err *e);

#endif
