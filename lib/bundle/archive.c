#include "bundle/archive.h"

#include <string.h>

#include "base/mem.h"
#include "codec/untar.h"
#include "codec/zin.h"

#define ELF_HEAD 20	/* bytes up to the end of e_machine */

struct pass {
	struct archive *a;
	const struct archive_opts *opts;
	struct entry_judge judge;
	struct untar *untar;
	struct digest digest;
	struct buf path;
	bool stopped;		/* a refusal has ended the pass */
	bool quiet;		/* one was found: look on, use nothing */
};

void
archive_init(struct archive *a, struct finding_list *findings)
{
	*a = (struct archive){ .findings = findings, .top = PAYLOAD_NONE };
	payload_init(&a->payload);
}

void
archive_release(struct archive *a)
{
	manifest_release(&a->manifest);
	payload_release(&a->payload);
}

static void
stray(struct pass *p, uint32_t node)
{
	struct archive *a = p->a;
	struct payload_node *n = &a->payload.nodes[node];
	autobuf struct buf path = BUF_INIT;
	struct err e;

	n->stray = true;
	payload_path(&a->payload, node, PAYLOAD_ROOT, &path);
	entry_unsafe(path.data, path.len,
	    "the link leads out of the bundle directory", &e);
	/* one that only what came behind the first refusal makes a stray is
	 * no earlier than that */
	a->findings->order = p->quiet ? (uint32_t)p->judge.entries : n->order;
	finding_add_err(a->findings, &e);
}

/*
 * A link that leads out by way of other links shows only when those are known;
 * it still stands before whatever comes behind it in the archive.  True if
 * there is one; without `all` the first in the archive is added alone.
 */
static bool
find_stray_links(struct pass *p)
{
	struct payload *t = &p->a->payload;
	uint32_t first = PAYLOAD_NONE;

	for (uint32_t i = 1; i < t->count; i++) {
		uint32_t top = i;

		if (t->nodes[i].type != PAYLOAD_LINK || t->nodes[i].stray)
			continue;
		while (t->nodes[top].parent != PAYLOAD_ROOT)
			top = t->nodes[top].parent;
		if (!payload_leads_out(t, i, top))
			continue;
		if (p->a->findings->all)
			stray(p, i);
		if (first == PAYLOAD_NONE ||
		    t->nodes[i].order < t->nodes[first].order)
			first = i;
	}
	if (first != PAYLOAD_NONE && !p->a->findings->all)
		stray(p, first);
	return first != PAYLOAD_NONE;
}

/* A refusal from the layers below: -1 where the pass ends, 0 to look on. */
static int
refuse(struct pass *p, struct err *e)
{
	struct finding_list *f = p->a->findings;
	bool strays;

	if (e->kind != ERR_CHECK)
		return -1;
	e->prefix = finding_prefix;
	strays = !p->quiet && find_stray_links(p);
	p->quiet = true;
	p->stopped = !f->all;
	if (strays && !f->all)
		return -1;
	f->order = (uint32_t)p->judge.entries;
	return finding_add_err(f, e);
}

static int
judge(void *ctx, const struct tarscan_entry *entry, struct err *e)
{
	struct pass *p = ctx;
	struct archive *a = p->a;
	uint32_t node, top;

	switch (entry_judge(&p->judge, entry, &node, e)) {
	case -1:
		return refuse(p, e);
	case 0:
		return 0;
	}
	for (top = node; a->payload.nodes[top].parent != PAYLOAD_ROOT;)
		top = a->payload.nodes[top].parent;
	if (a->top == PAYLOAD_NONE)
		a->top = top;
	a->several_tops |= a->top != top;
	return 0;
}

static bool
is_manifest(const struct archive *a, uint32_t node)
{
	const struct payload_node *n = &a->payload.nodes[node];

	return n->parent == a->top && n->type == PAYLOAD_FILE &&
	    strcmp(payload_name(&a->payload, node), "manifest.json") == 0;
}

/* e_machine of an ELF header, in the file's own byte order (System V ABI, "ELF
 * Header"). */
static uint16_t
elf_machine(const uint8_t head[ELF_HEAD])
{
	return head[5] == 2 ? (uint16_t)(head[18] << 8 | head[19]) :
	    (uint16_t)(head[19] << 8 | head[18]);
}

