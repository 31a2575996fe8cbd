#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* openat2(2) by number: the headers of older systems lack it */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define RESOLVE_FLAGS_ (0x02 | 0x04 | 0x08) /* NO_MAGICLINKS|NO_SYMLINKS|BENEATH */

struct open_how_ {
	uint64_t flags, mode, resolve;
};

static bool
has_dotdot(const char *path)
{
	for (;; path++) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path += n;
		if (*path == '\0')
			return false;
	}
}

/* One component at a time, for kernels before 5.6. */
static int
walk_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	autofree char *copy = mem_str(path);
	char *name = copy, *slash;
	autofd int dir = -1;
	int at = dirfd;

	if (*path == '/' || *path == '\0') {
		errno = *path == '/' ? EXDEV : ENOENT;
		return -1;
	}
	for (;; name = slash + 1) {
		struct stat st;

		if ((slash = strchr(name, '/')) != NULL)
			*slash = '\0';
		if (slash == NULL)
			break;
		if (*name == '\0' || strcmp(name, ".") == 0)
			continue;
		int next = openat(at, name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0) {
			/* openat2 says so of a symlink */
			if (errno == ENOTDIR && fstatat(at, name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0)
				errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
			return -1;
		}
		if (dir >= 0)
			close(dir);
		at = dir = next;
	}
	return openat(at, *name != '\0' ? name : ".", flags | O_NOFOLLOW |
	    O_CLOEXEC, mode);
}

int
file_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how_ how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_FLAGS_,
	};
	long fd;

	if (has_dotdot(path)) {
		errno = EXDEV;
		return -1;
	}
	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk_beneath(dirfd, path, flags, mode);
	return (int)fd;
}

/* Some parents leave a pipe or terminal non-blocking.  True after a wait, or
 * where the call that failed is just to be made again. */
static bool
again(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	poll(&p, 1, -1);
	return true;
}

int
file_write(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && again(fd, POLLOUT))
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
file_pwrite(int fd, const void *data, size_t len, int64_t offset)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
file_read_some(int fd, void *data, size_t len)
{
	ssize_t n;

	do {
		n = read(fd, data, len);
	} while (n < 0 && again(fd, POLLIN));
	return n;
}

ssize_t
file_read(int fd, void *data, size_t len)
{
	char *p = data;
	size_t got = 0;

	while (got < len) {
		ssize_t n = file_read_some(fd, p + got, len - got);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
file_slurp(int dirfd, const char *path, const char *name, size_t max,
    struct buf *out, struct err *e)
{
	struct stat st;
	autofd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_CHECK, "not_found", "no such file: %s",
		    name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "not_a_file",
		    "not a regular file: %s", name);
	for (size_t start = out->len;;) {
		ssize_t n;

		buf_grow(out, 65536);
		n = file_read(fd, out->data + out->len, 65536);
		if (n < 0)
			return err_sys(e, "cannot read '%s'", name);
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (out->len - start > max)
			return err_set(e, ERR_INPUT, "file_too_large",
			    "larger than %zu bytes: %s", max, name);
		if (n == 0)
			return 0;
	}
}

int
file_mkdirs(int dirfd, const char *path, struct err *e)
{
	autofree char *copy = mem_str(path);
	struct stat st;

	for (char *p = copy + 1; *copy != '\0'; p++) {
		char keep = *p;

		if (keep != '/' && keep != '\0')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, 0777) < 0 && errno != EEXIST)
			return err_sys(e, "cannot make directory '%s'", copy);
		*p = keep;
		if (keep == '\0')
			break;
	}
	if (*path == '\0' || (fstatat(dirfd, path, &st, 0) == 0 &&
	    S_ISDIR(st.st_mode)))
		return 0;
	errno = ENOTDIR;
	return err_sys(e, "cannot make directory '%s'", path);
}

int
file_sync_dir(int fd, const char *name, struct err *e)
{
	/* EINVAL: a file system whose directories need none */
	if (fsync(fd) < 0 && errno != EINVAL)
		return err_sys(e, "cannot sync directory '%s'", name);
	return 0;
}

/* A tree that is removed.  Every level takes a descriptor, so a directory
 * that lies too deep is moved up to the top and has its turn there. */
