/* Downloads into a cache: one at a time, gone on with, whole or not there. */
#include "cache_help.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STATE "{\"done\":5}"

static void
begin(struct cache *c, struct cache_part *p, const char *url)
{
	bool waited;

	if (cache_part_open(c, url, p, &waited, &e) < 0) {
		puts(e.msg);
		assert(0);
	}
}

static off_t
length(int fd)
{
	struct stat st;

	assert(fstat(fd, &st) == 0);
	return st.st_size;
}

static void
a_download_is_gone_on_with(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p;
	char hex[DIGEST_HEX], found[8];

	open_at(&c, "go-on");
	begin(&c, &p, URL);
	assert(length(p.fd) == 0 && p.state.len == 0);
	assert(fcntl(p.fd, F_GETFD) & FD_CLOEXEC);
	assert(file_write(p.fd, "hello", 5) == 0);
	assert(cache_part_save(&p, STATE, strlen(STATE), &e) == 0);
	cache_part_release(&p);
	begin(&c, &p, URL "?other");
	assert(length(p.fd) == 0 && p.state.len == 0);
	cache_part_release(&p);
	begin(&c, &p, URL);
	assert(length(p.fd) == 5 && strcmp(p.state.data, STATE) == 0);
	assert(file_read(p.fd, found, sizeof(found)) == 5);
	assert(file_write(p.fd, "!", 1) == 0);
	digest_of("hello!", hex);
	assert(cache_part_commit(&p, hex, &e) == 0);
	cache_part_release(&p);
	assert(opens(&c, hex, true));
	assert(names_in("go-on/part") == 0 && names_in("go-on/lock") == 0);
	assert(names_in("go-on/blobs/sha256") == 1);
}

static void
a_download_can_begin_anew(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p;

	open_at(&c, "anew");
	begin(&c, &p, URL);
	assert(file_write(p.fd, "hello", 5) == 0);
	assert(cache_part_save(&p, STATE, strlen(STATE), &e) == 0);
	assert(cache_part_clear(&p, &e) == 0);
	assert(length(p.fd) == 0 && p.state.len == 0);
	assert(lseek(p.fd, 0, SEEK_CUR) == 0);
	assert(names_in("anew/part") == 1);
	/* what has no bytes leaves nothing */
	cache_part_release(&p);
	assert(names_in("anew/part") == 0 && names_in("anew/lock") == 0);
	begin(&c, &p, URL);
	assert(cache_part_commit(&p, "no digest", &e) < 0);
	assert(e.kind == ERR_INPUT);
	cache_part_release(&p);
}

static void
a_state_without_its_bytes_is_none(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p;
	char hex[DIGEST_HEX];

	open_at(&c, "state");
	digest_of(URL, hex);
	autofree char *part = mem_fmt("state/part/%s", hex);
	autofree char *state = mem_fmt("state/part/%s.json", hex);
	for (int i = 0; i < 4; i++) {
		put(state, STATE);
		if (i == 0)
			put(part, "");
		else if (i == 1)
			assert(symlink("../../elsewhere", part) == 0);
		else if (i == 2)
			assert(mkdir(part, 0700) == 0);
		put("elsewhere", "kept");
		begin(&c, &p, URL);
		assert(length(p.fd) == 0 && p.state.len == 0);
		assert(!there(state));
		assert(file_write(p.fd, "hello", 5) == 0);
		autofree char *kept = get("elsewhere");
		assert(strcmp(kept, "kept") == 0);
		cache_part_clear(&p, &e);
		cache_part_release(&p);
	}
	/* a run that was killed just before its file became the blob */
	put(part, "hello");
	put(state, STATE);
	assert(chmod(part, 0444) == 0);
	begin(&c, &p, URL);
	assert(length(p.fd) == 5 && strcmp(p.state.data, STATE) == 0);
	assert(file_write(p.fd, "H", 1) == 0);
	/* what somebody else has under another name too is not written to */
	cache_part_release(&p);
	assert(link(part, "second") == 0);
	begin(&c, &p, URL);
	assert(length(p.fd) == 0 && p.state.len == 0);
	cache_part_release(&p);
}

/* What a fetch does: look, wait, look again, download. */
static void
fetch(const char *path)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	AUTO(cache_part_release) struct cache_part p = CACHE_PART_INIT;
	struct cache_entry x = CACHE_ENTRY_INIT;
	bool waited;
	int fd;

	open_at(&c, path);
	if (known(&c, URL))
		return;
	assert(cache_part_open(&c, URL, &p, &waited, &e) == 0);
	if (known(&c, URL))
		return;
	fd = open("downloads", O_WRONLY | O_APPEND | O_CREAT, 0644);
	assert(fd >= 0 && file_write(fd, ".", 1) == 0 && close(fd) == 0);
	x.size = 5;
	digest_of("hello", x.sha256);
	assert(length(p.fd) == 0 && file_write(p.fd, "hello", 5) == 0);
	assert(cache_part_commit(&p, x.sha256, &e) == 0);
	assert(cache_remember(&c, URL, &x, &e) == 0);
}

