#include "net/cache_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

bool
cache_lock_unsupported(int error)
{
	/* EBADF: NFS wants a descriptor that can write for an exclusive lock */
	return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS ||
	    error == EINVAL || error == EBADF;
}

int
cache_lock_take(int fd, int how)
{
	while (flock(fd, how) < 0) {
		if (errno == EWOULDBLOCK)
			return CACHE_LOCK_BUSY;
		if (cache_lock_unsupported(errno))
			return CACHE_LOCK_NONE;
		if (errno != EINTR)
			return -1;
	}
	return CACHE_LOCK_HELD;
}

/* What is at name is what fd is open on. */
static bool
still_there(int fd, int dirfd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 &&
	    fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int
cache_lock_file(int dirfd, const char *name, bool wait, int *fd, bool *waited,
    struct err *e)
{
	for (;;) {
		int rc, lock = openat(dirfd, name, O_RDWR | O_CREAT |
		    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);

		if (lock < 0)
			return err_sys(e, "cannot open lock '%s'", name);
		rc = cache_lock_take(lock, LOCK_EX | LOCK_NB);
		if (rc == CACHE_LOCK_BUSY && waited != NULL)
			*waited = true;
		if (rc == CACHE_LOCK_BUSY && wait)
			rc = cache_lock_take(lock, LOCK_EX);
		if (rc < 0)
			err_sys(e, "cannot lock '%s'", name);
		if (rc == CACHE_LOCK_NONE || (rc == CACHE_LOCK_HELD &&
		    still_there(lock, dirfd, name))) {
			*fd = lock;
			return rc;
		}
		close(lock);
		if (rc != CACHE_LOCK_HELD)
			return rc;
	}
}
