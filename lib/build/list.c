#include "build/list.h"

#include <string.h>

#include "base/mem.h"

void
list_release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct list)LIST_INIT;
}

void
list_take(struct list *l, char *str)
{
	mem_grow(&l->items, &l->cap, l->n, sizeof(*l->items));
	l->items[l->n++] = str;
}

void
list_add(struct list *l, const char *str)
{
	list_take(l, mem_str(str));
}

void
list_copy(struct list *to, const struct list *from)
{
	for (size_t i = 0; i < from->n; i++)
		list_add(to, from->items[i]);
}

bool
list_has(const struct list *l, const char *str)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i], str) == 0)
			return true;
	return false;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
list_sort(struct list *l)
{
	if (l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), compare);
}

static char **
find(const struct list *l, const char *key, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->items[i], key, len) == 0 &&
		    l->items[i][len] == '=')
			return &l->items[i];
	return NULL;
}

const char *
list_value(const struct list *l, const char *key, size_t len)
{
	char **item = find(l, key, len);

	return item != NULL ? *item + len + 1 : NULL;
}

void
list_set(struct list *l, const char *key, const char *value)
{
	char **item = find(l, key, strlen(key));
	char *text = mem_fmt("%s=%s", key, value);

	if (item == NULL) {
		list_take(l, text);
		return;
	}
	free(*item);
	*item = text;
}
