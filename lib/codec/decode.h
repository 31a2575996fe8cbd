/*
 * decode.h - one compressed stream, a step at a time, strictly.
 *
 * The part of zin.h that knows the formats: no thread, no file.  gzip is
 * RFC 1952 with one member, unless more are allowed; zstd is RFC 8878, any
 * number of frames; xz is the .xz format 1.2.0, any number of streams; plain
 * is a copy.
 */
#ifndef DECODE_H
#define DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/zin.h"

/* Memory that a stranger's stream can make a decoder take. */
#define DECODE_WINDOW_LOG 27			/* zstd: 128 MiB window */
#define DECODE_XZ_MEMORY (UINT64_C(128) << 20)	/* xz: all of it */
#define DECODE_GZIP_HEADER (64 << 10)		/* bytes with name, extra */

struct decode_io {
	const uint8_t *in;	/* moved on as it is used */
	size_t in_len;
	uint8_t *out;		/* moved on as it is filled */
	size_t out_len;
	bool last;		/* nothing comes after in */
	const char *why;	/* static; of a -1 */
};

struct decode;

/* Bytes of the stream's start that decode_format needs, where it has them. */
#define DECODE_MAGIC 6
enum zin_format decode_format(const uint8_t *data, size_t len);
const char *decode_name(enum zin_format format);

struct decode *decode_new(enum zin_format format);
void decode_free(struct decode *d);

/* Read several gzip members as one stream. */
void decode_members(struct decode *d);

/*
 * 1: call again, with more input if in_len is 0 and with more room if out_len
 * is 0.  0: last was set, all was used and may end here.  -1: io->why.
 */
int decode_step(struct decode *d, struct decode_io *io);

#endif
