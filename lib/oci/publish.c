#include "oci/publish.h"

#include <string.h>

#include "base/mem.h"

void
publish_init(struct publish *p, const struct publish_opts *opts,
    struct places *places, struct copy *copy)
{
	p->opts = opts;
	p->base = (struct origin)ORIGIN_INIT;
	p->index = (struct index)INDEX_INIT;
	deliver_init(&p->to, places, copy);
}

void
publish_release(struct publish *p)
{
	deliver_release(&p->to);
	origin_release(&p->base);
	index_release(&p->index);
}

/*
 * Where it goes
 */

static int
add_refs(struct publish *p, const struct group *g, struct err *e)
{
	for (size_t i = 0; i < g->refs.n; i++) {
		struct place *to;

		if (deliver_add_ref(&p->to, g->refs.items[i],
		    p->opts->if_tag_is, e) < 0)
			return -1;
		to = p->to.tags[p->to.n - 1].place;
		if (!p->opts->dry_run)
			place_will_push(to);
	}
	return 0;
}

static bool
is_first_tag(const struct group *g, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(g->tags[k], g->tags[i]) == 0)
			return false;
	return true;
}

/* In a layout alone the names are those of -t; beside a registry it has its
 * own. */
static void
add_layout(struct publish *p, const struct group *g)
{
	for (size_t i = 0; i < g->refs.n; i++) {
		autofree char *place = mem_fmt("oci:%s:%s", g->dir,
		    g->tags[i]);

		if (!p->opts->push || is_first_tag(g, i))
			deliver_add_layout(&p->to, p->opts->push ? place :
			    g->refs.items[i], g->dir, g->tags[i],
			    p->opts->if_tag_is);
	}
}

/* A group may have one name twice; two groups may not. */
static int
claim_all(const struct publish *p, struct err *e)
{
	const struct deliver *to = &p->to;

	for (size_t i = 0; i < to->n; i++)
		if (deliver_is_first(to, i) && (to->tags[i].dir != NULL ||
		    to->tags[i].place != NULL) &&
		    deliver_claim(&to->tags[i], e) < 0)
			return -1;
	return 0;
}

static int
resolve(struct publish *p, const struct group *g, struct err *e)
{
	if (p->opts->push && add_refs(p, g, e) < 0)
		return -1;
	if (g->dir != NULL)
		add_layout(p, g);
	for (size_t i = 0; p->to.n < g->refs.n; i++)
		deliver_add_nowhere(&p->to, g->refs.items[i]);
	return claim_all(p, e);
}

/*
 * What it is
 */

/* What the first tag is now: the result has it too, and the tag must not move
 * until then. */
static int
append(struct publish *p, struct err *e)
{
	struct deliver_tag *t = &p->to.tags[0];
	struct origin *o = &p->base;

	if (t->dir != NULL && (t->place = places_layout(p->to.places, t->dir,
	    false, e)) == NULL)
		return -1;
	o->place = t->place;
	o->wanted = mem_str(t->tag);
	o->children.no_attestations = p->index.no_attestations;
	if (origin_load(o, e) < 0 || index_merge(&p->index, &o->children,
	    e) < 0)
		return err_wrap(e, "--append to '%s'", t->ref);
	for (size_t i = 0; i < o->children.notes.n; i++)
		notes_set(&p->index.notes, o->children.notes.items[i].key,
		    o->children.notes.items[i].value);
	if (*t->expect == '\0') {
		strcpy(t->expect, o->desc.digest);
		t->soft = true;
	}
	copy_list_join(&p->to.blobs, &o->blobs);
	return 0;
}

/* The one index (or image, where an operand names it) that all parts are, if
 * nothing is to be changed in it. */
static const struct origin *
carbon(const struct publish *p, const struct group *g)
{
	const struct origin *o = &g->parts[0]->origin;
	const char *type = o->desc.media_type;
	enum family family;

	for (size_t i = 1; i < g->n; i++)
		if (strcmp(g->parts[i]->origin.desc.digest,
		    o->desc.digest) != 0)
			return NULL;
	if (p->opts->append || p->opts->nannotations > 0 ||
	    o->children.left_out > 0)
		return NULL;
	if (!origin_is_index(o))
		return p->opts->format == INDEXDOC_AUTO && g->n == 1 &&
		    (g->parts[0]->operand || g->parts[0]->of_index) ? o : NULL;
	family = p->opts->format == INDEXDOC_DOCKER ? FAMILY_DOCKER :
	    FAMILY_OCI;
	return p->opts->format == INDEXDOC_AUTO || strcmp(type,
	    indexdoc_media_type(family)) == 0 ? o : NULL;
}

