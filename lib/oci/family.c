#include "oci/family.h"

#include <stdio.h>
#include <string.h>

#define DOCKER_TAR "application/vnd.docker.image.rootfs.diff.tar"

static const struct {
	const char *oci;
	const char *docker;	/* NULL: there is none */
	const char *also;	/* another spelling of the same, or NULL */
} layers[] = {
	{ DESC_OCI_LAYER_GZIP, DESC_DOCKER_LAYER, NULL },
	{ DESC_OCI_LAYER_TAR, DOCKER_TAR, NULL },
	/* never specified, but written by some */
	{ DESC_OCI_LAYER_ZSTD, NULL, DOCKER_TAR ".zstd" },
};

int
family_parse(const char *name, enum family *family, struct err *e)
{
	if (strcmp(name, "oci") == 0)
		*family = FAMILY_OCI;
	else if (strcmp(name, "docker") == 0)
		*family = FAMILY_DOCKER;
	else
		return err_set(e, ERR_INPUT, "usage",
		    "--format takes oci or docker, not '%s'", name);
	return 0;
}

const char *
family_manifest(enum family family)
{
	return family == FAMILY_DOCKER ? DESC_DOCKER_MANIFEST :
	    DESC_OCI_MANIFEST;
}

const char *
family_config(enum family family)
{
	return family == FAMILY_DOCKER ? DESC_DOCKER_CONFIG : DESC_OCI_CONFIG;
}

static bool
is(const char *type, const char *name)
{
	return name != NULL && strcmp(type, name) == 0;
}

int
family_layer(enum family family, struct desc *layer, struct err *e)
{
	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
		const char *to = family == FAMILY_DOCKER ? layers[i].docker :
		    layers[i].oci;

		if (!is(layer->media_type, layers[i].oci) &&
		    !is(layer->media_type, layers[i].docker) &&
		    !is(layer->media_type, layers[i].also))
			continue;
		if (to == NULL)
			return err_set(e, ERR_INPUT, "format_conflict",
			    "layer %s is compressed with zstd, which Docker's "
			    "media types have no name for: build with "
			    "--format oci, or from gzip layers",
			    layer->digest);
		snprintf(layer->media_type, sizeof(layer->media_type), "%s",
		    to);
		return 0;
	}
	return err_set(e, ERR_CHECK, "layer_type",
	    "layer %s has the type '%s', which is none for a layer",
	    layer->digest, layer->media_type);
}
