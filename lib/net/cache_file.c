#include "net/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache_lock.h"

void
cache_file_names(const char *url, char hex[DIGEST_HEX],
    char json[CACHE_FILE_JSON])
{
	uint8_t digest[DIGEST_LEN];

	digest_bytes(url, strlen(url), digest);
	digest_format_hex(digest, hex);
	snprintf(json, CACHE_FILE_JSON, "%s.json", hex);
}

int
cache_file_read(int dirfd, const char *name, size_t max, struct buf *out)
{
	struct stat st;
	ssize_t n;
	autofd int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == EACCES ||
		    errno == ENXIO ? 0 : -1;
	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)max)
		return 0;
	buf_reset(out);
	buf_grow(out, (size_t)st.st_size + 1);
	if ((n = file_read(fd, out->data, (size_t)st.st_size)) < 0)
		return -1;
	out->len = (size_t)n;
	out->data[n] = '\0';
	return 1;
}

/* Whole or not at all, but not synced: what a crash cuts short is no JSON, and
 * as good as none. */
static int
replace(int dirfd, const char *name, const char *data, size_t len,
    struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp t = FILE_TMP_INIT;

	if (file_tmp_open(&t, dirfd, name, e) < 0)
		return -1;
	t.unsynced = true;
	if (file_write(t.fd, data, len) < 0)
		return err_sys(e, "cannot write '%s'", name);
	return file_tmp_commit(&t, e);
}

int
cache_file_put(int dirfd, const char *name, const char *data, size_t len,
    struct err *e)
{
	struct stat st;

	/* what is no file there is nobody's */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		file_remove_tree(dirfd, name);
	if (replace(dirfd, name, data, len, e) == 0)
		return 0;
	return cache_lock_unsupported(e->sys) ? 0 : -1;
}

int
cache_file_writable(const struct cache *c, struct err *e)
{
	if (!c->readonly)
		return 0;
	err_set(e, ERR_SYS, "cache_readonly", "the cache can't be written: %s",
	    c->why);
	err_set_path(e, c->path);
	return -1;
}
