/*
 * intake.h - what rb-verify and rb-stage take out of a record, and the options
 * that both have.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "bundle/verify.h"
#include "record/rec.h"
#include "record/tool.h"

/* Options; a tool's context starts with one. */
struct intake_opts {
	const char *contract_file;	/* --contract, else SLIPWAY_CONTRACT */
	struct contract contract;	/* owned */
	int64_t max_bytes;
};
#define INTAKE_OPTS_INIT { .max_bytes = VERIFY_MAX_BYTES }
void intake_opts_release(struct intake_opts *o);

/* Load the contract that the options name. */
int intake_opts_ready(struct intake_opts *o, struct err *e);
/* --max-bytes: a number of bytes, with K, M, G or T; ERR_INPUT. */
int intake_max_bytes(const char *value, int64_t *bytes, struct err *e);

struct intake {
	char *tarball;			/* absolute */
	char *arch;			/* NULL: the manifest's own */
	struct verify_expect expect;	/* strings owned below */
	char *owned[8];
	int nowned;
};

/* tarball (needed), arch, sha256, size and bundle{...} of the record. */
int intake_read(struct rec *r, struct intake *in, struct err *e);
void intake_release(struct intake *in);

#define INTAKE_OPT_CONTRACT(target) \
	{ .name = "contract", .arg = "FILE", .str = (target), \
	  .help = "judge by this contract, not the built-in one" }
#define INTAKE_OPT_MAX_BYTES(setter) \
	{ .name = "max-bytes", .arg = "N", .set = (setter), \
	  .help = "most bytes of payload (K, M, G; 8G)" }
#define INTAKE_OPT_ARCH \
	{ .name = "arch", .arg = "ARCH", \
	  .help = "amd64 or arm64, for the operands after it" }

#endif
