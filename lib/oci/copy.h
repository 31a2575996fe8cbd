/*
 * copy.h - blobs that must be there, and get from one layout to another.
 *
 * A blob is verified once, however many images share it, on any of several
 * processors; who wanted it asks for the verdict.  One thread adds and waits.
 */
#ifndef COPY_H
#define COPY_H

#include <stdint.h>

#include "base/err.h"
#include "oci/desc.h"
#include "oci/layout.h"

struct copy;
struct copy_blob;

/* The blobs that one image or index needs. */
struct copy_list {
	struct copy *copy;		/* borrowed; NULL: they are not kept */
	struct copy_blob **blobs;	/* owned; each borrowed from copy */
	size_t n, cap;
};
#define COPY_LIST_INIT(c) { (c), NULL, 0, 0 }
void copy_list_release(struct copy_list *list);

struct copy *copy_new(int threads);
void copy_free(struct copy *c);

/* A blob of l, which stays open as long as c; its verification starts. */
void copy_add(struct copy_list *list, struct layout *l, const struct desc *d);

/* Wait until all that was added is verified. */
void copy_wait(struct copy *c);

/* What is wrong with the first bad blob of the list: -1, or 0. */
int copy_verdict(const struct copy_list *list, struct err *e);

/* Bytes of the blobs in the list. */
uint64_t copy_bytes(const struct copy_list *list);

/*
 * Put the blobs of the list into to, those that are there and right excepted.
 * Every byte is hashed on its way.  Call copy_wait first, and only for a list
 * whose verdict is good.
 */
int copy_run(struct copy_list *list, struct layout *to, struct err *e);

#endif
