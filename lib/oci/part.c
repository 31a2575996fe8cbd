#include "oci/part.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "record/json.h"

#define PART_READERS 6	/* parts that are read from registries at once */

void
part_sources_release(struct part_sources *s)
{
	pool_free(s->readers);
	s->readers = NULL;
}

static int
check_digest(const char *key, const char *digest, struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	if (digest_parse(digest, raw))
		return 0;
	return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
	    "%s: '%.200s' is not sha256: and 64 lower-case hex digits", key,
	    digest);
}

/* Keys of the member that has the image or the index. */
struct keys {
	const char *location, *digest, *type, *size;
};
static const struct keys image_keys = { "image.location", "image.digest",
	"image.media_type", "image.size" };
static const struct keys index_keys = { "index.location", "index.digest",
	"index.media_type", "index.size" };

/* What the record says of its image, as a descriptor. */
static int
recorded(struct rec *r, const struct keys *k, struct origin *o,
    struct err *e)
{
	const char *digest, *other, *type = NULL;
	struct desc *d = &o->desc;
	int rc;

	if ((rc = rec_str(r, k->digest, &digest, e)) < 0 ||
	    rec_str(r, k->type, &type, e) < 0)
		return -1;
	if (rc == 0 && k == &image_keys &&
	    rec_str(r, "image.config_digest", &other, e) == 1)
		return err_set(e, ERR_CHECK, "image_digest_missing",
		    "the image has no manifest that could be named: it was "
		    "neither pushed nor written to a layout");
	if (rc == 0)
		return rec_need_str(r, k->digest, &digest, e);
	if (check_digest(k->digest, digest, e) < 0)
		return -1;
	free(o->wanted);
	o->wanted = mem_str(digest);
	strcpy(d->digest, digest);
	if ((rc = rec_int(r, k->size, 0, JSON_INT_MAX, &d->size, e)) < 0)
		return -1;
	if (type != NULL)
		snprintf(d->media_type, sizeof(d->media_type), "%s", type);
	o->known = rc == 1;
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
describe(const struct origin *x)
{
	struct json_out o = JSON_OUT_INIT;
	autobuf struct buf location = BUF_INIT;
	const struct desc *d = &x->desc;
	char name[104];

	origin_location(x, &location);
	json_out_open(&o, '{');
	if (!origin_is_index(x)) {
		desc_platform_format(&x->children.children[0].desc.platform,
		    name);
		json_out_kstr(&o, "platform", name);
	}
	json_out_kstr(&o, "digest", d->digest);
	json_out_kstr(&o, "media_type", d->media_type);
	json_out_kint(&o, "size", d->size);
	json_out_kstr(&o, "location", location.data);
	json_out_close(&o, '}');
	return buf_detach(&o.buf);
}

/* Find out what is to be read. */
static int
open_part(struct part_sources *s, struct part *p, struct err *e)
{
	const struct keys *k = &image_keys;
	const char *location;
	size_t len;

	p->of_index = rec_text(p->rec, "image", &len) == NULL &&
	    rec_text(p->rec, "index", &len) != NULL;
	if (p->of_index)
		k = &index_keys;
	/* said before anything else is found to be wrong */
	if (!p->operand && rec_text(p->rec, k->location, &len) == NULL &&
	    recorded(p->rec, k, &p->origin, e) < 0)
		return -1;
	if (rec_need_str(p->rec, k->location, &location, e) < 0 ||
	    origin_open(&p->origin, s->places, location, !p->operand, e) < 0)
		return -1;
	return p->operand ? 0 : recorded(p->rec, k, &p->origin, e);
}

/* Any thread: no record is touched. */
static void
load_part(void *ctx, void *job)
{
	struct part *p = job;
	struct err e;

	(void)ctx;
	if (origin_load(&p->origin, &e) < 0)
		part_fail(p, &e);
}

/* It is read: does the record agree? */
static int
finish_part(struct part_sources *s, struct part *p, struct err *e)
{
	const struct origin *o = &p->origin;
	const char *text;
	size_t len;

	if (!p->operand && !origin_is_index(o) &&
	    check_platform(p->rec, &o->children.children[0].desc, e) < 0)
		return -1;
	text = rec_text(p->rec, "image", &len);
	if (p->operand || p->of_index)
		p->image = describe(o);
	else
		p->image = mem_dup(text, len);
	if (p->operand)
		rec_put(p->rec, "image", p->image, strlen(p->image));
	copy_verify(s->copy, &p->origin.blobs, false);
	return 0;
}

static void
finish(struct part_sources *s, struct part *p)
{
	struct err e;

	if (p->kind == ERR_NONE && finish_part(s, p, &e) < 0)
		part_fail(p, &e);
}

struct part *
part_new(struct part_sources *s, struct rec *r, bool operand)
{
	struct part *p = mem_zero(1, sizeof(*p));
	struct err e;

	p->rec = r;
	p->operand = operand;
	p->origin = (struct origin)ORIGIN_INIT;
	p->origin.children.no_attestations = s->no_attestations;
	if ((p->kind = rec_failed(r)) != ERR_NONE)
		return p;
	if (open_part(s, p, &e) < 0) {
		part_fail(p, &e);
		/* the one thing that does not go on (records(5)) */
		if (strcmp(e.code, "credentials_in_url") == 0)
			rec_drop(r, p->of_index ? "index" : "image");
	} else if (p->origin.place->layout != NULL) {
		load_part(s, p);
		finish(s, p);
	} else {
		if (s->readers == NULL)
			s->readers = pool_new(PART_READERS, load_part, s);
		pool_submit(s->readers, p);
	}
	return p;
}

void
part_wait(struct part_sources *s)
{
	struct part *p;

	while (s->readers != NULL && (p = pool_take(s->readers)) != NULL)
		finish(s, p);
}

void
part_free(struct part *p)
{
	rec_free(p->rec);
	free(p->err);
	origin_release(&p->origin);
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

	if (p->kind == ERR_NONE && copy_verdict(&p->origin.blobs, &e) < 0)
		part_fail(p, &e);
}
