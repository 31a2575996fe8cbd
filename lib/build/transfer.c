#include "build/transfer.h"

#include <string.h>

#include "base/mem.h"
#include "build/glob.h"
#include "build/path.h"

struct match {
	struct tree_node *node;	/* symlinks followed */
	char *name;		/* owned: the last part of its path as found */
};

struct matches {
	struct match *items;	/* owned */
	size_t n, cap;
};

static void
matches_release(struct matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->items[i].name);
	free(m->items);
}

static int
fail(struct err *e, const char *code, const char *text,
    const struct tree_node *n)
{
	AUTO(buf_release) struct buf path = BUF_INIT;

	tree_path(n, &path);
	err_set(e, ERR_INPUT, code, "%s: '/%s'", text, path.data);
	err_set_path(e, path.data);
	return -1;
}

static int
not_found(const struct transfer *t, const char *source, const char *path,
    struct err *e)
{
	const char *ignore = NULL;

	if (t->from->ops != NULL && t->from->ops->hint != NULL)
		ignore = t->from->ops->hint(t->from, path);
	err_set(e, ERR_CHECK, "not_found", "no such file in %s: %s%s%s%s",
	    t->where, source, ignore != NULL ? " (" : "",
	    ignore != NULL ? ignore : "", ignore != NULL ? " excludes it)" :
	    "");
	err_set_path(e, source);
	return -1;
}

