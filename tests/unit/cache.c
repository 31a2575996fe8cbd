/* Downloads that are there already: what is believed, and what is not. */
#include "cache_help.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/clock.h"

static void
a_new_cache_is_its_owner_s_alone(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct stat st;

	open_at(&c, "new/deep/cache//");
	assert(*c.path == '/' && c.path[strlen(c.path) - 1] == 'e');
	assert(stat("new/deep/cache", &st) == 0 && (st.st_mode & 0777) == 0700);
	assert(names_in("new/deep/cache") == 5);
	assert(!known(&c, URL));
}

static bool
opens_at(const char *want)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	autofree char *path = mem_fmt("%s/%s", root, want);

	assert(cache_open(&c, NULL, &e) == 0);
	return c.fd >= 0 && strcmp(c.path, path) == 0;
}

static void
its_place_is_said_by_the_environment(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	autofree char *xdg = mem_fmt("%s/xdg", root);
	autofree char *home = mem_fmt("%s/home", root);

	setenv("SLIPWAY_CACHE_DIR", "named", 1);
	setenv("XDG_CACHE_HOME", xdg, 1);
	setenv("HOME", home, 1);
	assert(opens_at("named"));
	setenv("SLIPWAY_CACHE_DIR", "", 1);
	assert(opens_at("xdg/slipway"));
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert(opens_at("home/.cache/slipway"));
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	assert(cache_open(&c, NULL, &e) == 0 && c.fd < 0 && c.why != NULL);
}

static void
what_a_url_gave_is_known(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	AUTO(cache_entry_release) struct cache_entry x = CACHE_ENTRY_INIT;
	int64_t size = -1;
	struct stat st;

	open_at(&c, "known");
	struct cache_entry made = download(&c, URL, "hello");
	made.etag = mem_str("\"a\\\"b\"");
	made.last_modified = mem_str("Sun, 06 Nov 1994 08:49:37 GMT");
	assert(cache_remember(&c, URL, &made, &e) == 0);
	assert(cache_lookup(&c, URL, &x, &e) == 1);
	assert(strcmp(x.sha256, made.sha256) == 0 && x.size == 5);
	assert(strcmp(x.etag, made.etag) == 0);
	assert(strcmp(x.last_modified, made.last_modified) == 0);
	assert(!known(&c, URL "?v=2"));
	assert(opens(&c, x.sha256, false) && opens(&c, x.sha256, true));
	assert(cache_has(&c, x.sha256, &size, &e) == 1 && size == 5);
	size = 4;
	assert(cache_has(&c, x.sha256, &size, &e) == 0);
	autofree char *path = cache_blob_path(&c, x.sha256);
	assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0444);
	assert(names_in("known/part") == 0 && names_in("known/lock") == 0);
	/* what can't be written down is left out, and no harm done */
	made.etag[1] = '\xff';
	*made.last_modified = '\0';
	cache_entry_release(&x);
	assert(cache_remember(&c, URL, &made, &e) == 0);
	assert(cache_lookup(&c, URL, &x, &e) == 1);
	assert(x.etag == NULL && x.last_modified == NULL);
	cache_entry_release(&made);
}

static void
no_secret_of_a_url_is_written_down(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;

	open_at(&c, "secret");
	download(&c, URL "?X-Amz-Signature=hunter2", "hello");
	assert(known(&c, URL "?X-Amz-Signature=hunter2"));
	assert(system("grep -rq example.com secret") == 0);
	assert(system("grep -rq hunter2 secret || find secret | "
	    "grep -q hunter2") != 0);
}

static void
a_damaged_entry_is_none(void)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"sha256\":\"%s\"}",
		"{\"sha256\":\"%s\",\"size\":-1}",
		"{\"sha256\":\"%s\",\"size\":6}",
		"{\"sha256\":\"%s\",\"size\":\"5\"}",
		"{\"sha256\":\"%s/\",\"size\":5}",
		"{\"sha256\":\"../../urls/x\",\"size\":5}",
		"{\"sha256\":\"%s\",\"size\":5,\"etag\":1}",
		"{\"sha256\":\"%s\",\"size\":5}x",
	};
	AUTO(cache_release) struct cache c = CACHE_INIT;
	char hex[DIGEST_HEX];

	open_at(&c, "entries");
	struct cache_entry x = download(&c, URL, "hello");
	digest_of(URL, hex);
	autofree char *path = mem_fmt("entries/urls/%s.json", hex);
	autofree char *good = get(path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct buf text = BUF_INIT;
		const char *at = strstr(texts[i], "%s");

		buf_add(&text, texts[i], at != NULL ?
		    (size_t)(at - texts[i]) : strlen(texts[i]));
		buf_adds(&text, at != NULL ? x.sha256 : "");
		buf_adds(&text, at != NULL ? at + 2 : "");
		put(path, text.data);
		if (known(&c, URL)) {
			puts(text.data);
			assert(0);
		}
		buf_release(&text);
	}
	put(path, good);
	assert(known(&c, URL));
	put("elsewhere", good);
	assert(unlink(path) == 0 && symlink("../../elsewhere", path) == 0);
	assert(!known(&c, URL));
	assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	assert(!known(&c, URL));
	assert(unlink(path) == 0 && mkdir(path, 0700) == 0);
	assert(!known(&c, URL));
}

