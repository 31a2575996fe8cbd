/*
 * json_out.h - a plain writer of JSON text.
 *
 * Values are added to a buf, commas come by themselves.  Strings are
 * UTF-8 (bytes that are not become U+FFFD: check before); control bytes, DEL,
 * C1, U+2028/9 and bidirectional controls are escaped.
 */
#ifndef JSON_OUT_H
#define JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_out {
	struct buf buf;		/* owned: the text so far */
	bool comma;		/* a value stands before */
};
#define JSON_OUT_INIT { BUF_INIT, false }
void json_out_release(struct json_out *o);
void json_out_open(struct json_out *o, char bracket);	/* '{' or '[' */
void json_out_close(struct json_out *o, char bracket);	/* '}' or ']' */
void json_out_key(struct json_out *o, const char *key);
void json_out_str(struct json_out *o, const char *str);
void json_out_strn(struct json_out *o, const char *str, size_t len);
void json_out_int(struct json_out *o, int64_t value);
void json_out_bool(struct json_out *o, bool value);
void json_out_seconds(struct json_out *o, double seconds);	/* 0.123 */
void json_out_raw(struct json_out *o, const char *text, size_t len);
/* key and value in one */
void json_out_kstr(struct json_out *o, const char *key, const char *str);
void json_out_kint(struct json_out *o, const char *key, int64_t value);
void json_out_kbool(struct json_out *o, const char *key, bool value);

#endif
