/*
 * rb-pack - make reproducible runtime bundles from install roots.
 *
 * The shape of a bundle is in lib/bundle/pack.h, the fields and the exit status
 * in rb-pack(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "bundle/intake.h"
#include "bundle/mirror.h"
#include "bundle/pack.h"
#include "net/http.h"
#include "record/tool.h"

struct context {
	struct intake_opts opts;
	struct pack_spec spec;		/* --component's */
	const char *name, *version, *created_at, *dir, *output, *sums;
	enum zout_method method;
	bool method_given;
	int level;
	int64_t epoch;
	struct mirror_opts mirror;
	struct netopts net;
};

struct job {
	struct tool_job job;
	bool given;			/* there is a tarball already */
	char sha256[DIGEST_HEX];	/* that it must have, or "" */
	int64_t size;			/* likewise, or -1 */
	struct pack_spec spec;
	char *path;
	struct verify_result result;
	struct mirror mirror;
};

static struct context ctx = { .opts = INTAKE_OPTS_INIT, .dir = ".",
    .method = ZOUT_GZIP_ONE };

/* The member at key, else the option's value; ERR_INPUT without either. */
static int
take(struct rec *r, const char *key, const char *option, const char *flag,
    char **to, struct err *e)
{
	const char *value = NULL;
	int rc = rec_str(r, key, &value, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && option == NULL) {
		err_set(e, ERR_INPUT, "field_missing",
		    "missing field: %s%s%s", key, flag != NULL ? ", or " : "",
		    flag != NULL ? flag : "");
		err_set_path(e, key);
		return -1;
	}
	*to = mem_str(rc > 0 ? value : option);
	return 0;
}

struct component_reader {
	struct rec *rec;
	struct pack_spec *spec;
};

static int
add_component(void *arg, const struct rec_member *m, struct err *e)
{
	struct component_reader *c = arg;
	const char *version, *commit;
	struct rec *r;
	int rc;

	if (m->len == 0 || *m->text != '{')
		return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "bundle.components.%s: an object is wanted", m->name);
	if ((r = rec_parse(m->text, m->len, m->name, e)) == NULL)
		return -1;
	rc = rec_need_str(r, "version", &version, e) < 0 ||
	    rec_need_str(r, "commit", &commit, e) < 0 ? -1 : 0;
	if (rc == 0)
		pack_spec_component(c->spec, m->name, version, commit);
	else
		err_wrap(e, "bundle.components.%s", m->name);
	rec_free(r);
	return rc;
}

static int
read_components(struct context *c, struct rec *r, struct pack_spec *s,
    struct err *e)
{
	struct component_reader reader = { r, s };
	size_t len;
	const char *value = rec_text(r, "bundle.components", &len);

	if (value != NULL && *value != '{' && *value != 'n')
		return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "bundle.components: an object is wanted");
	int rc = rec_each(r, "bundle.components", add_component, &reader, e);

	for (size_t i = 0; rc >= 0 && i < c->spec.ncomponents; i++) {
		const struct pack_component *p = &c->spec.components[i];

		if (!pack_spec_has(s, p->name))
			pack_spec_component(s, p->name, p->version,
			    p->commit);
	}
	pack_spec_sort(s);
	return rc < 0 ? -1 : 0;
}

/* Where the bundle goes: -o, or -d and its own name. */
static char *
output_path(const struct context *c, const struct pack_spec *s)
{
	autofree char *name = pack_spec_dir(s);
	autofree char *path = c->output != NULL ? mem_str(c->output) :
	    mem_fmt("%s/%s.tar.%s", c->dir, name,
	    c->method == ZOUT_ZSTD ? "zst" : "gz");

	return tool_path(path);
}

/* 1 where there is nothing to pack: a tarball, as `tarball` or as an operand,
 * is to be mirrored as it is. */
static int
read_given(const struct context *c, struct rec *r, struct job *job,
    struct err *e)
{
	const char *path = NULL, *arch, *version = c->version, *sha256;
	uint8_t digest[DIGEST_LEN];
	struct stat st;
	int rc;

