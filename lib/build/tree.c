#include "build/tree.h"

#include <string.h>

#include "base/mem.h"

#define LINKS_MAX 255	/* symlinks followed in one lookup */

static struct tree_node *
new_node(struct tree *t, const char *name, size_t len, enum tree_type type)
{
	struct tree_node *n = mem_alloc(sizeof(*n) + len + 1);

	*n = (struct tree_node){ .tree = t, .type = (uint8_t)type,
	    .mode = type == TREE_DIR ? 0755 : type == TREE_LINK ? 0777 : 0644,
	    .spool = -1 };
	memcpy(n->name, name, len);
	n->name[len] = '\0';
	return n;
}

static void
free_node(struct tree_node *n)
{
	for (size_t i = 0; i < n->nkids; i++)
		free_node(n->kids[i]);
	free(n->kids);
	free(n->link);
	free(n);
}

void
tree_init(struct tree *t, const struct tree_ops *ops, void *ctx)
{
	*t = (struct tree){ .ops = ops, .ctx = ctx };
	t->root = new_node(t, "", 0, TREE_DIR);
}

void
tree_release(struct tree *t)
{
	if (t->root != NULL)
		free_node(t->root);
	free(t->touched);
	if (t->ops != NULL && t->ops->release != NULL)
		t->ops->release(t);
	*t = (struct tree){ .root = NULL };
}

const struct tree_node *
tree_origin(const struct tree_node *node)
{
	return node->origin != NULL ? node->origin : node;
}

static struct tree_node *
clone_node(struct tree *t, const struct tree_node *from)
{
	struct tree_node *n = new_node(t, from->name, strlen(from->name),
	    from->type);

	n->mode = from->mode;
	n->uid = from->uid;
	n->gid = from->gid;
	n->size = from->size;
	n->special = from->special;
	n->origin = tree_origin(from);
	if (from->link != NULL)
		n->link = mem_str(from->link);
	if (from->nkids > 0)
		n->kids = mem_zero(from->nkids, sizeof(*n->kids));
	n->nkids = n->kids_cap = from->nkids;
	for (size_t i = 0; i < from->nkids; i++) {
		n->kids[i] = clone_node(t, from->kids[i]);
		n->kids[i]->parent = n;
	}
	return n;
}

/* The nodes of dir, the root of a copy that was made before there were any. */
static int
load_clone(struct tree *t, struct tree_node *dir, struct err *e)
{
	struct tree *from = t->ctx;

	if (tree_load(from->root, e) < 0)
		return -1;
	dir->mode = from->root->mode;
	for (size_t i = 0; i < from->root->nkids; i++) {
		mem_grow(&dir->kids, &dir->kids_cap, dir->nkids,
		    sizeof(*dir->kids));
		dir->kids[dir->nkids] = clone_node(t, from->root->kids[i]);
		dir->kids[dir->nkids++]->parent = dir;
	}
	return 0;
}

void
tree_clone(struct tree *t, struct tree *from)
{
	static const struct tree_ops later = { .load = load_clone };

	*t = (struct tree){ .ops = NULL };
	t->root = clone_node(t, from->root);
	if (!from->root->lazy)
		return;
	t->ops = &later;
	t->ctx = from;
	t->root->lazy = true;
}

