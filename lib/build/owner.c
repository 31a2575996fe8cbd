#include "build/owner.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX (4 << 20)	/* bytes of /etc/passwd */

static int
add(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)e;
	buf_add(ctx, data, len);
	return 0;
}

/* The whole of a file of the image; 0 without one. */
static int
slurp(struct tree *t, const char *path, struct buf *out, struct err *e)
{
	struct tree_node *node;
	const struct tree_node *from;
	int rc = tree_lookup(t, path, true, &node, e);

	if (rc <= 0 || node->type != TREE_FILE)
		return rc < 0 ? -1 : 0;
	from = tree_origin(node);
	if (from->size > FILE_MAX)
		return err_set(e, ERR_INPUT, "owner_unknown",
		    "the image's /%s is larger than %d bytes", path, FILE_MAX);
	if (from->tree->ops->prepare != NULL &&
	    from->tree->ops->prepare(from->tree, &from, 1, e) < 0)
		return -1;
	if (from->size > 0 &&
	    from->tree->ops->read(from->tree, from, add, out, e) < 0)
		return -1;
	return 1;
}

static bool
number(const char *str, uint32_t *value)
{
	int64_t n;

	if (!text_number(str, false, &n) || n > UINT32_MAX)
		return false;
	*value = (uint32_t)n;
	return true;
}

/* The field with this index of "name:x:3:4:..." at *line, cut off. */
static char *
field(const char *line, size_t len, int index)
{
	const char *end = line + len;

	for (; index > 0; index--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (line == NULL)
			return mem_str("");
		line++;
	}
	const char *stop = memchr(line, ':', (size_t)(end - line));
	return mem_dup(line, (size_t)((stop != NULL ? stop : end) - line));
}

/* The line of name; the third field to *id, the fourth to *group. */
static bool
find(const struct buf *text, const char *name, uint32_t *id, uint32_t *group)
{
	const char *p = text->data, *end = text->data + text->len;

	for (; p < end; p++) {
		size_t len = strcspn(p, "\n");
		autofree char *found = field(p, len, 0);

		if (strcmp(found, name) == 0) {
			autofree char *third = field(p, len, 2);
			autofree char *fourth = field(p, len, 3);

			return number(third, id) &&
			    (group == NULL || number(fourth, group));
		}
		p += len;
	}
	return false;
}

static int
look_up(struct tree *t, const char *path, const char *name, uint32_t *id,
    uint32_t *group, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (number(name, id)) {
		if (group != NULL)
			*group = *id;
		return 0;
	}
	if (slurp(t, path, &text, e) < 0)
		return -1;
	if (*name != '\0' && find(&text, name, id, group))
		return 0;
	if (strcmp(name, "root") == 0) {
		*id = 0;
		if (group != NULL)
			*group = 0;
		return 0;
	}
	return err_set(e, ERR_INPUT, "owner_unknown",
	    "no '%s' in the image's /%s", name, path);
}

int
owner_find(struct tree *t, const char *spec, uint32_t *uid, uint32_t *gid,
    struct err *e)
{
	size_t len = strcspn(spec, ":");
	autofree char *user = mem_dup(spec, len);

	if (look_up(t, "etc/passwd", user, uid, gid, e) < 0)
		return -1;
	if (spec[len] == '\0')
		return 0;
	return look_up(t, "etc/group", spec + len + 1, gid, NULL, e);
}
