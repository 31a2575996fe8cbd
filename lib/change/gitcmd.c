#include "change/gitcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "change/filelist.h"

#define OUTPUT_MAX ((size_t)1 << 30)	/* names of millions of files */
#define ARGS_MAX 64

/* What a repository's own settings could make git run, out of reach. */
static const char *const hardened[] = {
	"git", "--no-pager", "--no-optional-locks", "--literal-pathspecs",
	"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
	"-c", "core.untrackedCache=false", "-c", "core.alternateRefsCommand=",
	"-c", "submodule.recurse=false",
};
#define NHARDENED (sizeof(hardened) / sizeof(*hardened))

/*
 * Running
 */

/* In the child: no variable of git's is left from outside.  What may be spoken
 * is said here, above all settings: a repository with a part of its objects has
 * its own ideas of where git gets the rest, and by which program. */
static void
clean_environment(bool fetch)
{
	const char *const set[] = {
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false",
		"GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C",
		fetch ? "GIT_ALLOW_PROTOCOL=https:http:ssh:file" :
		"GIT_ALLOW_PROTOCOL=none",
	};
	size_t kept = 0;

	for (size_t i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], "GIT_", 4) != 0)
			environ[kept++] = environ[i];
	environ[kept] = NULL;
	for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++)
		putenv((char *)set[i]);
}

