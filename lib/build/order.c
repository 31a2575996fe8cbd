#include "build/order.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "oci/ref.h"
#include "record/tool.h"

void
order_release(struct order *o)
{
	free(o->file);
	free(o->context);
	free(o->target);
	free(o->staged);
	free(o->manifest_sha256);
	list_release(&o->args);
	list_release(&o->contexts);
	list_release(&o->annotations);
	list_release(&o->refs);
	dest_release(&o->dest);
}

/* The record's string at key, else what the option says; a copy, or NULL. */
static int
choose(struct rec *r, const char *key, const char *option, char **out,
    struct err *e)
{
	const char *value = option;

	if (rec_str(r, key, &value, e) < 0)
		return -1;
	*out = value != NULL ? mem_str(value) : NULL;
	return 0;
}

static int
choose_path(struct rec *r, const char *key, const char *option, char **out,
    struct err *e)
{
	autofree char *path = NULL;

	if (choose(r, key, option, &path, e) < 0)
		return -1;
	*out = path != NULL ? tool_path(path) : NULL;
	return 0;
}

static int
add_arg(void *ctx, const struct rec_member *m, struct err *e)
{
	if (m->name == NULL || m->str == NULL)
		return err_set(e, ERR_INPUT, "field_invalid",
		    "invalid field: build.args: an object of strings is "
		    "wanted");
	list_set(ctx, m->name, m->str);
	return 0;
}

static int
add_tag(void *ctx, const struct rec_member *m, struct err *e)
{
	if (m->name != NULL || m->str == NULL)
		return err_set(e, ERR_INPUT, "field_invalid",
		    "invalid field: build.tags: an array of strings is "
		    "wanted");
	list_add(ctx, m->str);
	return 0;
}

/* `platform`, or `arch`; both must mean the same. */
static int
read_platform(struct order *o, struct rec *r, struct err *e)
{
	const char *platform = NULL, *arch = NULL;
	struct desc_platform p;

	if (rec_str(r, "platform", &platform, e) < 0 ||
	    rec_str(r, "arch", &arch, e) < 0)
		return -1;
	if (platform == NULL && arch == NULL)
		return err_set(e, ERR_INPUT, "field_missing",
		    "missing field: platform or arch");
	if (desc_platform_parse(platform != NULL ? platform : arch,
	    &o->platform, e) < 0)
		return -1;
	desc_platform_format(&o->platform, o->platform_name);
	if (platform == NULL || arch == NULL)
		return 0;
	if (desc_platform_parse(arch, &p, e) < 0)
		return -1;
	if (strcmp(p.arch, o->platform.arch) == 0)
		return 0;
	err_set(e, ERR_INPUT, "platform_mismatch",
	    "the record's platform is %s, its arch %s", platform, arch);
	err_set_values(e, platform, arch);
	return -1;
}

static int
read_staged(struct order *o, struct rec *r, struct err *e)
{
	uint8_t digest[DIGEST_LEN];
	const char *sha256;

	if (choose_path(r, "staged", NULL, &o->staged, e) < 0)
		return -1;
	if (o->staged == NULL)
		return 0;
	/* without it nothing says what was verified */
	if (rec_need_str(r, "bundle.manifest_sha256", &sha256, e) < 0)
		return -1;
	if (!digest_parse_hex(sha256, digest))
		return err_set(e, ERR_INPUT, "field_invalid",
		    "invalid field: bundle.manifest_sha256: 64 lower-case hex "
		    "digits are wanted");
	o->manifest_sha256 = mem_str(sha256);
	return 0;
}

