/*
 * Fuzz the stream reader: no input may break it or make it hang, size and
 * digest are those of the file, sound or not.  Input: the file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/zin.h"

#define OUT_MAX (64 << 20)	/* bytes inflated of one input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct err e;
	uint8_t want[DIGEST_LEN], got[DIGEST_LEN];
	const uint8_t *block;
	size_t len, sum = 0;
	int fd = memfd_create("zin", MFD_CLOEXEC), status;
	struct zin *z;

	if (fd < 0 || file_write(fd, data, size) < 0 ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	z = zin_new(fd, 1);
	while ((status = zin_read(z, &block, &len, &e)) > 0)
		if ((sum += len) > OUT_MAX)
			break;
	if (status < 0 && (e.kind != ERR_CHECK || e.detail[0] == '\0'))
		abort();
	if (zin_drain(z, &e) < 0 || zin_size(z) != (int64_t)size)
		abort();
	digest_bytes(data, size, want);
	zin_digest(z, got);
	if (memcmp(want, got, DIGEST_LEN) != 0)
		abort();
	zin_free(z);
	close(fd);
	return 0;
}
