#include "build/engine_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "record/say.h"
#include "record/tool.h"

#define LINE_MAX_SHOWN 4096	/* a longer line is shown in parts */

void
engine_run_release(struct engine_run *r)
{
	list_release(&r->argv);
	list_release(&r->env);
	buf_release(&r->said);
	buf_release(&r->last);
}

char *
engine_run_find(const char *name, size_t nth)
{
	const char *path = getenv("PATH");
	autofree char *copy = mem_str(path != NULL ? path : "");
	char *rest = copy, *dir;

	while ((dir = strsep(&rest, ":")) != NULL) {
		/* what a build's context holds is no program of the user's */
		autofree char *file = *dir == '/' ?
		    mem_fmt("%s/%s", dir, name) : NULL;
		struct stat st;

		if (file == NULL || stat(file, &st) < 0 ||
		    !S_ISREG(st.st_mode) || access(file, X_OK) < 0 ||
		    nth-- > 0)
			continue;
		return mem_str(file);
	}
	return NULL;
}

/* Strings as exec takes them; they stay their owners'. */
static char **
vector(const struct list *l, size_t more)
{
	char **all = mem_zero(more + l->n + 1, sizeof(*all));

	for (size_t i = 0; i < l->n; i++)
		all[i] = l->items[i];
	return all;
}

/* Our environment, but for what env sets. */
static char **
environment(const struct list *env)
{
	size_t n = 0, kept = env->n;
	char **all;

	while (environ != NULL && environ[n] != NULL)
		n++;
	all = vector(env, n);
	for (size_t i = 0; i < n; i++)
		if (list_value(env, environ[i], strcspn(environ[i], "=")) ==
		    NULL)
			all[kept++] = environ[i];
	return all;
}

struct pipes {
	int null;	/* /dev/null */
	int said[2];	/* what it says */
	int fault[2];	/* errno, where it could not be started */
};

static void
pipes_close(struct pipes *p)
{
	int all[] = { p->null, p->said[0], p->said[1], p->fault[0],
	    p->fault[1] };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] >= 0)
			close(all[i]);
}

/* After fork in a program of several threads: nothing but system calls. */
_Noreturn static void
child(const struct engine_run *r, const struct pipes *p, pid_t parent,
    char **argv, char **env)
{
	sigset_t none;
	int fault;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    dup2(p->null, STDIN_FILENO) >= 0 &&
	    dup2(r->out >= 0 ? r->out : p->said[1], STDOUT_FILENO) >= 0 &&
	    dup2(p->said[1], STDERR_FILENO) >= 0)
		execve(argv[0], argv, env);
	fault = errno;
	if (write(p->fault[1], &fault, sizeof(fault)) < 0)
		_exit(126);
	_exit(127);
}

static void
hear_line(struct engine_run *r, const char *line, size_t len)
{
	autobuf struct buf text = BUF_INIT;

	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len == 0)
		return;
	buf_reset(&r->last);
	buf_add(&r->last, line, len);
	if (r->where == NULL || tool_common.quiet)
		return;
	buf_addf(&text, "%s: ", r->where);
	/* a NUL would end the line */
	for (size_t i = 0; i < len; i++)
		buf_addc(&text, line[i] != '\0' ? line[i] : ' ');
	say_line(text.data);
}

static void
hear(struct engine_run *r, struct buf *line, const char *data, size_t len)
{
	if (r->said.len < ENGINE_RUN_SAID_MAX)
		buf_add(&r->said, data, len);
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			buf_addc(line, data[i]);
		if (data[i] != '\n' && line->len < LINE_MAX_SHOWN)
			continue;
		hear_line(r, line->data, line->len);
		buf_reset(line);
	}
}

/* All that it says.  What it started and left behind may hold the pipe for
 * good, so that the end is that of the program where that can be seen. */
static int
listen_to(struct engine_run *r, int fd, pid_t pid, struct err *e)
{
	autofd int end = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN }, { .fd = end, .events = POLLIN },
	};
	autobuf struct buf line = BUF_INIT;
	char data[4096];
	ssize_t n = 1;

	while (n > 0) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "cannot wait for %s", r->what);
		}
		if (p[0].revents != 0 &&
		    (n = file_read_some(fd, data, sizeof(data))) > 0)
			hear(r, &line, data, (size_t)n);
		else if (p[1].revents != 0)
			break;
	}
	if (line.len > 0)
		hear_line(r, line.data, line.len);
	return n < 0 ? err_sys(e, "cannot read what %s says", r->what) : 0;
}

static int
start(struct engine_run *r, const struct pipes *p, pid_t *pid)
{
	autofree char **argv = vector(&r->argv, 0);
	autofree char **env = environment(&r->env);
	pid_t parent = getpid();

	*pid = fork();
	if (*pid == 0)
		child(r, p, parent, argv, env);
	return *pid < 0 ? -1 : 0;
}

static int
ended(const struct engine_run *r, int status, struct err *e)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return err_set(e, ERR_SYS, "engine_failed",
	    "%s was ended by signal %d (%s)", r->what, WTERMSIG(status),
	    strsignal(WTERMSIG(status)));
}

int
engine_run(struct engine_run *r, struct err *e)
{
	struct pipes p = { -1, { -1, -1 }, { -1, -1 } };
	int status = 0, fault = 0, rc = -1;
	pid_t pid = -1;

	buf_reset(&r->said);
	buf_reset(&r->last);
	p.null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (p.null < 0 || pipe2(p.said, O_CLOEXEC) < 0 ||
	    pipe2(p.fault, O_CLOEXEC) < 0 || start(r, &p, &pid) < 0) {
		err_sys(e, "cannot start %s", r->what);
		pipes_close(&p);
		return -1;
	}
	close(p.said[1]);
	close(p.fault[1]);
	p.said[1] = p.fault[1] = -1;
	if (file_read(p.fault[0], &fault, sizeof(fault)) ==
	    sizeof(fault)) {
		errno = fault;
		err_sys(e, "cannot run '%s'", r->argv.items[0]);
	} else {
		rc = listen_to(r, p.said[0], pid, e);
	}
	pipes_close(&p);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return rc < 0 ? -1 : ended(r, status, e);
}

int
engine_run_good(struct engine_run *r, struct err *e)
{
	int rc = engine_run(r, e);

	if (rc == 0)
		return 0;
	if (rc > 0)
		err_set(e, ERR_CHECK, "engine_failed",
		    "%s failed with status %d", r->what, rc);
	if (r->last.len > 0)
		err_set_detail(e, "%s", r->last.data);
	return -1;
}
