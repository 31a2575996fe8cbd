#include "codec/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

static EVP_MD *sha256;

__attribute__((constructor))
static void
fetch(void)
{
	/* before any thread, so that the pointer needs no lock */
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		mem_die();
}

void
digest_setup(void)
{
	uint8_t out[DIGEST_LEN];

	digest_bytes("", 0, out);
}

static void
start(struct digest *d, const EVP_MD *algorithm)
{
	if (d->evp == NULL && (d->evp = EVP_MD_CTX_new()) == NULL)
		mem_die();
	if (EVP_DigestInit_ex2(d->evp, algorithm, NULL) != 1)
		mem_die();
}

void
digest_start(struct digest *d)
{
	start(d, sha256);
}

void
digest_start_sha1(struct digest *d)
{
	start(d, EVP_sha1());
}

void
digest_add(struct digest *d, const void *data, size_t len)
{
	if (EVP_DigestUpdate(d->evp, data, len) != 1)
		mem_die();
}

void
digest_end(struct digest *d, uint8_t out[DIGEST_LEN])
{
	unsigned len = 0;

	if (EVP_DigestFinal_ex(d->evp, out, &len) != 1 || len != DIGEST_LEN)
		mem_die();
}

void
digest_end_sha1(struct digest *d, uint8_t out[DIGEST_SHA1_LEN])
{
	unsigned len = 0;

	if (EVP_DigestFinal_ex(d->evp, out, &len) != 1 ||
	    len != DIGEST_SHA1_LEN)
		mem_die();
}

void
digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->evp);
	d->evp = NULL;
}

void
digest_bytes(const void *data, size_t len, uint8_t out[DIGEST_LEN])
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;

	digest_start(&d);
	digest_add(&d, data, len);
	digest_end(&d, out);
}

bool
digest_parse_hex(const char *str, uint8_t out[DIGEST_LEN])
{
	return strlen(str) == DIGEST_HEX - 1 &&
	    text_unhex(str, DIGEST_LEN, out);
}

bool
digest_parse(const char *str, uint8_t out[DIGEST_LEN])
{
	return strncmp(str, "sha256:", 7) == 0 &&
	    digest_parse_hex(str + 7, out);
}

void
digest_format_hex(const uint8_t digest[DIGEST_LEN], char out[DIGEST_HEX])
{
	text_hex(digest, DIGEST_LEN, out);
}

void
digest_format(const uint8_t digest[DIGEST_LEN], char out[DIGEST_STR])
{
	memcpy(out, "sha256:", 7);
	text_hex(digest, DIGEST_LEN, out + 7);
}

int
digest_file(int fd, const char *name, uint8_t out[DIGEST_LEN], int64_t *size,
    struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	autofree char *block = mem_alloc(1 << 18);
	ssize_t n;

	digest_start(&d);
	*size = 0;
	while ((n = file_read(fd, block, 1 << 18)) > 0) {
		digest_add(&d, block, (size_t)n);
		*size += n;
	}
	if (n < 0)
		return err_sys(e, "cannot read '%s'", name);
	digest_end(&d, out);
	return 0;
}
