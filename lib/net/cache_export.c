#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache.h"

#define COPY_STEP (1 << 27)	/* bytes a call */

/* Copy by the kernel, which shares the blocks where it can.  -1 with errno. */
static int
copy(int from, int to, off_t size)
{
	bool range = true;
	off_t done = 0;

	while (done < size) {
		size_t step = size - done < COPY_STEP ? (size_t)(size - done) :
		    COPY_STEP;
		ssize_t n = range ?
		    copy_file_range(from, NULL, to, NULL, step, 0) :
		    sendfile(to, from, NULL, step);

		if (n > 0) {
			done += n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (range && (n == 0 || (errno != ENOSPC &&
		    errno != EDQUOT && errno != EIO))) {
			/* this pair of file systems can't */
			range = false;
		} else {
			if (n == 0)
				errno = EIO;	/* it ends too early */
			return -1;
		}
	}
	return 0;
}

int
cache_export(struct cache *c, const char *sha256, int dirfd, const char *name,
    struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp t = FILE_TMP_INIT;
	autofd int blob = cache_blob_open(c, sha256, false, e);
	struct stat st, made;

	if (blob < 0)
		return -1;
	if (fstat(blob, &st) < 0)
		return err_sys(e, "cannot stat a blob of '%s'", c->path);
	if (file_tmp_open(&t, dirfd, name, e) < 0)
		return -1;
	if (ioctl(t.fd, FICLONE, blob) < 0 && copy(blob, t.fd, st.st_size) < 0)
		return err_sys(e, "cannot write '%s'", name);
	if (fstat(t.fd, &made) < 0 || fchmod(t.fd, made.st_mode & 0644) < 0)
		return err_sys(e, "cannot set the mode of '%s'", name);
	return file_tmp_commit(&t, e);
}
