/*
 * Fuzz both tar readers in lock-step: what they accept has bodies as long as
 * the headers say.  Input: the file, compressed or not; checksums of tar
 * headers are made right first, or nothing would be behind them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/tarhdr.h"
#include "codec/untar.h"

#define OUT_MAX (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
repair(char *data, size_t size)
{
	for (size_t i = 0; i + TARHDR_BLOCK <= size; i += TARHDR_BLOCK) {
		struct tarhdr *h = (struct tarhdr *)(data + i);
		char digits[8];

		/* what looks like a header: numbers where the mode is */
		if (h->mode[0] < '0' || h->mode[0] > '7')
			continue;
		snprintf(digits, sizeof(digits), "%06o", tarhdr_checksum(h));
		memcpy(h->checksum, digits, 7);
		h->checksum[7] = ' ';
	}
}

static void
read_all(struct untar *u)
{
	static struct err e;
	const struct tarscan_entry *n;
	const uint8_t *data;
	int64_t left, sum = 0;
	size_t len;
	int status;

	while ((status = untar_next(u, &n, &e)) > 0) {
		left = n->size;
		while ((status = untar_data(u, &data, &len, &e)) > 0) {
			left -= (int64_t)len;
			if ((sum += (int64_t)len) > OUT_MAX)
				return;
		}
		if (status < 0)
			break;
		if (left != 0)
			abort();
	}
	if (status < 0 && (e.kind != ERR_CHECK || e.detail[0] == '\0'))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *copy = mem_dup((const char *)data, size);
	autofd int fd = memfd_create("untar", MFD_CLOEXEC);
	struct untar *u;
	struct zin *z;

	repair(copy, size);
	if (fd < 0 || file_write(fd, copy, size) < 0 ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	z = zin_new(fd, 0);
	u = untar_new(z, NULL, NULL);
	read_all(u);
	untar_free(u);
	zin_free(z);
	return 0;
}
