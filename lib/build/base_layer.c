#include "build/base_layer.h"

#include <string.h>

#include "base/mem.h"
#include "build/path.h"
#include "codec/digest.h"
#include "codec/tarscan.h"
#include "codec/zin.h"

#define PATH_LEN_MAX 4096
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"

struct reader {
	struct tree *tree;
	int index;		/* of the layer */
};

static int
damaged(struct err *e, const char *path, const char *why)
{
	err_set(e, ERR_CHECK, "layer_damaged", "'%s': %s", path, why);
	err_set_path(e, path);
	return -1;
}

/*
 * Take what lower layers put at node out of the tree; what this layer put
 * there stays, in whatever order it comes (layer.md, "Opaque Whiteout").
 * True if nothing is left of node.
 */
static bool
hide(struct tree_node *node, int index)
{
	for (size_t i = node->nkids; i-- > 0; )
		if (hide(node->kids[i], index))
			tree_remove(node->kids[i]);
	return node->layer < index && node->nkids == 0;
}

static int
whiteout(struct reader *r, struct tree_node *dir, const char *name,
    struct err *e)
{
	struct tree_node *node;
	int rc;

	if (strcmp(name, OPAQUE) == 0) {
		hide(dir, r->index);
		return 0;
	}
	name += strlen(WHITEOUT);
	if (*name == '\0')
		return damaged(e, WHITEOUT, "a whiteout without a name");
	rc = tree_child(dir, name, strlen(name), &node, e);
	if (rc > 0 && hide(node, r->index))
		tree_remove(node);
	return rc < 0 ? -1 : 0;
}

/* The directory that the entry is in; a runtime that unpacks the layer goes
 * through symlinks of lower layers inside the image, and so do we. */
static int
parent_of(struct reader *r, const char *path, const char *base,
    struct tree_node **dir, struct err *e)
{
	AUTO(buf_release) struct buf real = BUF_INIT;
	autofree char *name = mem_dup(path,
	    base > path ? (size_t)(base - path - 1) : 0);
	int rc = tree_resolve(r->tree, name, &real, dir, e);

	if (rc < 0 || (rc > 0 && (*dir)->type != TREE_DIR))
		return damaged(e, path, "a file is in its way");
	if (rc > 0)
		return 0;
	for (const char *p = real.data; *p != '\0'; p += strspn(p, "/")) {
		struct tree_node *at = p == real.data ? r->tree->root : *dir;
		size_t n = strcspn(p, "/");

		rc = tree_child(at, p, n, dir, e);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			*dir = tree_add(at, p, n, TREE_DIR);
			(*dir)->layer = r->index;
		}
		p += n;
	}
	return 0;
}

/* The node for name in dir, of this type, without what was there before. */
static struct tree_node *
replace(struct tree_node *dir, const char *name, enum tree_type type,
    struct err *e)
{
	struct tree_node *node;

	if (tree_child(dir, name, strlen(name), &node, e) > 0) {
		if (node->type == TREE_DIR && type == TREE_DIR)
			return node;
		tree_remove(node);
	}
	return tree_add(dir, name, strlen(name), type);
}

static int
hard_link(struct reader *r, struct tree_node *dir, const char *name,
    const struct tarscan_entry *entry, struct err *e)
{
	autofree char *target = path_clean(entry->link);
	struct tree_node *to, *node, copy;

	if (tree_lookup(r->tree, target, false, &to, e) != 1 ||
	    to->type == TREE_DIR)
		return damaged(e, entry->path, "a hard link to what is not "
		    "there");
	copy = *to;
	autofree char *link = to->link != NULL ? mem_str(to->link) : NULL;
	node = replace(dir, name, copy.type, e);
	node->layer = r->index;
	node->mode = copy.mode;
	node->uid = copy.uid;
	node->gid = copy.gid;
	node->size = copy.size;
	node->offset = copy.offset;
	node->data_layer = copy.data_layer;
	node->special = copy.special;
	if (link != NULL)
		tree_set_link(node, link, strlen(link));
	return 0;
}

