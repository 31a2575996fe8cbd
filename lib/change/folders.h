/*
 * folders.h - the folders of tracked files that a component may have something
 * in, and which components a path is in.
 *
 * What no component asks about is never looked at.  A struct folder is made
 * from its parent, the root from NULL.
 */
#ifndef FOLDERS_H
#define FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "change/rules.h"
#include "change/filelist.h"
#include "change/tracked.h"

#define FOLDERS_END ((size_t)-1)

struct folder {
	const char *path;	/* lent; not NUL-terminated */
	size_t len;
	struct rules_at *at;	/* owned: of each component */
	const bool *in;		/* what has no say of its own: NULL, or of each
				   component; lent */
	bool live;		/* files here may have a say of their own */
	bool attributes;	/* has a .gitattributes that may convert */
	size_t parent, files, below, next;	/* indices, FOLDERS_END */
};

struct folders {
	const struct rules *const *rules;	/* lent */
	size_t nrules;
	struct folder *items;	/* owned; a folder stands before what is in it */
	size_t n, cap;
};

/* Memory that is given back as a whole. */
struct folders_arena {
	void **blocks;		/* owned, each */
	size_t n, cap;
};
void folders_arena_release(struct folders_arena *a);
void *folders_keep(struct folders_arena *a, void *block);

void folders_release(struct folders *f);

/* All folders of the tracked files; sets their `in` and `next`. */
void folders_build(struct folders *f, struct tracked_list *l,
    struct folders_arena *a);

/* A folder below parent (NULL: the root).  false: nobody asks about what is in
 * it.  Else folder_release frees what it owns. */
bool folders_enter(const struct folders *f, const struct folder *parent,
    const char *path, size_t len, struct folder *out,
    struct folders_arena *a);
void folders_leave(struct folder *folder);

/* Which components a path in the folder is in: NULL or of each.  Lent, by the
 * folder or the arena. */
const bool *folders_in(const struct folders *f, const struct folder *folder,
    const char *path, size_t len, bool is_folder, struct folders_arena *a);

#endif
