/*
 * rb-verify - judge runtime bundles by the contract, and pass on what holds.
 *
 * One streaming pass; nothing touches the disk.  The rules are in
 * lib/bundle/verify.c, the fields and the exit status in rb-verify(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "bundle/intake.h"
#include "bundle/verify.h"
#include "codec/untar.h"
#include "record/tool.h"

struct context {
	struct intake_opts opts;
	bool all_errors, print_contract;
	const char *list_path;
	struct file_tmp list;
};

struct job {
	struct tool_job job;
	struct intake in;
	struct verify_result result;
	FILE *list;		/* entries, until they go to --list in order */
	char *list_text;
	size_t list_len;
};

static struct context ctx = { .opts = INTAKE_OPTS_INIT,
    .list = FILE_TMP_INIT };

static int
read_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct job *job = jobp;

	(void)arg;
	return intake_read(r, &job->in, e);
}

static int
work(void *arg, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;
	struct verify_opts opts = {
		.contract = &c->opts.contract, .arch = job->in.arch,
		.max_bytes = c->opts.max_bytes, .all_errors = c->all_errors,
		.expect = job->in.expect, .progress = &job->job.done,
		.tarball = job->in.tarball,
	};
	int rc;

	if (c->list_path != NULL &&
	    (job->list = open_memstream(&job->list_text,
	    &job->list_len)) == NULL)
		mem_die();
	opts.list = job->list;
	rc = verify_file(job->in.tarball, &opts, &job->result, e);
	if (job->list != NULL && fclose(job->list) != 0)
		mem_die();
	job->job.bytes = rc == 0 ? (uint64_t)job->result.size : 0;
	return rc;
}

static int
write_list(struct context *c, struct job *job, struct err *e)
{
	if (c->list_path != NULL && job->list_text != NULL &&
	    file_write(c->list.fd, job->list_text, job->list_len) < 0)
		return err_sys(e, "cannot write '%s'", c->list_path);
	return 0;
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct job *job = jobp;
	const struct verify_result *res = &job->result;

	if (write_list(arg, job, e) < 0)
		return -1;
	if (job->in.arch == NULL)
		rec_put_str(r, "arch", res->arch);
	rec_put_str(r, "sha256", res->sha256);
	rec_put_int(r, "size", res->size);
	rec_put(r, "bundle", res->bundle, strlen(res->bundle));
	snprintf(job->job.subject, sizeof(job->job.subject), "%s", res->arch);
	return 0;
}

static void
error_more(void *arg, void *jobp, struct json_out *o)
{
	struct context *c = arg;
	struct job *job = jobp;
	struct err e;

	if (write_list(c, job, &e) < 0)
		tool_warn("%s", e.msg);
	if (c->all_errors && job->result.findings.count > 0)
		finding_json(&job->result.findings, o);
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	struct job *job = jobp;
	const struct verify_result *res = &job->result;
	char size[32], bytes[32];

	(void)arg;
	(void)r;
	buf_addf(out, "OK      %s\n        %s, %s: %lld files, %s\n"
	    "        sha256 %s, %s\n", job->in.tarball, res->dir, res->arch,
	    (long long)res->files, text_size((uint64_t)res->bytes, bytes),
	    res->sha256, text_size((uint64_t)res->size, size));
}

static void
job_free(void *jobp)
{
	struct job *job = jobp;

	intake_release(&job->in);
	verify_result_release(&job->result);
	free(job->list_text);
}

static int
set_max_bytes(void *arg, const char *value, struct err *e)
{
	return intake_max_bytes(value,
	    &((struct context *)arg)->opts.max_bytes, e);
}

static int
print_contract(const struct context *c, struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	contract_print(&c->opts.contract, &b);
	return file_write(STDOUT_FILENO, b.data, b.len) < 0 ?
	    err_sys(e, "cannot write standard output") : 1;
}

static int
ready(void *arg, struct err *e)
{
	struct context *c = arg;

	if (intake_opts_ready(&c->opts, e) < 0)
		return -1;
	if (c->print_contract)
		return print_contract(c, e);
	if (c->list_path != NULL &&
	    file_tmp_open(&c->list, AT_FDCWD, c->list_path, e) < 0)
		return -1;
	return 0;
}

static const struct tool_opt options[] = {
	INTAKE_OPT_ARCH,
	INTAKE_OPT_CONTRACT(&ctx.opts.contract_file),
	{ .name = "print-contract", .flag = &ctx.print_contract,
	  .help = "print the contract in force, and end" },
	INTAKE_OPT_MAX_BYTES(set_max_bytes),
	{ .name = "all-errors", .flag = &ctx.all_errors,
	  .help = "every refusal in error.all, not the first alone" },
	{ .name = "list", .arg = "FILE", .str = &ctx.list_path,
	  .help = "every entry of the archives as JSON lines to FILE" },
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "rb-verify",
	.synopsis = "[options] [TARBALL ...]",
	.purpose = "Judge runtime bundles by the contract, and pass on what "
	    "holds.",
	.groups = (const struct tool_opt_group[]){
		{ "Bundles", options }, { NULL, NULL },
	},
	.examples = "  rb-verify --arch amd64 bundle_0.1.0_amd64.tar.gz\n"
	    "  rb-fetch < urls.jsonl | rb-verify --gate | rb-stage\n",
	.operand_key = "tarball",
	.operand_arch = true,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.error_more = error_more,
	.text = text,
	.job_free = job_free,
};

int
main(int argc, char *argv[])
{
	struct err e;
	int status = tool_start(&tool, &ctx, argc, argv);

	if (status >= 0) {
		intake_opts_release(&ctx.opts);
		return status;
	}
	untar_setup();
	zin_setup();
	sandbox_enter(ctx.list.dirfd >= 0 ? SANDBOX_WRITE : SANDBOX_READ,
	    ctx.list.dirfd);
	status = tool_filter(&tool, &ctx);
	if (ctx.list_path != NULL && file_tmp_commit(&ctx.list, &e) < 0) {
		tool_warn("%s", e.msg);
		status = status == 0 ? 3 : status;
	}
	intake_opts_release(&ctx.opts);
	return status;
}
