#include "oci/publish.h"

#include <string.h>

#include "base/mem.h"
#include "record/tool.h"

void
publish_release(struct publish *p)
{
	free(p->moves);
	p->moves = NULL;
}

/* The first ref of g that has the i-th one's name in the layout. */
static size_t
first_of_tag(const struct group *g, size_t i)
{
	size_t first = 0;

	while (strcmp(g->tags[first], g->tags[i]) != 0)
		first++;
	return first;
}

static int
claim(const struct group *g, struct err *e)
{
	for (size_t i = 0; i < g->refs.n; i++) {
		autofree char *place = mem_fmt("oci:%s:%s", g->dir,
		    g->tags[i]);

		if (first_of_tag(g, i) == i && tool_claim(place, e) < 0)
			return -1;
	}
	return 0;
}

/* What the names stand for now, where there is a layout. */
static void
look(struct publish *p, const struct group *g)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	struct err ignored;
	struct desc d;

	if (layout_open(&l, g->dir, false, &ignored) < 0)
		return;
	for (size_t i = 0; i < g->refs.n; i++)
		if (layout_find(&l, g->tags[i], &d, &ignored) == 0)
			strcpy(p->moves[i].previous, d.digest);
}

static int
write_layout(struct publish *p, const struct group *g,
    const struct buf *text, struct err *e)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;

	if (layout_open(&l, g->dir, true, e) < 0)
		return -1;
	for (size_t i = 0; i < g->n; i++)
		if (copy_run(&g->parts[i]->blobs, &l, e) < 0)
			return -1;
	if (layout_blob_put(&l, text->data, text->len, &p->desc, e) < 0)
		return -1;
	for (size_t i = 0; i < g->refs.n; i++) {
		size_t first = first_of_tag(g, i);

		if (first < i)
			p->moves[i] = p->moves[first];
		else if (layout_tag(&l, g->tags[i], &p->desc,
		    p->moves[i].previous, e) < 0)
			return -1;
		p->moves[i].moved = strcmp(p->moves[i].previous,
		    p->desc.digest) != 0;
	}
	return 0;
}

int
publish_index(struct publish *p, const struct group *g,
    const struct index *x, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	uint8_t digest[DIGEST_LEN];

	index_write(x, &text);
	if (text.len > DESC_MANIFEST_MAX)
		return err_set(e, ERR_CHECK, "index_too_large",
		    "the index has %zu bytes, more than the %d that every "
		    "registry takes", text.len, DESC_MANIFEST_MAX);
	memset(&p->desc, 0, sizeof(p->desc));
	strcpy(p->desc.media_type, DESC_OCI_INDEX);
	digest_bytes(text.data, text.len, digest);
	digest_format(digest, p->desc.digest);
	p->desc.size = (int64_t)text.len;
	p->moves = mem_zero(g->refs.n, sizeof(*p->moves));
	if (g->dir == NULL)
		return 0;
	if (claim(g, e) < 0)
		return -1;
	if (!p->dry_run)
		return write_layout(p, g, &text, e);
	look(p, g);
	return 0;
}

static void
write_moves(const struct publish *p, const struct group *g,
    struct json_out *o)
{
	json_out_key(o, "tags");
	json_out_open(o, '[');
	for (size_t i = 0; i < g->refs.n; i++) {
		json_out_open(o, '{');
		json_out_kstr(o, "ref", g->refs.items[i]);
		json_out_key(o, "previous");
		if (p->moves[i].previous[0] != '\0')
			json_out_str(o, p->moves[i].previous);
		else
			json_out_raw(o, "null", 4);
		json_out_kbool(o, "moved", p->moves[i].moved);
		json_out_close(o, '}');
	}
	json_out_close(o, ']');
}

void
publish_record(const struct publish *p, const struct group *g,
    const struct index *x, struct json_out *o)
{
	json_out_open(o, '{');
	if (g->refs.n > 0)
		json_out_kstr(o, "ref", g->refs.items[0]);
	write_moves(p, g, o);
	json_out_kstr(o, "digest", p->desc.digest);
	json_out_kstr(o, "media_type", p->desc.media_type);
	json_out_kint(o, "size", p->desc.size);
	json_out_key(o, "manifests");
	index_write_record(x, o);
	if (!p->dry_run && g->dir != NULL) {
		autofree char *place = mem_fmt("oci:%s:%s", g->dir,
		    g->tags[0]);

		json_out_kstr(o, "location", place);
	}
	json_out_close(o, '}');
}

void
publish_text(const struct publish *p, const struct group *g,
    const struct index *x, struct buf *text)
{
	buf_addf(text, "%s  %s\n        ", g->refs.n > 0 ? g->refs.items[0] :
	    "index", p->desc.digest);
	index_platforms(x, text);
	buf_addc(text, '\n');
	for (size_t i = 0; i < g->refs.n; i++) {
		const struct publish_move *m = &p->moves[i];

		buf_addf(text, "        %s %s%s\n", g->refs.items[i],
		    p->dry_run ? "stays: nothing is written" :
		    !m->moved ? "is this index already" :
		    m->previous[0] != '\0' ? "moved, it was " : "is new",
		    !p->dry_run && m->moved ? m->previous : "");
	}
}