/* A record that has what placeholders stand for, arch and platform always. */
static struct rec *
names_of(const struct order *o, struct rec *r, struct err *e)
{
	AUTO(json_out_release) struct json_out out = JSON_OUT_INIT;
	const char *text = NULL;

	json_out_open(&out, '{');
	json_out_kstr(&out, "arch", o->platform.arch);
	json_out_kstr(&out, "platform", o->platform_name);
	if (rec_str(r, "component", &text, e) < 0)
		return NULL;
	if (text != NULL)
		json_out_kstr(&out, "component", text);
	text = NULL;
	if (rec_str(r, "bundle.version", &text, e) < 0)
		return NULL;
	if (text != NULL) {
		json_out_key(&out, "bundle");
		json_out_open(&out, '{');
		json_out_kstr(&out, "version", text);
		json_out_close(&out, '}');
	}
	json_out_close(&out, '}');
	return rec_parse(out.buf.data, out.buf.len, rec_where(r), e);
}

static int
read_refs(struct order *o, const struct order_opts *opts, struct rec *r,
    struct rec *names, struct err *e)
{
	AUTO(list_release) struct list tags = LIST_INIT;
	int rc = rec_each(r, "build.tags", add_tag, &tags, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		list_copy(&tags, &opts->tags);
	for (size_t i = 0; i < tags.n; i++) {
		AUTO(buf_release) struct buf ref = BUF_INIT;

		if (tool_expand(tags.items[i], names, &ref, e) < 0 ||
		    ref_check(ref.data, e) < 0)
			return -1;
		if (!list_has(&o->refs, ref.data))
			list_add(&o->refs, ref.data);
	}
	return 0;
}

static int
read_contexts(struct order *o, const struct order_opts *opts,
    struct rec *names, struct err *e)
{
	for (size_t i = 0; i < opts->contexts.n; i++) {
		AUTO(buf_release) struct buf item = BUF_INIT;

		if (tool_expand(opts->contexts.items[i], names, &item, e) < 0)
			return err_wrap(e, "--build-context");
		list_add(&o->contexts, item.data);
	}
	return 0;
}

/* What it was made from: fp-diff asks a registry for that.  Docker's manifests
 * have no place for it. */
static int
read_fingerprint(struct order *o, const struct order_opts *opts,
    struct rec *r, struct err *e)
{
	const char *fingerprint;
	int rc = rec_str(r, "fingerprint", &fingerprint, e);

	list_copy(&o->annotations, &opts->annotations);
	if (rc > 0 && opts->family == FAMILY_OCI)
		list_set(&o->annotations, DESC_FINGERPRINT, fingerprint);
	return rc < 0 ? -1 : 0;
}

int
order_read(struct order *o, const struct order_opts *opts, struct rec *r,
    struct err *e)
{
	struct rec *names;
	int rc;

	o->dest = (struct dest)DEST_INIT;
	list_copy(&o->args, &opts->args);
	if (read_platform(o, r, e) < 0 || read_staged(o, r, e) < 0 ||
	    choose_path(r, "build.file", opts->file, &o->file, e) < 0 ||
	    choose_path(r, "build.context", opts->context != NULL ?
	    opts->context : ".", &o->context, e) < 0 ||
	    choose(r, "build.target", opts->target, &o->target, e) < 0 ||
	    rec_each(r, "build.args", add_arg, &o->args, e) < 0 ||
	    read_fingerprint(o, opts, r, e) < 0)
		return -1;
	if ((names = names_of(o, r, e)) == NULL)
		return -1;
	rc = read_refs(o, opts, r, names, e);
	if (rc == 0)
		rc = read_contexts(o, opts, names, e);
	if (rc == 0)
		rc = dest_resolve(&o->dest, &opts->dest, &o->refs, names, e);
	rec_free(names);
	return rc;
}

static int
need_utf8(const char *option, const char *value, struct err *e)
{
	if (text_utf8_valid(value, strlen(value)))
		return 0;
	return err_set(e, ERR_INPUT, "usage", "%s takes UTF-8, not '%s'",
	    option, value);
}

/* K=V, or with bare a K alone, which is K= */
static int
set_pair(struct list *to, const char *option, const char *value, bool bare,
    struct err *e)
{
	size_t len = strcspn(value, "=");
	autofree char *key = mem_dup(value, len);