/* Until a change of a file is seen in its times. */
static void
wait_for_the_clock(const char *path)
{
	double start = clock_monotonic();
	struct stat a, b;

	assert(stat(path, &a) == 0);
	do {
		put("tick", "");
		assert(stat("tick", &b) == 0);
		assert(clock_monotonic() - start < 10);
	} while (b.st_mtim.tv_sec == a.st_ctim.tv_sec &&
	    b.st_mtim.tv_nsec == a.st_ctim.tv_nsec);
}

static void
change(const char *path, const char *text)
{
	wait_for_the_clock(path);
	assert(chmod(path, 0644) == 0);
	put(path, text);
	assert(chmod(path, 0444) == 0);
}

static void
a_blob_that_was_changed_is_noticed_and_removed(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;

	open_at(&c, "changed");
	struct cache_entry x = download(&c, URL, "hello");
	autofree char *path = cache_blob_path(&c, x.sha256);
	change(path, "hell");
	assert(!known(&c, URL));
	assert(!opens(&c, x.sha256, false) && !there(path));
	download(&c, URL, "hello");
	change(path, "hellO");
	assert(known(&c, URL));
	assert(!opens(&c, x.sha256, false) && !there(path));
	assert(!known(&c, URL));
	download(&c, URL, "hello");
	assert(known(&c, URL) && opens(&c, x.sha256, false));
	/* a link would lead out of the cache */
	put("hello", "hello");
	assert(unlink(path) == 0 && symlink("../../../hello", path) == 0);
	assert(!known(&c, URL) && !opens(&c, x.sha256, false));
	assert(unlink(path) == 0 && mkfifo(path, 0644) == 0);
	assert(!known(&c, URL) && !opens(&c, x.sha256, false));
	/* and is replaced */
	download(&c, URL, "hello");
	assert(known(&c, URL) && opens(&c, x.sha256, true));
}

/* What a disk that returns other bytes than it was given looks like: the note
 * is made to say what stat says of the changed file. */
