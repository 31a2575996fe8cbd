/*
 * buf.h - a string that grows.
 *
 * data is never NULL and always NUL-terminated; it may hold NULs.  A struct
 * buf starts as BUF_INIT and ends in buf_release.
 */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/mem.h"

struct buf {
	char *data;	/* owned, or the shared empty string */
	size_t len;	/* bytes, the NUL not counted */
	size_t cap;	/* bytes allocated; 0 while data is shared */
};
extern char buf_empty_[];
#define BUF_INIT { buf_empty_, 0, 0 }

void buf_init(struct buf *b);
void buf_release(struct buf *b);
void buf_reset(struct buf *b);		/* empty, memory kept */
void buf_grow(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *str);
void buf_addc(struct buf *b, char c);
__attribute__((format(printf, 2, 3)))
void buf_addf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0)))
void buf_vaddf(struct buf *b, const char *fmt, va_list ap);
void buf_truncate(struct buf *b, size_t len);	/* len <= b->len */
char *buf_detach(struct buf *b);	/* the caller frees; b is empty */

#define autobuf AUTO(buf_release)

#endif
