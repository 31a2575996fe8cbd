/*
 * staged_list.h - what a bundle's manifest.json says about each path.
 *
 * Contract, "manifest.json, schema_version 1".  The text is read entry by
 * entry; whether it is a good manifest was rb-verify's question.
 */
#ifndef STAGED_LIST_H
#define STAGED_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"

#define STAGED_LIST_MAX (32 << 20)	/* bytes of a manifest.json */

struct staged_list_item {
	char *path, *target;	/* owned; target NULL where not given */
	uint8_t digest[DIGEST_LEN];
	int64_t size;		/* -1: a symlink */
	bool seen;		/* for the caller */
};

struct staged_list {
	struct staged_list_item *items;	/* owned, sorted by path */
	size_t n, cap;
	char arch[32];		/* "architecture" */
};
#define STAGED_LIST_INIT { NULL, 0, 0, "" }
void staged_list_release(struct staged_list *l);

/*
 * Read fd to its end; digest and size are of the bytes read.  ERR_CHECK
 * "staged_changed" if they are no such document, ERR_SYS.
 */
int staged_list_read(struct staged_list *l, int fd,
    uint8_t digest[DIGEST_LEN], int64_t *size, struct err *e);

/* The item at path, or NULL. */
struct staged_list_item *staged_list_find(const struct staged_list *l,
    const char *path);

#endif
