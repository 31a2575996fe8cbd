#include "oci/notes.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static void
insert(struct notes *x, size_t at, const char *key, const char *value)
{
	mem_grow(&x->items, &x->cap, x->n, sizeof(*x->items));
	memmove(x->items + at + 1, x->items + at,
	    (x->n - at) * sizeof(*x->items));
	x->items[at] = (struct notes_item){ mem_str(key), mem_str(value) };
	x->n++;
}

void
notes_set(struct notes *x, const char *key, const char *value)
{
	for (size_t i = 0; i < x->n; i++) {
		int order = strcmp(x->items[i].key, key);

		if (order > 0) {
			insert(x, i, key, value);
			return;
		}
		if (order == 0) {
			free(x->items[i].value);
			x->items[i].value = mem_str(value);
			return;
		}
	}
	insert(x, x->n, key, value);
}

const char *
notes_get(const struct notes *x, const char *key)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->items[i].key, key) == 0)
			return x->items[i].value;
	return NULL;
}

void
notes_release(struct notes *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->items[i].key);
		free(x->items[i].value);
	}
	free(x->items);
	*x = (struct notes){ NULL, 0, 0 };
}

void
notes_write(const struct notes *x, struct json_out *o)
{
	if (x->n == 0)
		return;
	json_out_key(o, "annotations");
	json_out_open(o, '{');
	for (size_t i = 0; i < x->n; i++)
		json_out_kstr(o, x->items[i].key, x->items[i].value);
	json_out_close(o, '}');
}

/* One target out of len bytes; 0 if it is none of buildx's words. */
static int
parse_target(const char *str, size_t len, struct notes_target *t, struct err *e)
{
	static const char *const words[] = { "index", "manifest-descriptor",
		"manifest", "index-descriptor" };
	size_t n = strcspn(str, "[:,"), word = 0;
	autofree char *platform = NULL;

	n = n < len ? n : len;
	while (word < 4 && !(strlen(words[word]) == n &&
	    memcmp(words[word], str, n) == 0))
		word++;
	if (word == 4)
		return 0;
	*t = (struct notes_target){ .index = word == 0, .one = n < len };
	if (word > 1 || (t->one && (t->index || str[len - 1] != ']')))
		return err_set(e, ERR_INPUT, "usage",
		    "an annotation is for index or manifest-descriptor"
		    "[PLATFORM], not '%.*s'", (int)len, str);
	if (!t->one)
		return 1;
	platform = mem_dup(str + n + 1, len - n - 2);
	return desc_platform_parse(platform, &t->platform, e) < 0 ? -1 : 1;
}

void
notes_option_release(struct notes_option *o)
{
	free(o->key);
	o->key = NULL;
}

/* The targets before the colon, if the words are some; what is behind them. */
static int
parse_targets(const char *option, const char *colon, struct notes_option *o,
    const char **rest, struct err *e)
{
	*rest = option;
	while (*rest <= colon) {
		size_t len = strcspn(*rest, ",:");
		int rc = o->ntargets == NOTES_TARGETS_MAX ? 0 :
		    parse_target(*rest, len, &o->targets[o->ntargets], e);

		if (rc < 0)
			return -1;
		/* a key may have a colon in it, too */
		if (rc == 0 && o->ntargets == 0)
			return 0;
		if (rc == 0)
			return err_set(e, ERR_INPUT, "usage",
			    "an annotation is [TARGET:]KEY=VALUE, not '%s'",
			    option);
		o->ntargets++;
		*rest += len + 1;
	}
	return 0;
}

int
notes_parse(struct notes_option *o, const char *option, struct err *e)
{
	const char *equals = strchr(option, '=');
	const char *rest = option, *colon;

	*o = (struct notes_option){ .ntargets = 0 };
	if (equals != NULL && (colon = memchr(option, ':',
	    (size_t)(equals - option))) != NULL &&
	    parse_targets(option, colon, o, &rest, e) < 0)
		return -1;
	if (equals == NULL || equals <= rest ||
	    !text_utf8_valid(option, strlen(option)))
		return err_set(e, ERR_INPUT, "usage",
		    "an annotation is KEY=VALUE in UTF-8, not '%s'", option);
	if (o->ntargets == 0)
		o->targets[o->ntargets++] =
		    (struct notes_target){ .index = true };
	o->key = mem_dup(rest, (size_t)(equals - rest));
	o->value = equals + 1;
	return 0;
}
