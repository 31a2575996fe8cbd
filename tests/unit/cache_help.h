/*
 * cache_help.h - what the tests of the cache have in common.
 *
 * They work in a directory of their own, on caches that download() fills.
 */
#ifndef CACHE_HELP_H
#define CACHE_HELP_H

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache.h"

#define URL "https://example.com/a.tar.gz"
#define DAY (24 * 60 * 60)

static char root[] = "/tmp/slipway-cache-XXXXXX";
static struct err e;

static inline void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert(fd >= 0 && file_write(fd, text, strlen(text)) == 0);
	assert(close(fd) == 0);
}

static inline char *
get(const char *path)
{
	struct buf b = BUF_INIT;

	assert(file_slurp(AT_FDCWD, path, path, 1 << 20, &b, &e) == 0);
	return buf_detach(&b);
}

static inline bool
there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline bool
is_code(const char *code)
{
	if (strcmp(e.code, code) == 0)
		return true;
	printf("%s: %s\n", e.code, e.msg);
	return false;
}

/* Names in the directory, `.` and `..` not counted. */
static inline int
names_in(const char *path)
{
	DIR *dir = opendir(path);
	int n = -2;

	assert(dir != NULL);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static inline void
open_at(struct cache *c, const char *path)
{
	if (cache_open(c, path, &e) < 0 || c->readonly) {
		printf("%s: %s\n", path, c->readonly ? c->why : e.msg);
		assert(0);
	}
}

static inline void
digest_of(const char *text, char hex[DIGEST_HEX])
{
	uint8_t digest[DIGEST_LEN];

	digest_bytes(text, strlen(text), digest);
	digest_format_hex(digest, hex);
}

/* As if url had given text. */
static inline struct cache_entry
download(struct cache *c, const char *url, const char *text)
{
	struct cache_entry x = CACHE_ENTRY_INIT;
	struct cache_part p;
	bool waited;

	x.size = (int64_t)strlen(text);
	digest_of(text, x.sha256);
	assert(cache_part_open(c, url, &p, &waited, &e) == 0 && !waited);
	assert(file_write(p.fd, text, strlen(text)) == 0);
	assert(cache_part_commit(&p, x.sha256, &e) == 0 && p.fd < 0);
	assert(cache_remember(c, url, &x, &e) == 0);
	cache_part_release(&p);
	return x;
}

/* The blob can be opened, and is text. */
static inline bool
opens(struct cache *c, const char *sha256, bool verify)
{
	char found[1000];
	int fd = cache_blob_open(c, sha256, verify, &e);
	ssize_t n;

	if (fd < 0) {
		assert(e.kind == ERR_CHECK && is_code("not_found"));
		return false;
	}
	assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert((n = file_read(fd, found, sizeof(found) - 1)) >= 0);
	found[n] = '\0';
	close(fd);
	char hex[DIGEST_HEX];
	digest_of(found, hex);
	return strcmp(hex, sha256) == 0 || printf("got %s\n", found) == 0;
}

static inline bool
known(struct cache *c, const char *url)
{
	AUTO(cache_entry_release) struct cache_entry x = CACHE_ENTRY_INIT;
	int rc = cache_lookup(c, url, &x, &e);

	assert(rc >= 0);
	return rc == 1;
}

struct test {
	const char *name;
	void (*run)(void);
};
#define TEST(f) { #f, f }

static inline int
run_tests(const struct test *tests, size_t count)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	assert(mkdtemp(root) != NULL && chdir(root) == 0);
	for (size_t i = 0; i < count; i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	assert(chdir("/") == 0);
	return file_remove_tree(AT_FDCWD, root) == 0 ? 0 : 1;
}

#endif
