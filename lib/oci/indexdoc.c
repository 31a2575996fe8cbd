#include "oci/indexdoc.h"

#include <string.h>

int
indexdoc_format_parse(const char *name, enum indexdoc_format *format,
    struct err *e)
{
	static const char *const names[] = { [INDEXDOC_AUTO] = "auto",
		[INDEXDOC_OCI] = "oci", [INDEXDOC_DOCKER] = "docker" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0) {
			*format = (enum indexdoc_format)i;
			return 0;
		}
	return err_set(e, ERR_INPUT, "usage",
	    "--format takes auto, oci or docker, not '%s'", name);
}

static const struct index_child *
first_oci(const struct index *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->children[i].desc.media_type,
		    DESC_DOCKER_MANIFEST) != 0)
			return &x->children[i];
	return NULL;
}

int
indexdoc_family(const struct index *x, enum indexdoc_format format,
    enum family *family, struct err *e)
{
	const struct index_child *oci = first_oci(x);
	const struct notes *notes = &x->notes;

	*family = format == INDEXDOC_DOCKER ||
	    (format == INDEXDOC_AUTO && oci == NULL) ? FAMILY_DOCKER :
	    FAMILY_OCI;
	if (*family == FAMILY_OCI)
		return 0;
	if (oci != NULL)
		return err_set(e, ERR_INPUT, "format_conflict",
		    "image %s is OCI's, and can not be in Docker's list: give "
		    "--format oci, or build it with --format docker",
		    oci->desc.digest);
	for (size_t i = 0; notes->n == 0 && i < x->n; i++)
		notes = &x->children[i].notes;
	if (notes->n > 0)
		return err_set(e, ERR_INPUT, "annotation_format",
		    "Docker's list has no place for annotation '%.200s': give "
		    "--format oci, or none of them", notes->items[0].key);
	return 0;
}

const char *
indexdoc_media_type(enum family family)
{
	return family == FAMILY_DOCKER ? DESC_DOCKER_LIST : DESC_OCI_INDEX;
}

void
indexdoc_write(const struct index *x, enum family family, struct buf *b)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kint(&o, "schemaVersion", 2);
	/* ECR refuses a manifest without one */
	json_out_kstr(&o, "mediaType", indexdoc_media_type(family));
	json_out_key(&o, "manifests");
	json_out_open(&o, '[');
	for (size_t i = 0; i < x->n; i++) {
		const struct index_child *c = &x->children[i];

		json_out_open(&o, '{');
		desc_write_members(&o, &c->desc);
		if (c->artifact_type != NULL)
			json_out_kstr(&o, "artifactType", c->artifact_type);
		notes_write(&c->notes, &o);
		json_out_close(&o, '}');
	}
	json_out_close(&o, ']');
	notes_write(&x->notes, &o);
	json_out_close(&o, '}');
	buf_add(b, o.buf.data, o.buf.len);
}

void
indexdoc_write_record(const struct index *x, struct json_out *o)
{
	json_out_open(o, '[');
	for (size_t i = 0; i < x->n; i++) {
		const struct desc *d = &x->children[i].desc;
		char name[104];

		desc_platform_format(&d->platform, name);
		json_out_open(o, '{');
		if (d->has_platform)
			json_out_kstr(o, "platform", name);
		json_out_kstr(o, "digest", d->digest);
		json_out_kint(o, "size", d->size);
		json_out_kstr(o, "media_type", d->media_type);
		json_out_close(o, '}');
	}
	json_out_close(o, ']');
}