	job->size = -1;
	if (c->mirror.place == NULL || (rc = rec_str(r, "root", &path, e)) < 0)
		return c->mirror.place == NULL ? 0 : -1;
	if (rc > 0 && (stat(path, &st) < 0 || !S_ISREG(st.st_mode)))
		return 0;
	if (rc == 0 && (rc = rec_str(r, "tarball", &path, e)) <= 0)
		return rc;
	if (rec_need_str(r, "arch", &arch, e) < 0 ||
	    tool_arch_check(arch, e) < 0 ||
	    rec_str(r, "bundle.version", &version, e) < 0 ||
	    rec_int(r, "size", 0, JSON_INT_MAX, &job->size, e) < 0 ||
	    (rc = rec_str(r, "sha256", &sha256, e)) < 0)
		return -1;
	if (rc > 0 && !digest_parse_hex(sha256, digest))
		return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "sha256: 64 lower-case hex digits are wanted");
	if (rc > 0)
		digest_format_hex(digest, job->sha256);
	job->given = true;
	job->path = tool_path(path);
	return mirror_resolve(&job->mirror, &c->mirror, arch, version, e) < 0 ?
	    -1 : 1;
}

static int
read_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;
	struct pack_spec *s = &job->spec;
	autofree char *root = NULL;
	int rc = read_given(c, r, job, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (take(r, "root", NULL, "a folder as operand", &root, e) < 0 ||
	    take(r, "arch", NULL, "--arch", &s->arch, e) < 0 ||
	    tool_arch_check(s->arch, e) < 0 ||
	    take(r, "bundle.name", c->name, "--bundle-name", &s->name,
	    e) < 0 ||
	    take(r, "bundle.version", c->version, "--bundle-version",
	    &s->version, e) < 0 ||
	    take(r, "bundle.created_at", c->created_at != NULL ?
	    c->created_at : "", NULL, &s->created_at, e) < 0 ||
	    read_components(c, r, s, e) < 0)
		return -1;
	if (*s->created_at == '\0') {
		free(s->created_at);
		s->created_at = NULL;
	}
	s->root = tool_path(root);
	if (pack_spec_check(s, e) < 0)
		return -1;
	job->path = output_path(c, s);
	if (c->mirror.place != NULL && mirror_resolve(&job->mirror,
	    &c->mirror, s->arch, s->version, e) < 0)
		return -1;
	return tool_claim(job->path, e);
}

static int
pack(struct context *c, struct job *job, struct err *e)
{
	const struct pack_opts opts = {
		.contract = &c->opts.contract, .epoch = c->epoch,
		.max_bytes = c->opts.max_bytes, .method = c->method,
		.level = c->level, .threads = tool_common.jobs,
		.progress = &job->job.done,
	};
	int rc = pack_bundle(&job->spec, &opts, job->path, &job->result, e);

	job->job.bytes = rc == 0 ? (uint64_t)job->result.size : 0;
	memcpy(job->sha256, job->result.sha256, DIGEST_HEX);
	job->size = job->result.size;
	return rc;
}

static int
work(void *arg, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;

	if (!job->given && pack(c, job, e) < 0)
		return -1;
	if (c->mirror.place == NULL)
		return 0;
	if (mirror_run(&job->mirror, job->path, job->sha256, job->size,
	    e) < 0)
		return -1;
	job->job.bytes = (uint64_t)job->mirror.size;
	return 0;
}

static void
put_mirror(const struct job *job, struct rec *r)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	mirror_record(&job->mirror, &o);
	rec_put(r, "mirror", o.buf.data, o.buf.len);
}

/* The tarball was there before. */
static int
write_given(const struct job *job, struct rec *r)
{
	rec_put_str(r, "tarball", job->path);
	rec_put_str(r, "sha256", job->mirror.sha256);
	rec_put_int(r, "size", job->mirror.size);
	put_mirror(job, r);
	return 0;
}