/* Hash a file's body, and hand it to the manifest's reader and the sink. */
static int
file_body(struct pass *p, uint32_t node, bool manifest, struct err *e)
{
	const struct archive_sink *sink = p->quiet ? NULL : p->opts->sink;
	struct archive *a = p->a;
	struct payload_node *n;
	uint8_t head[ELF_HEAD];
	size_t have = 0, len;
	const uint8_t *data;
	int rc;

	digest_start(&p->digest);
	while ((rc = untar_data(p->untar, &data, &len, e)) > 0) {
		size_t more = ELF_HEAD - have < len ? ELF_HEAD - have : len;

		memcpy(head + have, data, more);
		have += more;
		digest_add(&p->digest, data, len);
		if (manifest && manifest_feed(&a->manifest, data, len,
		    e) < 0) {
			a->manifest.malformed = *e;
			manifest = false;
		}
		if (sink != NULL && sink->data(p->opts->sink_ctx, data, len,
		    e) < 0)
			return -1;
		if (p->opts->progress != NULL)
			*p->opts->progress += len;
	}
	if (rc < 0)
		return -1;
	/* the manifest's reader may have moved the nodes */
	n = &a->payload.nodes[node];
	digest_end(&p->digest, n->sha256);
	n->hashed = true;
	n->elf = have == ELF_HEAD && memcmp(head, "\177ELF", 4) == 0;
	n->machine = n->elf ? elf_machine(head) : 0;
	return 0;
}

static int
handle_file(struct pass *p, uint32_t node, struct err *e)
{
	const struct archive_sink *sink = p->quiet ? NULL : p->opts->sink;
	struct archive *a = p->a;
	bool manifest = is_manifest(a, node) && !a->has_manifest;

	if (sink != NULL && sink->file(p->opts->sink_ctx, p->path.data,
	    a->payload.nodes[node].mode, e) < 0)
		return -1;
	if (manifest)
		manifest_start(&a->manifest, &a->payload, a->top,
		    a->findings->all);
	if (file_body(p, node, manifest, e) < 0)
		return -1;
	if (manifest) {
		memcpy(a->manifest_sha256, a->payload.nodes[node].sha256,
		    DIGEST_LEN);
		a->has_manifest = true;
		if (a->manifest.malformed.kind == ERR_NONE &&
		    manifest_end(&a->manifest, e) < 0)
			a->manifest.malformed = *e;
	}
	return sink != NULL ? sink->file_end(p->opts->sink_ctx, e) : 0;
}

/* An entry that both readers have seen and that was judged. */
static int
handle(struct pass *p, const struct tarscan_entry *entry, struct err *e)
{
	const struct archive_sink *sink = p->opts->sink;
	struct archive *a = p->a;
	const struct payload_node *n;
	uint32_t node;

	entry_clean(entry, &p->path);
	if (p->path.len == 0)
		return 0;
	node = payload_find(&a->payload, PAYLOAD_ROOT, p->path.data, false);
	if (node == PAYLOAD_NONE)
		return 0;	/* it was refused, and we look on */
	n = &a->payload.nodes[node];
	if (entry->type == '0' && n->type == PAYLOAD_FILE)
		return handle_file(p, node, e);
	if (sink == NULL || p->quiet)
		return 0;
	if (entry->type == '5')
		return sink->dir(p->opts->sink_ctx, p->path.data, n->mode, e);
	return sink->link(p->opts->sink_ctx, p->path.data,
	    payload_target(&a->payload, node), e);
}

static int
run(struct pass *p, struct zin *z, struct err *e)
{
	const struct tarscan_entry *entry;
	int rc;

	while ((rc = untar_next(p->untar, &entry, e)) > 0)
		if ((rc = handle(p, entry, e)) < 0)
			break;
	if (rc < 0 && !p->stopped && refuse(p, e) < 0 && !p->stopped)
		return -1;
	if (!p->stopped)
		find_stray_links(p);
	finding_sort(p->a->findings);
	p->a->findings->order = 0;
	if (rc < 0 && (!p->opts->hash_all || p->a->findings->count == 0))
		return 0;
	if (rc < 0 && zin_drain(z, e) < 0)
		return -1;
	p->a->size = zin_size(z);
	zin_digest(z, p->a->sha256);
	return 0;
}

int
archive_read(struct archive *a, int fd, const struct archive_opts *opts,
    struct err *e)
{
	struct pass p = {
		.a = a, .opts = opts, .digest = DIGEST_INIT,
		.path = BUF_INIT,
		.judge = { .payload = &a->payload,
		    .max_bytes = opts->max_bytes, .path = BUF_INIT },
	};
	struct zin *z = zin_new(fd, true);
	int rc;

	p.untar = untar_new(z, judge, &p);
	rc = run(&p, z, e);
	untar_free(p.untar);
	zin_free(z);
	digest_release(&p.digest);
	buf_release(&p.path);
	buf_release(&p.judge.path);
	return rc;
}