	if (len == 0 || (value[len] == '\0' && !bare))
		return err_set(e, ERR_INPUT, "usage", "%s takes K=V, not '%s'",
		    option, value);
	list_set(to, key, value[len] == '=' ? value + len + 1 : "");
	return 0;
}

int
order_set_arg(struct order_opts *opts, const char *value, struct err *e)
{
	const char *env;

	if (strchr(value, '=') != NULL || *value == '\0')
		return set_pair(&opts->args, "--build-arg", value, false, e);
	if ((env = getenv(value)) != NULL)
		list_set(&opts->args, value, env);
	return 0;
}

int
order_set_label(struct order_opts *opts, const char *value, struct err *e)
{
	return need_utf8("--label", value, e) < 0 ? -1 :
	    set_pair(&opts->labels, "--label", value, true, e);
}

int
order_set_annotation(struct order_opts *opts, const char *value,
    struct err *e)
{
	return need_utf8("--annotation", value, e) < 0 ? -1 :
	    set_pair(&opts->annotations, "--annotation", value, false, e);
}

int
order_set_context(struct order_opts *opts, const char *value, struct err *e)
{
	return set_pair(&opts->contexts, "--build-context", value, false, e);
}

int
order_set_format(struct order_opts *opts, const char *value, struct err *e)
{
	return family_parse(value, &opts->family, e);
}

int
order_set_compression(struct order_opts *opts, const char *value,
    struct err *e)
{
	static const struct {
		const char *name;
		enum zout_method method;
		int max;	/* level */
	} all[] = {
		{ "gzip", ZOUT_GZIP, 12 }, { "zstd", ZOUT_ZSTD, 19 },
		{ "none", ZOUT_NONE, 0 },
	};
	size_t len = strcspn(value, ":");

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int64_t level = 0;

		if (strlen(all[i].name) != len ||
		    strncmp(all[i].name, value, len) != 0)
			continue;
		if (value[len] == ':' &&
		    (!text_number(value + len + 1, false, &level) ||
		    level < 1 || level > all[i].max))
			break;
		opts->method = all[i].method;
		opts->level = (int)level;
		return 0;
	}
	return err_set(e, ERR_INPUT, "usage", "--compression takes "
	    "gzip[:1..12], zstd[:1..19] or none, not '%s'", value);
}

int
order_set_modes(struct order_opts *opts, const char *value, struct err *e)
{
	if (strcmp(value, "git") != 0 && strcmp(value, "keep") != 0)
		return err_set(e, ERR_INPUT, "usage",
		    "--context-modes takes git or keep, not '%s'", value);
	opts->keep_modes = *value == 'k';
	return 0;
}

int
order_set_engine(struct order_opts *opts, const char *value, struct err *e)
{
	return engine_parse(value, &opts->engine.kind, e);
}

int
order_check(const struct order_opts *opts, struct err *e)
{
	if (engine_check(&opts->engine, e) < 0)
		return -1;
	if (dest_check(&opts->dest, e) < 0)
		return -1;
	if (opts->dest.kind == DEST_DOCKER_ARCHIVE &&
	    opts->method == ZOUT_ZSTD)
		return err_set(e, ERR_INPUT, "format_conflict",
		    "a docker-archive has no zstd layers: give --compression "
		    "gzip, or -o oci-archive:FILE");
	if (opts->family == FAMILY_DOCKER && opts->method == ZOUT_ZSTD)
		return err_set(e, ERR_INPUT, "format_conflict",
		    "Docker's media types have no zstd layers: give --format "
		    "oci or --compression gzip");
	if (opts->family == FAMILY_DOCKER && opts->annotations.n > 0)
		return err_set(e, ERR_INPUT, "format_conflict",
		    "Docker's manifests have no annotations: give --format "
		    "oci, or --label for the config");
	return 0;
}
