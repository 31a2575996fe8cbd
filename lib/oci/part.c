#include "oci/part.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/json.h"

void
part_sources_release(struct part_sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		layout_release(s->layouts[i]);
		free(s->layouts[i]);
	}
	free(s->layouts);
}

static struct layout *
source(struct part_sources *s, const char *dir, struct err *e)
{
	autofree char *path = file_absolute(NULL, dir);
	struct layout l;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->layouts[i]->path, path) == 0)
			return s->layouts[i];
	if (layout_open(&l, path, false, e) < 0)
		return NULL;
	mem_grow(&s->layouts, &s->cap, s->n, sizeof(*s->layouts));
	s->layouts[s->n] = mem_alloc(sizeof(l));
	*s->layouts[s->n] = l;
	return s->layouts[s->n++];
}

/* The layout of an image.location; tag and digest ("oci:DIR@sha256:…") are
 * the caller's to free, NULL where there is none. */
static struct layout *
find_source(struct part_sources *s, const char *location, char **tag,
    char **digest, struct err *e)
{
	autofree char *place = NULL, *dir = NULL;
	char *at;

	if (strncmp(location, "oci:", 4) != 0 || location[4] == '\0' ||
	    location[4] == ':') {
		err_set(e, ERR_INPUT, "location_unsupported",
		    "'%.300s' is no place that an image is read from "
		    "(oci:DIR[:TAG])", location);
		return NULL;
	}
	place = mem_str(location + 4);
	if ((at = strstr(place, "@sha256:")) != NULL) {
		*digest = mem_str(at + 1);
		*at = '\0';
	}
	layout_split(place, &dir, tag);
	return source(s, dir, e);
}

static int
check_digest(const char *digest, struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	if (digest_parse(digest, raw))
		return 0;
	return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
	    "image.digest: '%.200s' is not sha256: and 64 lower-case hex "
	    "digits", digest);
}

/* What the record says of its image, as a descriptor. */
static int
recorded(struct rec *r, struct layout *l, struct desc *d, struct err *e)
{
	const char *digest, *other, *type = NULL;
	int64_t size;
	int rc;

	if ((rc = rec_str(r, "image.digest", &digest, e)) < 0 ||
	    rec_str(r, "image.media_type", &type, e) < 0)
		return -1;
	if (rc == 0 && rec_str(r, "image.config_digest", &other, e) == 1)
		return err_set(e, ERR_CHECK, "image_digest_missing",
		    "the image has no manifest that could be named: it was "
		    "neither pushed nor written to a layout");
	if (rc == 0)
		return rec_need_str(r, "image.digest", &digest, e);
	if (check_digest(digest, e) < 0)
		return -1;
	memset(d, 0, sizeof(*d));
	strcpy(d->digest, digest);
	if ((rc = rec_int(r, "image.size", 0, JSON_INT_MAX, &size, e)) < 0)
		return -1;
	if (rc == 0 && layout_find_digest(l, digest, d, e) < 0)
		return -1;
	if (rc == 1)
		d->size = size;
	if (type != NULL)
		snprintf(d->media_type, sizeof(d->media_type), "%s", type);
	return 0;
}

static int
mismatch(const char *key, const char *says, const struct desc *d,
    struct err *e)
{
	char name[104];

	desc_platform_format(&d->platform, name);
	err_set(e, ERR_CHECK, "platform_mismatch",
	    "image %s is for %s by its config, but '%.100s' by the record's "
	    "%s", d->digest, name, says, key);
	err_set_path(e, key);
	err_set_values(e, says, name);
	return -1;
}

/* A record of one image that says what it is for must be right. */
static int
check_platform(struct rec *r, const struct desc *d, struct err *e)
{
	static const char *const keys[] = { "image.platform", "platform",
		"arch" };

	for (size_t i = 0; i < 3; i++) {
		struct desc_platform p;
		const char *says;
		int rc = rec_str(r, keys[i], &says, e);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		if (desc_platform_parse(says, &p, e) < 0)
			return err_wrap(e, "%s", keys[i]);
		/* an arch says nothing of os and variant */
		if (strcmp(p.arch, d->platform.arch) != 0 ||
		    (strcmp(keys[i], "arch") != 0 &&
		    !desc_platform_match(&p, &d->platform)))
			return mismatch(keys[i], says, d, e);
	}
	return 0;
}

