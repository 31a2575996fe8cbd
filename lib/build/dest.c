#include "build/dest.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "oci/digestfile.h"
#include "oci/imgtar.h"
#include "oci/layout.h"
#include "oci/ref.h"
#include "record/tool.h"

static const struct {
	enum dest_kind kind;
	const char *scheme;
} schemes[] = {
	{ DEST_LAYOUT, "oci:" },
	{ DEST_OCI_ARCHIVE, "oci-archive:" },
	{ DEST_DOCKER_ARCHIVE, "docker-archive:" },
	{ DEST_DAEMON, "docker-daemon:" },
	{ DEST_REGISTRY, "docker://" },
};

static const char *
scheme(enum dest_kind kind)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (schemes[i].kind == kind)
			return schemes[i].scheme;
	return "";
}

int
dest_set_output(struct dest_opts *opts, const char *value, struct err *e)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		size_t len = strlen(schemes[i].scheme);

		if (strncmp(value, schemes[i].scheme, len) != 0 ||
		    value[len] == '\0' || value[len] == ':')
			continue;
		/* the place goes into the record */
		if (!text_utf8_valid(value, strlen(value)))
			return err_set(e, ERR_INPUT, "usage",
			    "-o takes UTF-8, not '%s'", value);
		opts->kind = schemes[i].kind;
		opts->place = value + len;
		return 0;
	}
	return err_set(e, ERR_INPUT, "usage", "-o takes oci:DIR[:TAG], "
	    "oci-archive:FILE[:TAG], docker-archive:FILE[:REF], "
	    "docker-daemon:REF or docker://REF, not '%s'", value);
}

int
dest_check(const struct dest_opts *opts, struct err *e)
{
	if (opts->push && opts->by_digest)
		return err_set(e, ERR_INPUT, "usage",
		    "--push and --push-by-digest exclude each other");
	if (opts->kind != DEST_NONE || opts->load || opts->push ||
	    opts->by_digest || opts->dry_run)
		return 0;
	return err_set(e, ERR_INPUT, "usage", "nowhere to put the image: give "
	    "--push, -o oci:DIR[:TAG], --load, or --dry-run to see it");
}

void
dest_release(struct dest *d)
{
	dest_push_release(&d->push);
	daemon_free(d->engine);
	scratch_release(&d->scratch);
	free(d->path);
	free(d->digestfile);
	list_release(&d->tags);
	list_release(&d->refs);
	list_release(&d->loads);
}

static int
add_tag(struct dest *d, const char *tag, struct err *e)
{
	if (!layout_tag_valid(tag))
		return err_set(e, ERR_INPUT, "tag_invalid",
		    "not a name for an image in a layout: '%s'", tag);
	if (!list_has(&d->tags, tag))
		list_add(&d->tags, tag);
	return 0;
}

static int
tag_missing(const char *place, const char *hint, struct err *e)
{
	return err_set(e, ERR_INPUT, "tag_missing",
	    "no name for the image in '%s': give -t REF%s", place, hint);
}

static int
resolve_layout(struct dest *d, const char *tag, const struct list *refs,
    struct err *e)
{
	if (tag != NULL && add_tag(d, tag, e) < 0)
		return -1;
	for (size_t i = 0; tag == NULL && i < refs->n; i++)
		if (add_tag(d, ref_tag(refs->items[i]), e) < 0)
			return -1;
	if (d->tags.n == 0)
		return tag_missing(d->path, " or -o oci:DIR:TAG", e);
	for (size_t i = 0; i < d->tags.n; i++) {
		autofree char *whole = mem_fmt("oci:%s:%s", d->path,
		    d->tags.items[i]);

		if (tool_claim(whole, e) < 0)
			return -1;
	}
	return 0;
}

/* A name like host/me/app:1 is a whole reference, 1.2 is a tag. */
static bool
is_reference(const char *name)
{
	struct err ignored;

	return strpbrk(name, "/:") != NULL && ref_check(name, &ignored) == 0;
}

