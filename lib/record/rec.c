#include "record/rec.h"

#include <inttypes.h>
#include <jv.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/json.h"

/* A value of the document; its children follow it. */
struct node {
	uint32_t start, end;	/* of its text */
	uint32_t name, name_len;/* decoded key, in names */
	uint32_t name_start;	/* of the key's text */
	uint32_t next;		/* the next sibling, 0 for none */
	bool has_name, has_child;
	enum json_type type;
};

/* A top-level member of what goes out; value NULL: it does not. */
struct edit {
	char *key, *value;
};

struct rec {
	char *text;
	size_t len;
	char *where;
	struct node *nodes;
	size_t nnodes, cap;
	struct buf names;
	struct edit *edits;
	size_t nedits, edits_cap;
	char **strings;		/* lent by rec_str */
	size_t nstrings, strings_cap;
};

struct builder {
	struct rec *rec;
	uint32_t open[JSON_DEPTH_MAX + 1];	/* node of each container */
	uint32_t last[JSON_DEPTH_MAX + 1];	/* last value at each depth */
	bool any[JSON_DEPTH_MAX + 1];		/* there is a last one */
	uint32_t name, name_len, name_start;
	bool has_name;
};

static int
add_node(void *ctx, const struct json_event *ev, struct err *e)
{
	struct builder *b = ctx;
	struct rec *r = b->rec;
	struct node *n;

	(void)e;
	if (ev->type == JSON_KEY) {
		b->name = (uint32_t)r->names.len;
		b->name_len = (uint32_t)ev->len;
		b->name_start = (uint32_t)ev->start;
		b->has_name = true;
		buf_add(&r->names, ev->text, ev->len + 1);
		return 0;
	}
	if (ev->type >= JSON_END_ARRAY) {
		r->nodes[b->open[ev->depth]].end = (uint32_t)ev->end;
		return 0;
	}
	mem_grow(&r->nodes, &r->cap, r->nnodes, sizeof(*r->nodes));
	uint32_t i = (uint32_t)r->nnodes++;
	n = &r->nodes[i];
	*n = (struct node){ (uint32_t)ev->start, (uint32_t)ev->end, b->name,
	    b->name_len, b->name_start, 0, b->has_name, false, ev->type };
	b->has_name = false;
	if (b->any[ev->depth])
		r->nodes[b->last[ev->depth]].next = i;
	else if (ev->depth > 0)
		r->nodes[b->open[ev->depth - 1]].has_child = true;
	b->last[ev->depth] = i;
	b->any[ev->depth] = true;
	if (ev->type == JSON_OBJECT || ev->type == JSON_ARRAY) {
		b->open[ev->depth] = i;
		b->any[ev->depth + 1] = false;
	}
	return 0;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What to do about the two mistakes that people make. */
static const char *
advice(const char *line, size_t len, const char *detail)
{
	while (len > 0 && blank(*line)) {
		line++;
		len--;
	}
	while (len > 0 && blank(line[len - 1]))
		len--;
	if (len == 0)
		return "";
	if (*line == '[')
		return "; one object a line is wanted: put `jq -c '.[]'` "
		    "before";
	/* a line of one that is spread over several, not one that is cut off */
	if (memchr("}]\"", *line, 3) != NULL ||
	    (strstr(detail, "ends too early") != NULL &&
	    memchr("{[,", line[len - 1], 3) != NULL))
		return "; this looks like pretty-printed JSON: put `jq -c .` "
		    "before";
	return "";
}

static int
malformed(const char *line, size_t len, const char *cause, struct err *e)
{
	autofree char *detail = mem_str(cause);

	err_set(e, ERR_INPUT, "malformed_line",
	    "not a JSON object on one line: %s%s", detail,
	    advice(line, len, detail));
	err_set_detail(e, "%s", detail);
	return -1;
}

struct rec *
rec_parse(const char *line, size_t len, const char *where, struct err *e)
{
	struct rec *r = mem_zero(1, sizeof(*r));
	struct builder b = { .rec = r };
	struct json *j = json_new(add_node, &b);
	int rc;

	json_allow_nul(j);
	buf_init(&r->names);
	r->where = mem_str(where);
	if ((rc = json_feed(j, line, len, e)) < 0 ||
	    (rc = json_finish(j, e)) < 0)
		malformed(line, len, e->detail, e);
	else if (r->nodes[0].type != JSON_OBJECT)
		rc = malformed(line, len, "the value is no object", e);
	json_free(j);
	if (rc < 0) {
		rec_free(r);
		return NULL;
	}
	r->text = mem_dup(line, len);
	r->len = len;
	return r;
}

void
rec_free(struct rec *r)
{
	if (r == NULL)
		return;
	rec_undo(r);
	for (size_t i = 0; i < r->nstrings; i++)
		free(r->strings[i]);
	free(r->strings);
	free(r->edits);
	free(r->nodes);
	buf_release(&r->names);
	free(r->text);
	free(r->where);
	free(r);
}

const char *
rec_where(const struct rec *r)
{
	return r->where;
}

static const struct node *
child(const struct rec *r, const struct node *n, const char *name, size_t len)
{
	if (n->type != JSON_OBJECT || !n->has_child)
		return NULL;
	for (n++;; n = &r->nodes[n->next]) {
		if (n->name_len == len &&
		    memcmp(r->names.data + n->name, name, len) == 0)
			return n;
		if (n->next == 0)
			return NULL;
	}
}

/* The node at a path of keys, NULL where it is missing or null. */
static const struct node *
find(const struct rec *r, const char *key)
{
	const struct node *n = r->nodes;

	while (n != NULL) {
		size_t len = strcspn(key, ".");

		n = child(r, n, key, len);
		if (key[len] == '\0')
			break;
		key += len + 1;
	}
	return n == NULL || n->type == JSON_NULL ? NULL : n;
}

static void
no_memory(void *data)
{
	(void)data;
	mem_die();
}

/* libjq keeps its handler for each thread, and aborts without one. */
static void
setup_jv(void)
{
	static _Thread_local bool ready;

	if (!ready)
		jv_nomem_handler(no_memory, NULL);
	ready = true;
}

/* The decoded string at n, kept with the record; NULL if it has a NUL.  libjq's
 * reader sees only what the strict one has passed. */
static const char *
decode(struct rec *r, const struct node *n)
{
	bool is_string;
	char *str = NULL;
	jv v;

	setup_jv();
	v = jv_parse_sized(r->text + n->start, (int)(n->end - n->start));
	is_string = jv_get_kind(v) == JV_KIND_STRING;

	if (is_string && strlen(jv_string_value(v)) ==
	    (size_t)jv_string_length_bytes(jv_copy(v)))
		str = mem_str(jv_string_value(v));
	jv_free(v);
	if (str == NULL)
		return NULL;
	mem_grow(&r->strings, &r->strings_cap, r->nstrings,
	    sizeof(*r->strings));
	r->strings[r->nstrings++] = str;
	return str;
}

static int
invalid(const char *key, const char *wanted, struct err *e)
{
	err_set(e, ERR_INPUT, "field_invalid", "invalid field: %s: %s", key,
	    wanted);
	err_set_path(e, key);
	return -1;
}

int
rec_str(struct rec *r, const char *key, const char **value, struct err *e)
{
	const struct node *n = find(r, key);

	if (n == NULL)
		return 0;
	if (n->type != JSON_STRING)
		return invalid(key, "a string is wanted", e);
	if (n->end - n->start == 2)
		return invalid(key, "the string is empty", e);
	const char *str = decode(r, n);

	if (str == NULL)
		return invalid(key, "a NUL is in the string", e);
	*value = str;
	return 1;
}

int
rec_need_str(struct rec *r, const char *key, const char **value,
    struct err *e)
{
	int rc = rec_str(r, key, value, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	err_set(e, ERR_INPUT, "field_missing", "missing field: %s", key);
	err_set_path(e, key);
	return -1;
}

int
rec_int(struct rec *r, const char *key, int64_t min, int64_t max,
    int64_t *value, struct err *e)
{
	const struct node *n = find(r, key);
	const char *text;
	size_t len;

	if (n == NULL)
		return 0;
	text = r->text + n->start;
	len = n->end - n->start;
	if (n->type != JSON_NUMBER ||
	    strspn(text, "-0123456789") < len)
		return invalid(key, "a whole number is wanted", e);
	if (!json_integer(text, len, value))
		return invalid(key, "the number is beyond 2^53-1, which JSON "
		    "readers round: write it as a string", e);
	if (*value < min || *value > max) {
		invalid(key, "the number is out of range", e);
		err_set_detail(e, "%" PRId64 " to %" PRId64, min, max);
		return -1;
	}
	return 1;
}

int
rec_bool(struct rec *r, const char *key, bool *value, struct err *e)
{
	const struct node *n = find(r, key);

	if (n == NULL)
		return 0;
	if (n->type != JSON_TRUE && n->type != JSON_FALSE)
		return invalid(key, "true or false is wanted", e);
	*value = n->type == JSON_TRUE;
	return 1;
}

int
rec_each(struct rec *r, const char *key,
    int (*fn)(void *ctx, const struct rec_member *m, struct err *e),
    void *ctx, struct err *e)
{
	const struct node *n = *key != '\0' ? find(r, key) : r->nodes;

	if (n == NULL)
		return 0;
	if (n->type != JSON_OBJECT && n->type != JSON_ARRAY)
		return invalid(key, "an object or array is wanted", e);
	if (!n->has_child)
		return 1;
	for (n++;; n = &r->nodes[n->next]) {
		const char *name = n->has_name ? r->names.data + n->name :
		    NULL;

		if (name == NULL || strlen(name) == n->name_len) {
			struct rec_member m = {
				name, r->text + n->start, n->end - n->start,
				n->type == JSON_STRING ? decode(r, n) : NULL,
			};

			if (fn(ctx, &m, e) < 0)
				return -1;
		}
		if (n->next == 0)
			return 1;
	}
}

const char *
rec_text(struct rec *r, const char *key, size_t *len)
{
	const struct node *n = find(r, key);

	if (n == NULL)
		return NULL;
	*len = n->end - n->start;
	return r->text + n->start;
}

enum err_kind
rec_failed(struct rec *r)
{
	const char *kind;
	struct err e;

	if (find(r, "error") == NULL)
		return ERR_NONE;
	if (rec_str(r, "error.kind", &kind, &e) != 1)
		return ERR_CHECK;
	return strcmp(kind, "input") == 0 ? ERR_INPUT :
	    strcmp(kind, "system") == 0 ? ERR_SYS : ERR_CHECK;
}

static struct edit *
edit_for(struct rec *r, const char *key, size_t len)
{
	for (size_t i = 0; i < r->nedits; i++)
		if (strlen(r->edits[i].key) == len &&
		    memcmp(r->edits[i].key, key, len) == 0)
			return &r->edits[i];
	return NULL;
}

static void
set_edit(struct rec *r, const char *key, char *value)
{
	struct edit *ed = edit_for(r, key, strlen(key));

	if (ed == NULL) {
		mem_grow(&r->edits, &r->edits_cap, r->nedits,
		    sizeof(*r->edits));
		ed = &r->edits[r->nedits++];
		ed->key = mem_str(key);
		ed->value = NULL;
	}
	free(ed->value);
	ed->value = value;
}

void
rec_put(struct rec *r, const char *key, const char *value, size_t len)
{
	set_edit(r, key, mem_dup(value, len));
}

void
rec_put_str(struct rec *r, const char *key, const char *value)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_str(&o, value);
	rec_put(r, key, o.buf.data, o.buf.len);
}

void
rec_put_int(struct rec *r, const char *key, int64_t value)
{
	set_edit(r, key, mem_fmt("%" PRId64, value));
}

void
rec_drop(struct rec *r, const char *key)
{
	set_edit(r, key, NULL);
}

void
rec_undo(struct rec *r)
{
	for (size_t i = 0; i < r->nedits; i++) {
		free(r->edits[i].key);
		free(r->edits[i].value);
	}
	r->nedits = 0;
}

void
rec_append(struct rec *r, const char *key, const char *value, size_t len)
{
	const struct edit *ed = edit_for(r, key, strlen(key));
	const struct node *n = ed != NULL ? NULL : find(r, key);
	const char *old = ed != NULL ? ed->value :
	    n != NULL ? r->text + n->start : NULL;
	size_t old_len = ed != NULL && old != NULL ? strlen(old) :
	    n != NULL ? n->end - n->start : 0;
	bool is_array = old != NULL && *old == '[';
	struct buf b = BUF_INIT;

	if (is_array) {
		size_t inside = old_len - 1;

		while (inside > 1 && blank(old[inside - 1]))
			inside--;
		buf_add(&b, old, inside);
		if (inside > 1)
			buf_addc(&b, ',');
	} else {
		buf_addc(&b, '[');
	}
	buf_add(&b, value, len);
	buf_addc(&b, ']');
	set_edit(r, key, buf_detach(&b));
}

/*
 * The members of the line that stay, each with the text before it, so that
 * nothing of somebody else's is printed anew.  *tail is where the last ends.
 */
static bool
print_members(struct rec *r, struct buf *out, bool used[], uint32_t *tail)
{
	const struct node *n = &r->nodes[1];
	uint32_t from = r->nodes[0].start + 1;	/* end of what was before */
	bool any = false, kept = true;

	for (;; n = &r->nodes[n->next]) {
		const struct edit *ed = edit_for(r, r->names.data + n->name,
		    n->name_len);

		if (ed != NULL)
			used[ed - r->edits] = true;
		if (ed == NULL || ed->value != NULL) {
			if (any && !kept)
				buf_addc(out, ',');
			else if (any || kept)
				buf_add(out, r->text + from,
				    n->name_start - from);
			buf_add(out, r->text + n->name_start,
			    n->start - n->name_start);
			if (ed == NULL)
				buf_add(out, r->text + n->start,
				    n->end - n->start);
			else
				buf_adds(out, ed->value);
			any = kept = true;
		} else {
			kept = false;
		}
		from = n->end;
		if (n->next == 0)
			break;
	}
	*tail = from;
	return any;
}

void
rec_print(struct rec *r, struct buf *out)
{
	autofree bool *used = mem_zero(r->nedits, sizeof(*used));
	uint32_t tail = r->nodes[0].start + 1;	/* what comes last */
	bool any = false;

	buf_add(out, r->text, r->nodes[0].start + 1);
	if (r->nodes[0].has_child)
		any = print_members(r, out, used, &tail);
	for (size_t i = 0; i < r->nedits; i++) {
		AUTO(json_out_release) struct json_out key = JSON_OUT_INIT;

		if (used[i] || r->edits[i].value == NULL)
			continue;
		json_out_key(&key, r->edits[i].key);
		if (any)
			buf_addc(out, ',');
		buf_add(out, key.buf.data, key.buf.len);
		buf_adds(out, r->edits[i].value);
		any = true;
	}
	buf_add(out, r->text + tail, r->len - tail);
}
