/*
 * indexdoc.h - an index as it is published, and as records have it.
 *
 * Source: image-index.md; Docker's list: distribution, "Image Manifest Version
 * 2, Schema 2".
 */
#ifndef INDEXDOC_H
#define INDEXDOC_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/family.h"
#include "oci/index.h"

/* How an index is written: Docker's manifest list where all children are
 * Docker's, or what is asked for. */
enum indexdoc_format { INDEXDOC_AUTO, INDEXDOC_OCI, INDEXDOC_DOCKER };
int indexdoc_format_parse(const char *name, enum indexdoc_format *format,
    struct err *e);		/* ERR_INPUT "usage" */

/*
 * The family that x is to be written in.  Docker's list has no place for
 * annotations (ERR_INPUT "annotation_format"), nor for OCI's images ("format_
 * conflict").
 */
int indexdoc_family(const struct index *x, enum indexdoc_format format,
    enum family *family, struct err *e);

/* Its media type, and the index as it is published (added to b). */
const char *indexdoc_media_type(enum family family);
void indexdoc_write(const struct index *x, enum family family, struct buf *b);

/* Its children as records(5) has them in index.manifests. */
void indexdoc_write_record(const struct index *x, struct json_out *o);

#endif
