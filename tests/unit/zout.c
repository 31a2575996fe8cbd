/*
 * Compressed output: the same bytes whatever the threads and pieces, digests
 * of both sides, read back by the programs that are here.
 */
#undef NDEBUG
#include "codec/zout.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/zin.h"

static struct buf text = BUF_INIT;

static void
make_text(void)
{
	uint32_t x = 1;

	while (text.len < 5000000) {
		x = x * 1664525 + 1013904223;
		buf_addf(&text, "%u line %u\n", x >> (x & 15), x >> 28);
	}
}

static int
new_file(void)
{
	FILE *f = tmpfile();
	int fd;

	assert(f != NULL && (fd = dup(fileno(f))) >= 0);
	fclose(f);
	return fd;
}

/* Compress len bytes of text in such pieces. */
static void
compress(int fd, enum zout_method method, int level, int threads, size_t len,
    size_t piece, struct zout_result *r)
{
	struct zout *z = zout_new(fd, "out", method, level, threads);
	struct err e;

	for (size_t i = 0; i < len; i += piece)
		assert(zout_write(z, text.data + i, len - i < piece ?
		    len - i : piece, &e) == 0);
	assert(zout_finish(z, r, &e) == 0);
	zout_free(z);
}

static void
check_result(int fd, size_t len, const struct zout_result *r)
{
	uint8_t sum[DIGEST_LEN];
	int64_t size;
	struct err e;

	assert(lseek(fd, 0, SEEK_SET) == 0);
	assert(digest_file(fd, "out", sum, &size, &e) == 0);
	assert(size == r->size && memcmp(sum, r->digest, DIGEST_LEN) == 0);
	digest_bytes(text.data, len, sum);
	assert(r->diff_size == (int64_t)len);
	assert(memcmp(sum, r->diff_id, DIGEST_LEN) == 0);
}

/* The output of command, which reads fd, is len bytes of text: 1, 0 if not,
 * -1 if command is not there. */
static int
reads_back(const char *command, int fd, size_t len)
{
	autobuf struct buf out = BUF_INIT;
	char line[128], block[1 << 16];
	size_t n;
	FILE *p;

	assert(lseek(fd, 0, SEEK_SET) == 0);
	snprintf(line, sizeof(line), "set -- %s; "
	    "command -v $1 >/dev/null", command);
	if (system(line) != 0)
		return -1;
	snprintf(line, sizeof(line), "%s <&%d", command, fd);
	assert((p = popen(line, "r")) != NULL);
	while ((n = fread(block, 1, sizeof(block), p)) > 0)
		buf_add(&out, block, n);
	return pclose(p) == 0 && out.len == len &&
	    memcmp(out.data, text.data, len) == 0;
}

static const size_t lengths[] = {
	0, 1, 100, 32767, (256 << 10) - 1, 256 << 10, (256 << 10) + 1,
	1 << 20, (1 << 20) + 5, 2 << 20, 5000000
};
#define LENGTHS (sizeof(lengths) / sizeof(*lengths))

/* Every length comes back, from one thread and several the same. */
static const char *
round_trips(enum zout_method method, int level, const char *command)
{
	const char *skip = NULL;

	for (size_t i = 0; i < LENGTHS; i++) {
		struct zout_result one, many;
		autofd int a = new_file();
		autofd int b = new_file();
		int status;

		compress(a, method, level, 1, lengths[i], 1 << 20, &one);
		check_result(a, lengths[i], &one);
		compress(b, method, level, 3, lengths[i], 70001, &many);
		check_result(b, lengths[i], &many);
		assert(memcmp(&one, &many, sizeof(one)) == 0);
		status = reads_back(command, a, lengths[i]);
		assert(status != 0);
		if (status < 0)
			skip = "the program that reads it is missing";
	}
	return skip;
}

static const char *
gzip_members_come_back(void)
{
	return round_trips(ZOUT_GZIP, 0, "gzip -dc");
}

static const char *
gzip_members_at_level_9_come_back(void)
{
	return round_trips(ZOUT_GZIP, 9, "gzip -dc");
}

