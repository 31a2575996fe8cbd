#include "codec/decode.h"

#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#include "base/mem.h"

#define ZSTD_MAGIC 4

enum gzip_state {
	GZIP_FIXED, GZIP_XLEN, GZIP_EXTRA, GZIP_NAME, GZIP_COMMENT, GZIP_HCRC,
	GZIP_BODY, GZIP_TRAILER, GZIP_END
};

enum {			/* RFC 1952, section 2.3.1: FLG */
	FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16, RESERVED = 0xe0
};

struct gzip {
	enum gzip_state state;
	uint8_t field[10];	/* the part of fixed size that is read now */
	size_t have;		/* bytes of it */
	unsigned flags;
	size_t extra;		/* bytes of FEXTRA still to come */
	size_t header;		/* bytes of header so far */
	uint32_t header_crc, crc;
	uint32_t size;		/* ISIZE: modulo 2^32 */
	bool members;		/* another one may follow */
#ifdef HAVE_ISAL
	struct inflate_state inflate;
#else
	z_stream inflate;
#endif
};

struct zstd {
	ZSTD_DStream *stream;
	uint8_t magic[ZSTD_MAGIC];
	size_t have;		/* bytes of the next frame's magic number */
	bool inside;		/* of a frame */
};

struct decode {
	enum zin_format format;
	struct gzip gzip;
	struct zstd zstd;
	lzma_stream xz;
};

static int
fail(struct decode_io *io, const char *why)
{
	io->why = why;
	return -1;
}

/* RFC 8878, sections 3.1.1 and 3.1.2: a frame or a skippable one. */
static bool
zstd_magic(const uint8_t *p)
{
	return memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ||
	    ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0);
}

enum zin_format
decode_format(const uint8_t *data, size_t len)
{
	if (len >= 2 && data[0] == 0x1f && data[1] == 0x8b)
		return ZIN_GZIP;
	if (len >= 4 && zstd_magic(data))
		return ZIN_ZSTD;
	if (len >= 6 && memcmp(data, "\xfd" "7zXZ", 6) == 0)
		return ZIN_XZ;
	return ZIN_PLAIN;
}

const char *
decode_name(enum zin_format format)
{
	static const char *const names[] = { "plain", "gzip", "zstd", "xz" };

	return names[format];
}

static void
gzip_init(struct gzip *g)
{
#ifdef HAVE_ISAL
	isal_inflate_init(&g->inflate);
	g->inflate.crc_flag = ISAL_DEFLATE;
#else
	if (inflateInit2(&g->inflate, -MAX_WBITS) != Z_OK)
		mem_die();
#endif
}

/* Behind a member: read the next one. */
static void
gzip_restart(struct gzip *g)
{
#ifdef HAVE_ISAL
	isal_inflate_reset(&g->inflate);
	g->inflate.crc_flag = ISAL_DEFLATE;
#else
	if (inflateReset(&g->inflate) != Z_OK)
		mem_die();
#endif
	g->state = GZIP_FIXED;
	g->have = g->extra = g->header = 0;
	g->flags = 0;
	g->header_crc = g->crc = g->size = 0;
}

void
decode_members(struct decode *d)
{
	d->gzip.members = true;
}

struct decode *
decode_new(enum zin_format format)
{
	struct decode *d = mem_zero(1, sizeof(*d));

	d->format = format;
	if (format == ZIN_GZIP) {
		gzip_init(&d->gzip);
	} else if (format == ZIN_ZSTD) {
		d->zstd.stream = ZSTD_createDStream();
		if (d->zstd.stream == NULL || ZSTD_isError(
		    ZSTD_DCtx_setParameter(d->zstd.stream,
		    ZSTD_d_windowLogMax, DECODE_WINDOW_LOG)))
			mem_die();
	} else if (format == ZIN_XZ) {
		/* a check that liblzma can not make is refused */
		d->xz = (lzma_stream)LZMA_STREAM_INIT;
		if (lzma_stream_decoder(&d->xz, DECODE_XZ_MEMORY,
		    LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK) !=
		    LZMA_OK)
			mem_die();
	}
	return d;
}

void
decode_free(struct decode *d)
{
	if (d == NULL)
		return;
#ifndef HAVE_ISAL
	if (d->format == ZIN_GZIP)
		inflateEnd(&d->gzip.inflate);
#endif
	if (d->format == ZIN_ZSTD)
		ZSTD_freeDStream(d->zstd.stream);
	if (d->format == ZIN_XZ)
		lzma_end(&d->xz);
	free(d);
}

static uint32_t
checksum(uint32_t crc, const uint8_t *data, size_t len)
{
#ifdef HAVE_ISAL
	return crc32_gzip_refl(crc, data, len);
#else
	return (uint32_t)crc32_z(crc, data, len);
#endif
}

