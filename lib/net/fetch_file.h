/*
 * fetch_file.h - what a file: URL names.
 */
#ifndef FETCH_FILE_H
#define FETCH_FILE_H

#include <stdint.h>

#include "base/err.h"
#include "net/fetch_part.h"

/* Copy the file into part, which is empty.  RFC 8089: the host is none or
 * "localhost".  ERR_CHECK "not_found", "too_large"; ERR_INPUT "not_a_file" and
 * "url_invalid"; ERR_SYS. */
int fetch_file_copy(const char *url, struct fetch_part *part, int64_t max,
    struct err *e);

#endif
