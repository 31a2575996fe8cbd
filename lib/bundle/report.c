#include "bundle/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/json_out.h"

static void
components(const struct manifest *m, struct json_out *o)
{
	size_t kept = 0, good = 0;

	json_out_key(o, "components");
	json_out_open(o, '{');
	for (size_t i = 0; i < m->ncomponents; i++) {
		const struct manifest_component *c = &m->components[i];

		if (c->invalid || c->version.value == NULL ||
		    c->commit.value == NULL)
			continue;
		if (++good > MANIFEST_COMPONENTS_MAX)
			continue;
		kept++;
		json_out_key(o, c->name);
		json_out_open(o, '{');
		json_out_kstr(o, "version", c->version.value);
		json_out_kstr(o, "commit", c->commit.value);
		json_out_close(o, '}');
	}
	json_out_close(o, '}');
	if (good > kept)
		json_out_kint(o, "omitted", (int64_t)(good - kept));
}

void
report_bundle(struct archive *a, const struct contract *c, struct buf *out)
{
	static const char *const keys[] = { "name", "version", "architecture",
	    "created_at" };
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	const struct manifest *m = &a->manifest;
	char hex[DIGEST_HEX];

	json_out_open(&o, '{');
	json_out_kstr(&o, "dir", payload_name(&a->payload, a->top));
	for (int i = 0; i < 4; i++)
		json_out_kstr(&o, keys[i],
		    m->fields[MANIFEST_NAME + i].value);
	components(m, &o);
	json_out_kint(&o, "files", (int64_t)m->nentries);
	json_out_kint(&o, "bytes", m->bytes);
	digest_format_hex(a->manifest_sha256, hex);
	json_out_kstr(&o, "manifest_sha256", hex);
	json_out_key(&o, "contract");
	json_out_open(&o, '{');
	json_out_kstr(&o, "name", c->name);
	json_out_kstr(&o, "sha256", c->sha256);
	json_out_close(&o, '}');
	json_out_close(&o, '}');
	buf_add(out, o.buf.data, o.buf.len);
}

static void
report_entry(struct archive *a, uint32_t node, const char *tarball, FILE *out)
{
	static const char *const types[] = { "", "directory", "file",
	    "symlink" };
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autobuf struct buf path = BUF_INIT;
	const struct payload_node *n = &a->payload.nodes[node];
	char text[DIGEST_HEX];

	json_out_open(&o, '{');
	json_out_kstr(&o, "tarball", tarball);
	json_out_kstr(&o, "path", payload_path(&a->payload, node,
	    PAYLOAD_ROOT, &path));
	json_out_kstr(&o, "entry_type", types[n->type]);
	snprintf(text, sizeof(text), "%04o", n->mode);
	json_out_kstr(&o, "mode", text);
	if (n->type == PAYLOAD_FILE)
		json_out_kint(&o, "size", n->size);
	if (n->hashed) {
		digest_format_hex(n->sha256, text);
		json_out_kstr(&o, "sha256", text);
	}
	if (n->type == PAYLOAD_LINK)
		json_out_kstr(&o, "target", payload_target(&a->payload,
		    node));
	json_out_kbool(&o, "listed", n->listed);
	json_out_close(&o, '}');
	fprintf(out, "%s\n", o.buf.data);
}

void
report_entries(struct archive *a, const char *tarball, FILE *out)
{
	struct payload *p = &a->payload;
	uint32_t last = 0, *nodes;

	for (uint32_t i = 1; i < p->count; i++)
		if (p->nodes[i].order > last)
			last = p->nodes[i].order;
	nodes = mem_zero((size_t)last + 1, sizeof(*nodes));
	for (uint32_t i = 1; i < p->count; i++)
		if (p->nodes[i].explicit_entry)
			nodes[p->nodes[i].order] = i;
	for (uint32_t i = 1; i <= last; i++)
		if (nodes[i] != 0)
			report_entry(a, nodes[i], tarball, out);
	free(nodes);
}
