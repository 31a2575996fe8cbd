/*
 * pack.h - make a bundle from an install root, the same bytes every time.
 *
 * manifest.json first, then the entries sorted by path; owner 0:0, times from
 * SOURCE_DATE_EPOCH, modes (0777) as in the root.  What was written is verified
 * by the contract before it takes its name.
 */
#ifndef PACK_H
#define PACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bundle/contract.h"
#include "bundle/verify.h"
#include "codec/zout.h"

struct pack_component {
	char *name, *version, *commit;	/* owned */
};

struct pack_spec {
	char *root, *arch, *name, *version;	/* owned */
	char *created_at;			/* owned; NULL: the epoch */
	struct pack_component *components;	/* owned */
	size_t ncomponents, cap;
};
void pack_spec_release(struct pack_spec *s);
void pack_spec_component(struct pack_spec *s, const char *name,
    const char *version, const char *commit);
bool pack_spec_has(const struct pack_spec *s, const char *name);
/* Components by name: their order is no part of a bundle. */
void pack_spec_sort(struct pack_spec *s);
/* Name and version can be names of files: ERR_INPUT "field_invalid". */
int pack_spec_check(const struct pack_spec *s, struct err *e);
/* "<name>_<version>_<arch>"; the caller frees. */
char *pack_spec_dir(const struct pack_spec *s);

struct pack_opts {
	const struct contract *contract;
	int64_t max_bytes, epoch;
	enum zout_method method;	/* ZOUT_GZIP_ONE or ZOUT_ZSTD */
	int level, threads;
	_Atomic uint64_t *progress;	/* bytes done, or NULL */
};

/* Write the bundle to path, atomically.  *r as verify_file fills it.  ERR_CHECK
 * for a root that is not there ("not_found") or that rb-verify would refuse,
 * ERR_INPUT "output_in_root", ERR_SYS ("source_changed" for files that change meanwhile). */
int pack_bundle(const struct pack_spec *s, const struct pack_opts *o,
    const char *path, struct verify_result *r, struct err *e);

/* Put "<sha256>  <name of tarball>" into the checksum file at path, in place of
 * an earlier line for that name. */
int pack_sha256sums(const char *path, const char *tarball, const char *sha256,
    struct err *e);

#endif
