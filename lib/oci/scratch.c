#include "oci/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define PREFIX "slipway-scratch-"
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Anybody may write where we look, so a name alone proves nothing. */
static void
sweep_one(int dirfd, const char *name)
{
	autofd int fd = openat(dirfd, name, OPEN_DIR);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		file_remove_tree(dirfd, name);
}

static void
sweep(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, PREFIX, strlen(PREFIX)) == 0)
			sweep_one(dirfd, d->d_name);
	closedir(dir);
}

/* Make it and lock it.  Another run's sweep may take it between the two, so
 * that is looked for: 1, 0 to try again, -1 with errno. */
static int
make(struct scratch *s, const char *dir)
{
	struct stat st;
	int rc;

	s->path = mem_fmt("%s/" PREFIX "XXXXXX", dir);
	if (mkdtemp(s->path) == NULL)
		return -1;
	s->fd = openat(s->dirfd, file_base(s->path), OPEN_DIR);
	if (s->fd < 0)
		return errno == ENOENT ? 0 : -1;
	while ((rc = flock(s->fd, LOCK_EX)) < 0 && errno == EINTR)
		continue;
	if (rc < 0 || fstat(s->fd, &st) < 0)
		return -1;
	return st.st_nlink > 0 ? 1 : 0;
}

static void
forget(struct scratch *s)
{
	int keep = errno;

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	s->fd = -1;
	s->path = NULL;
	errno = keep;
}

int
scratch_open(struct scratch *s, struct err *e)
{
	const char *env = getenv("TMPDIR");
	autofree char *dir = file_absolute(NULL,
	    env != NULL && *env != '\0' ? env : "/var/tmp");
	int rc = 0;

	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0)
		return err_sys(e, "cannot open '%s' (TMPDIR)", dir);
	sweep(s->dirfd);
	for (int i = 0; rc == 0 && i < 100; i++) {
		forget(s);
		rc = make(s, dir);
	}
	if (rc <= 0) {
		err_sys(e, "cannot make a directory in '%s'", dir);
		forget(s);
		scratch_release(s);
		return -1;
	}
	s->layout = mem_fmt("%s/layout", s->path);
	return 0;
}

void
scratch_release(struct scratch *s)
{
	int keep = errno;

	if (s->path != NULL)
		file_remove_tree(s->dirfd, file_base(s->path));
	forget(s);
	if (s->dirfd >= 0)
		close(s->dirfd);
	free(s->layout);
	*s = (struct scratch)SCRATCH_INIT;
	errno = keep;
}
