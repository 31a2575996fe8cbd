/*
 * archive.h - one pass over a bundle's tarball: its tree, its manifest, the
 * digests of everything, and its files to whoever wants them.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdatomic.h>

#include "bundle/entry.h"
#include "bundle/finding.h"
#include "bundle/manifest.h"
#include "bundle/payload.h"
#include "codec/digest.h"

/*
 * Called in the archive's order, on entries that have been judged; paths are
 * clean and start with the bundle's directory.  -1 with ERR_SYS stops.
 */
struct archive_sink {
	int (*dir)(void *ctx, const char *path, unsigned mode, struct err *e);
	int (*file)(void *ctx, const char *path, unsigned mode,
	    struct err *e);
	int (*data)(void *ctx, const void *data, size_t len, struct err *e);
	int (*file_end)(void *ctx, struct err *e);
	int (*link)(void *ctx, const char *path, const char *target,
	    struct err *e);
};

struct archive {
	struct payload payload;
	struct manifest manifest;
	struct finding_list *findings;	/* borrowed */
	uint32_t top;			/* the bundle's directory */
	bool several_tops;
	bool has_manifest;		/* read to its end */
	uint8_t manifest_sha256[DIGEST_LEN];
	uint8_t sha256[DIGEST_LEN];	/* of the tarball */
	int64_t size;			/* of the tarball */
};
void archive_init(struct archive *a, struct finding_list *findings);
void archive_release(struct archive *a);

struct archive_opts {
	int64_t max_bytes;
	bool hash_all;		/* the tarball's digest and size are wanted
				   also where the archive is refused */
	const struct archive_sink *sink;	/* or NULL */
	void *sink_ctx;
	_Atomic uint64_t *progress;	/* payload bytes, or NULL */
};

/* Read from fd.  0 where the pass is over, refusals being in the findings; -1
 * with ERR_SYS. */
int archive_read(struct archive *a, int fd, const struct archive_opts *opts,
    struct err *e);

#endif
