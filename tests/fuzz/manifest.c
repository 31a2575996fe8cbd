/*
 * manifest.c - any bytes as a manifest.json, in pieces of any size.
 *
 * The pieces must not matter: the verdict is that of one piece.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bundle/manifest.h"

struct verdict {
	struct finding_list findings;
	struct err malformed;
	size_t entries;
	int64_t bytes;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const uint8_t *data, size_t size, size_t piece, bool all,
    const struct contract *c, struct verdict *v)
{
	struct manifest m;
	struct payload p;
	struct err e;
	uint32_t top;
	int rc = 0;

	payload_init(&p);
	top = payload_child(&p, PAYLOAD_ROOT, "top", 3, true);
	finding_list_init(&v->findings, all);
	err_init(&v->malformed);
	manifest_start(&m, &p, top, all);
	for (size_t at = 0; at < size && rc == 0; at += piece)
		rc = manifest_feed(&m, data + at,
		    size - at < piece ? size - at : piece, &e);
	if (rc == 0)
		rc = manifest_end(&m, &e);
	if (rc < 0)
		v->malformed = e;
	else
		manifest_check(&m, c, false, &v->findings);
	/* what a good manifest promises */
	if (rc == 0 && v->findings.count == 0 && (m.nfiles == 0 ||
	    m.fields[MANIFEST_NAME].value == NULL ||
	    m.fields[MANIFEST_ARCH].value == NULL))
		abort();
	for (size_t i = 0; i < m.nentries; i++)
		if (m.entries[i].node != PAYLOAD_NONE &&
		    (m.entries[i].node >= p.count || m.entries[i].size < 0))
			abort();
	v->entries = m.nentries;
	v->bytes = m.bytes;
	manifest_release(&m);
	payload_release(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct contract c;
	struct verdict one, other;
	struct err e;

	if (c.name == NULL && contract_load(&c, NULL, &e) < 0)
		abort();
	judge(data, size, size + 1, false, &c, &one);
	judge(data, size, size > 0 ? data[0] % 7 + 1 : 1, true, &c, &other);
	if (one.malformed.kind != other.malformed.kind ||
	    one.entries != other.entries || one.bytes != other.bytes ||
	    (one.findings.count > 0) != (other.findings.count > 0) ||
	    (one.findings.count > 0 && strcmp(one.findings.first.msg,
	    other.findings.first.msg) != 0))
		abort();
	if (one.malformed.kind != ERR_NONE &&
	    strcmp(one.malformed.detail, other.malformed.detail) != 0)
		abort();
	finding_list_release(&one.findings);
	finding_list_release(&other.findings);
	return 0;
}