static int
write_record(void *arg, struct rec *r, void *jobp, struct err *e)
{
	struct context *c = arg;
	struct job *job = jobp;
	const struct verify_result *res = &job->result;

	if (job->given)
		return write_given(job, r);
	if (c->sums != NULL &&
	    pack_sha256sums(c->sums, job->path, res->sha256, e) < 0)
		return -1;
	rec_put_str(r, "tarball", job->path);
	rec_put_str(r, "sha256", res->sha256);
	rec_put_int(r, "size", res->size);
	rec_put(r, "bundle", res->bundle, strlen(res->bundle));
	if (c->mirror.place != NULL)
		put_mirror(job, r);
	return 0;
}

static void
text(void *arg, struct rec *r, void *jobp, struct buf *out)
{
	struct job *job = jobp;
	const struct verify_result *res = &job->result;
	char size[32], bytes[32];

	(void)arg;
	(void)r;
	if (!job->given)
		buf_addf(out, "PACKED  %s\n        %s: %lld files, %s in %s\n"
	    "        sha256 %s\n", job->path, res->arch,
	    (long long)res->files, text_size((uint64_t)res->bytes, bytes),
	    text_size((uint64_t)res->size, size), res->sha256);
	if (job->mirror.to.n > 0)
		buf_addf(out, "%s%s\n        %s%s\n", job->given ?
		    "MIRROR  " : "        ", job->given ? job->path :
		    job->mirror.to.tags[0].ref, job->given ?
		    job->mirror.to.tags[0].ref : job->mirror.to.desc.digest,
		    job->mirror.to.tags[0].moved ? "" : " (it was there)");
}

static void
outputs(void *arg, struct rec *r, void *jobp)
{
	struct job *job = jobp;

	(void)arg;
	(void)r;
	tool_output("tarball", job->path);
	tool_output("sha256", job->given ? job->mirror.sha256 :
	    job->result.sha256);
}

static void
job_free(void *jobp)
{
	struct job *job = jobp;

	pack_spec_release(&job->spec);
	verify_result_release(&job->result);
	mirror_release(&job->mirror);
	free(job->path);
}

/* NAME=VERSION@COMMIT */
static int
set_component(void *arg, const char *value, struct err *e)
{
	struct context *c = arg;
	autofree char *name = mem_str(value);
	char *version = strchr(name, '=');
	char *commit = version != NULL ? strrchr(version, '@') : NULL;

	if (commit == NULL || version == name || commit == version + 1 ||
	    commit[1] == '\0')
		return err_set(e, ERR_INPUT, "usage", "--component takes "
		    "NAME=VERSION@COMMIT, not '%s'", value);
	*version++ = *commit++ = '\0';
	for (size_t i = 0; i < c->spec.ncomponents; i++)
		if (strcmp(c->spec.components[i].name, name) == 0)
			return err_set(e, ERR_INPUT, "usage",
			    "--component is given twice for '%s'", name);
	pack_spec_component(&c->spec, name, version, commit);
	return 0;
}

static int
set_compression(void *arg, const char *value, struct err *e)
{
	struct context *c = arg;
	size_t n = strcspn(value, ":");
	bool zstd = n == 4 && strncmp(value, "zstd", n) == 0;
	int64_t level = 0;

	if ((!zstd && !(n == 4 && strncmp(value, "gzip", n) == 0)) ||
	    (value[n] == ':' && (!text_number(value + n + 1, false,
	    &level) || level < 1 || level > (zstd ? 19 : 9))))
		return err_set(e, ERR_INPUT, "usage", "--compression takes "
		    "gzip[:1..9] or zstd[:1..19], not '%s'", value);
	c->method = zstd ? ZOUT_ZSTD : ZOUT_GZIP_ONE;
	c->method_given = true;
	c->level = (int)level;
	return 0;
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
	size_t len = c->output != NULL ? strlen(c->output) : 0;

	if (!c->method_given && len > 4 &&
	    strcmp(c->output + len - 4, ".zst") == 0)
		c->method = ZOUT_ZSTD;
	if (c->created_at != NULL &&
	    !clock_valid(c->created_at, strlen(c->created_at)))
		return err_set(e, ERR_INPUT, "usage", "--created-at takes a "
		    "time as RFC 3339 writes it, not '%s'", c->created_at);
	if (clock_epoch(&c->epoch, e) < 0)
		return -1;
	return intake_opts_ready(&c->opts, e);
}