/* What an operand stands for, as a record would say it. */
static char *
describe(const struct layout *l, const char *tag, const struct desc *d,
    const struct index *x)
{
	struct json_out o = JSON_OUT_INIT;
	autofree char *location = mem_fmt("oci:%s%s%s", l->path,
	    tag != NULL ? ":" : "@", tag != NULL ? tag : d->digest);
	char name[104];

	json_out_open(&o, '{');
	if (x->n == 1 && strcmp(x->children[0].desc.digest, d->digest) == 0) {
		desc_platform_format(&x->children[0].desc.platform, name);
		json_out_kstr(&o, "platform", name);
	}
	json_out_kstr(&o, "digest", d->digest);
	json_out_kstr(&o, "media_type", d->media_type);
	json_out_kint(&o, "size", d->size);
	json_out_kstr(&o, "location", location);
	json_out_close(&o, '}');
	return buf_detach(&o.buf);
}

static int
read_operand(struct part *p, struct layout *l, const char *tag,
    const char *digest, struct err *e)
{
	struct desc d;

	if (digest != NULL ? check_digest(digest, e) < 0 ||
	    layout_find_digest(l, digest, &d, e) < 0 :
	    layout_find(l, tag, &d, e) < 0)
		return -1;
	if (index_load(&p->children, l, &d, &p->blobs, e) < 0)
		return -1;
	if (*d.media_type == '\0')	/* found as a blob, without a type */
		strcpy(d.media_type, p->children.n == 1 &&
		    strcmp(p->children.children[0].desc.digest, d.digest) ==
		    0 ? p->children.children[0].desc.media_type :
		    DESC_OCI_INDEX);
	p->image = describe(l, digest == NULL ? tag : NULL, &d, &p->children);
	rec_put(p->rec, "image", p->image, strlen(p->image));
	return 0;
}

static int
read_image(struct part_sources *s, struct part *p, bool operand,
    struct err *e)
{
	autofree char *tag = NULL, *digest = NULL;
	const char *location, *text;
	struct layout *l;
	struct desc d;
	size_t len;

	if (rec_need_str(p->rec, "image.location", &location, e) < 0)
		return -1;
	if ((l = find_source(s, location, &tag, &digest, e)) == NULL)
		return -1;
	if (operand)
		return read_operand(p, l, tag, digest, e);
	if (recorded(p->rec, l, &d, e) < 0 ||
	    index_load(&p->children, l, &d, &p->blobs, e) < 0)
		return -1;
	if (p->children.n == 1 &&
	    strcmp(p->children.children[0].desc.digest, d.digest) == 0 &&
	    check_platform(p->rec, &p->children.children[0].desc, e) < 0)
		return -1;
	text = rec_text(p->rec, "image", &len);
	p->image = mem_dup(text, len);
	return 0;
}

struct part *
part_new(struct part_sources *s, struct rec *r, bool operand)
{
	struct part *p = mem_zero(1, sizeof(*p));
	struct err e;

	p->rec = r;
	p->blobs = (struct copy_list)COPY_LIST_INIT(s->copy);
	p->kind = rec_failed(r);
	if (p->kind == ERR_NONE && read_image(s, p, operand, &e) < 0)
		part_fail(p, &e);
	return p;
}

void
part_free(struct part *p)
{
	rec_free(p->rec);
	free(p->err);
	index_release(&p->children);
	copy_list_release(&p->blobs);
	free(p->image);
	free(p);
}

void
part_fail(struct part *p, const struct err *e)
{
	if (p->err == NULL)
		p->err = mem_alloc(sizeof(*p->err));
	*p->err = *e;
	p->kind = e->kind;
}

void
part_settle(struct part *p)
{
	struct err e;

	if (p->kind == ERR_NONE && copy_verdict(&p->blobs, &e) < 0)
		part_fail(p, &e);
}

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

static void
put_parts(struct merge *x)
{
	static const char *const keys[] = { "arch", "url", "sha256",
		"bundle" };
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '[');
	for (size_t i = 0; i < x->n; i++) {
		json_out_open(&o, '{');
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
			size_t len;
			const char *text = rec_text(x->parts[i]->rec, keys[k],
			    &len);

			if (text == NULL)
				continue;
			json_out_key(&o, keys[k]);
			json_out_raw(&o, text, len);
		}
		if (x->parts[i]->image != NULL) {
			json_out_key(&o, "image");
			json_out_raw(&o, x->parts[i]->image,
			    strlen(x->parts[i]->image));
		}
		json_out_close(&o, '}');
	}
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
part_merge(struct part *const *parts, size_t n)
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
