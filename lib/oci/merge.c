#include "oci/merge.h"

#include <string.h>

#include "base/mem.h"

/* A member of one record, looked for in another. */
struct equal {
	const struct rec_member *member;
	bool is;
};

static int
compare_member(void *ctx, const struct rec_member *m, struct err *e)
{
	struct equal *q = ctx;

	(void)e;
	if (strcmp(m->name, q->member->name) == 0)
		q->is = m->len == q->member->len &&
		    memcmp(m->text, q->member->text, m->len) == 0;
	return 0;
}

struct merge {
	struct rec *base;
	struct part *const *parts;
	size_t n;
};

/* Members that are one tool's result for one image, or ours of another run. */
static bool
is_of_part(const char *name)
{
	static const char *const names[] = { "image", "index", "parts",
		"trace", "error" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int
drop_unequal(void *ctx, const struct rec_member *m, struct err *e)
{
	struct merge *x = ctx;
	bool keep = !is_of_part(m->name);

	for (size_t i = 1; keep && i < x->n; i++) {
		struct equal q = { m, false };

		if (rec_each(x->parts[i]->rec, "", compare_member, &q, e) < 0)
			return -1;
		keep = q.is;
	}
	if (!keep)
		rec_drop(x->base, m->name);
	return 0;
}

/* A record of an earlier run has its own parts: they are this one's too. */
static int
add_part(void *ctx, const struct rec_member *m, struct err *e)
{
	(void)e;
	json_out_raw(ctx, m->text, m->len);
	return 0;
}

static void
write_part(struct json_out *o, const struct part *p)
{
	static const char *const keys[] = { "arch", "url", "sha256",
		"bundle" };
	struct err ignored;
	size_t len;
	const char *text = rec_text(p->rec, "parts", &len);

	if (p->of_index && text != NULL && *text == '[' &&
	    rec_each(p->rec, "parts", add_part, o, &ignored) == 1)
		return;
	json_out_open(o, '{');
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		if ((text = rec_text(p->rec, keys[k], &len)) == NULL)
			continue;
		json_out_key(o, keys[k]);
		json_out_raw(o, text, len);
	}
	if (p->image != NULL) {
		json_out_key(o, "image");
		json_out_raw(o, p->image, strlen(p->image));
	}
	json_out_close(o, '}');
}

static void
put_parts(struct merge *x)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '[');
	for (size_t i = 0; i < x->n; i++)
		write_part(&o, x->parts[i]);
	json_out_close(&o, ']');
	rec_put(x->base, "parts", o.buf.data, o.buf.len);
}

static int
add_trace(void *ctx, const struct rec_member *m, struct err *e)
{
	(void)e;
	rec_append(ctx, "trace", m->text, m->len);
	return 0;
}

struct rec *
merge_parts(struct part *const *parts, size_t n)
{
	autobuf struct buf text = BUF_INIT;
	struct merge x = { NULL, parts, n };
	struct err e;

	rec_print(parts[0]->rec, &text);
	x.base = rec_parse(text.data, text.len, rec_where(parts[0]->rec), &e);
	if (x.base == NULL)	/* its own text, read before */
		mem_die();
	if (rec_each(x.base, "", drop_unequal, &x, &e) < 0)
		mem_die();
	put_parts(&x);
	/* an edit of its own, so that base's elements are not there twice */
	rec_put(x.base, "trace", "[]", 2);
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *trace = rec_text(parts[i]->rec, "trace", &len);

		if (trace != NULL && *trace == '[' &&
		    rec_each(parts[i]->rec, "trace", add_trace, x.base,
		    &e) < 0)
			mem_die();
	}
	return x.base;
}
