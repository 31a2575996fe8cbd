#include "oci/deliver.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/tool.h"

void
deliver_init(struct deliver *d, struct places *places, struct copy *copy)
{
	*d = (struct deliver){ .places = places, .copy = copy,
		.blobs = COPY_LIST_INIT, .text = BUF_INIT,
		.beside = REFERRERS_INIT(&d->blobs) };
}

void
deliver_release(struct deliver *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->tags[i].ref);
		free(d->tags[i].dir);
		free(d->tags[i].tag);
	}
	free(d->tags);
	copy_list_release(&d->blobs);
	referrers_release(&d->beside);
	buf_release(&d->text);
	*d = (struct deliver)DELIVER_INIT;
}

bool
deliver_expect_valid(const char *value)
{
	uint8_t raw[DIGEST_LEN];

	return strcmp(value, "absent") == 0 || digest_parse(value, raw);
}

static struct deliver_tag *
add(struct deliver *d, const char *ref, const char *tag, const char *expect)
{
	struct deliver_tag *t;

	mem_grow(&d->tags, &d->cap, d->n, sizeof(*d->tags));
	t = &d->tags[d->n++];
	*t = (struct deliver_tag){ .ref = mem_str(ref),
		.tag = tag != NULL ? mem_str(tag) : NULL };
	if (expect != NULL)
		snprintf(t->expect, sizeof(t->expect), "%s", expect);
	return t;
}

static int
add_ref(struct deliver *d, const char *ref, bool tagged, const char *expect,
    struct err *e)
{
	AUTO(ref_release) struct ref r = REF_INIT;
	struct deliver_tag *t;

	if (ref_parse(&r, ref, e) < 0)
		return -1;
	t = add(d, ref, tagged ? ref_wanted(&r) : NULL, expect);
	t->place = places_repo(d->places, &r, false, e);
	t->check = places_repo(d->places, &r, true, e);
	return t->place == NULL || t->check == NULL ? -1 : 0;
}

int
deliver_add_ref(struct deliver *d, const char *ref, const char *expect,
    struct err *e)
{
	return add_ref(d, ref, true, expect, e);
}

int
deliver_add_repo(struct deliver *d, const char *ref, struct err *e)
{
	return add_ref(d, ref, false, NULL, e);
}

void
deliver_add_layout(struct deliver *d, const char *ref, const char *dir,
    const char *tag, const char *expect)
{
	add(d, ref, tag, expect)->dir = mem_str(dir);
}

void
deliver_add_nowhere(struct deliver *d, const char *ref)
{
	add(d, ref, ref, NULL);
}

int
deliver_claim(const struct deliver_tag *t, struct err *e)
{
	autobuf struct buf place = BUF_INIT;

	if (t->dir != NULL)
		buf_addf(&place, "oci:%s", t->dir);
	else
		place_name(t->place, &place);
	buf_addf(&place, ":%s", t->tag);
	return tool_claim(place.data, e);
}

/* The first tag that is the same as the i-th one. */
static size_t
first_of_tag(const struct deliver *d, size_t i)
{
	const struct deliver_tag *t = &d->tags[i];

	for (size_t k = 0; k < i; k++) {
		const struct deliver_tag *o = &d->tags[k];

		if (strcmp(o->tag != NULL ? o->tag : "", t->tag != NULL ?
		    t->tag : "") == 0 && (t->dir != NULL ?
		    o->dir != NULL && strcmp(o->dir, t->dir) == 0 :
		    o->place == t->place))
			return k;
	}
	return i;
}

bool
deliver_is_first(const struct deliver *d, size_t i)
{
	return first_of_tag(d, i) == i;
}

static bool
is_right(const struct deliver *d, const struct deliver_tag *t)
{
	return strcmp(t->previous, d->desc.digest) == 0;
}

/* What it is now is what it may be; what it is to become is always right. */
static int
check_expected(const struct deliver *d, const struct deliver_tag *t,
    struct err *e)
{
	const char *now = *t->previous != '\0' ? t->previous : "absent";

	if (*t->expect == '\0' || is_right(d, t) ||
	    strcmp(now, t->expect) == 0)
		return 0;
	if (t->soft)
		return err_set(e, ERR_SYS, "tag_changed", "'%s' was moved by "
		    "somebody else: it is %s now, and was %s", t->ref, now,
		    t->expect);
	err_set(e, ERR_CHECK, "tag_changed", "'%s' is %s, not %s", t->ref,
	    now, t->expect);
	err_set_path(e, t->ref);
	err_set_values(e, t->expect, now);
	return -1;
}

static int
look_at(struct deliver *d, struct deliver_tag *t, struct err *e)
{
	struct desc now;
	int rc = 0;

	t->previous[0] = '\0';
	if (t->place != NULL && (rc = place_look(t->place, t->tag != NULL ?
	    t->tag : d->desc.digest, &now, e)) < 0)
		return -1;
	if (rc == 1)
		strcpy(t->previous, now.digest);
	return check_expected(d, t, e);
}

int
deliver_look(struct deliver *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct deliver_tag *t = &d->tags[i];
		struct err ignored;

		/* a layout that is not there has no names; one that can't be
		 * opened is found out about when it is written to */
		if (t->dir != NULL)
			t->place = places_layout(d->places, t->dir, false,
			    &ignored);
		if (look_at(d, t, e) < 0)
			return -1;
	}
	return 0;
}

static int
learn_layer(void *ctx, const struct rec_member *m, struct err *e)
{
	struct rec *r = desc_document(m->text, m->len, "layer", e);
	const char *digest;

	if (r == NULL)
		return -1;
	if (rec_str(r, "digest", &digest, e) == 1)
		place_know(ctx, digest);
	rec_free(r);
	return 0;
}

