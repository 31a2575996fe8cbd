/*
 * rb-stage - extract bundles while verifying them, all or nothing.
 *
 * The rules of staging are in lib/bundle/stage.h, the fields and the exit
 * status in rb-stage(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sandbox.h"
#include "base/text.h"
#include "bundle/intake.h"
#include "bundle/stage.h"
#include "codec/untar.h"
#include "record/tool.h"

struct context {
	struct intake_opts opts;
	const char *root_path;
	struct stage_root root;
	bool all_errors, keep_stale;
	uint64_t seq;		/* of the next job */
};

struct job {
	struct tool_job job;
	struct intake in;
	uint64_t seq;
	struct stage_result result;
};

static struct context ctx = { .opts = INTAKE_OPTS_INIT,
    .root_path = "deploy/docker/.build/runtime-bundle",
    .root = { .fd = -1 } };

/* A record that has failed takes the stale tree with it. */
static void
skip(struct context *c, struct rec *r, uint64_t seq)
{
	const char *arch;
	struct err e;

	stage_skip(&c->root, seq, !c->keep_stale &&
	    rec_str(r, "arch", &arch, &e) == 1 &&
	    tool_arch_check(arch, &e) == 0 ? arch : NULL);
}

static int
read_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;

	job->seq = c->seq++;
	if (intake_read(r, &job->in, e) < 0) {
		skip(c, r, job->seq);
		return -1;
	}
	return 0;
}

static int
work(void *arg, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;
	const struct verify_opts opts = {
		.contract = &c->opts.contract, .arch = job->in.arch,
		.max_bytes = c->opts.max_bytes, .all_errors = c->all_errors,
		.expect = job->in.expect, .progress = &job->job.done,
		.tarball = job->in.tarball,
	};
	int rc = stage_file(&c->root, job->seq, job->in.tarball, &opts,
	    c->keep_stale, &job->result, e);

	job->job.cached = rc == 0 && job->result.unchanged;
	job->job.bytes = rc == 0 ? (uint64_t)job->result.verified.bytes : 0;
	return rc;
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct job *job = jobp;
	const struct verify_result *res = &job->result.verified;

	(void)arg;
	(void)e;
	if (job->in.arch == NULL)
		rec_put_str(r, "arch", res->arch);
	rec_put_str(r, "sha256", res->sha256);
	rec_put_int(r, "size", res->size);
	rec_put(r, "bundle", res->bundle, strlen(res->bundle));
	rec_put_str(r, "staged", job->result.staged);
	json_out_open(&o, '{');
	json_out_kint(&o, "files", res->files);
	json_out_kint(&o, "bytes", res->bytes);
	json_out_kbool(&o, "unchanged", job->result.unchanged);
	json_out_close(&o, '}');
	rec_put(r, "stage", o.buf.data, o.buf.len);
	snprintf(job->job.subject, sizeof(job->job.subject), "%s", res->arch);
	return 0;
}

static void
error_more(void *arg, void *jobp, struct json_out *o)
{
	struct context *c = arg;
	struct job *job = jobp;

	if (c->all_errors && job->result.verified.findings.count > 0)
		finding_json(&job->result.verified.findings, o);
}

/* It failed before; where trying again may help, the stale tree stays. */
static void
passed(void *arg, struct rec *r)
{
	struct context *c = arg;

	if (rec_failed(r) == ERR_SYS)
		stage_skip(&c->root, c->seq++, NULL);
	else
		skip(c, r, c->seq++);
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	struct job *job = jobp;
	const struct verify_result *res = &job->result.verified;
	char bytes[32];

	(void)arg;
	(void)r;
	buf_addf(out, "STAGED  %s%s\n        %s: %lld files, %s\n"
	    "        sha256 %s\n", job->result.staged,
	    job->result.unchanged ? " (unchanged)" : "", res->arch,
	    (long long)res->files, text_size((uint64_t)res->bytes, bytes),
	    res->sha256);
}

static void
outputs(void *arg, struct rec *r, void *jobp)
{
	struct job *job = jobp;

	(void)arg;
	(void)r;
	tool_output("staged", job->result.staged);
	tool_output("sha256", job->result.verified.sha256);
}

static void
job_free(void *jobp)
{
	struct job *job = jobp;

	intake_release(&job->in);
	stage_result_release(&job->result);
}

static int
set_max_bytes(void *arg, const char *value, struct err *e)
{
	return intake_max_bytes(value,
	    &((struct context *)arg)->opts.max_bytes, e);
}

static int
ready(void *arg, struct err *e)
{
	struct context *c = arg;

	if (intake_opts_ready(&c->opts, e) < 0)
		return -1;
	return stage_open(&c->root, c->root_path, e);
}

static const struct tool_opt options[] = {
	{ .name = "root", .arg = "DIR", .str = &ctx.root_path,
	  .help = "stage below DIR (deploy/docker/.build/...)" },
	INTAKE_OPT_ARCH,
	INTAKE_OPT_CONTRACT(&ctx.opts.contract_file),
	INTAKE_OPT_MAX_BYTES(set_max_bytes),
	{ .name = "all-errors", .flag = &ctx.all_errors,
	  .help = "every refusal in error.all, not the first alone" },
	{ .name = "keep-stale", .flag = &ctx.keep_stale,
	  .help = "leave the earlier tree where a bundle is refused" },
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "rb-stage",
	.synopsis = "[options] [TARBALL ...]",
	.purpose = "Extract bundles while verifying them, all or nothing.",
	.groups = (const struct tool_opt_group[]){
		{ "Bundles", options }, { NULL, NULL },
	},
	.examples = "  rb-stage --arch amd64 bundle_0.1.0_amd64.tar.gz\n"
	    "  rb-verify --gate < bundles.jsonl | rb-stage --root staging\n",
	.operand_key = "tarball",
	.operand_arch = true,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.error_more = error_more,
	.passed = passed,
	.text = text,
	.outputs = outputs,
	.job_free = job_free,
};

int
main(int argc, char *argv[])
{
	int status = tool_start(&tool, &ctx, argc, argv);

	if (status < 0) {
		untar_setup();
		zin_setup();
		sandbox_enter(SANDBOX_WRITE, ctx.root.fd);
		stage_sweep(&ctx.root);
		status = tool_filter(&tool, &ctx);
		stage_finish(&ctx.root);
	}
	intake_opts_release(&ctx.opts);
	stage_close(&ctx.root);
	return status;
}