struct removal {
	int top;		/* the tree's own directory, or -1 */
	unsigned moved;		/* directories that were moved there */
	int depth;
};
#define REMOVAL_DEPTH 64

static int remove_at(struct removal *r, int dirfd, const char *name);

static int
move_up(struct removal *r, int dirfd, const char *name)
{
	char up[32];

	do {
		snprintf(up, sizeof(up), ".removed-%u", r->moved++);
		if (syscall(SYS_renameat2, dirfd, name, r->top, up,
		    RENAME_NOREPLACE) == 0)
			return 0;
	} while (errno == EEXIST);
	/* a file system without the flag */
	return errno == EINVAL ? renameat(dirfd, name, r->top, up) : -1;
}

static int
remove_entries(struct removal *r, int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int rc = 0;

	if (dir == NULL) {
		close(fd);
		return -1;
	}
	if (r->top < 0)
		r->top = fd;
	while (rc == 0) {
		unsigned moved = r->moved;

		errno = 0;
		if ((d = readdir(dir)) == NULL) {
			rc = errno != 0 ? -1 : 0;
			break;
		}
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = remove_at(r, fd, d->d_name);
		if (r->top == fd && r->moved != moved)
			rewinddir(dir);
	}
	int keep = errno;
	closedir(dir);
	errno = keep;
	return rc;
}

int
file_remove_tree(int dirfd, const char *name)
{
	struct removal r = { .top = -1 };

	return remove_at(&r, dirfd, name);
}

static int
remove_at(struct removal *r, int dirfd, const char *name)
{
	int fd, rc;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES &&
	    fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (fd < 0)
		fd = openat(dirfd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	/* a directory of ours may lack the write bit; if not ours, the
	 * unlinks below say so */
	if (fchmod(fd, 0700) < 0 && errno != EPERM && errno != EROFS) {
		close(fd);
		return -1;
	}
	if (r->depth == REMOVAL_DEPTH) {
		close(fd);
		return move_up(r, dirfd, name);
	}
	r->depth++;
	rc = remove_entries(r, fd);
	r->depth--;
	if (rc < 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ?
	    0 : -1;
}

char *
file_absolute(const char *base, const char *path)
{
	autofree char *cwd = NULL;

	if (*path == '/')
		return mem_str(path);
	if (base == NULL || *base != '/') {
		if ((cwd = getcwd(NULL, 0)) == NULL)
			return mem_str(path);
		if (base != NULL && *base != '\0' && strcmp(base, ".") != 0) {
			autofree char *dir = mem_fmt("%s/%s", cwd, base);

			return file_absolute(dir, path);
		}
		base = cwd;
	}
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		while (*path == '/')
			path++;
	}
	if (*path == '\0' || strcmp(path, ".") == 0)
		return mem_str(base);
	return mem_fmt("%s%s%s", base,
	    base[strlen(base) - 1] == '/' ? "" : "/", path);
}

const char *
file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* name ends in ".tmp-<pid>-<hex>", as open_locked makes them. */
static bool
is_tmp_name(const char *name)
{
	size_t len = strlen(name), n = 0;

	while (n < len && n < 8 && strchr("0123456789abcdef",
	    name[len - n - 1]) != NULL)
		n++;
	if (n != 8 || len < n + 2 || name[len - n - 1] != '-')
		return false;
	len -= n + 1;
	for (n = len; n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9';)
		n--;
	return n < len && n >= 5 && memcmp(name + n - 5, ".tmp-", 5) == 0;
}

void
file_tmp_sweep(int dirfd, const char *prefix)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		if (!is_tmp_name(d->d_name) || strncmp(d->d_name, prefix,
		    strlen(prefix)) != 0)
			continue;
		autofd int file = openat(dirfd, d->d_name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd, d->d_name, 0);
	}
	closedir(dir);
}

/* A new file under a name of its own, locked; another run's sweep may take it
 * between open and flock, so that is looked for. */