static const struct tool_opt bundle_options[] = {
	INTAKE_OPT_ARCH,
	{ .name = "bundle-name", .arg = "NAME", .str = &ctx.name,
	  .help = "the bundle's name" },
	{ .name = "bundle-version", .arg = "VERSION", .str = &ctx.version,
	  .help = "the bundle's version" },
	{ .name = "component", .arg = "NAME=VERSION@COMMIT",
	  .set = set_component, .help = "a component in it; repeatable" },
	{ .name = "created-at", .arg = "TIME", .str = &ctx.created_at,
	  .help = "RFC 3339 (else SOURCE_DATE_EPOCH, else 1970)" },
	INTAKE_OPT_CONTRACT(&ctx.opts.contract_file),
	INTAKE_OPT_MAX_BYTES(set_max_bytes),
	{ .name = NULL },
};

static const struct tool_opt output_options[] = {
	{ .name = "output-dir", .letter = 'd', .arg = "DIR", .str = &ctx.dir,
	  .help = "write there, each file under a name of its own" },
	{ .name = "output", .letter = 'o', .arg = "PLACE",
	  .str = &ctx.output, .help = "where the result goes" },
	{ .name = "compression", .arg = "METHOD[:LEVEL]",
	  .set = set_compression, .help = "how it is compressed (gzip)" },
	{ .name = "sha256sums", .arg = "FILE", .str = &ctx.sums,
	  .help = "a checksum file, as sha256sum writes it" },
	{ .name = NULL },
};

static int
set_tls_verify(void *arg, const char *value, struct err *e)
{
	return netopts_tls_verify(&((struct context *)arg)->net, value, e);
}

static const struct tool_opt registry_options[] = {
	{ .name = "mirror", .arg = "docker://REF", .str = &ctx.mirror.place,
	  .help = "push the tarball to a registry, too" },
	NETOPTS_CREDS(&ctx.net.creds),
	NETOPTS_AUTHFILE(&ctx.net.authfile),
	NETOPTS_TLS_VERIFY(set_tls_verify),
	NETOPTS_CERT_DIR(&ctx.net.cert_dir),
	{ .name = NULL },
};

static const struct tool tool = {
	.name = "rb-pack",
	.synopsis = "[options] [ROOT ...]",
	.purpose = "Make reproducible runtime bundles from install roots.",
	.groups = (const struct tool_opt_group[]){
		{ "Bundles", bundle_options }, { "Output", output_options },
		{ "Registry", registry_options },
		{ NULL, NULL },
	},
	.examples = "  rb-pack --arch amd64 --bundle-name runtime "
	    "--bundle-version 1.0 \\\n"
	    "      --component ctk=1.17.8@f202b80 --contract c.json root\n"
	    "  rb-pack -d dist --sha256sums dist/SHA256SUMS < roots.jsonl\n",
	.operand_key = "root",
	.operand_arch = true,
	.ready = ready,
	.job_size = sizeof(struct job),
	.read = read_record,
	.work = work,
	.write = write_record,
	.text = text,
	.outputs = outputs,
	.job_free = job_free,
};

int
main(int argc, char *argv[])
{
	int status = tool_start(&tool, &ctx, argc, argv);

	if (status < 0) {
		digest_setup();
		http_setup();
		ctx.mirror.net = &ctx.net;
		ctx.mirror.places = places_new(&ctx.net);
		status = tool_filter(&tool, &ctx);
	}
	places_free(ctx.mirror.places);
	netopts_release(&ctx.net);
	intake_opts_release(&ctx.opts);
	pack_spec_release(&ctx.spec);
	return status;
}
