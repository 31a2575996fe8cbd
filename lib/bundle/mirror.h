/*
 * mirror.h - a bundle's tarball in a registry, digest for digest (artifact.h).
 *
 *	mirror_resolve	main thread: where it goes, checked and taken
 *	mirror_run	a worker: there it is
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "base/err.h"
#include "oci/deliver.h"
#include "oci/netopts.h"
#include "record/json_out.h"

struct mirror_opts {		/* borrowed */
	const char *place;	/* docker://REF with placeholders, or NULL */
	struct places *places;
	struct netopts *net;
};

struct mirror {
	struct deliver to;
	char *arch, *version;	/* owned; version may be NULL */
	char sha256[DIGEST_HEX];/* of what was pushed */
	int64_t size;
};
#define MIRROR_INIT { .to = DELIVER_INIT }
/* m is MIRROR_INIT, and stays where it is from mirror_resolve on. */
void mirror_release(struct mirror *m);

/* opts->place for this bundle.  ERR_INPUT "placeholder", "reference_invalid",
 * "location_unsupported", "destination_conflict". */
int mirror_resolve(struct mirror *m, const struct mirror_opts *opts,
    const char *arch, const char *version, struct err *e);

/* Push the file at path.  sha256 is what it must be, or "", and size, or -1:
 * ERR_CHECK "checksum_mismatch", "size_mismatch". */
int mirror_run(struct mirror *m, const char *path, const char *sha256,
    int64_t size, struct err *e);

/* The record's `mirror`. */
void mirror_record(const struct mirror *m, struct json_out *o);

#endif
