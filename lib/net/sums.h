/*
 * sums.h - what a checksum file says of a file.
 *
 * Read are the lines of coreutils (`HEX  NAME`, `HEX *NAME`, with a backslash
 * before a line whose name is escaped), of BSD and `--tag` (`SHA256 (NAME) =
 * HEX`) and of `openssl dgst` (`SHA2-256(NAME)= HEX`), with LF or CRLF and hex
 * digits of either case; blank lines and those that begin with `#` are passed
 * over, as are the lines of other hashes.  64 digits without a name for the
 * hash are SHA-256.
 */
#ifndef SUMS_H
#define SUMS_H

#include <stddef.h>

#include "base/err.h"
#include "codec/digest.h"

#define SUMS_MAX (4 << 20)	/* bytes of a checksum file */

/*
 * The SHA-256 of the file called name (without folders) as text, the content
 * of the checksum file source, gives it.  A listed name that is name, or
 * ./name, goes before one in some folder.  A file that holds one digest and no
 * name (or `-`, from a pipe) speaks of any file.
 *
 * ERR_CHECK "checksum_not_listed": no line for name, or only of another hash.
 * ERR_INPUT "checksums_malformed", with err.line: a line that is none of the
 * above, a digest without a name beside others, or two digests for name.
 */
int sums_find(const char *text, size_t len, const char *source,
    const char *name, char sha256[DIGEST_HEX], struct err *e);

#endif