static void
many_processes_download_once(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	char hex[DIGEST_HEX];
	pid_t pids[20];
	int gate[2];

	assert(pipe2(gate, O_CLOEXEC) == 0);
	for (int i = 0; i < 20; i++)
		if ((pids[i] = fork()) == 0) {
			char c1;

			close(gate[1]);
			assert(read(gate[0], &c1, 1) == 0);
			fetch("many");
			_exit(0);
		}
	/* all at once */
	close(gate[1]);
	close(gate[0]);
	for (int i = 0; i < 20; i++) {
		int status;

		assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
	}
	autofree char *downloads = get("downloads");
	assert(strcmp(downloads, ".") == 0);
	open_at(&c, "many");
	digest_of("hello", hex);
	assert(known(&c, URL) && opens(&c, hex, true));
	assert(names_in("many/part") == 0 && names_in("many/lock") == 0);
}

static void
the_lock_of_who_dies_is_free(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p;
	int told[2], status;
	char byte;
	pid_t pid;

	open_at(&c, "dies");
	assert(pipe2(told, O_CLOEXEC) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		begin(&c, &p, URL);
		assert(file_write(p.fd, "hello", 5) == 0);
		assert(cache_part_save(&p, STATE, strlen(STATE), &e) == 0);
		assert(write(told[1], "", 1) == 1);
		for (;;)
			pause();
	}
	assert(read(told[0], &byte, 1) == 1 && kill(pid, SIGKILL) == 0);
	begin(&c, &p, URL);
	assert(length(p.fd) == 5 && strcmp(p.state.data, STATE) == 0);
	cache_part_release(&p);
	assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	close(told[0]);
	close(told[1]);
}

/* The process waits for a lock (proc(5), "/proc/locks").  False where the
 * system does not tell. */
static bool
waits(pid_t pid)
{
	autofree char *want = mem_fmt(" %d ", (int)pid);
	FILE *f = fopen("/proc/locks", "r");
	char line[200];
	bool found = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, "-> FLOCK") != NULL &&
		    strstr(line, want) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static void
who_waited_has_a_lock_that_others_see(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p;
	int told[2], status;
	bool waited, seen = false;
	char byte;
	pid_t pid;

	open_at(&c, "waits");
	assert(pipe2(told, O_CLOEXEC) == 0);
	begin(&c, &p, URL);
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(p.lock);
		close(told[0]);
		assert(cache_part_open(&c, URL, &p, &waited, &e) == 0);
		assert(write(told[1], waited ? "w" : "-", 1) == 1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 5000 && !(seen = waits(pid)); i++)
		usleep(1000);
	cache_part_release(&p);
	assert(read(told[0], &byte, 1) == 1 && (byte == 'w' || !seen));
	assert(names_in("waits/lock") == 1);
	assert(kill(pid, SIGKILL) == 0);
	assert(waitpid(pid, &status, 0) == pid);
	close(told[0]);
	close(told[1]);
}

/* A child's flock(2) fails as on a file system that has none. */
static bool
forbid_flock(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void
use_without_locks(const char *path)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_part p, other;
	char hex[DIGEST_HEX];

	open_at(&c, path);
	/* two at once do not write to one file */
	begin(&c, &p, URL);
	begin(&c, &other, URL);
	assert(file_write(p.fd, "hello", 5) == 0);
	assert(file_write(other.fd, "HELL", 4) == 0);
	assert(cache_part_save(&other, STATE, strlen(STATE), &e) == 0);
	digest_of("hello", hex);
	assert(cache_part_commit(&p, hex, &e) == 0);
	cache_part_release(&p);
	cache_part_release(&other);
	assert(names_in("no-locks/part") == 0);
	assert(opens(&c, hex, false) && opens(&c, hex, true));
	assert(cache_trim(&c, 0, &e) == 0 && opens(&c, hex, false));
}

static void
it_works_on_a_file_system_without_locks(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		if (!forbid_flock())
			_exit(77);
		use_without_locks("no-locks");
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		puts("skip without locks: sanitizers or the system forbid a "
		    "filter");
	else
		assert(WEXITSTATUS(status) == 0);
}

