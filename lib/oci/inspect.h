/*
 * inspect.h - what is there under a name, as a record that other programs take
 * as their input; and whether all of it is.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/origin.h"
#include "record/rec.h"

/* ref is a reference of a registry, or a place (places.h).  The location that
 * it stands for; the caller frees.  ERR_INPUT "usage". */
char *inspect_location(const char *ref, struct err *e);

/*
 * Load o, which was opened: every manifest and config is read and verified.
 * check: every blob is there as well (of layouts they are read and verified).
 */
int inspect_load(struct origin *o, struct copy *c, bool check, struct err *e);

/* Put `index` or `image` into r (records(5)), with config and layers of each
 * image; ref is what people call it. */
int inspect_record(struct origin *o, const char *ref, bool check,
    struct rec *r, struct err *e);

/* The same for people, a few lines added to text. */
void inspect_text(const struct origin *o, const char *ref, bool check,
    struct buf *text);

#endif
