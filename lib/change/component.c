#include "change/component.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/json_out.h"

#define REASONS_MAX 100		/* records(5): lists are cut there */
#define REASONS_BYTES (256 << 10)	/* and so that a line holds them */

static void
names_release(struct component_names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->items[i]);
	free(n->items);
}

void
component_release(struct component_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct component *c = &l->items[i];

		rules_release(&c->rules);
		names_release(&c->with);
		names_release(&c->void_on);
		filelist_release(&c->files);
		buf_release(&c->reasons);
		buf_release(&c->because);
		rec_free(c->rec);
		free(c->err);
	}
	free(l->items);
	*l = (struct component_list){ .n = 0 };
}

bool
component_good(const struct component *c)
{
	return !c->passed && c->err == NULL;
}

void
component_fail(struct component *c, const struct err *e)
{
	if (!component_good(c))
		return;
	c->err = mem_alloc(sizeof(*e));
	*c->err = *e;
}

struct component *
component_find(const struct component_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].name != NULL &&
		    strcmp(l->items[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}

/*
 * Reading
 */

static int
strings_only(const char *key, struct err *e)
{
	err_set(e, ERR_INPUT, "field_invalid", "'%s': strings are wanted",
	    key);
	err_set_path(e, key);
	return -1;
}

static int
take_path(void *ctx, const struct rec_member *m, struct err *e)
{
	if (m->str == NULL || m->name != NULL)
		return strings_only("paths", e);
	return rules_add(ctx, m->str, e);
}

static int
take_name(void *ctx, const struct rec_member *m, struct err *e)
{
	struct component_names *n = ctx;

	if (m->str == NULL || m->name != NULL)
		return strings_only("with, void_on", e);
	mem_grow(&n->items, &n->cap, n->n, sizeof(*n->items));
	n->items[n->n++] = mem_str(m->str);
	return 0;
}

/* A string counts as what it says, however it is escaped. */
static int
take_input(void *ctx, const struct rec_member *m, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	if (m->name == NULL || m->len == 0 || *m->text == '{' ||
	    *m->text == '[' || (*m->text == '"' && m->str == NULL)) {
		err_set(e, ERR_INPUT, "field_invalid", "'inputs' is an object "
		    "of strings, numbers and booleans");
		err_set_path(e, "inputs");
		return -1;
	}
	if (m->str != NULL)
		json_out_str(&o, m->str);
	else
		buf_add(&o.buf, m->text, m->len);
	filelist_add_input(ctx, m->name, o.buf.data);
	return 0;
}

static int
read_record(struct component_list *l, struct component *c, struct err *e)
{
	int rc;

	if (rec_need_str(c->rec, "component", &c->name, e) < 0 ||
	    rec_str(c->rec, "action", &c->action, e) < 0 ||
	    (rc = rec_each(c->rec, "paths", take_path, &c->rules, e)) < 0)
		return -1;
	for (size_t i = 0; &l->items[i] != c; i++)
		if (l->items[i].name != NULL &&
		    strcmp(l->items[i].name, c->name) == 0)
			return err_set(e, ERR_INPUT, "component_conflict",
			    "an earlier record is component '%s' too",
			    c->name);
	if (rc == 0 || c->rules.n == 0) {
		err_set(e, ERR_INPUT, "field_missing",
		    "'paths' is missing or empty");
		err_set_path(e, "paths");
		return -1;
	}
	if (rec_each(c->rec, "inputs", take_input, &c->files, e) < 0 ||
	    rec_each(c->rec, "with", take_name, &c->with, e) < 0 ||
	    rec_each(c->rec, "void_on", take_name, &c->void_on, e) < 0)
		return -1;
	return 0;
}

void
component_add(struct component_list *l, struct rec *r)
{
	struct component *c;
	struct err e;

	mem_grow(&l->items, &l->cap, l->n, sizeof(*l->items));
	c = &l->items[l->n++];
	*c = (struct component){ .rec = r, .reasons = BUF_INIT,
		.because = BUF_INIT };
	if (rec_failed(r) != ERR_NONE) {
		c->passed = true;
		if (rec_str(r, "component", &c->name, &e) < 1)
			c->name = NULL;
	} else if (read_record(l, c, &e) < 0) {
		component_fail(c, &e);
	}
}

void
component_check(struct component_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct component *c = &l->items[i];

		for (size_t j = 0; j < c->with.n; j++) {
			struct err e;

			if (component_find(l, c->with.items[j]) != NULL)
				continue;
			err_set(&e, ERR_INPUT, "with_unknown", "component '%s' "
			    "brings '%s' along, which no record is",
			    c->name, c->with.items[j]);
			err_set_path(&e, "with");
			component_fail(c, &e);
		}
	}
}

/*
 * Reasons
 */

static void
for_people(struct component *c, const char *kind, const char *key,
    const char *value, size_t len)
{
	if (c->nreasons > 0)
		buf_addc(&c->because, '\n');
	if (key != NULL && strcmp(key, "path") == 0) {
		text_escape(&c->because, value, len);
		buf_addf(&c->because, " (%s)", kind);
		return;
	}
	buf_adds(&c->because, kind);
	if (value != NULL) {
		buf_addc(&c->because, ' ');
		text_escape(&c->because, value, len);
	}
}

void
component_because(struct component *c, const char *kind, const char *key,
    const char *value, size_t len)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autobuf struct buf shown = BUF_INIT, b64 = BUF_INIT;

	c->changed = true;
	if (c->nreasons == REASONS_MAX || c->reasons.len > REASONS_BYTES) {
		c->omitted++;
		return;
	}
	for_people(c, kind, key, value, len);
	json_out_open(&o, '{');
	if (value != NULL && text_utf8_valid(value, len)) {
		json_out_key(&o, key);
		json_out_strn(&o, value, len);
	} else if (value != NULL) {
		text_escape(&shown, value, len);
		text_base64(&b64, value, len);
		json_out_kstr(&o, key, shown.data);
		json_out_kstr(&o, "path_b64", b64.data);
	}
	json_out_kstr(&o, "kind", kind);
	json_out_close(&o, '}');
	buf_addf(&c->reasons, "%s%s", c->nreasons++ > 0 ? "," : "",
	    o.buf.data);
}