static int
write_new(struct publish *p, struct err *e)
{
	struct deliver *to = &p->to;
	uint8_t digest[DIGEST_LEN];
	enum family family;

	if (indexdoc_family(&p->index, p->opts->format, &family, e) < 0)
		return -1;
	indexdoc_write(&p->index, family, &to->text);
	if (to->text.len > DESC_MANIFEST_MAX)
		return err_set(e, ERR_CHECK, "index_too_large",
		    "the index has %zu bytes, more than the %d that every "
		    "registry takes", to->text.len, DESC_MANIFEST_MAX);
	strcpy(to->desc.media_type, indexdoc_media_type(family));
	digest_bytes(to->text.data, to->text.len, digest);
	digest_format(digest, to->desc.digest);
	to->desc.size = (int64_t)to->text.len;
	return 0;
}

static int
compose(struct publish *p, const struct group *g, struct err *e)
{
	const struct origin *same;

	for (size_t i = 0; i < g->n; i++) {
		const struct origin *o = &g->parts[i]->origin;

		p->index.no_attestations = o->children.no_attestations;
		if (index_merge(&p->index, &o->children, e) < 0)
			return -1;
		copy_list_join(&p->to.blobs, &o->blobs);
	}
	if (p->opts->append && append(p, e) < 0)
		return -1;
	if (index_require(&p->index, p->opts->require, p->opts->nrequire,
	    e) < 0)
		return -1;
	for (size_t i = 0; i < p->opts->nannotations; i++)
		if (index_annotate(&p->index, p->opts->annotations[i], e) < 0)
			return -1;
	if ((same = carbon(p, g)) == NULL)
		return write_new(p, e);
	p->to.desc = same->desc;
	p->to.home = same->place;
	return origin_text(same, &p->to.text, e);
}

static bool
goes_elsewhere(const struct publish *p, const struct place *from)
{
	for (size_t i = 0; i < p->to.n; i++)
		if (p->to.tags[i].dir == NULL &&
		    p->to.tags[i].place != NULL &&
		    !place_same(p->to.tags[i].place, from))
			return true;
	return false;
}

/* Signatures of each image, and of the index where it stays what it was. */
static int
find_referrers(struct publish *p, const struct origin *o, struct err *e)
{
	if (o->place == NULL || o->place->layout != NULL ||
	    !goes_elsewhere(p, o->place))
		return 0;
	if (strcmp(o->desc.digest, p->to.desc.digest) == 0 &&
	    origin_is_index(o) && referrers_find(&p->to.beside, o->place,
	    o->desc.digest, e) < 0)
		return -1;
	for (size_t i = 0; i < o->children.n; i++)
		if (referrers_find(&p->to.beside, o->place,
		    o->children.children[i].desc.digest, e) < 0)
			return -1;
	return 0;
}

int
publish_prepare(struct publish *p, const struct group *g, struct err *e)
{
	if (resolve(p, g, e) < 0 || compose(p, g, e) < 0 ||
	    deliver_look(&p->to, e) < 0)
		return -1;
	for (size_t i = 0; p->opts->referrers && i < g->n; i++)
		if (find_referrers(p, &g->parts[i]->origin, e) < 0)
			return -1;
	if (!p->opts->dry_run)
		return 0;
	copy_verify(p->to.copy, &p->to.blobs, true);
	copy_wait(p->to.copy);
	return copy_verdict(&p->to.blobs, e);
}

int
publish_run(struct publish *p, struct err *e)
{
	return p->opts->dry_run ? 0 : deliver_run(&p->to, e);
}

/*
 * What is said of it
 */

void
publish_record(const struct publish *p, struct json_out *o)
{
	const struct deliver *to = &p->to;
	autofree char *place = deliver_location(to);

	json_out_open(o, '{');
	if (to->n > 0)
		json_out_kstr(o, "ref", to->tags[0].ref);
	json_out_key(o, "tags");
	deliver_write_tags(to, o);
	json_out_kstr(o, "digest", to->desc.digest);
	json_out_kstr(o, "media_type", to->desc.media_type);
	json_out_kint(o, "size", to->desc.size);
	json_out_key(o, "manifests");
	indexdoc_write_record(&p->index, o);
	if (!p->opts->dry_run && place != NULL)
		json_out_kstr(o, "location", place);
	json_out_close(o, '}');
}

void
publish_text(const struct publish *p, struct buf *text)
{
	const struct deliver *to = &p->to;

	buf_addf(text, "%s  %s\n        ", to->n > 0 ? to->tags[0].ref :
	    "index", to->desc.digest);
	index_platforms(&p->index, text);
	buf_addc(text, '\n');
	for (size_t i = 0; i < to->n; i++) {
		const struct deliver_tag *t = &to->tags[i];

		buf_addf(text, "        %s %s%s\n", t->ref,
		    p->opts->dry_run ? "stays: nothing is written" :
		    !t->moved ? "is this index already" :
		    t->previous[0] != '\0' ? "moved, it was " : "is new",
		    !p->opts->dry_run && t->moved ? t->previous : "");
	}
}
