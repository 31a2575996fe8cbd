#include "bundle/payload.h"

#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define LINKS_MAX 40	/* followed for one target, as the kernel does */

void
payload_init(struct payload *p)
{
	*p = (struct payload){ .names = BUF_INIT };
	buf_addc(&p->names, '\0');	/* offset 0 is the empty string */
	mem_grow(&p->nodes, &p->cap, 0, sizeof(*p->nodes));
	p->nodes[0] = (struct payload_node){ .type = PAYLOAD_DIR };
	p->count = 1;
	if (getrandom(&p->seed, sizeof(p->seed), 0) < 0)
		p->seed = 2166136261U;
	p->slots = 1024;
	p->table = mem_zero(p->slots, sizeof(*p->table));
}

void
payload_release(struct payload *p)
{
	free(p->nodes);
	free(p->table);
	buf_release(&p->names);
}

static size_t
slot(const struct payload *p, uint32_t parent, const char *name, size_t len)
{
	uint32_t hash = p->seed ^ parent * 2654435761U;	/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619U;
	return (hash ^ hash >> 15) & (p->slots - 1);
}

static void
rehash(struct payload *p)
{
	free(p->table);
	p->slots *= 2;
	p->table = mem_zero(p->slots, sizeof(*p->table));
	for (uint32_t i = 1; i < p->count; i++) {
		struct payload_node *n = &p->nodes[i];
		size_t at = slot(p, n->parent, p->names.data + n->name,
		    n->name_len);

		n->next = p->table[at];
		p->table[at] = i + 1;
	}
}

uint32_t
payload_keep(struct payload *p, const char *str, size_t len)
{
	uint32_t at = (uint32_t)p->names.len;

	buf_add(&p->names, str, len);
	buf_addc(&p->names, '\0');
	return at;
}

uint32_t
payload_child(struct payload *p, uint32_t parent, const char *name, size_t len,
    bool add)
{
	size_t at = slot(p, parent, name, len);
	struct payload_node *n;

	for (uint32_t i = p->table[at]; i != 0; i = n->next) {
		n = &p->nodes[i - 1];
		if (n->parent == parent && n->name_len == len &&
		    memcmp(p->names.data + n->name, name, len) == 0)
			return i - 1;
	}
	if (!add || p->count == PAYLOAD_NODES_MAX || len > PAYLOAD_PATH_MAX)
		return PAYLOAD_NONE;
	if (p->count == p->slots) {
		rehash(p);
		at = slot(p, parent, name, len);
	}
	mem_grow(&p->nodes, &p->cap, p->count, sizeof(*p->nodes));
	p->nodes[p->count] = (struct payload_node){
		.parent = parent, .next = p->table[at],
		.name = payload_keep(p, name, len),
		.name_len = (uint16_t)len, .mode = 0755,
	};
	p->table[at] = (uint32_t)++p->count;
	return (uint32_t)p->count - 1;
}

uint32_t
payload_find(struct payload *p, uint32_t from, const char *path, bool add)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		from = payload_child(p, from, path, len, add);
		if (from == PAYLOAD_NONE || path[len] == '\0')
			return from;
		path += len + 1;
	}
}

const char *
payload_name(const struct payload *p, uint32_t node)
{
	return p->names.data + p->nodes[node].name;
}

const char *
payload_target(const struct payload *p, uint32_t node)
{
	return p->names.data + p->nodes[node].target;
}

const char *
payload_path(const struct payload *p, uint32_t node, uint32_t base,
    struct buf *out)
{
	size_t len = 0;

	for (uint32_t i = node; i != base; i = p->nodes[i].parent)
		len += p->nodes[i].name_len + 1;
	buf_reset(out);
	if (len == 0)
		return out->data;
	buf_grow(out, len);
	out->len = --len;
	out->data[len] = '\0';
	for (uint32_t i = node; i != base; i = p->nodes[i].parent) {
		const struct payload_node *n = &p->nodes[i];

		len -= n->name_len;
		memcpy(out->data + len, p->names.data + n->name, n->name_len);
		if (len > 0)
			out->data[--len] = '/';
	}
	return out->data;
}

/* A place while a target is followed: a node, and how many names below it are
 * not there. */
struct place {
	uint32_t node;
	size_t below;
};

static bool follow(struct payload *p, const char *target, uint32_t top,
    struct place *at, int *links);

/* One name of a target; true if it leads out. */
static bool
step(struct payload *p, const char *name, size_t len, uint32_t top,
    struct place *at, int *links)
{
	uint32_t child;

	if (len == 0 || (len == 1 && *name == '.'))
		return false;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		if (at->below > 0)
			at->below--;
		else if (at->node == top || at->node == PAYLOAD_ROOT)
			return true;
		else
			at->node = p->nodes[at->node].parent;
		return false;
	}
	child = at->below > 0 ? PAYLOAD_NONE :
	    payload_child(p, at->node, name, len, false);
	if (child == PAYLOAD_NONE) {
		at->below++;
	} else if (p->nodes[child].type == PAYLOAD_LINK) {
		autofree char *target = mem_str(payload_target(p, child));

		if (++*links > LINKS_MAX) {
			at->below++;	/* a loop leads nowhere */
			return false;
		}
		return follow(p, target, top, at, links);
	} else {
		at->node = child;
	}
	return false;
}

static bool
follow(struct payload *p, const char *target, uint32_t top, struct place *at,
    int *links)
{
	if (*target == '/')
		return true;
	for (;;) {
		size_t len = strcspn(target, "/");

		if (step(p, target, len, top, at, links))
			return true;
		if (target[len] == '\0')
			return false;
		target += len + 1;
	}
}

bool
payload_leads_out(struct payload *p, uint32_t node, uint32_t top)
{
	struct place at = { p->nodes[node].parent, 0 };
	int links = 0;
	autofree char *target = mem_str(payload_target(p, node));

	/* a link beside the bundle's directory stands outside of it already */
	return node == top || follow(p, target, top, &at, &links);
}
