/*
 * list.h - a list of strings that it owns.
 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	char **items;	/* owned, as are the strings */
	size_t n, cap;
};
#define LIST_INIT { NULL, 0, 0 }

void list_release(struct list *l);
void list_add(struct list *l, const char *str);		/* copied */
void list_take(struct list *l, char *str);		/* owned from now on */
void list_copy(struct list *to, const struct list *from);	/* appends */
bool list_has(const struct list *l, const char *str);
void list_sort(struct list *l);		/* by bytes */

/* Lists of "KEY=VALUE". */
const char *list_value(const struct list *l, const char *key, size_t len);
/* Set key to value where it stands, or at the end. */
void list_set(struct list *l, const char *key, const char *value);

#endif
