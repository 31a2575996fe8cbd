/*
 * filelist.h - the files of a component: paths, modes, content ids, and the
 * fingerprint of them.
 *
 * Modes are git's: 100644, 100755, 120000 (symlink), 160000 (submodule: its
 * commit is the id), and 160001 for a submodule with changes of its own (the
 * id is that of the commit and the changes).
 */
#ifndef FILELIST_H
#define FILELIST_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "change/objid.h"

#define FILELIST_FILE 0100644u
#define FILELIST_EXEC 0100755u
#define FILELIST_LINK 0120000u
#define FILELIST_MODULE 0160000u
#define FILELIST_MODULE_DIRTY 0160001u

struct filelist_file {
	const char *path;	/* lent */
	size_t len;
	uint32_t mode;
	struct objid id;
};

struct filelist_input {
	char *name, *value;	/* owned; the value is JSON text */
};

struct filelist {
	enum objid_format format;
	struct filelist_file *files;	/* owned */
	size_t n, cap;
	struct filelist_input *inputs;	/* owned */
	size_t ninputs, inputs_cap;
	char *text;			/* owned, or NULL: what a list that was
					   read borrows its paths from */
};
void filelist_release(struct filelist *l);

void filelist_add(struct filelist *l, const char *path, size_t len,
    uint32_t mode, const struct objid *id);
void filelist_add_input(struct filelist *l, const char *name,
    const char *value);
/* Bring files and inputs into byte order, as what follows wants them. */
void filelist_sort(struct filelist *l);

/* "sha256:" and hex. */
void filelist_fingerprint(const struct filelist *l, char out[DIGEST_STR]);

/* As a file keeps it, and back: false for anything else. */
void filelist_print(const struct filelist *l, struct buf *out);
bool filelist_parse(struct filelist *l, const char *text, size_t len);

/*
 * What differs, in byte order: fn gets each with its kind, "added", "modified",
 * "mode" (the content is the same), "deleted", or "input" with the input's
 * name for a path.
 */
void filelist_diff(const struct filelist *old, const struct filelist *now,
    void (*fn)(void *ctx, const char *kind, const char *path, size_t len),
    void *ctx);

#endif
