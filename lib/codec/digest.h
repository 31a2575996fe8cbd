/*
 * digest.h - SHA-256, on OpenSSL's EVP.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DIGEST_LEN 32		/* bytes */
#define DIGEST_SHA1_LEN 20
#define DIGEST_HEX 65		/* hex digits and a NUL */
#define DIGEST_STR 72		/* "sha256:", hex digits and a NUL */

struct digest {
	void *evp;		/* owned: EVP_MD_CTX */
};
#define DIGEST_INIT { NULL }

/* Fetch the algorithm now, before a sandbox closes the files it lives in. */
void digest_setup(void);

void digest_start(struct digest *d);	/* also starts a used one anew */
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, uint8_t out[DIGEST_LEN]);
/* The same with SHA-1, for the names of git's objects and nothing else. */
void digest_start_sha1(struct digest *d);
void digest_end_sha1(struct digest *d, uint8_t out[DIGEST_SHA1_LEN]);
void digest_release(struct digest *d);

/* One call for bytes in memory. */
void digest_bytes(const void *data, size_t len, uint8_t out[DIGEST_LEN]);

/* "sha256:" and 64 lower-case hex digits, nothing else (OCI image-spec 1.1,
 * descriptor.md, "Digests"). */
bool digest_parse(const char *str, uint8_t out[DIGEST_LEN]);
void digest_format(const uint8_t digest[DIGEST_LEN], char out[DIGEST_STR]);

/* 64 lower-case hex digits; and back. */
bool digest_parse_hex(const char *str, uint8_t out[DIGEST_LEN]);
void digest_format_hex(const uint8_t digest[DIGEST_LEN], char out[DIGEST_HEX]);

/* SHA-256 and size of all that can be read from fd; -1 with ERR_SYS. */
int digest_file(int fd, const char *name, uint8_t out[DIGEST_LEN],
    int64_t *size, struct err *e);

#endif
