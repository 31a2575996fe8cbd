#include "change/changes.h"

#include <string.h>

static void
differs(void *ctx, const char *kind, const char *path, size_t len)
{
	component_because(ctx, kind, strcmp(kind, "input") == 0 ? "input" :
	    "path", path, len);
}

void
changes_own(struct component *c, const struct filelist *old)
{
	if (c->previous[0] == '\0' ||
	    strcmp(c->previous, c->fingerprint) == 0)
		return;
	if (old != NULL)
		filelist_diff(old, &c->files, differs, c);
	/* another object format, or nothing to compare with */
	if (!c->changed)
		component_because(c, "fingerprint", NULL, NULL, 0);
}

void
changes_void(struct component *c, const struct fpstate_keys *now,
    const struct fpstate_keys *saved)
{
	for (size_t i = 0; i < c->void_on.n; i++) {
		const char *name = c->void_on.items[i];
		const char *a = fpstate_keys_get(now, name);
		const char *b = fpstate_keys_get(saved, name);

		if (a != b && (a == NULL || b == NULL || strcmp(a, b) != 0))
			component_because(c, "void", "key", name,
			    strlen(name));
	}
}

/* Those that are named, and nothing else: a change of its own is no reason. */
static void
choose_named(const struct changes *x)
{
	for (size_t i = 0; i < x->list->n; i++) {
		struct component *c = &x->list->items[i];
		bool named = false;

		for (size_t j = 0; c->name != NULL && j < x->named->n; j++)
			named |= strcmp(x->named->items[j], c->name) == 0;
		if (named) {
			component_because(c, "named", NULL, NULL, 0);
			continue;
		}
		c->changed = false;
		c->nreasons = c->omitted = 0;
		buf_reset(&c->reasons);
		buf_reset(&c->because);
	}
}

void
changes_choose(const struct changes *x)
{
	bool more = true;

	if (x->named->n > 0)
		choose_named(x);
	for (size_t i = 0; x->all && i < x->list->n; i++)
		if (component_good(&x->list->items[i]))
			component_because(&x->list->items[i], "all", NULL,
			    NULL, 0);
	while (more) {
		more = false;
		for (size_t i = 0; i < x->list->n; i++) {
			const struct component *c = &x->list->items[i];

			for (size_t j = 0; c->changed && j < c->with.n; j++) {
				struct component *with = component_find(
				    x->list, c->with.items[j]);

				if (with == NULL || with->changed)
					continue;
				component_because(with, "with", "component",
				    c->name, strlen(c->name));
				more = true;
			}
		}
	}
}