static void
forge_note(const char *sha256, const char *path, const char *boot)
{
	autofree char *note = mem_fmt("notes/used/%s", sha256);
	struct stat st;

	assert(stat(path, &st) == 0);
	autofree char *text = mem_fmt("%s %.36s %jd %ju %jd.%09ld %jd.%09ld\n",
	    sha256, boot, (intmax_t)st.st_size, (uintmax_t)st.st_ino,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
	    (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	put(note, text);
}

static void
a_blob_is_hashed_where_nothing_vouches_for_it(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;

	open_at(&c, "notes");
	struct cache_entry x = download(&c, URL, "hello");
	autofree char *path = cache_blob_path(&c, x.sha256);
	autofree char *note = mem_fmt("notes/used/%s", x.sha256);
	autofree char *first = get(note);
	autofree char *boot = get("/proc/sys/kernel/random/boot_id");
	/* a blob that was touched is good, and known to be from then on */
	wait_for_the_clock(path);
	assert(utimensat(AT_FDCWD, path, NULL, 0) == 0);
	assert(opens(&c, x.sha256, false));
	autofree char *second = get(note);
	assert(strcmp(first, second) != 0);
	assert(unlink(note) == 0 && opens(&c, x.sha256, false));
	autofree char *third = get(note);
	assert(strcmp(second, third) == 0);
	/* with a note it is not read, which `verify` does */
	change(path, "hellO");
	forge_note(x.sha256, path, boot);
	int fd = cache_blob_open(&c, x.sha256, false, &e);
	assert(fd >= 0 && close(fd) == 0);
	assert(!opens(&c, x.sha256, true) && !there(path));
	/* a note from before the machine was started is none */
	download(&c, URL, "hello");
	change(path, "hellO");
	forge_note(x.sha256, path, "00000000-0000-0000-0000-000000000000");
	assert(!opens(&c, x.sha256, false) && !there(path));
	/* nor is one that others may have written */
	download(&c, URL, "hello");
	change(path, "hellO");
	forge_note(x.sha256, path, boot);
	assert(chmod(note, 0664) == 0);
	assert(!opens(&c, x.sha256, false) && !there(path));
	if (geteuid() != 0) {
		puts("skip the note of another user: only root can make one");
		return;
	}
	download(&c, URL, "hello");
	change(path, "hellO");
	forge_note(x.sha256, path, boot);
	assert(chmod(note, 0644) == 0 && chown(note, 65534, -1) == 0);
	assert(!opens(&c, x.sha256, false) && !there(path));
}

static void
only_a_digest_is_a_name(void)
{
	static const char upper[] = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C"
	    "1FA7425E73043362938B9824";
	static const char *const names[] = { "", ".", "..", "../../file",
		upper, "sha256:2cf2" };
	AUTO(cache_release) struct cache c = CACHE_INIT;

	open_at(&c, "names");
	put("names/file", "hello");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		autofree char *path = cache_blob_path(&c, names[i]);
		int64_t size = -1;

		assert(!opens(&c, names[i], false));
		assert(cache_has(&c, names[i], &size, &e) == 0);
		assert(strstr(path, "..") == NULL);
		assert(cache_export(&c, names[i], AT_FDCWD, "x", &e) < 0);
	}
	assert(!there("x"));
}

static void
an_exported_file_is_nobody_else_s(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct stat st;

	open_at(&c, "export");
	struct cache_entry x = download(&c, URL, "hello");
	umask(0);
	assert(cache_export(&c, x.sha256, AT_FDCWD, "out", &e) == 0);
	assert(stat("out", &st) == 0 && (st.st_mode & 0777) == 0644);
	umask(027);
	assert(cache_export(&c, x.sha256, AT_FDCWD, "out", &e) == 0);
	umask(022);
	assert(stat("out", &st) == 0 && st.st_nlink == 1 && st.st_size == 5);
	assert((st.st_mode & 0777) == 0640);
	put("out", "edited");
	assert(opens(&c, x.sha256, true));
	/* what is there is replaced, and not written through */
	assert(unlink("out") == 0 && symlink("other", "out") == 0);
	put("other", "kept");
	assert(cache_export(&c, x.sha256, AT_FDCWD, "out", &e) == 0);
	autofree char *out = get("out");
	autofree char *other = get("other");
	assert(strcmp(out, "hello") == 0 && strcmp(other, "kept") == 0);
	assert(mkdir("folder", 0700) == 0);
	assert(cache_export(&c, x.sha256, AT_FDCWD, "folder", &e) < 0);
	assert(is_code("not_a_file"));
	int dir = open("folder", O_RDONLY | O_DIRECTORY);
	assert(cache_export(&c, x.sha256, dir, "in", &e) == 0);
	assert(there("folder/in") && close(dir) == 0);
	/* nothing comes of a blob that is bad or not there */
	autofree char *path = cache_blob_path(&c, x.sha256);
	change(path, "hellO");
	assert(cache_export(&c, x.sha256, AT_FDCWD, "bad", &e) < 0);
	assert(is_code("not_found") && !there("bad"));
	assert(cache_export(&c, x.sha256, AT_FDCWD, "bad", &e) < 0);
	assert(is_code("not_found") && names_in("folder") == 1);
}

/* A cache that can't be written, with one blob in it. */
static void
use_readonly(const char *path, const char *sha256)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	AUTO(cache_part_release) struct cache_part p = CACHE_PART_INIT;
	struct cache_entry x = CACHE_ENTRY_INIT;
	bool waited;

	assert(cache_open(&c, path, &e) == 0);
	assert(c.fd >= 0 && c.readonly && c.why != NULL);
	assert(known(&c, URL) && opens(&c, sha256, false));
	assert(opens(&c, sha256, true));
	assert(cache_part_open(&c, URL, &p, &waited, &e) < 0);
	assert(e.kind == ERR_SYS && is_code("cache_readonly"));
	assert(strstr(e.msg, c.why) != NULL && strcmp(e.path, c.path) == 0);
	assert(cache_remember(&c, URL, &x, &e) < 0);
	assert(is_code("cache_readonly"));
	assert(cache_trim(&c, 0, &e) == 0 && known(&c, URL));
}

