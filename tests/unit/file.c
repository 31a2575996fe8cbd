/* Files that appear whole, and opens that stay where they should. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static int dir = -1;		/* an empty directory of the test's own */

static void
put(const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert(fd >= 0 && file_write(fd, text, strlen(text)) == 0);
	assert(close(fd) == 0);
}

static bool
there(const char *path)
{
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
has(const char *path, const char *text)
{
	autobuf struct buf b = BUF_INIT;
	struct err e;

	assert(file_slurp(dir, path, path, 1000, &b, &e) == 0);
	assert(strcmp(b.data, text) == 0);
}

static void
opens_stay_beneath(void)
{
	static const struct {
		const char *path;
		int error;
	} astray[] = {
		{ "d/../f", EXDEV }, { "..", EXDEV }, { "../x", EXDEV },
		{ "d/..", EXDEV }, { "/etc/passwd", EXDEV }, { "", ENOENT },
		{ "link/f", ELOOP }, { "flink", ELOOP }, { "etc/passwd", ELOOP },
		{ "none", ENOENT }, { "f/x", ENOTDIR },
	};
	int fd;

	assert(mkdirat(dir, "d", 0755) == 0);
	put("f", "1");
	put("d/f", "2");
	put("d/..f", "3");
	assert(symlinkat("d", dir, "link") == 0);
	assert(symlinkat("f", dir, "flink") == 0);
	assert(symlinkat("/etc", dir, "etc") == 0);
	for (size_t i = 0; i < sizeof(astray) / sizeof(*astray); i++) {
		fd = file_open_beneath(dir, astray[i].path, O_RDONLY, 0);
		if (fd >= 0 || errno != astray[i].error) {
			printf("%s: %s\n", astray[i].path, strerror(errno));
			assert(0);
		}
	}
	assert((fd = file_open_beneath(dir, "d/f", O_RDONLY, 0)) >= 0);
	assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert((fd = file_open_beneath(dir, "./d/..f", O_RDONLY, 0)) >= 0);
	close(fd);
	assert((fd = file_open_beneath(dir, "d/new", O_WRONLY | O_CREAT |
	    O_EXCL, 0640)) >= 0);
	close(fd);
}

static void
only_regular_files_are_slurped_up_to_a_limit(void)
{
	autobuf struct buf b = BUF_INIT;
	struct err e;

	put("ten", "0123456789");
	buf_adds(&b, "x");
	assert(file_slurp(dir, "ten", "ten", 10, &b, &e) == 0);
	assert(strcmp(b.data, "x0123456789") == 0);
	assert(file_slurp(dir, "ten", "ten", 9, &b, &e) < 0);
	assert(strcmp(e.code, "file_too_large") == 0);
	assert(file_slurp(dir, "no", "no", 9, &b, &e) < 0);
	assert(e.kind == ERR_CHECK && strcmp(e.code, "not_found") == 0);
	assert(mkfifoat(dir, "fifo", 0644) == 0);
	assert(file_slurp(dir, "fifo", "fifo", 9, &b, &e) < 0);
	assert(strcmp(e.code, "not_a_file") == 0);
	assert(file_slurp(dir, ".", ".", 9, &b, &e) < 0);
	assert(strcmp(e.code, "not_a_file") == 0);
}

static void
directories_are_made_with_those_above(void)
{
	struct err e;

	assert(file_mkdirs(dir, "m/n//o/", &e) == 0 && there("m/n/o"));
	assert(file_mkdirs(dir, "m/n/o", &e) == 0);
	assert(file_mkdirs(dir, ".", &e) == 0);
	assert(file_mkdirs(dir, "", &e) == 0);
	put("m/file", "");
	assert(file_mkdirs(dir, "m/file", &e) < 0 && e.kind == ERR_SYS);
	assert(file_mkdirs(dir, "m/file/x", &e) < 0);
	assert(symlinkat("n", dir, "m/link") == 0);
	assert(file_mkdirs(dir, "m/link/p", &e) == 0 && there("m/n/p"));
}

static void
a_tree_of_any_depth_is_removed(void)
{
	struct rlimit old, few;
	int fd, top;

	/* far deeper than there are descriptors */
	assert(mkdirat(dir, "deep", 0755) == 0);
	assert((top = fd = openat(dir, "deep", O_RDONLY | O_DIRECTORY)) >= 0);
	for (int i = 0; i < 1500; i++) {
		int next;

		assert(mkdirat(fd, "a", i % 2 ? 0 : 0755) == 0);
		assert(mkdirat(fd, "b", 0755) == 0);
		if (i % 2)
			assert(fchmodat(fd, "a", 0700, 0) == 0);
		next = openat(fd, "a", O_RDONLY | O_DIRECTORY);
		assert(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	(void)top;
	assert(symlinkat("/etc", dir, "deep/b/etc") == 0);
	put("kept", "kept");
	assert(symlinkat("../kept", dir, "deep/link") == 0);
	assert(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few = old;
	few.rlim_cur = 200;
	assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	assert(file_remove_tree(dir, "deep") == 0);
	assert(setrlimit(RLIMIT_NOFILE, &old) == 0);
	assert(!there("deep") && there("kept") && access("/etc", R_OK) == 0);
	/* no permission is no obstacle to the owner */
	assert(mkdirat(dir, "shut", 0755) == 0);
	put("shut/f", "");
	assert(fchmodat(dir, "shut", 0, 0) == 0);
	assert(file_remove_tree(dir, "shut") == 0 && !there("shut"));
	assert(file_remove_tree(dir, "none") == 0);
	assert(symlinkat("kept", dir, "to") == 0);
	assert(file_remove_tree(dir, "to") == 0 && there("kept"));
}

static void
is_absolute(const char *base, const char *path, const char *want)
{
	autofree char *got = file_absolute(base, path);

	assert(strcmp(got, want) == 0);
}

static void
paths_become_absolute(void)
{
	autofree char *cwd = getcwd(NULL, 0);
	autofree char *a = mem_fmt("%s/a", cwd);
	autofree char *b = mem_fmt("%s/b/a", cwd);

	is_absolute(NULL, "/x/../y", "/x/../y");
	is_absolute(NULL, "a", a);
	is_absolute(NULL, ".//./a", a);
	is_absolute(NULL, ".", cwd);
	is_absolute("b", "a", b);
	is_absolute("/", "a", "/a");
	is_absolute("/c", "./a", "/c/a");
	assert(strcmp(file_base("/x/y"), "y") == 0);
	assert(strcmp(file_base("y"), "y") == 0);
	assert(strcmp(file_base("y/"), "") == 0);
}

static void
a_file_takes_its_name_when_it_is_whole(void)
{
	struct file_tmp t;
	struct stat st;
	struct err e;

	umask(027);
	assert(file_tmp_open(&t, dir, "whole", &e) == 0);
	assert(file_write(t.fd, "new", 3) == 0);
	assert(!there("whole") && there(t.tmp));
	/* another run's sweep leaves it alone */
	file_tmp_sweep(dir, ".whole");
	assert(there(t.tmp));
	assert(file_tmp_commit(&t, &e) == 0);
	has("whole", "new");
	assert(fstatat(dir, "whole", &st, 0) == 0);
	assert((st.st_mode & 0777) == 0640);
	umask(022);
	assert(file_tmp_open(&t, dir, "whole", &e) == 0);
	assert(file_write(t.fd, "bad", 3) == 0);
	file_tmp_release(&t);
	has("whole", "new");
	assert(file_replace(dir, "whole", "again", 5, &e) == 0);
	has("whole", "again");
	assert(file_replace(dir, "none/x", "", 0, &e) < 0 &&
	    e.kind == ERR_SYS);
}

static void
litter_is_swept_and_nothing_else(void)
{
	static const char *const kept[] = { ".out", ".out.tmp-notes",
	    ".out.tmp-12-0123456", ".out.tmp-12-012345678", ".out.tmp-12-0123456g",
	    ".out.tmp--01234567", ".outline", "x.tmp-12-01234567",
	    ".out.tmp-12-01234567.bak", ".out.tmp-1a-01234567" };
	static const char *const gone[] = { ".out.tmp-12-01234567",
	    ".out2.tmp-1-89abcdef" };
	struct err e;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		put(kept[i], "");
	for (size_t i = 0; i < 2; i++)
		put(gone[i], "");
	assert(file_replace(dir, "out", "", 0, &e) == 0);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert(there(kept[i]));
	for (size_t i = 0; i < 2; i++)
		assert(!there(gone[i]));
}

static void
only_a_regular_file_is_replaced(void)
{
	struct file_tmp t;
	struct stat st;
	struct err e;

	assert(mkfifoat(dir, "pipe", 0644) == 0);
	assert(symlinkat("/dev/null", dir, "null") == 0);
	assert(mkdirat(dir, "folder", 0755) == 0);
	static const char *const names[] = { "pipe", "null", "folder", "folder/" };
	for (size_t i = 0; i < 4; i++) {
		assert(file_tmp_open(&t, dir, names[i], &e) < 0);
		assert(e.kind == ERR_INPUT &&
		    strcmp(e.code, "not_a_file") == 0);
		assert(t.fd < 0 && t.dirfd < 0);
	}
	assert(fstatat(dir, "pipe", &st, 0) == 0 && S_ISFIFO(st.st_mode));
	/* a link to nothing yet, or to a file, is as good as a file */
	assert(symlinkat("nothing", dir, "dangling") == 0);
	assert(file_replace(dir, "dangling", "x", 1, &e) == 0);
	has("dangling", "x");
}

static void
a_lock_is_waited_for(void)
{
	struct err e;
	int fd = file_lock(dir, "lock", &e), status;
	pid_t pid;

	assert(fd >= 0);
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		int other = openat(dir, "lock", O_RDWR);

		close(fd);
		if (flock(other, LOCK_EX | LOCK_NB) == 0)
			_exit(1);
		put("asked", "");
		_exit(file_lock(dir, "lock", &e) >= 0 && there("open") ? 0 : 2);
	}
	while (!there("asked"))
		usleep(1000);
	put("open", "");
	close(fd);
	assert(waitpid(pid, &status, 0) == pid && status == 0);
	assert(symlinkat("lock", dir, "locklink") == 0);
	assert(file_lock(dir, "locklink", &e) < 0);
}

static void
all_is_written_and_read(void)
{
	static char data[300000], back[300000];
	int fds[2], fd, status;
	pid_t pid;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31);
	/* more than a pipe holds, and one end does not block */
	assert(pipe2(fds, O_NONBLOCK) == 0);
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		close(fds[0]);
		_exit(file_write(fds[1], data, sizeof(data)) == 0 ? 0 : 1);
	}
	close(fds[1]);
	assert(file_read(fds[0], back, sizeof(back)) == sizeof(back));
	assert(memcmp(data, back, sizeof(data)) == 0);
	assert(file_read(fds[0], back, 1) == 0);
	close(fds[0]);
	assert(waitpid(pid, &status, 0) == pid && status == 0);
	assert((fd = openat(dir, "data", O_RDWR | O_CREAT, 0600)) >= 0);
	assert(file_pwrite(fd, data, sizeof(data), 5) == 0);
	assert(lseek(fd, 5, SEEK_SET) == 5);
	assert(file_read(fd, back, sizeof(back)) == sizeof(back));
	assert(memcmp(data, back, sizeof(data)) == 0);
	close(fd);
	assert((fd = open("/dev/full", O_WRONLY)) >= 0);
	assert(file_write(fd, data, 1) < 0 && errno == ENOSPC);
	close(fd);
	assert(file_write(-1, data, 1) < 0 && errno == EBADF);
	assert(file_read(-1, back, 1) < 0 && errno == EBADF);
}

int
main(void)
{
	char path[] = "/tmp/slipway-file-XXXXXX";

	setvbuf(stdout, NULL, _IOLBF, 0);
	assert(mkdtemp(path) != NULL);
	assert((dir = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
	opens_stay_beneath();
	puts("ok opens stay beneath");
	only_regular_files_are_slurped_up_to_a_limit();
	puts("ok only regular files are slurped, up to a limit");
	directories_are_made_with_those_above();
	puts("ok directories are made with those above");
	a_tree_of_any_depth_is_removed();
	puts("ok a tree of any depth is removed");
	paths_become_absolute();
	puts("ok paths become absolute");
	a_file_takes_its_name_when_it_is_whole();
	puts("ok a file takes its name when it is whole");
	litter_is_swept_and_nothing_else();
	puts("ok litter is swept and nothing else");
	only_a_regular_file_is_replaced();
	puts("ok only a regular file is replaced");
	a_lock_is_waited_for();
	puts("ok a lock is waited for");
	all_is_written_and_read();
	puts("ok all is written and read");
	assert(file_remove_tree(AT_FDCWD, path) == 0);
	return 0;
}
