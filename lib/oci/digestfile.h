/*
 * digestfile.h - the digest of what was made, in a file of its own.
 *
 * As skopeo and buildah write it for --digestfile: "sha256:…" without a
 * newline.  The file appears whole; write it last, so that it never names what
 * is not there.
 */
#ifndef DIGESTFILE_H
#define DIGESTFILE_H

#include "base/err.h"
#include "record/rec.h"

/*
 * The file that the option's value names for a record: placeholders replaced
 * from r, absolute, and taken, so that an earlier record of the run that has
 * it is ERR_INPUT "destination_conflict".  Main thread.  The caller frees; NULL
 * with *e.
 */
char *digestfile_path(const char *value, struct rec *r, struct err *e);

int digestfile_write(const char *path, const char *digest, struct err *e);

#endif
