#include "change/rules.h"

#include <string.h>

#include "base/mem.h"

void
rules_release(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		pattern_release(&r->items[i]);
	free(r->items);
	*r = (struct rules){ .n = 0 };
}

int
rules_add(struct rules *r, const char *text, struct err *e)
{
	mem_grow(&r->items, &r->cap, r->n, sizeof(*r->items));
	if (pattern_parse(&r->items[r->n], text, e) < 0)
		return -1;
	r->n++;
	return 0;
}

bool
rules_takes(const struct rules *r, int index)
{
	return index >= 0 && !r->items[index].negated;
}

int
rules_find(const struct rules *r, const struct rules_at *folder,
    const char *path, size_t len, bool is_folder)
{
	if (folder->live)
		for (int i = (int)r->n - 1; i > folder->last; i--)
			if (pattern_match(&r->items[i], path, len, is_folder))
				return i;
	return folder->last;
}

struct rules_at
rules_enter(const struct rules *r, const struct rules_at *parent,
    const char *folder, size_t len)
{
	struct rules_at at = RULES_AT_NONE;

	if (parent != NULL)
		at.last = rules_find(r, parent, folder, len, true);
	at.may = rules_takes(r, at.last);
	if (parent != NULL && !parent->live) {
		at.live = false;
		return at;
	}
	at.live = false;
	for (int i = (int)r->n - 1; i > at.last; i--)
		if (pattern_below(&r->items[i], folder, len)) {
			at.live = true;
			at.may = at.may || !r->items[i].negated;
		}
	return at;
}

int
rules_decide(const struct rules *r, const char *path, size_t len,
    bool is_folder)
{
	struct rules_at at = rules_enter(r, NULL, "", 0);

	for (size_t i = 1; i < len; i++)
		if (path[i] == '/')
			at = rules_enter(r, &at, path, i);
	return rules_find(r, &at, path, len, is_folder);
}
