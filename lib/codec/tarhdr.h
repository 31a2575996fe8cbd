/*
 * tarhdr.h - the header block of a tar archive, and the numbers in it.
 *
 * POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar
 * Format" (old GNU headers have times where the prefix is, and base-256
 * numbers).
 */
#ifndef TARHDR_H
#define TARHDR_H

#include <stddef.h>
#include <stdint.h>

#define TARHDR_BLOCK 512
#define TARHDR_OCTAL_MAX INT64_C(077777777777)	/* what a size field holds */
#define TARHDR_ID_MAX	 INT64_C(07777777)	/* what a uid field holds */

struct tarhdr {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12], mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8];		/* with the version */
	char uname[32], gname[32];
	char major[8], minor[8];
	char prefix[155];	/* old GNU: atime[12], ctime[12], ... */
	char pad[12];
};
_Static_assert(sizeof(struct tarhdr) == TARHDR_BLOCK, "a header is a block");

/* The sum of the block's bytes, those of the checksum as spaces. */
unsigned tarhdr_checksum(const struct tarhdr *h);

/*
 * The number in a field: octal with leading spaces or zeros, ended by spaces
 * or NULs or the field; blank is 0; or base-256.  NULL, or what is wrong.
 */
const char *tarhdr_number(const char *field, size_t size, int64_t *value);

/* value as octal digits and a NUL; it must fit. */
void tarhdr_octal(char *field, size_t size, uint64_t value);

#endif