/* The part of the header that comes after state, in the order of RFC 1952. */
static enum gzip_state
gzip_next(const struct gzip *g, enum gzip_state state)
{
	if (state < GZIP_XLEN && (g->flags & FEXTRA))
		return GZIP_XLEN;
	if (state == GZIP_XLEN && g->extra > 0)
		return GZIP_EXTRA;
	if (state < GZIP_NAME && (g->flags & FNAME))
		return GZIP_NAME;
	if (state < GZIP_COMMENT && (g->flags & FCOMMENT))
		return GZIP_COMMENT;
	if (state < GZIP_HCRC && (g->flags & FHCRC))
		return GZIP_HCRC;
	return GZIP_BODY;
}

static const char *
gzip_fixed(struct gzip *g)
{
	if (g->field[0] != 0x1f || g->field[1] != 0x8b)
		return "bytes after the end";
	/* of the first member decode_format has seen it */
	if (g->field[0] != 0x1f || g->field[1] != 0x8b)
		return "bytes after the end";
	if (g->field[2] != 8)
		return "unknown compression method";
	g->flags = g->field[3];
	if (g->flags & RESERVED)
		return "reserved header flags";
	return NULL;
}

/* One byte of the header; NULL, or why not. */
static const char *
gzip_header_byte(struct gzip *g, uint8_t byte)
{
	static const size_t sizes[] = {
		[GZIP_FIXED] = 10, [GZIP_XLEN] = 2, [GZIP_HCRC] = 2
	};
	const char *why = NULL;

	if (++g->header > DECODE_GZIP_HEADER)
		return "header too long";
	if (g->state != GZIP_HCRC)
		g->header_crc = checksum(g->header_crc, &byte, 1);
	if (g->state == GZIP_EXTRA) {
		if (--g->extra > 0)
			return NULL;
	} else if (g->state == GZIP_NAME || g->state == GZIP_COMMENT) {
		if (byte != '\0')
			return NULL;
	} else {
		g->field[g->have++] = byte;
		if (g->have < sizes[g->state])
			return NULL;
		g->have = 0;
	}
	if (g->state == GZIP_FIXED)
		why = gzip_fixed(g);
	else if (g->state == GZIP_XLEN)
		g->extra = g->field[0] | (size_t)g->field[1] << 8;
	else if (g->state == GZIP_HCRC && (g->field[0] |
	    (unsigned)g->field[1] << 8) != (g->header_crc & 0xffff))
		why = "wrong header CRC";
	g->state = gzip_next(g, g->state);
	return why;
}

