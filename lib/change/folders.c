#include "change/folders.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
folders_arena_release(struct folders_arena *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->blocks[i]);
	free(a->blocks);
	*a = (struct folders_arena){ .n = 0 };
}

void *
folders_keep(struct folders_arena *a, void *block)
{
	mem_grow(&a->blocks, &a->cap, a->n, sizeof(*a->blocks));
	return a->blocks[a->n++] = block;
}

void
folders_leave(struct folder *folder)
{
	free(folder->at);
	folder->at = NULL;
}

void
folders_release(struct folders *f)
{
	for (size_t i = 0; i < f->n; i++)
		folders_leave(&f->items[i]);
	free(f->items);
	f->items = NULL;
	f->n = f->cap = 0;
}

bool
folders_enter(const struct folders *f, const struct folder *parent,
    const char *path, size_t len, struct folder *out, struct folders_arena *a)
{
	bool may = parent == NULL, any = false;
	bool *in = mem_zero(f->nrules, sizeof(*in));

	*out = (struct folder){ .path = path, .len = len,
		.at = mem_zero(f->nrules, sizeof(*out->at)),
		.parent = FOLDERS_END, .files = FOLDERS_END,
		.below = FOLDERS_END, .next = FOLDERS_END };
	for (size_t i = 0; i < f->nrules; i++) {
		out->at[i] = rules_enter(f->rules[i],
		    parent != NULL ? &parent->at[i] : NULL, path, len);
		out->live |= out->at[i].live && out->at[i].may;
		may |= out->at[i].may;
		in[i] = rules_takes(f->rules[i], out->at[i].last);
		any |= in[i];
	}
	if (any)
		out->in = folders_keep(a, in);
	else
		free(in);
	if (!may)
		folders_leave(out);
	return may;
}

const bool *
folders_in(const struct folders *f, const struct folder *folder,
    const char *path, size_t len, bool is_folder, struct folders_arena *a)
{
	bool any = false, differs = false, *in;

	if (!folder->live)
		return folder->in;
	in = mem_zero(f->nrules, sizeof(*in));
	for (size_t i = 0; i < f->nrules; i++) {
		in[i] = folder->at[i].may && rules_takes(f->rules[i],
		    rules_find(f->rules[i], &folder->at[i], path, len,
		    is_folder));
		any |= in[i];
		differs |= in[i] != (folder->in != NULL && folder->in[i]);
	}
	if (differs && any)
		return folders_keep(a, in);
	free(in);
	return differs ? NULL : folder->in;
}

/*
 * Of the tracked files
 */

/* The first of items[low..high) that does not start with the prefix. */
static size_t
prefix_end(const struct tracked_list *l, size_t low, size_t high,
    const char *prefix, size_t len)
{
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct tracked *t = &l->items[mid];

		if (t->len >= len && memcmp(t->path, prefix, len) == 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
build(struct folders *f, struct tracked_list *l, size_t low, size_t high,
    size_t at, struct folders_arena *a)
{
	size_t start = f->items[at].len > 0 ? f->items[at].len + 1 : 0;

	while (low < high) {
		struct tracked *t = &l->items[low];
		const char *slash = memchr(t->path + start, '/',
		    t->len - start);
		struct folder below;
		size_t len, end;

		if (slash == NULL) {
			t->in = folders_in(f, &f->items[at], t->path, t->len,
			    t->mode == FILELIST_MODULE, a);
			t->next = f->items[at].files;
			f->items[at].files = low++;
			continue;
		}
		len = (size_t)(slash - t->path);
		end = prefix_end(l, low, high, t->path, len + 1);
		if (folders_enter(f, &f->items[at], t->path, len, &below,
		    a)) {
			below.parent = at;
			below.next = f->items[at].below;
			mem_grow(&f->items, &f->cap, f->n, sizeof(below));
			f->items[at].below = f->n;
			f->items[f->n++] = below;
			build(f, l, low, end, f->n - 1, a);
		}
		low = end;
	}
}

void
folders_build(struct folders *f, struct tracked_list *l,
    struct folders_arena *a)
{
	struct folder root;

	folders_enter(f, NULL, "", 0, &root, a);
	mem_grow(&f->items, &f->cap, f->n, sizeof(root));
	f->items[f->n++] = root;
	build(f, l, 0, l->n, 0, a);
}
