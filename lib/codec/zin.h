/*
 * zin.h - a strict reader of gzip, zstd, xz and plain streams.
 *
 * The format is told by the first bytes, never by a name.  Reading and
 * inflating run on a thread of their own, beside the caller's hashing; the
 * compressed bytes are hashed in the same pass.  What two careful readers
 * could take for different streams is refused: a second gzip member, a byte
 * behind the end, a wrong CRC or length, reserved header flags, a truncated
 * stream (RFC 1952, RFC 8878, the xz format 1.2.0).  Several zstd frames or
 * xz streams are one stream.
 *
 * Everything that is wrong with the bytes is ERR_CHECK "archive_damaged" with
 * err.detail saying what; ERR_SYS if reading fails.
 */
#ifndef ZIN_H
#define ZIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"

enum zin_format { ZIN_PLAIN, ZIN_GZIP, ZIN_ZSTD, ZIN_XZ };

struct zin;

#define ZIN_HASH 1	/* also take the SHA-256 of the compressed bytes */
#define ZIN_MEMBERS 2	/* several gzip members are one stream: image layers
			   may be such (eStargz, zout.h's ZOUT_GZIP) */

/* Start reading from fd at its offset.  fd is borrowed and must stay open. */
struct zin *zin_new(int fd, int flags);
void zin_free(struct zin *z);	/* stops the thread, also in mid-stream */

/*
 * The next bytes: 1 with *data and *len (> 0; valid until the next call), 0
 * at the sound end of the stream, -1 with *e.  Bytes handed out before an
 * error are as they stood in the stream.
 */
int zin_read(struct zin *z, const uint8_t **data, size_t *len, struct err *e);

/*
 * Read what is left of the file, whatever it is, so that size and digest
 * cover all of it.  After this (or after zin_read gave 0) the two are right.
 * ERR_SYS only.
 */
int zin_drain(struct zin *z, struct err *e);
int64_t zin_size(const struct zin *z);			/* compressed bytes */
void zin_digest(struct zin *z, uint8_t out[DIGEST_LEN]);
enum zin_format zin_format(const struct zin *z);	/* after a zin_read */

/* Allocate and touch what the decoders load lazily; before a sandbox. */
void zin_setup(void);

#endif
