/*
 * zout.h - compress in parallel blocks, with both digests from one pass.
 *
 * What comes out depends on the bytes that went in, the method and the level,
 * never on the number of threads, the processor or the sizes of the writes.
 *
 *   ZOUT_GZIP_ONE   one gzip member: zlib blocks joined by a flush, each
 *                   primed with the 32 KiB before it (as a bundle is made)
 *   ZOUT_GZIP       gzip members of fixed-size blocks, by libdeflate, 1..12
 *   ZOUT_ZSTD       zstd frames of fixed-size blocks, 1..19, with checksums
 *   ZOUT_NONE       as it is
 *
 * gzip headers carry no time and no name (MTIME 0, OS 255).
 */
#ifndef ZOUT_H
#define ZOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"

enum zout_method { ZOUT_NONE, ZOUT_GZIP, ZOUT_GZIP_ONE, ZOUT_ZSTD };

struct zout;

struct zout_result {
	uint8_t digest[DIGEST_LEN];	/* of the compressed bytes */
	int64_t size;			/* compressed */
	uint8_t diff_id[DIGEST_LEN];	/* of the bytes that went in */
	int64_t diff_size;
};

/*
 * Write to fd (borrowed) at its offset.  level 0: the method's default.
 * threads >= 1 workers beside the caller.
 */
struct zout *zout_new(int fd, const char *name, enum zout_method method,
    int level, int threads);
void zout_free(struct zout *z);

int zout_write(struct zout *z, const void *data, size_t len, struct err *e);
/* Everything is written (not yet synced); fills *result. */
int zout_finish(struct zout *z, struct zout_result *result, struct err *e);

/* "libdeflate 1.14", "zlib 1.2.13", ...: what made the bytes. */
const char *zout_compressor(enum zout_method method);

#endif