/* Run it in a process that may lose its rights; its exit status. */
static int
apart(void (*run)(const char *path, const char *arg), const char *path,
    const char *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	assert((pid = fork()) >= 0);
	if (pid == 0) {
		run(path, arg);
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
as_an_ordinary_user(const char *path, const char *arg)
{
	if (geteuid() == 0)
		assert(setgid(65534) == 0 && setuid(65534) == 0);
	use_readonly(path, arg);
}

static void
in_a_readonly_mount(const char *path, const char *arg)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, path, NULL, MS_BIND, NULL) < 0 ||
	    mount(path, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		_exit(77);
	use_readonly(path, arg);
}

static void
a_readonly_cache_is_read(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	int rc;

	open_at(&c, "ro");
	struct cache_entry x = download(&c, URL, "hello");
	if ((rc = apart(in_a_readonly_mount, "ro", x.sha256)) == 77)
		puts("skip a mount without writing: only root can make one");
	else
		assert(rc == 0);
	/* the modes bind its owner, who is not root */
	assert(chmod(root, 0755) == 0);
	assert(geteuid() != 0 || system("chown -R 65534 ro") == 0);
	assert(system("chmod 555 ro ro/* ro/blobs/sha256") == 0);
	assert(apart(as_an_ordinary_user, "ro", x.sha256) == 0);
	/* one directory is enough */
	assert(system("chmod 755 ro ro/* ro/blobs/sha256; "
	    "chmod 555 ro/urls") == 0);
	assert(apart(as_an_ordinary_user, "ro", x.sha256) == 0);
	assert(system("chmod 755 ro/urls; chmod 555 ro") == 0);
	assert(apart(as_an_ordinary_user, "ro", x.sha256) == 0);
	assert(chmod("ro", 0755) == 0);
}

static bool
is_none(const char *path)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;
	AUTO(cache_part_release) struct cache_part p = CACHE_PART_INIT;
	bool waited;

	assert(cache_open(&c, path, &e) == 0);
	if (c.fd >= 0)
		return false;
	assert(c.readonly && c.why != NULL && !known(&c, URL));
	assert(!opens(&c, "x", false) && cache_trim(&c, 0, &e) == 0);
	assert(cache_part_open(&c, URL, &p, &waited, &e) < 0);
	return is_code("cache_readonly") && e.kind == ERR_SYS;
}

static void
a_cache_that_can_t_be_made_or_trusted_is_none(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT;

	put("plain", "");
	assert(is_none("plain") && is_none("plain/x") && is_none("/dev/null"));
	open_at(&c, "linked");
	assert(rename("linked/urls", "urls") == 0);
	assert(symlink("../urls", "linked/urls") == 0);
	assert(is_none("linked"));
	/* the place itself may be a link */
	assert(unlink("linked/urls") == 0 && symlink("linked", "link") == 0);
	assert(!is_none("link") && there("linked/urls"));
	assert(chmod("linked", 0777) == 0 && is_none("linked"));
	assert(chmod("linked", 0770) == 0 && !is_none("linked"));
	if (geteuid() != 0) {
		puts("skip another user's cache: only root can make one");
		return;
	}
	assert(chown("linked", 65534, -1) == 0 && !is_none("linked"));
	autofree char *xdg = mem_fmt("%s/theirs", root);
	assert(mkdir("theirs", 0755) == 0);
	assert(mkdir("theirs/slipway", 0755) == 0);
	setenv("XDG_CACHE_HOME", xdg, 1);
	unsetenv("SLIPWAY_CACHE_DIR");
	assert(!is_none(NULL));
	assert(chown("theirs/slipway", 65534, -1) == 0 && is_none(NULL));
}

int
main(void)
{
	static const struct test tests[] = {
		TEST(a_new_cache_is_its_owner_s_alone),
		TEST(its_place_is_said_by_the_environment),
		TEST(what_a_url_gave_is_known),
		TEST(no_secret_of_a_url_is_written_down),
		TEST(a_damaged_entry_is_none),
		TEST(a_blob_that_was_changed_is_noticed_and_removed),
		TEST(a_blob_is_hashed_where_nothing_vouches_for_it),
		TEST(only_a_digest_is_a_name),
		TEST(an_exported_file_is_nobody_else_s),
		TEST(a_readonly_cache_is_read),
		TEST(a_cache_that_can_t_be_made_or_trusted_is_none),
	};

	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
