/*
 * index.h - an image index: one name for the images of several platforms.
 *
 * Children come by digest, their platforms from their configs.
 * The same children give the same bytes in whatever order they came: sorted by
 * platform, attestations last (image-index.md: of two entries that match the
 * first is taken, so they must not stand before an image).
 */
#ifndef INDEX_H
#define INDEX_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/copy.h"
#include "oci/desc.h"
#include "oci/notes.h"
#include "oci/place.h"

struct index_child {
	struct desc desc;		/* with its platform */
	char *artifact_type;		/* owned, or NULL */
	struct notes notes;
	bool attestation;		/* platform unknown/unknown */
};

struct index {
	struct index_child *children;	/* owned, in order */
	size_t n, cap;
	struct notes notes;
	bool no_attestations;		/* leave them out */
	size_t left_out;		/* so many were */
};
#define INDEX_INIT { NULL, 0, 0, NOTES_INIT, false, 0 }
void index_release(struct index *x);

/*
 * Add the image that d names, or every child of the index that it names, with
 * the index's annotations; d->media_type is filled in where it is "".
 * Manifests and configs are read and verified; they and the layers are added
 * to blobs.  An index inside the index is refused (ERR_CHECK "nested_index"),
 * so is an empty one ("index_empty").
 */
int index_load(struct index *x, struct place *p, struct desc *d,
    struct copy_list *blobs, struct err *e);

/*
 * Add the children of from, and not its annotations.  A digest that is there
 * already stays one; another digest for a platform is refused: ERR_CHECK
 * "platform_conflict".
 */
int index_merge(struct index *x, const struct index *from, struct err *e);

/* The image (no attestation) for a platform, or NULL. */
struct index_child *index_find(struct index *x,
    const struct desc_platform *p);

/*
 * Add the annotation that an option says (notes.h).  ERR_CHECK
 * "annotation_platform" where the child is not there.  x may be NULL: the
 * option is only checked.
 */
int index_annotate(struct index *x, const char *option, struct err *e);

/* There is an image for each of n platforms, or ERR_CHECK
 * "platform_missing". */
int index_require(struct index *x, const struct desc_platform *platforms,
    size_t n, struct err *e);

/* "linux/amd64, linux/arm64", added to b. */
void index_platforms(const struct index *x, struct buf *b);

#endif
