#include "net/fetch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/url.h"

#define STEP (1 << 20)

/* RFC 3986, 2.1; NULL where a %XX is broken, or is a NUL. */
static char *
decode(const char *str)
{
	char *out = mem_alloc(strlen(str) + 1), *to = out;
	uint8_t byte;

	for (; *str != '\0'; str++) {
		char hex[3] = "";

		if (*str != '%') {
			*to++ = *str;
			continue;
		}
		for (int i = 0; i < 2 && str[1 + i] != '\0'; i++)
			hex[i] = str[1 + i] >= 'A' && str[1 + i] <= 'F' ?
			    (char)(str[1 + i] - 'A' + 'a') : str[1 + i];
		if (!text_unhex(hex, 1, &byte) || byte == 0) {
			free(out);
			return NULL;
		}
		*to++ = (char)byte;
		str += 2;
	}
	*to = '\0';
	return out;
}

/* Another place may have it where this one has not. */
static int
cannot_open(const char *path, struct err *e)
{
	if (errno == ENOENT || errno == ENOTDIR)
		err_set(e, ERR_CHECK, "not_found", "'%s' is not there", path);
	else if (errno == EACCES || errno == EPERM)
		err_set(e, ERR_CHECK, "forbidden", "'%s' may not be read",
		    path);
	else
		return err_sys(e, "cannot open '%s'", path);
	err_set_path(e, path);
	return -1;
}

static int
open_file(const char *url, char **path, struct stat *st, struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *shown = url_redact(url, NULL);
	int fd;

	if (url_parse(&u, url, e) < 0)
		return -1;
	*path = decode(u.path);
	if (*path == NULL)
		return err_set(e, ERR_INPUT, "url_invalid", "'%s' names no "
		    "file of this machine", shown);
	fd = open(*path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(*path, e);
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		return err_set(e, ERR_INPUT, "not_a_file",
		    "'%s' is no regular file", *path);
	}
	return fd;
}

static int
copy(int fd, const char *path, struct fetch_part *part, int64_t max,
    struct err *e)
{
	autofree char *step = mem_alloc(STEP);
	int64_t at = 0;
	ssize_t n;

	while ((n = file_read(fd, step, STEP)) > 0) {
		if (at + n > max)
			return err_set(e, ERR_CHECK, "too_large", "'%s' has "
			    "more than %lld bytes, which are allowed "
			    "(--max-bytes)", path, (long long)max);
		if (fetch_part_write(part, step, (size_t)n, at, e) < 0)
			return -1;
		at += n;
	}
	if (n < 0)
		return err_sys(e, "cannot read '%s'", path);
	fetch_part_set_length(part, at);
	return 0;
}

int
fetch_file_copy(const char *url, struct fetch_part *part, int64_t max,
    struct err *e)
{
	autofree char *path = NULL;
	struct stat st;
	autofd int fd = open_file(url, &path, &st, e);
	struct fetch_part_version v = FETCH_PART_VERSION_INIT;

	if (fd < 0)
		return -1;
	v.length = st.st_size;
	if (st.st_size <= max && fetch_part_adopt(part, &v, e) < 0)
		return -1;
	return copy(fd, path, part, max, e);
}
