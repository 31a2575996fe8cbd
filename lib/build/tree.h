/*
 * tree.h - a file tree in memory: a stage's, an image's, a directory's.
 *
 * Nodes hold what a tar header holds; bytes stay where they are, and the tree
 * they come from reads them (struct tree_ops).  A node of a stage names that
 * place by its origin.  Paths are as path_clean writes them: relative to the
 * tree's root, "" for the root itself.
 *
 * Lookups resolve symlinks inside the tree, never in the file system: a link
 * can not lead out of it.  A tree belongs to one thread.
 */
#ifndef TREE_H
#define TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum tree_type {
	TREE_DIR, TREE_FILE, TREE_LINK,
	TREE_OTHER,		/* a device, FIFO or the like */
};

struct tree;

struct tree_node {
	struct tree_node *parent;	/* NULL for the root */
	struct tree_node **kids;	/* owned, sorted by name */
	size_t nkids, kids_cap;
	struct tree *tree;
	const struct tree_node *origin;	/* that has the bytes; NULL: itself */
	char *link;			/* owned; target of a symlink */
	int64_t size;			/* of a file */
	int64_t offset, spool;		/* base.c: in its layer, in the spool */
	int data_layer, layer;		/* base.c: of the bytes, of the node */
	uint32_t uid, gid;
	uint16_t mode;			/* 07777 */
	uint8_t type;			/* enum tree_type */
	bool lazy;			/* children are not loaded yet */
	bool touched;			/* it is in the tree's list */
	bool special;			/* it has what a copy would lose: a
					   capability, or it is sparse */
	char name[];
};

struct tree_ops {
	/* fill a lazy directory */
	int (*load)(struct tree *t, struct tree_node *dir, struct err *e);
	/* these files will be read, in this order or another */
	int (*prepare)(struct tree *t, const struct tree_node *const *files,
	    size_t n, struct err *e);
	/* hand a file's bytes to sink, node->size of them */
	int (*read)(struct tree *t, const struct tree_node *file,
	    int (*sink)(void *ctx, const void *data, size_t len,
	    struct err *e), void *ctx, struct err *e);
	/* why path is not there, for messages: "excluded by .dockerignore" */
	const char *(*hint)(struct tree *t, const char *path);
	void (*release)(struct tree *t);	/* ctx */
};

struct tree {
	const struct tree_ops *ops;	/* borrowed; NULL: nothing of its own */
	void *ctx;			/* of the ops */
	struct tree_node *root;		/* owned */
	struct tree_node **touched;	/* owned array: what tree_touch named */
	size_t ntouched, touched_cap;
};

void tree_init(struct tree *t, const struct tree_ops *ops, void *ctx);
void tree_release(struct tree *t);

/* A copy of from's nodes, whose origins are from's; of a lazy root, when they
 * are asked for.  from must outlive it, and does not change any more. */
void tree_clone(struct tree *t, struct tree *from);

/* A new child of dir, which has none of this name. */
struct tree_node *tree_add(struct tree_node *dir, const char *name, size_t len,
    enum tree_type type);
/* Take node and what is below out of the tree. */
void tree_remove(struct tree_node *node);
/* -1 (ERR_INPUT "whiteout_name") where name can not be in dir: in a layer it
 * would take a file away (OCI image-spec, layer.md). */
int tree_name_check(const struct tree_node *dir, const char *name,
    struct err *e);
void tree_set_link(struct tree_node *node, const char *target, size_t len);

/* Load dir, if it is lazy. */
int tree_load(struct tree_node *dir, struct err *e);
/* 1 with *node, 0 without, -1. */
int tree_child(struct tree_node *dir, const char *name, size_t len,
    struct tree_node **node, struct err *e);

/*
 * The node at path; every symlink on the way is followed, the last one only
 * where follow is true.  1 with *node, 0 if there is none, -1 (ERR_CHECK
 * "symlink_loop").
 */
int tree_lookup(struct tree *t, const char *path, bool follow,
    struct tree_node **node, struct err *e);

/*
 * Where path leads, all symlinks followed, as a path without symlinks in real;
 * what is missing stays as it is.  1 with *node if it is there, 0 if not, -1
 * (ERR_INPUT "not_a_directory" where a file is in the way).
 */
int tree_resolve(struct tree *t, const char *path, struct buf *real,
    struct tree_node **node, struct err *e);

/* Following link takes one above the root, or to an absolute path: what no
 * lookup here does, but a tree without a root of its own would. */
bool tree_leads_out(struct tree_node *link);

/*
 * The directory at real (without symlinks), made where missing, with those
 * above it: 0755 and this owner, each touched.
 */
int tree_mkdirs(struct tree *t, const char *real, uint32_t uid, uint32_t gid,
    struct tree_node **node, struct err *e);

/* Put node into the list of what changed. */
void tree_touch(struct tree_node *node);
void tree_touched_clear(struct tree *t);

/* Add the node's path to b. */
void tree_path(const struct tree_node *node, struct buf *b);

/* The node whose tree reads the bytes. */
const struct tree_node *tree_origin(const struct tree_node *node);

#endif