static const char *
one_gzip_member_comes_back(void)
{
	return round_trips(ZOUT_GZIP_ONE, 0, "gzip -dc");
}

static const char *
one_gzip_member_at_level_1_comes_back(void)
{
	return round_trips(ZOUT_GZIP_ONE, 1, "gzip -dc");
}

static const char *
zstd_frames_come_back(void)
{
	return round_trips(ZOUT_ZSTD, 0, "zstd -qdc");
}

static const char *
bytes_as_they_are_come_back(void)
{
	return round_trips(ZOUT_NONE, 0, "cat");
}

/* One member, no byte behind it, header without time and name. */
static const char *
one_gzip_member_is_one(void)
{
	struct zout_result r;
	autofd int fd = new_file();
	const uint8_t *data;
	struct err e;
	uint8_t head[10];
	int64_t sum = 0;
	struct zin *z;
	size_t len;
	int status;

	compress(fd, ZOUT_GZIP_ONE, 0, 2, text.len, 4096, &r);
	assert(pread(fd, head, 10, 0) == 10);
	assert(memcmp(head, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10) == 0);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	z = zin_new(fd, 0);
	while ((status = zin_read(z, &data, &len, &e)) > 0)
		sum += (int64_t)len;
	assert(status == 0 && sum == (int64_t)text.len);
	zin_free(z);
	return NULL;
}

static const char *
gzip_headers_have_no_time(void)
{
	struct zout_result r;
	autofd int fd = new_file();
	uint8_t head[10];

	compress(fd, ZOUT_GZIP, 0, 2, text.len, 4096, &r);
	assert(pread(fd, head, 10, 0) == 10);
	assert(memcmp(head, "\x1f\x8b\x08\0\0\0\0\0", 8) == 0);
	assert(head[9] == 255);
	return NULL;
}

static const char *
a_full_disk_is_a_system_error(void)
{
	autofd int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return "no /dev/full";
	for (int method = ZOUT_NONE; method <= ZOUT_ZSTD; method++) {
		struct zout *z = zout_new(fd, "out",
		    (enum zout_method)method, 0, 2);
		struct zout_result r;
		struct err e;
		int status = 0;

		for (int i = 0; i < 3 && status == 0; i++)
			status = zout_write(z, text.data, text.len, &e);
		if (status == 0)
			status = zout_finish(z, &r, &e);
		assert(status == -1 && e.kind == ERR_SYS);
		assert(strcmp(e.code, "no_space") == 0);
		assert(zout_finish(z, &r, &e) == -1);
		zout_free(z);
	}
	return NULL;
}

static const char *
it_can_be_freed_in_mid_stream(void)
{
	autofd int fd = new_file();

	for (int method = ZOUT_NONE; method <= ZOUT_ZSTD; method++) {
		struct zout *z = zout_new(fd, "out",
		    (enum zout_method)method, 0, 2);
		struct err e;

		assert(zout_write(z, text.data, text.len, &e) == 0);
		zout_free(z);
		zout_free(zout_new(fd, "out", (enum zout_method)method, 0,
		    2));
	}
	return NULL;
}

int
main(void)
{
	static const struct {
		const char *name;
		const char *(*run)(void);	/* why it was skipped */
	} tests[] = {
#define T(name) { #name, name }
		T(gzip_members_come_back),
		T(gzip_members_at_level_9_come_back),
		T(one_gzip_member_comes_back),
		T(one_gzip_member_at_level_1_comes_back),
		T(zstd_frames_come_back),
		T(bytes_as_they_are_come_back),
		T(one_gzip_member_is_one),
		T(gzip_headers_have_no_time),
		T(a_full_disk_is_a_system_error),
		T(it_can_be_freed_in_mid_stream),
	};

	make_text();
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		const char *why = tests[i].run();

		printf("%s %s%s%s\n", why != NULL ? "skip" : "ok",
		    tests[i].name, why != NULL ? ": " : "",
		    why != NULL ? why : "");
		fflush(stdout);
	}
	buf_release(&text);
	return 0;
}
