#include "net/cred_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "record/rec.h"

static bool
is_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *name != '\0' && strspn(name, good) == strlen(name);
}

/* A file in memory, and no pipe: nobody gets a SIGPIPE of a helper that does
 * not read. */
static int
open_input(const char *server, struct err *e)
{
	int fd = memfd_create("server", MFD_CLOEXEC);

	if (fd < 0 || file_pwrite(fd, server, strlen(server), 0) < 0) {
		err_sys(e, "cannot make a helper's input");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Start it in a process of its own, signals as they are by default. */
static int
start(const char *program, int in, int out, pid_t *pid)
{
	char get[] = "get";
	char *const argv[] = { (char *)program, get, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawnp(pid, program, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* All that it writes: 0, or -1 where it is late or says too much. */
static int
read_output(int fd, struct buf *out)
{
	double end = clock_monotonic() + CRED_HELPER_SECONDS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		double left = end - clock_monotonic();
		ssize_t n;

		if (left <= 0 || out->len > CRED_FILE_MAX)
			return -1;
		if (poll(&p, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		buf_grow(out, 4096);
		n = file_read_some(fd, out->data + out->len, 4096);
		if (n <= 0)
			return n < 0 ? -1 : 0;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
}

static int
run(const char *program, const char *server, struct buf *out, int *status,
    struct err *e)
{
	int pipes[2], rc;
	pid_t pid;
	autofd int in = open_input(server, e);

	if (in < 0)
		return -1;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe");
	rc = start(program, in, pipes[1], &pid);
	close(pipes[1]);
	if (rc != 0) {
		close(pipes[0]);
		errno = rc;
		/* EACCES: of a directory in $PATH that is not for us */
		if (rc != ENOENT && rc != EACCES)
			return err_sys(e, "cannot run '%s'", program);
		return err_set(e, ERR_INPUT, "credential_helper",
		    "'%s' is not there: install it, or take it out of the "
		    "file of credentials", program);
	}
	rc = read_output(pipes[0], out);
	close(pipes[0]);
	if (rc < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
	if (rc < 0)
		return err_set(e, ERR_SYS, "credential_helper",
		    "'%s' gave no answer within %d seconds", program,
		    CRED_HELPER_SECONDS);
	return 0;
}

static bool
take(const char *text, size_t len, struct cred *c)
{
	struct err ignored;
	struct rec *r = rec_parse(text, len, "helper", &ignored);
	const char *user, *secret;
	bool good;

	if (r == NULL)
		return false;
	good = rec_str(r, "Username", &user, &ignored) == 1 &&
	    rec_str(r, "Secret", &secret, &ignored) == 1 &&
	    cred_set(c, user, strlen(user), secret, strlen(secret));
	if (good)
		c->identity = strcmp(user, "<token>") == 0;
	rec_free(r);
	return good;
}

int
cred_helper_get(const char *name, const char *server, struct cred *c,
    struct err *e)
{
	autofree char *program = mem_fmt("docker-credential-%s", name);
	autobuf struct buf out = BUF_INIT;
	int status = 0, rc;

	if (!is_name(name))
		return err_set(e, ERR_INPUT, "credential_helper",
		    "'%.100s' can't be the name of a credential helper", name);
	if (run(program, server, &out, &status, e) < 0)
		return -1;
	/* helpers say this with status 1, and on standard output */
	if (strstr(out.data, "credentials not found") != NULL)
		return 0;
	rc = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    take(out.data, out.len, c);
	explicit_bzero(out.data, out.len);
	if (!rc)
		return err_set(e, ERR_SYS, "credential_helper",
		    "'%s get' failed for '%s'", program, server);
	return 1;
}