_Noreturn static void
child(const char *dir, const char *const *argv, bool fetch, int out, int err)
{
	autofd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0 || chdir(dir) < 0)
		_exit(126);
	clean_environment(fetch);
	execvp("git", (char **)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int
collect(int fd, struct buf *out, struct err *e)
{
	char data[65536];
	ssize_t n;

	while ((n = file_read_some(fd, data, sizeof(data))) > 0) {
		if (out->len + (size_t)n > OUTPUT_MAX)
			return err_set(e, ERR_SYS, "git",
			    "git says more than can be held");
		buf_add(out, data, (size_t)n);
	}
	return n < 0 ? err_sys(e, "cannot read what git says") : 0;
}

/* git's exit status, or -1; out and said get what it wrote. */
static int
run_with(const char *dir, const char *const *args, bool fetch,
    struct buf *out, struct buf *said, struct err *e)
{
	const char *argv[ARGS_MAX];
	autofd int err = memfd_create("git", MFD_CLOEXEC);
	size_t n = NHARDENED;
	int pipefd[2], status, rc;
	pid_t pid;

	memcpy(argv, hardened, sizeof(hardened));
	for (; *args != NULL && n + 1 < ARGS_MAX; args++)
		argv[n++] = *args;
	argv[n] = NULL;
	if (err < 0 || pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(e, "cannot start git");
	if ((pid = fork()) == 0)
		child(dir, argv, fetch, pipefd[1], err);
	close(pipefd[1]);
	rc = pid < 0 ? err_sys(e, "cannot start git") :
	    collect(pipefd[0], out, e);
	close(pipefd[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 126 ||
	    WEXITSTATUS(status) == 127)
		return err_set(e, ERR_SYS, "git", WIFEXITED(status) &&
		    WEXITSTATUS(status) == 127 ?
		    "git is not installed, and libgit2 can not read this "
		    "repository" : "git could not be run");
	if (lseek(err, 0, SEEK_SET) == 0)
		return collect(err, said, e) < 0 ? -1 : WEXITSTATUS(status);
	return WEXITSTATUS(status);
}

static int
run(const char *dir, const char *const *args, struct buf *out,
    struct buf *said, struct err *e)
{
	return run_with(dir, args, false, out, said, e);
}

/* The same where any failure is one; its last word becomes the message. */
static int
ask_with(const char *dir, const char *const *args, bool fetch,
    struct buf *out, struct err *e)
{
	autobuf struct buf said = BUF_INIT;
	int rc = run_with(dir, args, fetch, out, &said, e);

	if (rc <= 0)
		return rc;
	if (strstr(said.data, "dubious ownership") != NULL ||
	    strstr(said.data, "unsafe repository") != NULL) {
		err_set(e, ERR_CHECK, "unsafe_repository", "the repository at "
		    "'%s' belongs to somebody else; if you trust it: "
		    "git config --global --add safe.directory DIRECTORY", dir);
		err_set_path(e, dir);
		return -1;
	}
	while (said.len > 0 && said.data[said.len - 1] == '\n')
		buf_truncate(&said, said.len - 1);
	return err_set(e, ERR_SYS, "git", "git: %s", said.data);
}

static int
ask(const char *dir, const char *const *args, struct buf *out, struct err *e)
{
	return ask_with(dir, args, false, out, e);
}

static void
chomp(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] == '\n')
		buf_truncate(b, b->len - 1);
}

/*
 * What is asked
 */

int
gitcmd_open(const char *dir, char **root, enum objid_format *format,
    struct err *e)
{
	static const char *const name[] = { "rev-parse",
		"--show-object-format", NULL };
	static const char *const bare[] = { "rev-parse",
		"--is-inside-work-tree", NULL };
	static const char *const top[] = { "rev-parse", "--show-toplevel",
		NULL };
	autobuf struct buf word = BUF_INIT, inside = BUF_INIT, out = BUF_INIT;

	if (ask(dir, name, &word, e) < 0 || ask(dir, bare, &inside, e) < 0)
		return -1;
	chomp(&word);
	*format = strcmp(word.data, "sha256") == 0 ? OBJID_SHA256 :
	    OBJID_SHA1;
	if (*format == OBJID_SHA1 && strcmp(word.data, "sha1") != 0)
		return err_set(e, ERR_SYS, "git",
		    "unknown object format '%s'", word.data);
	*root = NULL;
	if (strncmp(inside.data, "true", 4) != 0)
		return 0;
	if (ask(dir, top, &out, e) < 0)
		return -1;
	chomp(&out);
	*root = buf_detach(&out);
	return 1;
}

static bool
setting(const char *root, const char *name)
{
	const char *args[] = { "config", "--type=bool", "--get", name, NULL };
	autobuf struct buf out = BUF_INIT, said = BUF_INIT;
	struct err e;

	return run(root, args, &out, &said, &e) != 0 ||
	    strncmp(out.data, "false", 5) != 0;
}

/* `TAG MODE ID STAGE<tab>PATH`, without the tag: MODE TYPE ID<tab>PATH of
 * ls-tree; the path, or NULL. */
static const char *
parse_line(enum objid_format format, const char *line, int before_id,
    uint32_t *mode, struct objid *id)
{
	size_t hex = 2 * objid_len(format);
	char *p;

	*mode = (uint32_t)strtoul(line, &p, 8);
	for (int i = 0; i < before_id; i++)
		if ((p = strchr(p, ' ')) == NULL)
			return NULL;
		else
			p++;
	if (strlen(p) < hex || !objid_parse(format, p, hex, id) ||
	    (p = strchr(p, '\t')) == NULL)
		return NULL;
	return p + 1;
}

static int
not_understood(struct err *e)
{
	return err_set(e, ERR_SYS, "git", "what git says is not understood");
}

int
gitcmd_tracked(const char *root, struct tracked_list *l, struct buf *text,
    struct err *e)
{
	static const char *const args[] = { "ls-files", "-z", "-s", "-t",
		NULL };

	if (ask(root, args, text, e) < 0)
		return -1;
	l->filemode = setting(root, "core.filemode");
	l->symlinks = setting(root, "core.symlinks");
	for (const char *p = text->data; p < text->data + text->len;
	    p += strlen(p) + 1) {
		struct tracked *t;
		struct objid id;
		uint32_t mode;
		const char *path = p[0] != '\0' && p[1] == ' ' ?
		    parse_line(l->format, p + 2, 1, &mode, &id) : NULL;

		if (path == NULL)
			return not_understood(e);
		t = tracked_add(l, path, strlen(path), mode, &id);
		t->unsure = true;
		t->sparse = *p == 'S';
	}
	return tracked_finish(l, e);
}

int
gitcmd_untracked(const char *root, struct buf *text, struct err *e)
{
	static const char *const args[] = { "ls-files", "-z", "-o",
		"--exclude-standard", NULL };

	return ask(root, args, text, e);
}

int
gitcmd_module(const char *root, enum objid_format format,
    struct objid *commit, struct buf *staged, struct err *e)
{
	static const char *const args[] = { "diff-index", "--cached",
		"--name-only", "-z", "--no-ext-diff", "--no-renames",
		"--ignore-submodules=none", "HEAD", "--", NULL };
	/* before the first commit all of it is */
	static const char *const all[] = { "ls-files", "-z", NULL };
	int rc = gitcmd_commit(root, format, "HEAD", commit, e);

	return rc < 0 ? -1 : ask(root, rc == 0 ? all : args, staged, e);
}

int
gitcmd_commit(const char *root, enum objid_format format, const char *rev,
    struct objid *id, struct err *e)
{
	autofree char *name = mem_fmt("%s^{commit}", rev);
	const char *args[] = { "rev-parse", "--verify", "--quiet",
		"--end-of-options", name, NULL };
	autobuf struct buf out = BUF_INIT, said = BUF_INIT;
	int rc = run(root, args, &out, &said, e);

	memset(id, 0, sizeof(*id));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	chomp(&out);
	return objid_parse(format, out.data, out.len, id) ? 1 :
	    not_understood(e);
}

int
gitcmd_merge_base(const char *root, enum objid_format format,
    const struct objid *a, const struct objid *b, struct objid *base,
    struct err *e)
{
	char x[OBJID_HEX], y[OBJID_HEX];
	const char *args[] = { "merge-base", x, y, NULL };
	autobuf struct buf out = BUF_INIT, said = BUF_INIT;
	int rc;

	objid_print(format, a, x);
	objid_print(format, b, y);
	if ((rc = run(root, args, &out, &said, e)) > 1)
		return err_set(e, ERR_SYS, "git", "git merge-base: %s",
		    said.data);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	chomp(&out);
	return objid_parse(format, out.data, out.len, base) ? 1 :
	    not_understood(e);
}

bool
gitcmd_shallow(const char *root)
{
	static const char *const args[] = { "rev-parse",
		"--is-shallow-repository", NULL };
	autobuf struct buf out = BUF_INIT, said = BUF_INIT;
	struct err e;

	return run(root, args, &out, &said, &e) == 0 &&
	    strncmp(out.data, "true", 4) == 0;
}

int
gitcmd_walk(const char *root, enum objid_format format,
    const struct objid *commit, void (*fn)(void *ctx, const char *path,
    size_t len, uint32_t mode, const struct objid *id), void *ctx,
    struct err *e)
{
	char hex[OBJID_HEX];
	const char *args[] = { "ls-tree", "-r", "-z", "--full-tree", hex,
		NULL };
	autobuf struct buf text = BUF_INIT;

	objid_print(format, commit, hex);
	if (ask(root, args, &text, e) < 0)
		return -1;
	for (const char *p = text.data; p < text.data + text.len;
	    p += strlen(p) + 1) {
		struct objid id;
		uint32_t mode;
		const char *path = parse_line(format, p, 2, &mode, &id);

		if (path == NULL)
			return not_understood(e);
		/* the first trees of git had other permissions */
		if (S_ISREG(mode))
			mode = mode & S_IXUSR ? FILELIST_EXEC : FILELIST_FILE;
		fn(ctx, path, strlen(path), mode, &id);
	}
	return 0;
}

/* What origin is asked for, so that rev is there afterwards, or NULL: nothing
 * that could be a refspec of its own, and write where it likes. */
static char *
refspec(const char *rev)
{
	static const char origin[] = "origin/";
	size_t len = strlen(rev);
	const char *branch = rev + strlen(origin);

	if ((len == 40 || len == 64) &&
	    strspn(rev, "0123456789abcdef") == len)
		return mem_str(rev);
	if (strncmp(rev, origin, strlen(origin)) != 0 || *branch == '\0' ||
	    branch[strcspn(branch, " ~^:?*[\\@")] != '\0')
		return NULL;
	return mem_fmt("+refs/heads/%s:refs/remotes/origin/%s", branch,
	    branch);
}

/* By its URL: what else the repository says of the remote could be a program
 * to run. */
int
gitcmd_fetch(const char *root, bool shallow, const char *const *revs,
    struct err *e)
{
	static const char *const ask_url[] = { "config", "--get",
		"remote.origin.url", NULL };
	/* http.extraHeader, where CI keeps its token, runs nothing */
	const char *args[ARGS_MAX - NHARDENED] = {
		"-c", "core.sshCommand=ssh", "-c", "core.gitProxy=",
		"-c", "credential.helper=", "-c", "http.saveCookies=false",
		"fetch", "--upload-pack=git-upload-pack", "--quiet", "--no-tags", "--no-recurse-submodules",
		"--no-write-fetch-head", "--no-auto-maintenance",
	};
	autobuf struct buf url = BUF_INIT, out = BUF_INIT;
	autofree char *first = refspec(revs[0]);
	autofree char *second = first != NULL && revs[1] != NULL ?
	    refspec(revs[1]) : NULL;
	size_t n = 0;

	if (first == NULL || (revs[1] != NULL && second == NULL))
		return err_set(e, ERR_CHECK, "not_fetchable", "'%s' is neither "
		    "a whole commit id nor origin/BRANCH",
		    revs[first != NULL]);
	if (ask(root, ask_url, &url, e) < 0)
		return -1;
	chomp(&url);
	while (args[n] != NULL)
		n++;
	if (shallow)
		args[n++] = "--unshallow";
	args[n++] = "--";
	args[n++] = url.data;
	args[n++] = first;
	args[n++] = second;
	return ask_with(root, args, true, &out, e);
}