/* A whole download, and its file outside, in the place of an older one. */
static void
download_all(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	AUTO(cache_part_release) struct cache_part p = CACHE_PART_INIT;
	struct cache_entry x = CACHE_ENTRY_INIT;
	bool waited;

	assert(cache_open(&c, "killed", &e) == 0);
	assert(cache_part_open(&c, URL, &p, &waited, &e) == 0);
	assert(file_pwrite(p.fd, "hello", 5, 0) == 0);
	assert(cache_part_save(&p, STATE, strlen(STATE), &e) == 0);
	assert(cache_part_clear(&p, &e) == 0);
	assert(file_pwrite(p.fd, "HELLO", 5, 0) == 0);
	assert(cache_part_save(&p, "{\"DONE\":5}", 10, &e) == 0);
	x.size = 5;
	digest_of("HELLO", x.sha256);
	assert(cache_part_commit(&p, x.sha256, &e) == 0);
	assert(cache_remember(&c, URL, &x, &e) == 0);
	assert(cache_export(&c, x.sha256, AT_FDCWD, "target/f", &e) == 0);
	assert(cache_trim(&c, 0, &e) == 0);
}

/* Run download_all, and kill it before its nth system call.  True if it was
 * done before. */
static bool
killed_at(int n)
{
	int status;
	pid_t pid = fork();

	assert(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		download_all();
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid);
	/* it stops where a call begins, and where it ends */
	for (int i = -1; WIFSTOPPED(status); i++) {
		if (i == 2 * n)
			kill(pid, SIGKILL);
		else
			assert(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
		assert(waitpid(pid, &status, 0) == pid);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return true;
	assert(WIFEXITED(status) ? WEXITSTATUS(status) == 0 :
	    WTERMSIG(status) == SIGKILL);
	return WIFEXITED(status);
}

static bool
is_file(const char *path, const char *one, const char *two)
{
	autofree char *text = get(path);

	return strcmp(text, one) == 0 || strcmp(text, two) == 0;
}

/* What a run that was killed has left is old or new, and nothing more once
 * the next has looked. */
static void
check_what_is_left(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	char old[DIGEST_HEX], new[DIGEST_HEX];
	struct cache_entry x = CACHE_ENTRY_INIT;
	struct cache_part p;
	bool has_new;
	int64_t size = -1;

	digest_of("older", old);
	digest_of("HELLO", new);
	open_at(&c, "killed");
	has_new = cache_has(&c, new, &size, &e) == 1;
	assert(cache_lookup(&c, URL, &x, &e) == 1);
	assert(strcmp(x.sha256, old) == 0 ||
	    (has_new && strcmp(x.sha256, new) == 0));
	cache_entry_release(&x);
	assert(!has_new || opens(&c, new, true));
	assert(opens(&c, old, true));
	assert(is_file("target/f", "older", "HELLO"));
	begin(&c, &p, URL);
	/* a state is that of the bytes */
	if (p.state.len > 0) {
		char found[6] = "";

		assert(pread(p.fd, found, 5, 0) == 5);
		assert(strcmp(found, strcmp(p.state.data, STATE) == 0 ?
		    "hello" : "HELLO") == 0);
	}
	assert(!has_new || p.state.len == 0);
	assert(cache_part_clear(&p, &e) == 0);
	cache_part_release(&p);
	assert(names_in("killed/part") == 0 && names_in("killed/lock") == 0);
	assert(names_in("killed/urls") == 1);
	assert(names_in("killed/blobs/sha256") == 1 + has_new);
	assert(cache_export(&c, old, AT_FDCWD, "target/f", &e) == 0);
	assert(names_in("target") == 1);
}

static void
killed_anywhere_it_leaves_the_old_or_the_new(void)
{
	/* in memory, where there is some: a thousand syncs take their time */
	char fast[] = "/dev/shm/slipway-cache-XXXXXX";
	bool is_fast = mkdtemp(fast) != NULL && chdir(fast) == 0;
	bool done = false;
	int n;

	assert(mkdir("target", 0755) == 0);
	for (n = 0; !done; n++) {
		AUTO(cache_release) struct cache c = CACHE_INIT;

		assert(file_remove_tree(AT_FDCWD, "killed") == 0);
		open_at(&c, "killed");
		download(&c, URL, "older");
		put("target/f", "older");
		done = killed_at(n);
		check_what_is_left();
		assert(n < 5000);
	}
	if (n < 20)
		puts("skip killed anywhere: strace is forbidden here");
	assert(chdir(root) == 0);
	assert(!is_fast || file_remove_tree(AT_FDCWD, fast) == 0);
}

int
main(void)
{
	static const struct test tests[] = {
		TEST(a_download_is_gone_on_with),
		TEST(a_download_can_begin_anew),
		TEST(a_state_without_its_bytes_is_none),
		TEST(many_processes_download_once),
		TEST(the_lock_of_who_dies_is_free),
		TEST(who_waited_has_a_lock_that_others_see),
		TEST(it_works_on_a_file_system_without_locks),
		TEST(killed_anywhere_it_leaves_the_old_or_the_new),
	};

	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