static uint32_t
little(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

/* One byte of the trailer or behind it; NULL, or why not. */
static const char *
gzip_trailer_byte(struct gzip *g, uint8_t byte)
{
	if (g->state == GZIP_END)
		return byte == 0x1f ? "a second member after the first" :
		    "bytes after the end";
	g->field[g->have++] = byte;
	if (g->have < 8)
		return NULL;
	if (little(g->field) != g->crc)
		return "wrong CRC";
	if (little(g->field + 4) != g->size)
		return "wrong length";
	g->state = GZIP_END;
	return NULL;
}

#ifdef HAVE_ISAL
static bool
gzip_inflate(struct gzip *g, struct decode_io *io)
{
	struct inflate_state *s = &g->inflate;
	int status;

	s->next_in = (uint8_t *)(uintptr_t)io->in;
	s->avail_in = (uint32_t)io->in_len;
	s->next_out = io->out;
	s->avail_out = (uint32_t)io->out_len;
	status = isal_inflate(s);
	io->in = s->next_in;
	io->in_len = s->avail_in;
	io->out = s->next_out;
	io->out_len = s->avail_out;
	if (s->block_state == ISAL_BLOCK_FINISH)
		g->state = GZIP_TRAILER;
	return status >= 0 && status != ISAL_NEED_DICT;
}

/* ISA-L reads ahead: up to 8 bytes of the trailer are in its bit buffer. */
static const char *
gzip_read_ahead(struct gzip *g)
{
	uint64_t bits = g->inflate.read_in >> g->inflate.read_in_length % 8;
	const char *why = NULL;
	int n = g->inflate.read_in_length / 8;

	for (; n > 0 && why == NULL; n--, bits >>= 8)
		why = gzip_trailer_byte(g, (uint8_t)bits);
	return why;
}
#else
static bool
gzip_inflate(struct gzip *g, struct decode_io *io)
{
	z_stream *s = &g->inflate;
	int status;

	s->next_in = (uint8_t *)(uintptr_t)io->in;
	s->avail_in = (unsigned)io->in_len;
	s->next_out = io->out;
	s->avail_out = (unsigned)io->out_len;
	status = inflate(s, Z_NO_FLUSH);
	io->in = s->next_in;
	io->in_len = s->avail_in;
	io->out = s->next_out;
	io->out_len = s->avail_out;
	if (status == Z_MEM_ERROR)
		mem_die();
	if (status == Z_STREAM_END)
		g->state = GZIP_TRAILER;
	return status == Z_OK || status == Z_BUF_ERROR ||
	    status == Z_STREAM_END;
}

static const char *
gzip_read_ahead(struct gzip *g)
{
	(void)g;
	return NULL;
}
#endif

static const char *
gzip_body(struct gzip *g, struct decode_io *io)
{
	const uint8_t *start = io->out;
	size_t room = io->out_len, n;
	bool ended = io->last && io->in_len == 0;

	if (!gzip_inflate(g, io))
		return "invalid deflate data";
	n = room - io->out_len;
	g->crc = checksum(g->crc, start, n);
	g->size += (uint32_t)n;
	if (g->state == GZIP_TRAILER)
		return gzip_read_ahead(g);
	return ended && n == 0 ? "truncated" : NULL;
}

static int
gzip_step(struct gzip *g, struct decode_io *io)
{
	const char *why = NULL;

	if (g->state == GZIP_END && g->members && io->in_len > 0 &&
	    *io->in == 0x1f)
		gzip_restart(g);
	while (why == NULL && io->in_len > 0 && g->state < GZIP_BODY) {
		why = gzip_header_byte(g, *io->in++);
		io->in_len--;
	}
	if (why == NULL && g->state == GZIP_BODY)
		why = gzip_body(g, io);
	while (why == NULL && io->in_len > 0 && g->state > GZIP_BODY) {
		why = gzip_trailer_byte(g, *io->in++);
		io->in_len--;
		if (g->state == GZIP_END && g->members && io->in_len > 0 &&
		    *io->in == 0x1f)
			return 1;
	}
	if (why != NULL)
		return fail(io, why);
	if (!io->last || io->in_len > 0 || g->state == GZIP_BODY)
		return 1;
	return g->state == GZIP_END ? 0 : fail(io, "truncated");
}

/* Collect a frame's magic number and give it to the decoder.  libzstd alone
 * would also read the frames of zstd 0.5 to 0.7, which nobody else does. */
static int
zstd_start(struct zstd *z, struct decode_io *io)
{
	ZSTD_inBuffer in = { z->magic, ZSTD_MAGIC, 0 };
	ZSTD_outBuffer out = { io->out, 0, 0 };

	while (z->have < ZSTD_MAGIC && io->in_len > 0) {
		z->magic[z->have++] = *io->in++;
		io->in_len--;
	}
	if (z->have < ZSTD_MAGIC) {
		if (!io->last)
			return 1;
		return z->have == 0 ? 0 : fail(io, "bytes after the end");
	}
	if (!zstd_magic(z->magic))
		return fail(io, "bytes after the end");
	z->have = 0;
	z->inside = true;
	while (in.pos < in.size)
		if (ZSTD_isError(ZSTD_decompressStream(z->stream, &out, &in)))
			return fail(io, "invalid frame header");
	return 1;
}

static int
zstd_step(struct zstd *z, struct decode_io *io)
{
	ZSTD_inBuffer in = { io->in, io->in_len, 0 };
	ZSTD_outBuffer out = { io->out, io->out_len, 0 };
	size_t status;

	if (!z->inside)
		return zstd_start(z, io);
	status = ZSTD_decompressStream(z->stream, &out, &in);
	if (ZSTD_isError(status))
		return fail(io, ZSTD_getErrorName(status));
	if (status != 0 && io->last && io->in_len == 0 && out.pos == 0)
		return fail(io, "truncated");
	io->in += in.pos;
	io->in_len -= in.pos;
	io->out += out.pos;
	io->out_len -= out.pos;
	z->inside = status != 0;
	return 1;
}

static const char *
xz_why(lzma_ret status)
{
	switch (status) {
	case LZMA_UNSUPPORTED_CHECK:
		return "unsupported integrity check";
	case LZMA_MEMLIMIT_ERROR:
		return "needs more than 128 MiB of memory";
	case LZMA_FORMAT_ERROR:
		return "bytes after the end";
	case LZMA_OPTIONS_ERROR:
		return "unsupported options";
	case LZMA_BUF_ERROR:
		return "truncated";
	default:
		return "invalid data, or a wrong check";
	}
}

static int
xz_step(lzma_stream *xz, struct decode_io *io)
{
	lzma_ret status;

	xz->next_in = io->in;
	xz->avail_in = io->in_len;
	xz->next_out = io->out;
	xz->avail_out = io->out_len;
	status = lzma_code(xz, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = xz->next_in;
	io->in_len = xz->avail_in;
	io->out = xz->next_out;
	io->out_len = xz->avail_out;
	if (status == LZMA_STREAM_END)
		return 0;
	if (status == LZMA_MEM_ERROR)
		mem_die();
	if (status == LZMA_OK || (status == LZMA_BUF_ERROR && !io->last))
		return 1;
	return fail(io, xz_why(status));
}

static int
plain_step(struct decode_io *io)
{
	size_t n = io->in_len < io->out_len ? io->in_len : io->out_len;

	memcpy(io->out, io->in, n);
	io->in += n;
	io->in_len -= n;
	io->out += n;
	io->out_len -= n;
	return io->last && io->in_len == 0 ? 0 : 1;
}

int
decode_step(struct decode *d, struct decode_io *io)
{
	switch (d->format) {
	case ZIN_GZIP:
		return gzip_step(&d->gzip, io);
	case ZIN_ZSTD:
		return zstd_step(&d->zstd, io);
	case ZIN_XZ:
		return xz_step(&d->xz, io);
	default:
		return plain_step(io);
	}
}
