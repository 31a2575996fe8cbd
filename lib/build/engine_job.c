#include "build/engine_job.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/engine_config.h"
#include "build/imgmanifest.h"
#include "oci/copy_blob.h"

#define SECRET_MIN 4	/* bytes; what is shorter is in every text by chance */

static void
add_each(struct list *argv, const char *option, const struct list *values)
{
	for (size_t i = 0; i < values->n; i++)
		list_take(argv, mem_fmt("%s=%s", option, values->items[i]));
}

static void
add_args(struct list *argv, const struct list *args)
{
	for (size_t i = 0; i < args->n; i++) {
		const char *arg = args->items[i];
		autofree char *name = mem_dup(arg, strcspn(arg, "="));
		const char *env = getenv(name);
		bool same = env != NULL &&
		    strcmp(env, arg + strlen(name) + 1) == 0;

		list_take(argv, mem_fmt("--build-arg=%s", same ? name : arg));
	}
}

void
engine_job_args(const struct engine_job *j, struct list *argv)
{
	char platform[104];

	desc_platform_format(&j->n->platform, platform);
	list_take(argv, mem_fmt("--platform=%s", platform));
	if (j->n->file != NULL)
		list_take(argv, mem_fmt("--file=%s", j->n->file));
	if (j->n->target != NULL)
		list_take(argv, mem_fmt("--target=%s", j->n->target));
	add_args(argv, &j->n->args);
	add_each(argv, "--label", &j->n->labels);
	add_each(argv, "--secret", &j->opts->secrets);
	add_each(argv, "--ssh", &j->opts->ssh);
	add_each(argv, "--cache-from", &j->opts->cache_from);
	add_each(argv, "--cache-to", &j->opts->cache_to);
	if (j->opts->no_cache)
		list_add(argv, "--no-cache");
}

int
engine_job_id(const struct engine_job *j, const char *name,
    char id[DIGEST_STR], struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	uint8_t raw[DIGEST_LEN];

	if (file_slurp(j->scratch.fd, name, name, 4096, &text, e) < 0)
		return err_set(e, ERR_SYS, "engine_answer",
		    "the engine does not say what it built");
	while (text.len > 0 && text.data[text.len - 1] == '\n')
		buf_truncate(&text, text.len - 1);
	if (!digest_parse(text.data, raw))
		return err_set(e, ERR_SYS, "engine_answer",
		    "the engine's id of what it built is no sha256: '%.100s'",
		    text.data);
	digest_format(raw, id);
	return 0;
}

int
engine_job_archive(const struct engine_job *j, struct err *e)
{
	int fd = openat(j->scratch.fd, ENGINE_JOB_TAR,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "cannot make a temporary file") : fd;
}

/* Build arguments may be secrets, and a record travels. */
static void
hide(const struct list *args, struct err *e)
{
	for (size_t i = 0; i < args->n; i++) {
		const char *value = args->items[i] +
		    strcspn(args->items[i], "=") + 1;
		size_t len = strlen(value);
		char *at = e->detail;

		if (len < SECRET_MIN)
			continue;
		while ((at = strstr(at, value)) != NULL) {
			memmove(at + 3, at + len, strlen(at + len) + 1);
			memset(at, '*', 3);
			at += 3;
		}
	}
}

int
engine_job_run(const struct engine_job *j, struct engine_run *r,
    struct err *e)
{
	r->where = j->n->platform.arch;
	if (engine_run_good(r, e) == 0)
		return 0;
	hide(&j->n->args, e);
	return -1;
}

/* What came out is for the platform that was asked for. */
static int
check_platform(const struct engine_job *j, const struct image *image,
    struct err *e)
{
	char want[104], is[104];

	if (desc_platform_match(&j->n->platform, &image->platform))
		return 0;
	desc_platform_format(&j->n->platform, want);
	desc_platform_format(&image->platform, is);
	err_set(e, ERR_CHECK, "platform_mismatch",
	    "the engine built an image for %s, not for %s", is, want);
	err_set_values(e, want, is);
	return -1;
}

static int
bring_layers(struct layout *from, struct layout *to,
    const struct image *image, struct err *e)
{
	struct place a = PLACE_OF_LAYOUT(from), b = PLACE_OF_LAYOUT(to);

	for (size_t i = 0; i < image->nlayers; i++)
		if (copy_blob_bring(&a, &b, &image->layers[i].desc, false,
		    e) < 0)
			return -1;
	return 0;
}

/* A document into to, if there is such a place; *d is what it is then. */
static int
put(struct layout *to, const char *media_type, const struct buf *text,
    struct desc *d, struct err *e)
{
	uint8_t digest[DIGEST_LEN];

	*d = (struct desc){ .size = (int64_t)text->len };
	snprintf(d->media_type, sizeof(d->media_type), "%s", media_type);
	digest_bytes(text->data, text->len, digest);
	digest_format(digest, d->digest);
	return to == NULL ? 0 : layout_blob_put(to, text->data, text->len, d,
	    e);
}

static int
put_documents(const struct engine_job *j, struct layout *to,
    const struct image *image, struct native_result *r, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autobuf struct buf clean = BUF_INIT;
	struct desc config;

	if (j->clean && engine_config_clean(&image->config, &clean, e) < 0)
		return -1;
	if (put(to, family_config(j->n->family), j->clean ? &clean :
	    &image->config, &config, e) < 0)
		return -1;
	strcpy(r->config_digest, config.digest);
	imgmanifest_write(j->n->family, &config, r->layers, r->nlayers,
	    &j->n->annotations, &o);
	return put(to, family_manifest(j->n->family), &o.buf, &r->manifest,
	    e);
}

/* The image as it is goes on; what we write is of one family. */
static int
take(const struct engine_job *j, struct layout *from,
    const struct image *image, struct native_result *r, struct err *e)
{
	AUTO(layout_release) struct layout to = LAYOUT_INIT;
	bool keep = j->n->layout != NULL;

	r->layers = mem_zero(image->nlayers + 1, sizeof(*r->layers));
	for (size_t i = 0; i < image->nlayers; i++, r->nlayers++) {
		r->layers[i] = image->layers[i];
		r->bytes += image->layers[i].desc.size;
		if (family_layer(j->n->family, &r->layers[i].desc, e) < 0)
			return -1;
	}
	if (keep && (layout_open(&to, j->n->layout, true, e) < 0 ||
	    bring_layers(from, &to, image, e) < 0))
		return -1;
	return put_documents(j, keep ? &to : NULL, image, r, e);
}

int
engine_job_take(const struct engine_job *j, int fd,
    enum imgtar_in_kind kind, struct native_result *r, struct err *e)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	AUTO(image_release) struct image image = IMAGE_INIT;
	struct desc d;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot read a temporary file");
	if (layout_open_scratch(&l, j->scratch.layout, e) < 0 ||
	    imgtar_in_read(fd, "the engine's image", kind, NULL, &l, &d,
	    e) < 0 ||
	    image_read(&l, &d, &j->n->platform, &image, e) < 0 ||
	    check_platform(j, &image, e) < 0)
		return -1;
	return take(j, &l, &image, r, e);
}
