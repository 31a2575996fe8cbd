/*
 * notes.h - annotations (image-spec, annotations.md), sorted by their keys.
 */
#ifndef NOTES_H
#define NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "oci/desc.h"
#include "record/json_out.h"

struct notes_item {
	char *key, *value;	/* owned */
};

struct notes {
	struct notes_item *items;	/* owned */
	size_t n, cap;
};
#define NOTES_INIT { NULL, 0, 0 }
void notes_release(struct notes *x);

/* The last value of a key stands. */
void notes_set(struct notes *x, const char *key, const char *value);
/* NULL if there is none; lent until it is set. */
const char *notes_get(const struct notes *x, const char *key);
/* The member `annotations`, unless there are none. */
void notes_write(const struct notes *x, struct json_out *o);

/* Where an annotation goes: to the index, to the descriptors of all images in
 * it, or to that of one. */
struct notes_target {
	bool index;
	bool one;
	struct desc_platform platform;
};

#define NOTES_TARGETS_MAX 4
struct notes_option {
	struct notes_target targets[NOTES_TARGETS_MAX];
	size_t ntargets;
	char *key;		/* owned */
	const char *value;	/* lent: of the option */
};
void notes_option_release(struct notes_option *o);

/*
 * An option as docker buildx writes it: K=V or index:K=V,
 * manifest-descriptor[linux/arm64]:K=V, manifest-descriptor:K=V, several
 * targets with commas between them.  ERR_INPUT "usage".
 */
int notes_parse(struct notes_option *o, const char *option, struct err *e);

#endif