/* Add what path names, its last link followed. */
static int
add_match(const struct transfer *t, struct matches *m, const char *source,
    const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct tree_node *node;
	int rc = tree_lookup(t->from, path, true, &node, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return not_found(t, source, path, e);
	mem_grow(&m->items, &m->cap, m->n, sizeof(*m->items));
	m->items[m->n].node = node;
	m->items[m->n++].name = mem_str(slash != NULL ? slash + 1 : path);
	return 0;
}

static int expand(const struct transfer *t, struct matches *m,
    const char *source, const char *dir, const char *rest, struct err *e);

/* A part with a wildcard: every child of dir that matches it. */
static int
expand_part(const struct transfer *t, struct matches *m, const char *source,
    const char *dir, const char *part, size_t len, const char *rest,
    struct err *e)
{
	struct glob *g = glob_new(part, len, 0);
	struct tree_node *node;
	int rc;

	if (g == NULL)
		return err_set(e, ERR_INPUT, "pattern_invalid",
		    "a malformed pattern: %s", source);
	rc = tree_lookup(t->from, dir, true, &node, e);
	if (rc > 0 && node->type == TREE_DIR && tree_load(node, e) < 0)
		rc = -1;
	for (size_t i = 0; rc > 0 && i < node->nkids; i++) {
		const struct tree_node *kid = node->kids[i];

		if (!glob_match(g, kid->name, strlen(kid->name)) ||
		    (*rest != '\0' && kid->type != TREE_DIR))
			continue;
		autofree char *path = mem_fmt("%s%s%s", dir,
		    *dir != '\0' ? "/" : "", kid->name);
		if (*rest == '\0' ? add_match(t, m, source, path, e) < 0 :
		    expand(t, m, source, path, rest, e) < 0)
			rc = -1;
	}
	glob_free(g);
	return rc < 0 ? -1 : 0;
}

/* Everything below dir that rest, a pattern, matches. */
static int
expand(const struct transfer *t, struct matches *m, const char *source,
    const char *dir, const char *rest, struct err *e)
{
	size_t len = strcspn(rest, "/");
	const char *behind = rest + len + strspn(rest + len, "/");
	autofree char *part = mem_dup(rest, len);

	if (glob_special(part))
		return expand_part(t, m, source, dir, part, len, behind, e);
	autofree char *path = mem_fmt("%s%s%s", dir, *dir != '\0' ? "/" : "",
	    part);
	if (*behind != '\0')
		return expand(t, m, source, path, behind, e);
	struct tree_node *node;
	int rc = tree_lookup(t->from, path, true, &node, e);
	/* behind a wildcard a plain name is part of the pattern */
	return rc <= 0 ? rc : add_match(t, m, source, path, e);
}

static int
find_sources(const struct transfer *t, struct matches *m, struct err *e)
{
	for (size_t i = 0; i < t->sources->n; i++) {
		const char *source = t->sources->items[i];
		autofree char *path = path_clean(source);


		if (!glob_special(path)) {
			if (add_match(t, m, source, path, e) < 0)
				return -1;
			continue;
		}
		if (expand(t, m, source, "", path, e) < 0)
			return -1;
	}
	return 0;
}

/* Make n what a copy of src is. */
static int
become(const struct transfer *t, struct tree_node *n,
    const struct tree_node *src, struct err *e)
{
	if (src->type == TREE_OTHER)
		return fail(e, "file_type", "neither a file nor a directory "
		    "nor a symlink", src);
	if (src->special)
		return fail(e, "special_file", "a sparse file or one with "
		    "capabilities, which a copy would lose", src);
	n->type = src->type;
	n->size = src->size;
	n->uid = t->has_owner ? t->uid : src->uid;
	n->gid = t->has_owner ? t->gid : src->gid;
	n->mode = t->has_mode && src->type != TREE_LINK ? t->mode : src->mode;
	n->origin = tree_origin(src);
	free(n->link);
	n->link = src->link != NULL ? mem_str(src->link) : NULL;
	tree_touch(n);
	return 0;
}

/* A file or symlink as name in dir; what was there goes, but no directory. */
static int
put_file(const struct transfer *t, struct tree_node *dir, const char *name,
    const struct tree_node *src, struct err *e)
{
	struct tree_node *n;
	int rc = tree_child(dir, name, strlen(name), &n, e);

	if (rc < 0 || tree_name_check(dir, name, e) < 0)
		return -1;
	if (rc > 0 && n->type == TREE_DIR)
		return fail(e, "is_a_directory", "a file can not replace the "
		    "directory", n);
	if (rc == 0)
		n = tree_add(dir, name, strlen(name), src->type);
	return become(t, n, src, e);
}

static int merge(const struct transfer *t, struct tree_node *dir,
    struct tree_node *src, struct err *e);

static int
put_dir(const struct transfer *t, struct tree_node *dir,
    struct tree_node *src, struct err *e)
{
	struct tree_node *n;
	int rc = tree_child(dir, src->name, strlen(src->name), &n, e);
	uint32_t uid, gid;
	uint16_t mode;

	if (rc < 0 || tree_name_check(dir, src->name, e) < 0)
		return -1;
	if (rc > 0 && n->type != TREE_DIR)
		return fail(e, "not_a_directory", "a directory can not "
		    "replace the file or symlink", n);
	if (rc == 0) {
		n = tree_add(dir, src->name, strlen(src->name), TREE_DIR);
		tree_touch(n);
	}
	uid = t->has_owner ? t->uid : src->uid;
	gid = t->has_owner ? t->gid : src->gid;
	mode = t->has_mode ? t->mode : src->mode;
	if (n->uid != uid || n->gid != gid || n->mode != mode)
		tree_touch(n);
	n->uid = uid;
	n->gid = gid;
	n->mode = mode;
	return merge(t, n, src, e);
}

/* src's contents into dir. */
static int
merge(const struct transfer *t, struct tree_node *dir, struct tree_node *src,
    struct err *e)
{
	if (tree_load(src, e) < 0)
		return -1;
	for (size_t i = 0; i < src->nkids; i++) {
		struct tree_node *kid = src->kids[i];

		if (kid->type == TREE_DIR ? put_dir(t, dir, kid, e) < 0 :
		    put_file(t, dir, kid->name, kid, e) < 0)
			return -1;
	}
	return 0;
}

/* The directory at path, symlinks followed, made where it is missing. */
static int
make_dir(const struct transfer *t, const char *path, struct tree_node **dir,
    struct err *e)
{
	AUTO(buf_release) struct buf real = BUF_INIT;
	int rc = tree_resolve(t->to, path, &real, dir, e);

	if (rc < 0)
		return -1;
	return tree_mkdirs(t->to, real.data, t->has_owner ? t->uid : 0,
	    t->has_owner ? t->gid : 0, dir, e);
}

/* One source to the destination that is no directory by its spelling. */
static int
put_plain(const struct transfer *t, const char *dest, struct match *m,
    struct err *e)
{
	AUTO(buf_release) struct buf real = BUF_INIT;
	struct tree_node *dir;
	char *slash;
	int rc;

	if (m->node->type == TREE_DIR)
		return make_dir(t, dest, &dir, e) < 0 ? -1 :
		    merge(t, dir, m->node, e);
	rc = tree_resolve(t->to, dest, &real, &dir, e);
	if (rc < 0)
		return -1;
	if (rc > 0 && dir->type == TREE_DIR)
		return put_file(t, dir, m->name, m->node, e);
	slash = strrchr(real.data, '/');
	if (slash != NULL)
		*slash = '\0';
	if (make_dir(t, slash != NULL ? real.data : "", &dir, e) < 0)
		return -1;
	return put_file(t, dir, slash != NULL ? slash + 1 : real.data,
	    m->node, e);
}

static bool
names_directory(const char *dest)
{
	size_t n = strlen(dest);

	return n == 0 || dest[n - 1] == '/' || strcmp(dest, ".") == 0;
}

/* Several sources need a directory to go to; directories make one. */
static int
check_several(const struct transfer *t, const struct matches *m,
    const char *dest, struct err *e)
{
	struct tree_node *node;
	bool files = false;
	int rc;

	if (m->n < 2 && t->sources->n < 2)
		return 0;
	for (size_t i = 0; i < m->n; i++)
		files |= m->items[i].node->type != TREE_DIR;
	if (t->sources->n < 2 && !files)
		return 0;
	rc = tree_lookup(t->to, dest, true, &node, e);
	if (rc < 0 || (t->sources->n < 2 && rc > 0 &&
	    node->type == TREE_DIR))
		return rc < 0 ? -1 : 0;
	return err_set(e, ERR_INPUT, "destination_invalid",
	    "several sources need a destination that ends in '/': %s",
	    t->dest);
}

int
transfer_run(const struct transfer *t, struct err *e)
{
	AUTO(matches_release) struct matches m = { NULL, 0, 0 };
	autofree char *dest = path_from(t->workdir, t->dest);
	bool into = names_directory(t->dest);
	struct tree_node *dir;

	if (find_sources(t, &m, e) < 0 ||
	    (!into && check_several(t, &m, dest, e) < 0))
		return -1;
	for (size_t i = 0; i < m.n; i++) {
		struct match *item = &m.items[i];

		if (!into) {
			if (put_plain(t, dest, item, e) < 0)
				return -1;
			continue;
		}
		if (make_dir(t, dest, &dir, e) < 0)
			return -1;
		if (item->node->type == TREE_DIR ?
		    merge(t, dir, item->node, e) < 0 :
		    put_file(t, dir, item->name, item->node, e) < 0)
			return -1;
	}
	return 0;
}
