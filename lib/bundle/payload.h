/*
 * payload.h - the tree that an archive holds, and the manifest lists.
 *
 * One node a path, found by (parent, name), so that every prefix of a path is
 * a node too.  Some 130 bytes a node, and never more than PAYLOAD_NODES_MAX.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/digest.h"

#define PAYLOAD_ENTRIES_MAX 100000	/* contract: entries of an archive */
#define PAYLOAD_NODES_MAX 400000	/* with directories that are implied */
#define PAYLOAD_PATH_MAX 4096		/* bytes */
#define PAYLOAD_ROOT 0			/* the archive itself */
#define PAYLOAD_NONE UINT32_MAX

enum payload_type {
	PAYLOAD_UNSEEN,		/* listed, or on the way to something listed */
	PAYLOAD_DIR, PAYLOAD_FILE, PAYLOAD_LINK,
};

struct payload_node {
	uint32_t parent, next;	/* node indices; next in its hash chain */
	uint32_t name;		/* offset in names, NUL-terminated */
	uint32_t target;	/* of a link: offset in names */
	uint32_t order;		/* number of its entry in the archive */
	uint16_t name_len, mode;
	uint16_t machine;	/* ELF e_machine */
	uint8_t type;		/* enum payload_type */
	bool listed : 1;	/* in the manifest */
	bool explicit_entry : 1;/* has an entry of its own */
	bool has_seen_child : 1;
	bool hashed : 1;	/* sha256 holds, its body was read */
	bool elf : 1;
	bool stray : 1;		/* a link that was found to lead out */
	int64_t size;
	uint8_t sha256[DIGEST_LEN];
};

struct payload {
	struct payload_node *nodes;	/* owned; pointers move on insertion */
	size_t count, cap;
	struct buf names;
	uint32_t *table;		/* owned; node index plus one */
	size_t slots;
	uint32_t seed;			/* of the hash: names are strangers' */
};
void payload_init(struct payload *p);
void payload_release(struct payload *p);

/* The child of parent with this name; add: make it (PAYLOAD_UNSEEN).
 * PAYLOAD_NONE where there is none, or no room. */
uint32_t payload_child(struct payload *p, uint32_t parent, const char *name,
    size_t len, bool add);
/* The node at a relative path below from. */
uint32_t payload_find(struct payload *p, uint32_t from, const char *path,
    bool add);

const char *payload_name(const struct payload *p, uint32_t node);
const char *payload_target(const struct payload *p, uint32_t node);
uint32_t payload_keep(struct payload *p, const char *str, size_t len);

/* The path of node relative to base (an ancestor), into out (emptied). */
const char *payload_path(const struct payload *p, uint32_t node, uint32_t base,
    struct buf *out);

/*
 * True if the link at node points out of the tree of top (a child of the root),
 * on its own or by way of other links.  Where a name is not there, what
 * follows is taken by its spelling.
 */
bool payload_leads_out(struct payload *p, uint32_t node, uint32_t top);

#endif