/* Where name is, or would be, among dir's children. */
static bool
find(const struct tree_node *dir, const char *name, size_t len, size_t *at)
{
	size_t lo = 0, hi = dir->nkids;

	/* what comes sorted goes to the end */
	while (lo < hi) {
		size_t mid = hi - lo > 1 && hi == dir->nkids && lo == 0 ?
		    hi - 1 : lo + (hi - lo) / 2;
		const char *kid = dir->kids[mid]->name;
		int cmp = strncmp(kid, name, len);

		if (cmp == 0 && kid[len] != '\0')
			cmp = 1;
		if (cmp == 0) {
			*at = mid;
			return true;
		}
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

struct tree_node *
tree_add(struct tree_node *dir, const char *name, size_t len,
    enum tree_type type)
{
	struct tree_node *n = new_node(dir->tree, name, len, type);
	size_t at;

	find(dir, name, len, &at);
	mem_grow(&dir->kids, &dir->kids_cap, dir->nkids, sizeof(*dir->kids));
	memmove(dir->kids + at + 1, dir->kids + at,
	    (dir->nkids - at) * sizeof(*dir->kids));
	dir->kids[at] = n;
	dir->nkids++;
	n->parent = dir;
	return n;
}

void
tree_remove(struct tree_node *node)
{
	struct tree_node *dir = node->parent;
	size_t at;

	if (dir == NULL || !find(dir, node->name, strlen(node->name), &at))
		return;
	dir->nkids--;
	memmove(dir->kids + at, dir->kids + at + 1,
	    (dir->nkids - at) * sizeof(*dir->kids));
	free_node(node);
}

int
tree_name_check(const struct tree_node *dir, const char *name, struct err *e)
{
	AUTO(buf_release) struct buf path = BUF_INIT;

	if (strncmp(name, ".wh.", 4) != 0)
		return 0;
	tree_path(dir, &path);
	buf_addf(&path, "%s%s", path.len > 0 ? "/" : "", name);
	err_set(e, ERR_INPUT, "whiteout_name", "a name that starts with "
	    "'.wh.' can not be in a layer: '/%s'", path.data);
	err_set_path(e, path.data);
	return -1;
}

void
tree_set_link(struct tree_node *node, const char *target, size_t len)
{
	free(node->link);
	node->link = mem_dup(target, len);
}

int
tree_load(struct tree_node *dir, struct err *e)
{
	struct tree *t = dir->tree;

	if (!dir->lazy)
		return 0;
	dir->lazy = false;
	return t->ops->load(t, dir, e);
}

int
tree_child(struct tree_node *dir, const char *name, size_t len,
    struct tree_node **node, struct err *e)
{
	size_t at;

	if (tree_load(dir, e) < 0)
		return -1;
	if (dir->kids == NULL || !find(dir, name, len, &at))
		return 0;
	*node = dir->kids[at];
	return 1;
}

/*
 * A walk along a path.  rest is what is still to go, with the text of links
 * put in front of it.  `at` is NULL once the path has left what is there;
 * `real` has the way so far.
 */
struct walk {
	struct tree *tree;
	struct tree_node *at;
	struct buf *real;
	const char *path;	/* all of it, for messages */
	char *rest;
	int links;
	bool out;		/* the way led above the root */
};

static void
walk_up(struct walk *w)
{
	size_t n = w->real->len;

	w->out |= n == 0;
	while (n > 0 && w->real->data[n - 1] != '/')
		n--;
	buf_truncate(w->real, n > 0 ? n - 1 : 0);
	if (w->at != NULL && w->at->parent != NULL)
		w->at = w->at->parent;
}

static int
walk_link(struct walk *w, const char *target, const char *behind,
    struct err *e)
{
	char *rest = mem_fmt("%s/%s", target, behind);

	free(w->rest);
	w->rest = rest;
	if (++w->links > LINKS_MAX)
		return err_set(e, ERR_CHECK, "symlink_loop",
		    "too many symlinks on the way to '/%s'", w->path);
	if (*target == '/') {
		w->out = true;
		buf_reset(w->real);
		w->at = w->tree->root;
	}
	return 0;
}

/* One part of the path; behind is the text that follows it. */
static int
walk_part(struct walk *w, const char *name, size_t len, const char *behind,
    bool follow, struct err *e)
{
	struct tree_node *kid = NULL;
	bool last = behind[strspn(behind, "/")] == '\0';
	int rc = 0;

	if (w->at != NULL && w->at->type != TREE_DIR) {
		err_set(e, ERR_INPUT, "not_a_directory",
		    "not a directory: '/%s'", w->real->data);
		return -1;
	}
	if (w->at != NULL)
		rc = tree_child(w->at, name, len, &kid, e);
	if (rc < 0)
		return -1;
	if (rc > 0 && kid->type == TREE_LINK && (!last || follow))
		return walk_link(w, kid->link, behind, e) < 0 ? -1 : 1;
	if (w->real->len > 0)
		buf_addc(w->real, '/');
	buf_add(w->real, name, len);
	w->at = rc > 0 ? kid : NULL;
	return 0;
}

/* A ".." behind what is missing needs the directory again: look it up anew. */
static int
walk_relocate(struct walk *w, struct err *e)
{
	AUTO(buf_release) struct buf copy = BUF_INIT;
	struct tree_node *n;
	int rc;

	buf_add(&copy, w->real->data, w->real->len);
	rc = tree_lookup(w->tree, copy.data, false, &n, e);
	w->at = rc > 0 ? n : NULL;
	return rc < 0 ? -1 : 0;
}

static int
walk(struct walk *w, bool follow, struct err *e)
{
	const char *p = w->rest;

	while (*(p += strspn(p, "/")) != '\0') {
		size_t n = strcspn(p, "/");
		int rc = 0;

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			bool lost = w->at == NULL;

			walk_up(w);
			if (lost)
				rc = walk_relocate(w, e);
		} else if (n != 1 || *p != '.') {
			rc = walk_part(w, p, n, p + n, follow, e);
		}
		if (rc < 0)
			return -1;
		p = rc > 0 ? w->rest : p + n;
	}
	return 0;
}

int
tree_resolve(struct tree *t, const char *path, struct buf *real,
    struct tree_node **node, struct err *e)
{
	struct walk w = { t, t->root, real, path, mem_str(path), 0, false };
	int rc = walk(&w, true, e);

	free(w.rest);
	*node = w.at;
	return rc < 0 ? -1 : w.at != NULL;
}

int
tree_lookup(struct tree *t, const char *path, bool follow,
    struct tree_node **node, struct err *e)
{
	AUTO(buf_release) struct buf real = BUF_INIT;
	struct walk w = { t, t->root, &real, path, mem_str(path), 0, false };
	int rc = walk(&w, follow, e);

	free(w.rest);
	if (rc < 0)
		return e->kind == ERR_INPUT &&
		    strcmp(e->code, "not_a_directory") == 0 ? 0 : -1;
	*node = w.at;
	return w.at != NULL;
}

bool
tree_leads_out(struct tree_node *link)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	AUTO(buf_release) struct buf real = BUF_INIT;
	struct err ignored;

	tree_path(link, &path);
	struct walk w = { link->tree, link->tree->root, &real, path.data,
	    mem_str(path.data), 0, false };
	/* a loop and a file on the way lead nowhere */
	(void)walk(&w, true, &ignored);
	free(w.rest);
	return w.out;
}

