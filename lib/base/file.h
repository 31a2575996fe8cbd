/*
 * file.h - files that appear whole, and opens that stay where they should.
 *
 * Functions that take a directory descriptor accept AT_FDCWD.  Every
 * descriptor is close-on-exec.  Error kinds: ERR_SYS, but ERR_CHECK with code
 * "not_found" where a file to be read is not there, and ERR_INPUT "not_a_file"
 * where what is there is no regular file.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Open path below dirfd with no symlink, no `..` and no mount magic on the
 * way (openat2(2) RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; where the kernel
 * lacks it, one component at a time with O_NOFOLLOW).  Returns a descriptor,
 * or -1 with errno set (ELOOP or EXDEV for a path that leads astray).
 */
int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* Write all of data, through short writes and EINTR.  errno is set at -1. */
int file_write(int fd, const void *data, size_t len);
int file_pwrite(int fd, const void *data, size_t len, int64_t offset);
/* read(2) once: what is there, after EINTR and where the descriptor does not
 * block too.  -1 with errno. */
ssize_t file_read_some(int fd, void *data, size_t len);
/* Read up to len bytes, short only at the end of the file; -1 with errno. */
ssize_t file_read(int fd, void *data, size_t len);

/*
 * The whole of a regular file into *out (appended), at most max bytes:
 * ERR_CHECK "not_found", ERR_INPUT "file_too_large", ERR_SYS.  name is for
 * messages.
 */
int file_slurp(int dirfd, const char *path, const char *name, size_t max,
    struct buf *out, struct err *e);

/* Make path and the directories above it (0777 less umask), if not there. */
int file_mkdirs(int dirfd, const char *path, struct err *e);

/* fsync the directory that fd is open on. */
int file_sync_dir(int fd, const char *name, struct err *e);

/*
 * Remove what is at name below dirfd, a whole tree too; symlinks are removed,
 * never followed; no name is no error.  Directories without permission are
 * made writable first.  -1 with errno.
 */
int file_remove_tree(int dirfd, const char *name);

/* The absolute form of path (against the working directory, or against base
 * where that is given); no symlink is resolved.  The caller frees. */
char *file_absolute(const char *base, const char *path);
const char *file_base(const char *path);	/* after the last '/' */

/*
 * A file that takes its name only when it is whole.  It is written at a
 * temporary name beside the target and holds an exclusive flock(2) while it
 * is written, so that another run can tell litter from work.
 */
struct file_tmp {
	int fd;			/* open for writing, or -1 */
	int dirfd;		/* owned: the target's directory */
	char *name;		/* owned: the target's name in it */
	char *tmp;		/* owned: the temporary name in it */
	bool unsynced;		/* nobody needs it after a crash */
};
#define FILE_TMP_INIT { -1, -1, NULL, NULL, false }

/* Start the file that will be path; makes no directories.  Litter of earlier
 * runs for the same target is swept.  The mode is 0666 less umask.  ERR_INPUT
 * "not_a_file" where path is there and is no regular file. */
int file_tmp_open(struct file_tmp *t, int dirfd, const char *path,
    struct err *e);
/* fsync (unless unsynced), rename over the target, fsync the directory;
 * releases t. */
int file_tmp_commit(struct file_tmp *t, struct err *e);
/* Remove the temporary file, if it was not committed; releases t. */
void file_tmp_release(struct file_tmp *t);

/* Remove files in dirfd whose names start with prefix and end in
 * ".tmp-<pid>-<hex>" and on which nobody holds a lock. */
void file_tmp_sweep(int dirfd, const char *prefix);

/* path's new content, atomically, as above. */
int file_replace(int dirfd, const char *path, const void *data, size_t len,
    struct err *e);

/* Open or make the lock file at path and take an exclusive flock(2) on it,
 * waiting for it.  Returns the descriptor (close it to unlock) or -1. */
int file_lock(int dirfd, const char *path, struct err *e);

#endif
