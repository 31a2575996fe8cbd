/*
 * source.h - a place that an image is read from, as skopeo users write it.
 *
 *	oci:DIR[:TAG], oci:DIR@sha256:…	a layout
 *	oci-archive:FILE[:TAG]		an archive (imgtar_in.h)
 *	docker-archive:FILE[:REF]
 *	docker-daemon:REF		an engine (daemon.h)
 *
 * All but the first are unpacked into a layout that is removed in the end; its
 * path in messages is the place.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/layout.h"
#include "oci/scratch.h"

struct source {
	struct layout layout;
	char *tag, *digest;	/* owned; of oci:, or NULL */
	struct desc desc;	/* of the others */
	struct scratch scratch;
};
#define SOURCE_INIT { .layout = LAYOUT_INIT, .scratch = SCRATCH_INIT }
void source_release(struct source *s);

/* place begins with one of the words above, and something follows. */
bool source_is(const char *place);
/* The same place with DIR or FILE absolute, counted from dir (NULL: the
 * working directory).  The caller frees. */
char *source_absolute(const char *dir, const char *place);

/*
 * Open it.  s is SOURCE_INIT before and is released also after a failure.
 * ERR_INPUT "location_unsupported" for no such place; else what layout.h,
 * imgtar_in.h and daemon.h say.
 */
int source_open(struct source *s, const char *place, struct err *e);

/* The image or index that the place names, in s->layout; media_type may be ""
 * (layout_find_digest). */
int source_find(struct source *s, struct desc *d, struct err *e);

#endif
