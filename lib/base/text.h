/*
 * text.h - bytes as people and protocols see them: UTF-8, hex, escapes.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF. */
bool text_utf8_valid(const char *data, size_t len);

/* Bytes of the longest prefix of str that has at most max of them and does not
 * end within a UTF-8 sequence. */
size_t text_prefix(const char *str, size_t max);

/* A byte of 0x00-0x1f or 0x7f is in it. */
bool text_has_control(const char *data, size_t len);

/*
 * Add data as it may be shown on a terminal or in a log: control bytes (C0,
 * DEL, C1), line and paragraph separators, bidirectional controls and bytes
 * that are not UTF-8 become \n, \t, \r or \xNN.
 */
void text_escape(struct buf *b, const char *data, size_t len);

/* Lower-case hex of len bytes and a NUL into out, which has 2 * len + 1. */
void text_hex(const uint8_t *data, size_t len, char *out);

/* 2 * len lower-case hex digits into out; false if str is anything else. */
bool text_unhex(const char *str, size_t len, uint8_t *out);

/* RFC 4648 base64 with padding. */
void text_base64(struct buf *b, const void *data, size_t len);

/*
 * A whole decimal number without sign or spaces, with an optional suffix K,
 * M, G or T (powers of 1,024) where suffix is true.  False if it is anything
 * else or over INT64_MAX.
 */
bool text_number(const char *str, bool suffix, int64_t *value);

/* 1234567 as "1.2 MB" (decimal), into a buffer of 32. */
const char *text_size(uint64_t bytes, char out[32]);

#endif
