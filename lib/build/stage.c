#include "build/stage.h"

#include <string.h>

#include "base/mem.h"

void
stage_release(struct stage *s)
{
	for (size_t i = 0; i < s->nlayers; i++) {
		if (!s->layers[i].owned)
			continue;
		layer_release(s->layers[i].layer);
		free(s->layers[i].layer);
	}
	free(s->layers);
	list_release(&s->args);
	config_release(&s->config);
	if (s->tree.root != NULL)
		tree_release(&s->tree);
	*s = (struct stage)STAGE_INIT;
}

static void
add_layer(struct stage *s, struct stage_layer layer)
{
	mem_grow(&s->layers, &s->cap, s->nlayers, sizeof(*s->layers));
	s->layers[s->nlayers++] = layer;
}

void
stage_from_scratch(struct stage *s)
{
	tree_init(&s->tree, NULL, NULL);
	config_scratch(&s->config);
}

int
stage_from_base(struct stage *s, struct base *b, struct err *e)
{
	tree_clone(&s->tree, &b->tree);
	for (size_t i = 0; i < b->image.nlayers; i++)
		add_layer(s, (struct stage_layer){ .base = b, .index = i });
	return config_read(&s->config, b->image.config.data,
	    b->image.config.len, e);
}

void
stage_from_stage(struct stage *s, struct stage *from)
{
	tree_clone(&s->tree, &from->tree);
	config_copy(&s->config, &from->config);
	list_copy(&s->args, &from->args);
	for (size_t i = 0; i < from->nlayers; i++) {
		struct stage_layer layer = from->layers[i];

		layer.owned = false;
		add_layer(s, layer);
	}
}

static const char *
get_variable(void *ctx, const char *name, size_t len)
{
	const struct stage *s = ctx;
	const char *value = list_value(&s->config.env, name, len);

	return value != NULL ? value : list_value(&s->args, name, len);
}

struct subst
stage_subst(struct stage *s)
{
	return (struct subst){ s->escape, get_variable, s };
}

char *
stage_word(struct stage *s, const char *word, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct subst subst = stage_subst(s);

	if (subst_word(&subst, word, &b, e) < 0)
		return NULL;
	return mem_dup(b.data, b.len);
}

void
stage_arg(const struct stage_vars *v, const char *arg, bool global,
    struct list *to)
{
	size_t len = strcspn(arg, "=");
	autofree char *name = mem_dup(arg, len);
	const char *value = list_value(v->build_args, name, len);

	if (value == NULL && arg[len] == '=')
		value = arg + len + 1;
	if (value == NULL && !global)
		value = list_value(&v->globals, name, len);
	if (value != NULL) {
		/* the value may stand in the list that changes */
		autofree char *copy = mem_str(value);

		list_set(to, name, copy);
	}
}

void
stage_commit(struct stage *s, const char *created_by)
{
	bool empty = s->tree.ntouched == 0;

	config_history(&s->config, created_by, empty, s->created);
	if (empty)
		return;
	struct layer *layer = mem_zero(1, sizeof(*layer));
	layer_note(layer, &s->tree);
	add_layer(s, (struct stage_layer){ .layer = layer, .owned = true });
}
