#include "bundle/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
intake_opts_release(struct intake_opts *o)
{
	contract_release(&o->contract);
}

int
intake_opts_ready(struct intake_opts *o, struct err *e)
{
	const char *file = o->contract_file != NULL ? o->contract_file :
	    getenv("SLIPWAY_CONTRACT");

	return contract_load(&o->contract, file, e);
}

int
intake_max_bytes(const char *value, int64_t *bytes, struct err *e)
{
	if (text_number(value, true, bytes))
		return 0;
	return err_set(e, ERR_INPUT, "usage",
	    "--max-bytes takes a number of bytes, not '%s'", value);
}

/* A string of the record, kept; *to stays NULL where it is missing. */
static int
keep(struct rec *r, struct intake *in, const char *key, const char **to,
    struct err *e)
{
	const char *value;
	int rc = rec_str(r, key, &value, e);

	if (rc > 0)
		*to = in->owned[in->nowned++] = mem_str(value);
	return rc < 0 ? -1 : 0;
}

static int
read_expect(struct rec *r, struct intake *in, struct err *e)
{
	struct verify_expect *x = &in->expect;
	uint8_t digest[DIGEST_LEN];

	if (keep(r, in, "sha256", &x->sha256, e) < 0 ||
	    rec_int(r, "size", 0, JSON_INT_MAX, &x->size, e) < 0 ||
	    keep(r, in, "bundle.dir", &x->dir, e) < 0 ||
	    keep(r, in, "bundle.name", &x->name, e) < 0 ||
	    keep(r, in, "bundle.version", &x->version, e) < 0 ||
	    keep(r, in, "bundle.architecture", &x->architecture, e) < 0 ||
	    keep(r, in, "bundle.created_at", &x->created_at, e) < 0 ||
	    keep(r, in, "bundle.manifest_sha256", &x->manifest_sha256,
	    e) < 0 ||
	    keep(r, in, "bundle.contract.sha256", &x->contract_sha256,
	    e) < 0 ||
	    rec_int(r, "bundle.files", 0, JSON_INT_MAX, &x->files, e) < 0 ||
	    rec_int(r, "bundle.bytes", 0, JSON_INT_MAX, &x->bytes, e) < 0)
		return -1;
	if (x->sha256 != NULL && !digest_parse_hex(x->sha256, digest)) {
		err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "sha256: 64 lower-case hex digits are wanted");
		err_set_path(e, "sha256");
		return -1;
	}
	return 0;
}

int
intake_read(struct rec *r, struct intake *in, struct err *e)
{
	const char *tarball, *arch;
	int rc;

	*in = (struct intake){ .expect = VERIFY_EXPECT_INIT };
	if (rec_need_str(r, "tarball", &tarball, e) < 0)
		return -1;
	in->tarball = tool_path(tarball);
	if ((rc = rec_str(r, "arch", &arch, e)) < 0 ||
	    (rc > 0 && tool_arch_check(arch, e) < 0))
		return -1;
	if (rc > 0)
		in->arch = mem_str(arch);
	return read_expect(r, in, e);
}

void
intake_release(struct intake *in)
{
	free(in->tarball);
	free(in->arch);
	for (int i = 0; i < in->nowned; i++)
		free(in->owned[i]);
}