/* A manifest that is there: so is what it names. */
static void
learn(struct place *p, const struct desc *d)
{
	autobuf struct buf text = BUF_INIT;
	const char *config;
	struct err ignored;
	struct rec *r;

	place_know(p, d->digest);
	if (place_document(p, d, &text, &ignored) < 0 || (r = desc_document(
	    text.data, text.len, d->digest, &ignored)) == NULL)
		return;
	if (rec_str(r, "config.digest", &config, &ignored) == 1)
		place_know(p, config);
	rec_each(r, "layers", learn_layer, p, &ignored);
	rec_free(r);
}

int
deliver_read(struct deliver *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct deliver_tag *t = &d->tags[i];
		struct desc now;

		if (t->tag == NULL)
			continue;
		if (place_find(t->place, t->tag, &now, e) == 0) {
			strcpy(t->previous, now.digest);
			learn(t->place, &now);
		} else if (strcmp(e->code, "not_found") != 0) {
			return -1;
		}
	}
	return 0;
}

/* Nothing has to be sent to this repository. */
static bool
is_done(const struct deliver *d, const struct place *p)
{
	if (p->layout != NULL || d->beside.found > 0)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (d->tags[i].place == p && !is_right(d, &d->tags[i]))
			return false;
	return true;
}

bool
deliver_is_first_of_place(const struct deliver *d, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (d->tags[k].place == d->tags[i].place)
			return false;
	return true;
}

/* The document itself need not be sent: a tag names it, or it is from there. */
static bool
is_known(const struct deliver *d, const struct place *p)
{
	if (p->layout != NULL)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (d->tags[i].place == p && is_right(d, &d->tags[i]))
			return true;
	return d->home != NULL && place_same(d->home, p);
}

static int
send_to(struct deliver *d, struct place *p, struct err *e)
{
	if (copy_run(d->copy, &d->blobs, p, e) < 0 ||
	    referrers_name(&d->beside, p, e) < 0)
		return -1;
	return is_known(d, p) ? 0 : referrers_put(p, &d->desc, &d->text, e);
}

static int
send_all(struct deliver *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct deliver_tag *t = &d->tags[i];

		if (t->dir != NULL && (t->place = places_layout(d->places,
		    t->dir, true, e)) == NULL)
			return -1;
		if (deliver_is_first_of_place(d, i) && !is_done(d, t->place) &&
		    send_to(d, t->place, e) < 0)
			return -1;
	}
	return 0;
}

/* Some registries say yes before others of their machines know. */
static int
check_all(struct deliver *d, struct err *e)
{
	AUTO(copy_list_release) struct copy_list all = COPY_LIST_INIT;

	for (size_t i = 0; i < d->n; i++) {
		const struct deliver_tag *t = &d->tags[i];

		if (t->dir != NULL || !deliver_is_first_of_place(d, i) ||
		    is_done(d, t->place))
			continue;
		copy_list_add(&all, t->check, &d->desc, true);
		for (size_t k = 0; k < d->blobs.n; k++)
			if (d->blobs.items[k].document)
				copy_list_add(&all, t->check,
				    &d->blobs.items[k].desc, true);
	}
	copy_verify(d->copy, &all, true);
	copy_wait(d->copy);
	return copy_verdict(&all, e);
}

static int
move(struct deliver *d, struct deliver_tag *t, struct err *e)
{
	if (t->tag == NULL)
		return 0;
	/* a layout says itself what a name had been */
	if ((t->dir == NULL || *t->expect != '\0') && look_at(d, t, e) < 0)
		return -1;
	if (t->dir == NULL && is_right(d, t))
		return 0;
	if (place_tag(t->place, t->tag, &d->desc, &d->text, t->previous,
	    e) < 0)
		return -1;
	t->moved = !is_right(d, t);
	return 0;
}

static int
move_all(struct deliver *d, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		struct deliver_tag *t = &d->tags[i];
		size_t first = first_of_tag(d, i);

		if (first < i) {
			strcpy(t->previous, d->tags[first].previous);
			t->moved = d->tags[first].moved;
		} else if ((t->dir != NULL || !is_right(d, t)) &&
		    move(d, t, e) < 0) {
			return -1;
		}
	}
	return 0;
}

int
deliver_run(struct deliver *d, struct err *e)
{
	if (send_all(d, e) < 0 || check_all(d, e) < 0)
		return -1;
	return move_all(d, e);
}

bool
deliver_moved(const struct deliver *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->tags[i].moved)
			return true;
	return false;
}

void
deliver_write_tags(const struct deliver *d, struct json_out *o)
{
	json_out_open(o, '[');
	for (size_t i = 0; i < d->n; i++) {
		const struct deliver_tag *t = &d->tags[i];

		if (t->tag == NULL)
			continue;
		json_out_open(o, '{');
		json_out_kstr(o, "ref", t->ref);
		json_out_key(o, "previous");
		if (*t->previous != '\0')
			json_out_str(o, t->previous);
		else
			json_out_raw(o, "null", 4);
		json_out_kbool(o, "moved", t->moved);
		json_out_close(o, '}');
	}
	json_out_close(o, ']');
}

char *
deliver_location(const struct deliver *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct deliver_tag *t = &d->tags[i];

		if (t->dir == NULL && t->place != NULL)
			return mem_fmt("docker://%s/%s@%s",
			    place_host_name(t->place->host), t->place->repo,
			    d->desc.digest);
	}
	for (size_t i = 0; i < d->n; i++)
		if (d->tags[i].dir != NULL)
			return mem_fmt("oci:%s:%s", d->tags[i].dir,
			    d->tags[i].tag);
	return NULL;
}
