/*
 * fpstate.h - what was done last: a file with the fingerprint of each
 * component, and the keys that were in force.
 *
 * The file is JSON lines.  Beside it, in FILE.d, are the lists of files that
 * fingerprints stand for, each by its fingerprint's hex digits.
 */
#ifndef FPSTATE_H
#define FPSTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "change/filelist.h"
#include "codec/digest.h"

struct fpstate_key {
	char *name, *value;	/* owned */
};
struct fpstate_keys {
	struct fpstate_key *items;	/* owned */
	size_t n, cap;
};
void fpstate_keys_release(struct fpstate_keys *k);
/* K=V; ERR_INPUT "usage". */
int fpstate_keys_add(struct fpstate_keys *k, const char *pair, struct err *e);
const char *fpstate_keys_get(const struct fpstate_keys *k, const char *name);

struct fpstate_entry {
	char *component;	/* owned */
	char fingerprint[DIGEST_STR];
	struct fpstate_keys keys;
};
struct fpstate {
	struct fpstate_entry *items;	/* owned */
	size_t n, cap;
};
void fpstate_release(struct fpstate *s);

/* 1; 0 if there is none; -1: damaged or somebody else's, and s is empty. */
int fpstate_load(struct fpstate *s, const char *path, struct err *e);
const struct fpstate_entry *fpstate_find(const struct fpstate *s,
    const char *component);
void fpstate_set(struct fpstate *s, const char *component,
    const char *fingerprint, const struct fpstate_keys *keys);
/* Write it whole, then sweep the lists that it does not name. */
int fpstate_save(const struct fpstate *s, const char *path, struct err *e);

/* One saver at a time; the descriptor, to be closed, or -1. */
int fpstate_lock(const char *path, struct err *e);

/* Keep the list of a fingerprint; and get it: false if there is none that is
 * sound. */
int fpstate_keep_list(const char *path, const char *fingerprint,
    const struct filelist *l, struct err *e);
bool fpstate_get_list(const char *path, const char *fingerprint,
    struct filelist *l);

#endif
