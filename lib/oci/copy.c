#include "oci/copy.h"

#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "oci/copy_blob.h"

/* Requests that are on their way at once: most of their time is waiting. */
#define COPY_STREAMS 6

struct copy_blob {
	struct place *from;	/* borrowed */
	struct desc desc;
	bool document;
	struct place *to;	/* borrowed; NULL: verify only */
	bool verified;		/* or about to be */
	bool moved;		/* its bytes were read, or sent */
	struct err *err;	/* owned; NULL: good */
};

struct copy {
	struct pool *local;
	struct pool *remote;	/* made when it is needed */
	struct copy_blob **table;	/* open addressing, slots places */
	size_t n, slots;
};

static void
work(void *ctx, void *job)
{
	struct copy_blob *b = job;
	struct err e;
	int rc;

	(void)ctx;
	rc = b->to == NULL ?
	    copy_blob_verify(b->from, &b->desc, b->document, &e) :
	    copy_blob_bring(b->from, b->to, &b->desc, b->document, &e);
	if (rc < 0 && b->err == NULL)
		b->err = mem_alloc(sizeof(*b->err));
	if (rc < 0)
		*b->err = e;
	else if (rc > 0)
		b->moved = true;
}

struct copy *
copy_new(int threads)
{
	struct copy *c = mem_zero(1, sizeof(*c));

	c->local = pool_new(threads, work, c);
	return c;
}

void
copy_free(struct copy *c)
{
	if (c == NULL)
		return;
	pool_free(c->local);
	pool_free(c->remote);
	for (size_t i = 0; i < c->slots; i++) {
		if (c->table[i] == NULL)
			continue;
		free(c->table[i]->err);
		free(c->table[i]);
	}
	free(c->table);
	free(c);
}

void
copy_list_release(struct copy_list *list)
{
	free(list->items);
	*list = (struct copy_list)COPY_LIST_INIT;
}

void
copy_list_add(struct copy_list *list, struct place *from,
    const struct desc *d, bool document)
{
	mem_grow(&list->items, &list->cap, list->n, sizeof(*list->items));
	list->items[list->n++] = (struct copy_item){ from, *d, document,
		NULL };
}

void
copy_list_join(struct copy_list *list, const struct copy_list *more)
{
	for (size_t i = 0; i < more->n; i++) {
		const struct copy_item *m = &more->items[i];

		copy_list_add(list, m->from, &m->desc, m->document);
		list->items[list->n - 1].blob = m->blob;
	}
}

static bool
is_same(const struct copy_blob *b, const struct place *from,
    const struct desc *d)
{
	return b->from == from && b->desc.size == d->size &&
	    strcmp(b->desc.digest, d->digest) == 0;
}

static struct copy_blob **
slot(struct copy_blob **table, size_t slots, const struct place *from,
    const struct desc *d)
{
	uint8_t raw[DIGEST_LEN] = { 0 };
	size_t at;

	/* a digest is a hash already */
	digest_parse(d->digest, raw);
	memcpy(&at, raw, sizeof(at));
	for (at &= slots - 1; table[at] != NULL; at = (at + 1) & (slots - 1))
		if (is_same(table[at], from, d))
			break;
	return &table[at];
}

static void
grow(struct copy *c)
{
	size_t slots = c->slots > 0 ? c->slots * 2 : 64;
	struct copy_blob **table = mem_zero(slots, sizeof(*table));

	for (size_t i = 0; i < c->slots; i++)
		if (c->table[i] != NULL)
			*slot(table, slots, c->table[i]->from,
			    &c->table[i]->desc) = c->table[i];
	free(c->table);
	c->table = table;
	c->slots = slots;
}

/* The one blob that all items with its digest stand for. */
static struct copy_blob *
blob_of(struct copy *c, struct copy_item *item)
{
	struct copy_blob **at;

	if (item->blob != NULL)
		return item->blob;
	if (c->n * 2 >= c->slots)
		grow(c);
	at = slot(c->table, c->slots, item->from, &item->desc);
	if (*at == NULL) {
		*at = mem_zero(1, sizeof(**at));
		(*at)->from = item->from;
		(*at)->desc = item->desc;
		(*at)->document = item->document;
		c->n++;
	}
	return item->blob = *at;
}

static void
submit(struct copy *c, struct copy_blob *b)
{
	bool remote = b->from->layout == NULL ||
	    (b->to != NULL && b->to->layout == NULL);

	if (remote && c->remote == NULL)
		c->remote = pool_new(COPY_STREAMS, work, c);
	pool_submit(remote ? c->remote : c->local, b);
}

void
copy_verify(struct copy *c, struct copy_list *list, bool remote)
{
	for (size_t i = 0; i < list->n; i++) {
		struct copy_blob *b = blob_of(c, &list->items[i]);

		if (b->verified || (b->from->layout == NULL && !remote))
			continue;
		b->verified = true;
		submit(c, b);
	}
}

void
copy_wait(struct copy *c)
{
	while (pool_take(c->local) != NULL)
		continue;
	while (c->remote != NULL && pool_take(c->remote) != NULL)
		continue;
}

int
copy_verdict(const struct copy_list *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct copy_blob *b = list->items[i].blob;

		if (b != NULL && b->err != NULL) {
			*e = *b->err;
			return -1;
		}
	}
	return 0;
}

uint64_t
copy_bytes(const struct copy_list *list)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct copy_blob *b = list->items[i].blob;

		if (b != NULL && b->moved)
			bytes += (uint64_t)list->items[i].desc.size;
	}
	return bytes;
}

static void
run(struct copy *c, struct copy_list *list, struct place *to, bool documents)
{
	for (size_t i = 0; i < list->n; i++) {
		struct copy_blob *b = blob_of(c, &list->items[i]);

		/* one that two images share is in the list twice; a document
		 * that was read from there needs no other look */
		if (b->document != documents || b->to != NULL ||
		    (place_same(b->from, to) &&
		    (documents || to->layout != NULL)))
			continue;
		b->to = to;
		submit(c, b);
	}
	copy_wait(c);
}

int
copy_run(struct copy *c, struct copy_list *list, struct place *to,
    struct err *e)
{
	int rc;

	run(c, list, to, false);
	if ((rc = copy_verdict(list, e)) == 0) {
		run(c, list, to, true);
		rc = copy_verdict(list, e);
	}
	/* the next place is another matter */
	for (size_t i = 0; i < list->n; i++) {
		struct copy_blob *b = blob_of(c, &list->items[i]);

		b->to = NULL;
		free(b->err);
		b->err = NULL;
	}
	return rc;
}
