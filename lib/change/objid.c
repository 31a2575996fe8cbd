#include "change/objid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define TRIES 3	/* at a file that somebody writes to */

size_t
objid_len(enum objid_format format)
{
	return format == OBJID_SHA1 ? DIGEST_SHA1_LEN : DIGEST_LEN;
}

const char *
objid_format_name(enum objid_format format)
{
	return format == OBJID_SHA1 ? "sha1" : "sha256";
}

void
objid_print(enum objid_format format, const struct objid *id,
    char out[OBJID_HEX])
{
	text_hex(id->bytes, objid_len(format), out);
}

bool
objid_parse(enum objid_format format, const char *hex, size_t len,
    struct objid *id)
{
	char digits[OBJID_HEX];

	memset(id, 0, sizeof(*id));
	if (len != 2 * objid_len(format))
		return false;
	memcpy(digits, hex, len);
	digits[len] = '\0';
	return text_unhex(digits, objid_len(format), id->bytes);
}

static void
start(enum objid_format format, struct digest *d, uint64_t size)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "blob %llu",
	    (unsigned long long)size);

	if (format == OBJID_SHA1)
		digest_start_sha1(d);
	else
		digest_start(d);
	digest_add(d, head, (size_t)n + 1);
}

static void
end(enum objid_format format, struct digest *d, struct objid *id)
{
	memset(id, 0, sizeof(*id));
	if (format == OBJID_SHA1)
		digest_end_sha1(d, id->bytes);
	else
		digest_end(d, id->bytes);
}

static int
of_link(enum objid_format format, int dirfd, const char *name,
    const char *shown, struct objid *id, struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	char text[4097];	/* PATH_MAX bounds a symlink's text */
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text));

	if (n < 0 && (errno == ENOENT || errno == EINVAL || errno == ENOTDIR))
		return 0;
	if (n < 0)
		return err_sys(e, "cannot read symlink '%s'", shown);
	start(format, &d, (uint64_t)n);
	digest_add(&d, text, (size_t)n);
	end(format, &d, id);
	return 1;
}

/* The name holds the size, so a file that grows or shrinks has none: 1; 0 if
 * it did; -1 with errno. */
static int
of_content(enum objid_format format, int fd, uint64_t size, struct objid *id)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	char data[65536];
	uint64_t left = size;
	ssize_t n;

	start(format, &d, size);
	while ((n = file_read(fd, data, sizeof(data))) > 0) {
		if ((uint64_t)n > left)
			return 0;
		digest_add(&d, data, (size_t)n);
		left -= (uint64_t)n;
		if ((size_t)n < sizeof(data))
			break;
	}
	if (n < 0)
		return -1;
	end(format, &d, id);
	return left == 0;
}

static int
of_file(enum objid_format format, int dirfd, const char *name,
    const char *shown, struct objid *id, struct err *e)
{
	autofd int fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", shown);
	for (int i = 0; i < TRIES; i++) {
		int rc;

		if (fstat(fd, &st) < 0)
			return err_sys(e, "cannot stat '%s'", shown);
		if (!S_ISREG(st.st_mode))
			return 0;
		if ((rc = of_content(format, fd, (uint64_t)st.st_size,
		    id)) > 0)
			return 1;
		if (rc < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return err_sys(e, "cannot read '%s'", shown);
	}
	err_set(e, ERR_SYS, "file_changed",
	    "'%s' changes while it is read", shown);
	err_set_path(e, shown);
	return -1;
}

int
objid_of(enum objid_format format, int dirfd, const char *name,
    const char *shown, const struct stat *st, struct objid *id, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return of_link(format, dirfd, name, shown, id, e);
	return of_file(format, dirfd, name, shown, id, e);
}