static int
open_locked(int dirfd, const char *prefix, char **name)
{
	for (int i = 0; i < 100; i++) {
		uint64_t random = 0;
		struct stat st = { .st_nlink = 0 };
		int fd, rc = 0;

		if (getrandom(&random, sizeof(random), 0) < 0)
			return -1;
		*name = mem_fmt("%s.tmp-%d-%08x", prefix, (int)getpid(),
		    (unsigned)random);
		fd = openat(dirfd, *name, O_RDWR | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0666);
		while (fd >= 0 && (rc = flock(fd, LOCK_EX)) < 0 &&
		    errno == EINTR)
			continue;
		/* without locks nothing is swept either */
		if (rc < 0 && (errno == ENOLCK || errno == EOPNOTSUPP))
			rc = 0;
		if (fd >= 0 && rc == 0 && (rc = fstat(fd, &st)) == 0 &&
		    st.st_nlink > 0)
			return fd;
		int keep = errno;
		if (rc < 0)
			unlinkat(dirfd, *name, 0);
		if (fd >= 0)
			close(fd);
		free(*name);
		*name = NULL;
		errno = keep;
		if (rc < 0 || (fd < 0 && errno != EEXIST))
			return -1;
	}
	errno = EEXIST;
	return -1;
}

/* A rename would put a file in the place of /dev/null or a terminal. */
static int
check_target(int dirfd, const char *name, const char *path, struct err *e)
{
	struct stat st;

	if (*name != '\0' && (fstatat(dirfd, name, &st, 0) < 0 ||
	    S_ISREG(st.st_mode)))
		return 0;
	return err_set(e, ERR_INPUT, "not_a_file",
	    "not a regular file, which this would replace: %s", path);
}

int
file_tmp_open(struct file_tmp *t, int dirfd, const char *path, struct err *e)
{
	const char *base = file_base(path);
	autofree char *dir = mem_dup(path, (size_t)(base - path));
	autofree char *prefix = mem_fmt(".%.200s", base);

	*t = (struct file_tmp)FILE_TMP_INIT;
	t->dirfd = openat(dirfd, *dir != '\0' ? dir : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dirfd < 0)
		return err_sys(e, "cannot open directory '%s'",
		    *dir != '\0' ? dir : ".");
	t->name = mem_str(base);
	if (check_target(t->dirfd, base, path, e) < 0) {
		file_tmp_release(t);
		return -1;
	}
	file_tmp_sweep(t->dirfd, prefix);
	if ((t->fd = open_locked(t->dirfd, prefix, &t->tmp)) < 0) {
		err_sys(e, "cannot write '%s'", path);
		file_tmp_release(t);
		return -1;
	}
	return 0;
}

int
file_tmp_commit(struct file_tmp *t, struct err *e)
{
	if (!t->unsynced && fsync(t->fd) < 0 && errno != EINVAL) {
		err_sys(e, "cannot write '%s'", t->name);
		file_tmp_release(t);
		return -1;
	}
	if (renameat(t->dirfd, t->tmp, t->dirfd, t->name) < 0) {
		err_sys(e, "cannot rename to '%s'", t->name);
		file_tmp_release(t);
		return -1;
	}
	free(t->tmp);
	t->tmp = NULL;
	int rc = t->unsynced ? 0 : file_sync_dir(t->dirfd, t->name, e);
	file_tmp_release(t);
	return rc;
}

void
file_tmp_release(struct file_tmp *t)
{
	int keep = errno;

	if (t->tmp != NULL)
		unlinkat(t->dirfd, t->tmp, 0);
	if (t->fd >= 0)
		close(t->fd);
	if (t->dirfd >= 0)
		close(t->dirfd);
	free(t->name);
	free(t->tmp);
	*t = (struct file_tmp)FILE_TMP_INIT;
	errno = keep;
}

int
file_replace(int dirfd, const char *path, const void *data, size_t len,
    struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp t = FILE_TMP_INIT;

	if (file_tmp_open(&t, dirfd, path, e) < 0)
		return -1;
	if (file_write(t.fd, data, len) < 0)
		return err_sys(e, "cannot write '%s'", path);
	return file_tmp_commit(&t, e);
}

int
file_lock(int dirfd, const char *path, struct err *e)
{
	int fd = openat(dirfd, path,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(e, "cannot open lock '%s'", path);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		err_sys(e, "cannot lock '%s'", path);
		close(fd);
		return -1;
	}
	return fd;
}