static int
add_node(struct reader *r, struct tree_node *dir, const char *name,
    const struct tarscan_entry *entry, struct err *e)
{
	enum tree_type type = entry->type == '0' || entry->type == '7' ||
	    entry->type == 'S' ? TREE_FILE : entry->type == '5' ? TREE_DIR :
	    entry->type == '2' ? TREE_LINK : TREE_OTHER;
	struct tree_node *node;

	if (strchr("01234567S", entry->type) == NULL)
		return damaged(e, entry->path, "an entry of unknown type");
	if (entry->type == '1')
		return hard_link(r, dir, name, entry, e);
	node = replace(dir, name, type, e);
	node->layer = node->data_layer = r->index;
	node->mode = entry->mode & 07777;
	node->uid = (uint32_t)entry->uid;
	node->gid = (uint32_t)entry->gid;
	node->offset = entry->data_offset;
	node->size = type == TREE_FILE ? entry->size : 0;
	node->special = entry->capability || entry->sparse;
	if (type == TREE_LINK)
		tree_set_link(node, entry->link, entry->link_len);
	return 0;
}

static bool
climbs(const char *path)
{
	for (; *path != '\0'; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += n;
	}
	return false;
}

static int
on_entry(void *ctx, const struct tarscan_entry *entry, struct err *e)
{
	struct reader *r = ctx;
	struct tree_node *dir;
	const char *base;

	if (entry->path_len != strlen(entry->path) ||
	    entry->path_len > PATH_LEN_MAX || climbs(entry->path) ||
	    entry->link_len != strlen(entry->link))
		return damaged(e, entry->path, "a name that no layer may have");
	if (entry->uid > UINT32_MAX || entry->gid > UINT32_MAX)
		return damaged(e, entry->path, "an owner beyond 32 bits");
	autofree char *path = path_clean(entry->path);
	if (*path == '\0') {
		if (entry->type != '5')
			return damaged(e, entry->path, "the root is no "
			    "directory");
		r->tree->root->mode = entry->mode & 07777;
		return 0;
	}
	base = strrchr(path, '/');
	base = base != NULL ? base + 1 : path;
	if (parent_of(r, path, base, &dir, e) < 0)
		return -1;
	if (strncmp(base, WHITEOUT, strlen(WHITEOUT)) == 0)
		return whiteout(r, dir, base, e);
	return add_node(r, dir, base, entry, e);
}

static int
scan(struct zin *z, struct tarscan *s, uint8_t diff[DIGEST_LEN],
    struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	const uint8_t *data;
	size_t len;
	int rc;

	digest_start(&d);
	while ((rc = zin_read(z, &data, &len, e)) > 0) {
		digest_add(&d, data, len);
		if (tarscan_feed(s, data, len, e) < 0)
			return -1;
	}
	if (rc < 0 || tarscan_finish(s, e) < 0)
		return -1;
	digest_end(&d, diff);
	return 0;
}

/* A layer's own faults have one code and name the layer. */
static int
finish(const struct image_layer *layer, struct zin *z, int rc,
    const uint8_t diff[DIGEST_LEN], struct err *e)
{
	uint8_t sum[DIGEST_LEN];
	char found[DIGEST_STR], found_diff[DIGEST_STR];
	struct err first = *e;

	if (rc < 0 && first.kind != ERR_CHECK)
		return -1;
	if (zin_drain(z, e) < 0)
		return -1;
	zin_digest(z, sum);
	digest_format(sum, found);
	if (strcmp(found, layer->desc.digest) != 0) {
		err_set(e, ERR_CHECK, "blob_digest_mismatch",
		    "the blob %s has another digest", layer->desc.digest);
		err_set_values(e, layer->desc.digest, found);
		return -1;
	}
	if (rc < 0) {
		*e = first;
		e->code = "layer_damaged";
		return err_wrap(e, "layer %s", layer->desc.digest);
	}
	digest_format(diff, found_diff);
	if (strcmp(found_diff, layer->diff_id) == 0)
		return 0;
	err_set(e, ERR_CHECK, "diff_id_mismatch",
	    "the layer %s has another diff_id", layer->desc.digest);
	err_set_values(e, layer->diff_id, found_diff);
	return -1;
}

int
base_layer_read(struct layout *l, const struct image_layer *layer, int index,
    struct tree *t, struct err *e)
{
	static const struct tarscan_ops ops = { .on_entry = on_entry };
	struct reader r = { t, index };
	autofd int fd = layout_blob_open(l, &layer->desc, e);
	uint8_t diff[DIGEST_LEN];
	struct tarscan *s;
	struct zin *z;
	int rc;

	if (fd < 0)
		return -1;
	s = tarscan_new(&ops, &r);
	z = zin_new(fd, ZIN_HASH | ZIN_MEMBERS);
	err_init(e);
	rc = scan(z, s, diff, e);
	rc = finish(layer, z, rc, diff, e);
	zin_free(z);
	tarscan_free(s);
	return rc;
}