int
tree_mkdirs(struct tree *t, const char *real, uint32_t uid, uint32_t gid,
    struct tree_node **node, struct err *e)
{
	struct tree_node *at = t->root, *kid;

	for (; *real != '\0'; real += strspn(real, "/")) {
		size_t n = strcspn(real, "/");
		int rc = tree_child(at, real, n, &kid, e);

		if (rc < 0)
			return -1;
		if (rc == 0) {
			autofree char *name = mem_dup(real, n);

			if (tree_name_check(at, name, e) < 0)
				return -1;
			kid = tree_add(at, real, n, TREE_DIR);
			kid->uid = uid;
			kid->gid = gid;
			tree_touch(kid);
		}
		if (kid->type != TREE_DIR) {
			AUTO(buf_release) struct buf b = BUF_INIT;

			tree_path(kid, &b);
			return err_set(e, ERR_INPUT, "not_a_directory",
			    "not a directory: '/%s'", b.data);
		}
		at = kid;
		real += n;
	}
	*node = at;
	return 0;
}

void
tree_touch(struct tree_node *node)
{
	struct tree *t = node->tree;

	if (node->touched || node->parent == NULL)
		return;
	node->touched = true;
	mem_grow(&t->touched, &t->touched_cap, t->ntouched,
	    sizeof(*t->touched));
	t->touched[t->ntouched++] = node;
}

void
tree_touched_clear(struct tree *t)
{
	for (size_t i = 0; i < t->ntouched; i++)
		t->touched[i]->touched = false;
	t->ntouched = 0;
}

void
tree_path(const struct tree_node *node, struct buf *b)
{
	if (node->parent == NULL)
		return;
	if (node->parent->parent != NULL) {
		tree_path(node->parent, b);
		buf_addc(b, '/');
	}
	buf_adds(b, node->name);
}
