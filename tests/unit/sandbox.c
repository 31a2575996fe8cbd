/* What a sandbox takes away, each time in a child of its own. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static int dir = -1, other = -1;

/* The exit status of run in a child. */
static int
child(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert(pid >= 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void *
no_socket(void *arg)
{
	(void)arg;
	assert(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	return NULL;
}

static void
refuses_programs_and_sockets(void)
{
	char name[] = "true", *argv[] = { name, NULL };
	struct rlimit core;
	pthread_t thread;

	sandbox_enter(SANDBOX_READ, -1);
	assert(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	assert(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2);
	assert(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0);
	no_socket(NULL);
	assert(pthread_create(&thread, NULL, no_socket, NULL) == 0);
	assert(pthread_join(thread, NULL) == 0);
	assert(execv("/bin/true", argv) < 0 && errno == EPERM);
	assert(syscall(SYS_mount, "", "/", "", 0, NULL) < 0 && errno == EPERM);
	assert(syscall(425, 1, NULL) < 0 && errno == EPERM);
	assert(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM);
	/* and reading goes on */
	int fd = open("/etc/passwd", O_RDONLY);
	assert(fd >= 0);
	close(fd);
}

static void
reads_alone(void)
{
	int fd = openat(dir, "before", O_WRONLY | O_CREAT, 0600);

	sandbox_enter(SANDBOX_READ, -1);
	assert(write(fd, "x", 1) == 1);
	assert(openat(dir, "new", O_WRONLY | O_CREAT, 0600) < 0);
	assert(errno == EACCES);
	assert(unlinkat(dir, "before", 0) < 0 && errno == EACCES);
}

static void
writes_below_one_directory(void)
{
	struct err e;

	sandbox_enter(SANDBOX_WRITE, dir);
	assert(file_replace(dir, "good", "x", 1, &e) == 0);
	assert(mkdirat(dir, "sub", 0755) == 0);
	assert(symlinkat("x", dir, "sub/link") == 0);
	assert(renameat(dir, "good", dir, "sub/good") == 0);
	assert(file_remove_tree(dir, "sub") == 0);
	assert(openat(other, "bad", O_WRONLY | O_CREAT, 0600) < 0);
	assert(errno == EACCES);
}

static void
can_be_left(void)
{
	setenv("SLIPWAY_SANDBOX", "off", 1);
	sandbox_enter(SANDBOX_READ, -1);
	assert(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	assert(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

int
main(void)
{
	char path[] = "/tmp/slipway-sandbox-XXXXXX";

	setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef SANITIZED
	puts("skip the sandbox: sanitizers do without it");
	return 0;
#endif
	unsetenv("SLIPWAY_SANDBOX");
	assert(mkdtemp(path) != NULL);
	assert(chdir(path) == 0);
	assert(mkdir("in", 0755) == 0 && mkdir("out", 0755) == 0);
	assert((dir = open("in", O_RDONLY | O_DIRECTORY)) >= 0);
	assert((other = open("out", O_RDONLY | O_DIRECTORY)) >= 0);
	if (child(can_be_left) == 0)
		puts("ok it can be left");
	else
		return 1;
	if (child(refuses_programs_and_sockets) != 0)
		return 1;
	puts("ok it refuses programs and sockets");
	if (syscall(444, NULL, 0, 1) < 1) {
		puts("skip it reads alone: this kernel has no Landlock");
		puts("skip it writes below one directory: "
		    "this kernel has no Landlock");
	} else {
		assert(child(reads_alone) == 0);
		puts("ok it reads alone");
		assert(child(writes_below_one_directory) == 0);
		puts("ok it writes below one directory");
	}
	assert(file_remove_tree(AT_FDCWD, path) == 0);
	return 0;
}