static int
resolve_archive(struct dest *d, const char *name, const struct list *refs,
    struct err *e)
{
	if (name != NULL && d->kind == DEST_DOCKER_ARCHIVE) {
		if (ref_check(name, e) < 0)
			return -1;
		list_add(&d->refs, name);
	} else {
		list_copy(&d->refs, refs);
		if (name != NULL && add_tag(d, name, e) < 0)
			return -1;
		if (name != NULL && refs->n == 0 && is_reference(name))
			list_add(&d->refs, name);
	}
	if (d->kind == DEST_OCI_ARCHIVE && d->tags.n == 0 && d->refs.n == 0)
		return tag_missing(d->path, " or -o oci-archive:FILE:TAG", e);
	return tool_claim(d->path, e);
}

/* However a name is written, the engine has it once. */
static int
add_load(struct dest *d, const char *ref, struct err *e)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	autofree char *whole = NULL;

	if (ref_check(ref, e) < 0 || imgtar_name(ref, false, &name, e) < 0)
		return -1;
	if (list_has(&d->loads, name.data))
		return 0;
	list_add(&d->loads, name.data);
	whole = mem_fmt("docker-daemon:%s", name.data);
	return tool_claim(whole, e);
}

static int
resolve_loads(struct dest *d, const char *place, bool load,
    const struct list *refs, struct err *e)
{
	if (place != NULL && add_load(d, place, e) < 0)
		return -1;
	for (size_t i = 0; load && i < refs->n; i++)
		if (add_load(d, refs->items[i], e) < 0)
			return -1;
	if (load && d->loads.n == 0)
		return tag_missing("the engine", "", e);
	return 0;
}

static int
resolve_push(struct dest *d, const struct dest_opts *opts,
    const struct list *refs, struct err *e)
{
	for (size_t i = 0; i < refs->n; i++)
		if (dest_push_add(&d->push, refs->items[i], opts->push,
		    opts->net, e) < 0)
			return -1;
	return refs->n == 0 ? tag_missing("the registry", "", e) : 0;
}

/* What -o says. */
static int
resolve_output(struct dest *d, const struct dest_opts *opts,
    const char *place, const struct list *refs, struct err *e)
{
	autofree char *path = NULL, *name = NULL;

	if (d->kind == DEST_REGISTRY)
		return places_check_userinfo(place, e) < 0 ||
		    ref_check(place, e) < 0 ? -1 :
		    dest_push_add(&d->push, place, true, opts->net, e);
	layout_split(place, &path, &name);
	if (d->kind == DEST_DAEMON)
		return resolve_loads(d, place, false, refs, e);
	d->path = tool_path(path);
	return d->kind == DEST_LAYOUT ? resolve_layout(d, name, refs, e) :
	    resolve_archive(d, name, refs, e);
}

int
dest_resolve(struct dest *d, const struct dest_opts *opts,
    const struct list *refs, struct rec *names, struct err *e)
{
	AUTO(buf_release) struct buf place = BUF_INIT;

	if (opts->dry_run)
		return 0;
	dest_push_init(&d->push, opts->places);
	d->kind = opts->kind;
	if (d->kind != DEST_NONE &&
	    (tool_expand(opts->place, names, &place, e) < 0 ||
	    resolve_output(d, opts, place.data, refs, e) < 0))
		return -1;
	if ((opts->push || opts->by_digest) &&
	    resolve_push(d, opts, refs, e) < 0)
		return -1;
	if (opts->load && resolve_loads(d, NULL, true, refs, e) < 0)
		return -1;
	if (opts->digestfile != NULL && (d->digestfile =
	    digestfile_path(opts->digestfile, names, e)) == NULL)
		return -1;
	return 0;
}

/* A file can be made there, as far as that can be told. */
static int
check_folder(const char *path, struct err *e)
{
	autofree char *dir = mem_dup(path, (size_t)(file_base(path) - path));

	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys(e, "cannot write '%s'", path);
	return 0;
}

bool
dest_is_engine(const struct dest *d)
{
	return d->loads.n > 0 && d->digestfile == NULL &&
	    d->push.to.n == 0 &&
	    (d->kind == DEST_NONE || d->kind == DEST_DAEMON);
}

