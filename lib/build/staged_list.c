#include "build/staged_list.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "record/json.h"

enum key { OTHER, FILES, ARCH, PATH, TYPE, SHA256, SIZE, TARGET };

struct reader {
	struct staged_list *list;
	struct staged_list_item item;	/* of the object at hand */
	enum key key;
	bool in_files, has_digest, link, ok;
};

void
staged_list_release(struct staged_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].path);
		free(l->items[i].target);
	}
	free(l->items);
	*l = (struct staged_list)STAGED_LIST_INIT;
}

static enum key
key_of(const struct json_event *ev, bool in_files)
{
	static const struct { const char *name; enum key key; } top[] = {
		{ "files", FILES }, { "architecture", ARCH },
	}, entry[] = {
		{ "path", PATH }, { "entry_type", TYPE }, { "sha256", SHA256 },
		{ "size", SIZE }, { "target", TARGET },
	};

	for (size_t i = 0; ev->depth == 1 && i < 2; i++)
		if (strcmp(ev->text, top[i].name) == 0)
			return top[i].key;
	for (size_t i = 0; ev->depth == 3 && in_files && i < 5; i++)
		if (strcmp(ev->text, entry[i].name) == 0)
			return entry[i].key;
	return OTHER;
}

static void
on_string(struct reader *r, const struct json_event *ev)
{
	struct staged_list_item *item = &r->item;

	switch (r->key) {
	case ARCH:
		snprintf(r->list->arch, sizeof(r->list->arch), "%s", ev->text);
		break;
	case PATH:
		free(item->path);
		item->path = mem_str(ev->text);
		break;
	case TARGET:
		free(item->target);
		item->target = mem_str(ev->text);
		break;
	case TYPE:
		r->link = strcmp(ev->text, "symlink") == 0;
		r->ok &= r->link || strcmp(ev->text, "file") == 0;
		break;
	case SHA256:
		r->has_digest = digest_parse_hex(ev->text, item->digest);
		break;
	default:
		break;
	}
}

static void
end_item(struct reader *r)
{
	struct staged_list *l = r->list;

	if (r->link)
		r->item.size = -1;
	r->ok &= r->item.path != NULL &&
	    (r->link || (r->has_digest && r->item.size >= 0));
	mem_grow(&l->items, &l->cap, l->n, sizeof(*l->items));
	l->items[l->n++] = r->item;
	r->item = (struct staged_list_item){ .size = -1 };
	r->has_digest = r->link = false;
}

static int
on_event(void *ctx, const struct json_event *ev, struct err *e)
{
	struct reader *r = ctx;

	(void)e;
	if (ev->type == JSON_KEY) {
		r->key = key_of(ev, r->in_files);
		return 0;
	}
	if (ev->type == JSON_ARRAY && ev->depth == 1)
		r->in_files = r->key == FILES;
	else if (ev->type == JSON_END_ARRAY && ev->depth == 1)
		r->in_files = false;
	else if (ev->type == JSON_END_OBJECT && ev->depth == 2 && r->in_files)
		end_item(r);
	else if (ev->type == JSON_STRING)
		on_string(r, ev);
	else if (ev->type == JSON_NUMBER && r->key == SIZE)
		r->ok &= json_integer(ev->text, ev->len, &r->item.size);
	r->key = OTHER;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct staged_list_item *)a)->path,
	    ((const struct staged_list_item *)b)->path);
}

static int
read_text(struct json *j, int fd, uint8_t digest[DIGEST_LEN], int64_t *size,
    struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	char chunk[16384];
	ssize_t n;

	digest_start(&d);
	for (*size = 0; (n = file_read(fd, chunk, sizeof(chunk))) > 0; ) {
		digest_add(&d, chunk, (size_t)n);
		if ((*size += n) > STAGED_LIST_MAX ||
		    json_feed(j, chunk, (size_t)n, e) < 0)
			return err_set(e, ERR_CHECK, "staged_changed",
			    "the staged manifest.json is malformed");
	}
	if (n < 0)
		return err_sys(e, "cannot read the staged manifest.json");
	digest_end(&d, digest);
	if (json_finish(j, e) < 0)
		return err_set(e, ERR_CHECK, "staged_changed",
		    "the staged manifest.json is malformed");
	return 0;
}

int
staged_list_read(struct staged_list *l, int fd, uint8_t digest[DIGEST_LEN],
    int64_t *size, struct err *e)
{
	struct reader r = { .list = l, .item = { .size = -1 }, .ok = true };
	struct json *j = json_new(on_event, &r);
	int rc = read_text(j, fd, digest, size, e);

	json_free(j);
	free(r.item.path);
	free(r.item.target);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		r.ok &= l->items[i].path != NULL;
	if (r.ok && l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), compare);
	for (size_t i = 1; r.ok && i < l->n; i++)
		r.ok = compare(&l->items[i - 1], &l->items[i]) != 0;
	if (!r.ok)
		return err_set(e, ERR_CHECK, "staged_changed",
		    "the staged manifest.json is malformed");
	return 0;
}

struct staged_list_item *
staged_list_find(const struct staged_list *l, const char *path)
{
	struct staged_list_item key = { .path = (char *)(uintptr_t)path };

	if (l->n == 0)
		return NULL;
	return bsearch(&key, l->items, l->n, sizeof(*l->items), compare);
}