int
dest_open(struct dest *d, struct err *e)
{
	if ((d->path != NULL && d->kind != DEST_LAYOUT &&
	    check_folder(d->path, e) < 0) ||
	    (d->digestfile != NULL && check_folder(d->digestfile, e) < 0))
		return -1;
	if (d->loads.n > 0 && (d->engine = daemon_open(e)) == NULL)
		return -1;
	if (d->push.to.n > 0 && dest_push_open(&d->push, e) < 0)
		return -1;
	if (d->kind == DEST_LAYOUT) {
		d->layout = d->path;
	} else if (d->kind != DEST_NONE || d->loads.n > 0 ||
	    d->push.to.n > 0) {
		if (scratch_open(&d->scratch, e) < 0)
			return -1;
		d->layout = d->scratch.layout;
	}
	return 0;
}

const struct native_sink *
dest_sink(struct dest *d)
{
	return d->push.pusher == NULL ? NULL : pusher_sink(d->push.pusher,
	    (d->kind == DEST_NONE || d->kind == DEST_REGISTRY) &&
	    d->loads.n == 0);
}

static int
name_all(const struct dest *d, struct layout *l, const struct desc *image,
    struct err *e)
{
	char previous[DIGEST_STR];

	for (size_t i = 0; i < d->tags.n; i++)
		if (layout_tag(l, d->tags.items[i], image, previous, e) < 0)
			return -1;
	return 0;
}

static int
write_archive(const struct dest *d, struct imgtar_opts *opts, struct err *e)
{
	struct imgtar *t;
	int rc;

	opts->tag = d->tags.n > 0 ? d->tags.items[0] : NULL;
	opts->refs = (const char *const *)d->refs.items;
	opts->nrefs = d->refs.n;
	if ((t = imgtar_new(opts, e)) == NULL)
		return -1;
	rc = imgtar_write(t, d->path, e);
	imgtar_free(t);
	return rc;
}

/* Every name is one of this image in the engine. */
static int
verify(const struct dest *d, const char *config_digest,
    const char *manifest_digest, struct err *e)
{
	for (size_t i = 0; i < d->loads.n; i++)
		if (daemon_verify(d->engine, d->loads.items[i], config_digest,
		    manifest_digest, e) < 0)
			return -1;
	return 0;
}

static int
load(const struct dest *d, struct imgtar_opts *opts,
    const char *config_digest, struct err *e)
{
	const char *digest = opts->image->digest;
	struct err ignored;
	struct imgtar *t;
	int rc;

	if (verify(d, config_digest, digest, &ignored) == 0) {
		tool_note("engine: it has '%s' already", d->loads.items[0]);
		return 0;
	}
	opts->tag = NULL;
	opts->refs = (const char *const *)d->loads.items;
	opts->nrefs = d->loads.n;
	if ((t = imgtar_new(opts, e)) == NULL)
		return -1;
	rc = daemon_load(d->engine, t, e);
	imgtar_free(t);
	return rc < 0 ? -1 : verify(d, config_digest, digest, e);
}

int
dest_finish(struct dest *d, const struct desc *image,
    const char *config_digest, int64_t mtime, struct err *e)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	struct imgtar_opts opts = {
		.layout = &l, .image = image, .mtime = mtime,
	};
	bool archive = d->kind == DEST_OCI_ARCHIVE ||
	    d->kind == DEST_DOCKER_ARCHIVE;

	if (d->layout == NULL)
		return 0;
	if (layout_open(&l, d->layout, false, e) < 0 ||
	    (d->kind == DEST_LAYOUT && name_all(d, &l, image, e) < 0) ||
	    (archive && write_archive(d, &opts, e) < 0) ||
	    (d->loads.n > 0 && load(d, &opts, config_digest, e) < 0) ||
	    (d->push.to.n > 0 && dest_push_finish(&d->push, &l, image,
	    e) < 0))
		return -1;
	return d->digestfile == NULL ? 0 :
	    digestfile_write(d->digestfile, image->digest, e);
}

char *
dest_location(const struct dest *d)
{
	const char *name = d->tags.n > 0 ? d->tags.items[0] :
	    d->refs.n == 0 ? NULL : d->kind == DEST_OCI_ARCHIVE ?
	    ref_tag(d->refs.items[0]) : d->refs.items[0];

	if (d->push.to.n > 0)
		return deliver_location(&d->push.to);
	if (d->path != NULL)
		return mem_fmt("%s%s%s%s", scheme(d->kind), d->path,
		    name != NULL ? ":" : "", name != NULL ? name : "");
	return d->loads.n > 0 ? mem_fmt("docker-daemon:%s",
	    d->loads.items[0]) : NULL;
}
