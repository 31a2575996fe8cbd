/*
 * Strict streams: sound ones of every format come out whole with size and
 * digest of the file, and one fault each is refused.
 */
#undef NDEBUG
#include "codec/zin.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

static struct buf text = BUF_INIT;	/* 3 MB, not very regular */

static void
make_text(void)
{
	uint32_t x = 1;

	while (text.len < 3000000) {
		x = x * 1664525 + 1013904223;
		buf_addf(&text, "%u line %u\n", x >> (x & 15), x >> 28);
	}
}

/* A file of its own with these bytes, at its start. */
static int
file_of(const void *data, size_t len)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0) {
		FILE *f = tmpfile();

		assert(f != NULL && (fd = dup(fileno(f))) >= 0);
		fclose(f);
	}
	assert(file_write(fd, data, len) == 0);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* What command makes of `text`, appended to *out; false where it is not. */
static bool
filter(const char *command, const struct buf *in, struct buf *out)
{
	char line[256], block[1 << 16];
	int fd = file_of(in->data, in->len);
	size_t n, before = out->len;
	FILE *p;

	snprintf(line, sizeof(line), "%s <&%d 2>/dev/null", command, fd);
	assert((p = popen(line, "r")) != NULL);
	while ((n = fread(block, 1, sizeof(block), p)) > 0)
		buf_add(out, block, n);
	n = (size_t)pclose(p);
	close(fd);
	return n == 0 && out->len > before;
}

static int how = ZIN_HASH;	/* of every zin */

/* Read all of fd; *out has the bytes, *e why it failed. */
static int
read_all(int fd, struct buf *out, struct zin **keep, struct err *e)
{
	struct zin *z = *keep = zin_new(fd, how);
	const uint8_t *data;
	size_t len;
	int status;

	err_init(e);
	buf_reset(out);
	while ((status = zin_read(z, &data, &len, e)) > 0) {
		assert(len > 0);
		buf_add(out, data, len);
	}
	return status;
}

static void
check_digest(struct zin *z, const struct buf *file)
{
	uint8_t want[DIGEST_LEN], got[DIGEST_LEN];

	digest_bytes(file->data, file->len, want);
	zin_digest(z, got);
	assert(zin_size(z) == (int64_t)file->len);
	assert(memcmp(want, got, DIGEST_LEN) == 0);
}

static void
good(const struct buf *file, const struct buf *want, enum zin_format format)
{
	autobuf struct buf out = BUF_INIT;
	autofd int fd = file_of(file->data, file->len);
	struct zin *z;
	struct err e;

	if (read_all(fd, &out, &z, &e) < 0) {
		fprintf(stderr, "not ok: %s\n", e.detail);
		assert(0);
	}
	assert(out.len == want->len);
	assert(memcmp(out.data, want->data, out.len) == 0);
	assert(zin_format(z) == format);
	check_digest(z, file);
	assert(zin_drain(z, &e) == 0);
	check_digest(z, file);
	zin_free(z);
}

/* Refused for this reason; size and digest are right all the same. */
static void
bad(const struct buf *file, const char *why)
{
	autobuf struct buf out = BUF_INIT;
	autofd int fd = file_of(file->data, file->len);
	struct zin *z;
	struct err e;

	if (read_all(fd, &out, &z, &e) == 0 || strstr(e.detail, why) == NULL) {
		fprintf(stderr, "not ok: '%s' for '%s'\n", e.detail, why);
		assert(0);
	}
	assert(e.kind == ERR_CHECK && strcmp(e.code, "archive_damaged") == 0);
	assert(zin_drain(z, &e) == 0);
	check_digest(z, file);
	zin_free(z);
}

static void
add(struct buf *to, const struct buf *from)
{
	buf_add(to, from->data, from->len);
}

static const char *
gzip_is_read(void)
{
	autobuf struct buf z = BUF_INIT;
	static const char *const commands[] = {
		"gzip -c", "gzip -1c", "gzip -9c",
		("python3 -c 'import gzip,sys,shutil;shutil.copyfileobj("
		"sys.stdin.buffer,gzip.open(sys.stdout.buffer,\"wb\"))'")
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		buf_reset(&z);
		if (!filter(commands[i], &text, &z))
			return commands[i];
		good(&z, &text, ZIN_GZIP);
	}
	return NULL;
}

static const char *
zstd_and_its_frames_are_read(void)
{
	autobuf struct buf z = BUF_INIT, two = BUF_INIT;

	if (!filter("zstd -qc --check", &text, &z))
		return "no zstd";
	good(&z, &text, ZIN_ZSTD);
	buf_add(&z, "\x5f\x2a\x4d\x18\3\0\0\0abc", 11);	/* skippable */
	assert(filter("zstd -qc -19 --no-check", &text, &z));
	add(&two, &text);
	add(&two, &text);
	good(&z, &two, ZIN_ZSTD);
	buf_addc(&z, 'x');
	bad(&z, "bytes after the end");
	buf_adds(&z, "yyy");
	bad(&z, "bytes after the end");
	buf_truncate(&z, z.len - 5);
	bad(&z, "truncated");
	z.data[1000] ^= 1;
	bad(&z, "zstd stream: ");
	return NULL;
}

static const char *
xz_and_its_streams_are_read(void)
{
	autobuf struct buf z = BUF_INIT, two = BUF_INIT;

	if (!filter("xz -0c", &text, &z))
		return "no xz";
	good(&z, &text, ZIN_XZ);
	buf_add(&z, "\0\0\0\0\0\0\0\0", 8);	/* stream padding */
	assert(filter("xz -0c --check=sha256", &text, &z));
	add(&two, &text);
	add(&two, &text);
	good(&z, &two, ZIN_XZ);
	buf_add(&z, "\0\0\0", 3);
	bad(&z, "xz stream: ");
	buf_addc(&z, 'x');
	bad(&z, "xz stream: ");
	buf_truncate(&z, z.len - 8);
	bad(&z, "truncated");
	z.data[1000] ^= 1;
	bad(&z, "xz stream: ");
	/* check 2 is reserved; header CRC of those flags */
	buf_reset(&z);
	buf_add(&z, "\xfd" "7zXZ\0\0\2", 8);
	for (int i = 0, crc = (int)crc32(0, (const uint8_t *)"\0\2", 2);
	    i < 4; i++)
		buf_addc(&z, (char)((uint32_t)crc >> 8 * i));
	add(&z, &text);
	bad(&z, "unsupported integrity check");
	return NULL;
}

static const char *
xz_that_needs_much_memory_is_refused(void)
{
	autobuf struct buf z = BUF_INIT;

	if (!filter("xz -c --lzma2=preset=0,dict=256MiB", &text, &z))
		return "no xz, or no memory for it";
	bad(&z, "needs more than 128 MiB");
	return NULL;
}

static const char *
zstd_that_needs_much_memory_is_refused(void)
{
	autobuf struct buf z = BUF_INIT;

	/* a frame header with a window of 2^28 bytes */
	buf_add(&z, "\x28\xb5\x2f\xfd\0\x90", 6);
	add(&z, &text);
	bad(&z, "zstd stream: ");
	return NULL;
}

static const char *
plain_bytes_are_read(void)
{
	autobuf struct buf one = BUF_INIT;

	good(&text, &text, ZIN_PLAIN);
	buf_addc(&one, 'x');
	good(&one, &one, ZIN_PLAIN);
	return NULL;
}

static const char *
an_empty_file_is_refused(void)
{
	struct buf empty = BUF_INIT;

	bad(&empty, "the file is empty");
	return NULL;
}

/* A gzip member of `text` with these header bytes behind the first ten. */
static void
member(struct buf *z, unsigned flags, const char *extra, size_t len)
{
	static uint8_t out[4 << 20];
	uint32_t tail[2] = { 0, (uint32_t)text.len };
	z_stream s = { 0 };

	tail[0] = (uint32_t)crc32(0, (const uint8_t *)text.data,
	    (unsigned)text.len);
	assert(deflateInit2(&s, 1, Z_DEFLATED, -15, 8, 0) == Z_OK);
	s.next_in = (uint8_t *)text.data;
	s.avail_in = (unsigned)text.len;
	s.next_out = out;
	s.avail_out = sizeof(out);
	assert(deflate(&s, Z_FINISH) == Z_STREAM_END);
	buf_add(z, "\x1f\x8b\x08", 3);
	buf_addc(z, (char)flags);
	buf_add(z, "\0\0\0\0\0\3", 6);
	buf_add(z, extra, len);
	buf_add(z, out, sizeof(out) - s.avail_out);
	for (int i = 0; i < 8; i++)
		buf_addc(z, (char)(tail[i / 4] >> 8 * (i % 4)));
	deflateEnd(&s);
}

static const char *
gzip_header_fields_are_checked(void)
{
	autobuf struct buf z = BUF_INIT;
	static const char all[] = "\3\0abc" "name\0" "comment";
	uint8_t head[64] = "\x1f\x8b\x08\x1e\0\0\0\0\0\3";
	uint32_t crc;

	memcpy(head + 10, all, sizeof(all));
	crc = (uint32_t)crc32(0, head, 10 + sizeof(all));
	head[10 + sizeof(all)] = (uint8_t)crc;
	head[11 + sizeof(all)] = (uint8_t)(crc >> 8);
	member(&z, 0x1e, (char *)head + 10, sizeof(all) + 2);
	good(&z, &text, ZIN_GZIP);
	z.data[11 + sizeof(all)] ^= 1;
	bad(&z, "wrong header CRC");
	buf_reset(&z);
	member(&z, 4, "\0\0", 2);		/* an empty FEXTRA */
	good(&z, &text, ZIN_GZIP);
	z.data[3] = 0x24;
	bad(&z, "reserved header flags");
	z.data[2] = 7;
	bad(&z, "unknown compression method");
	buf_truncate(&z, 11);
	z.data[2] = 8, z.data[3] = 4;
	bad(&z, "truncated");
	buf_truncate(&z, 2);
	bad(&z, "truncated");
	buf_reset(&z);
	buf_add(&z, "\x1f\x8b\x08\x08\0\0\0\0\0\3", 10);
	while (z.len < 70000)
		buf_addc(&z, 'n');
	bad(&z, "header too long");
	return NULL;
}

static const char *
gzip_members_and_trailers_are_checked(void)
{
	autobuf struct buf z = BUF_INIT;
	size_t len;

	member(&z, 0, "", 0);
	len = z.len;
	good(&z, &text, ZIN_GZIP);
	z.data[len - 1] ^= 1;
	bad(&z, "wrong length");
	z.data[len - 1] ^= 1;
	z.data[len - 5] ^= 0x80;
	bad(&z, "wrong CRC");
	z.data[len - 5] ^= (char)0x80;
	z.data[len / 2] ^= 4;
	bad(&z, "gzip stream: ");
	z.data[len / 2] ^= 4;
	for (size_t cut = 1; cut < 20; cut++) {
		buf_truncate(&z, len - cut);
		bad(&z, "truncated");
		buf_reset(&z);
		member(&z, 0, "", 0);
	}
	buf_addc(&z, '\0');
	bad(&z, "bytes after the end");
	buf_truncate(&z, len);
	member(&z, 0, "", 0);
	bad(&z, "a second member");
	return NULL;
}

static const char *
several_gzip_members_are_read_where_asked_for(void)
{
	autobuf struct buf z = BUF_INIT, two = BUF_INIT;
	size_t len;

	how = ZIN_HASH | ZIN_MEMBERS;
	member(&z, 0, "", 0);
	len = z.len;
	good(&z, &text, ZIN_GZIP);
	member(&z, 8, "name", 5);
	add(&two, &text);
	add(&two, &text);
	good(&z, &two, ZIN_GZIP);
	buf_addc(&z, '\0');
	bad(&z, "bytes after the end");
	z.data[z.len - 1] = 0x1f;
	bad(&z, "truncated");
	buf_truncate(&z, z.len - 2);
	bad(&z, "truncated");
	z.data[len + 1] ^= 1;		/* of the second's magic number */
	bad(&z, "bytes after the end");
	z.data[len + 1] ^= 1;
	z.data[len - 5] ^= 1;		/* of the first's CRC */
	bad(&z, "wrong CRC");
	how = ZIN_HASH;
	return NULL;
}

struct feeder {
	const struct buf *data;
	int fd;
	size_t piece;
};

static void *
feed(void *arg)
{
	struct feeder *f = arg;

	for (size_t i = 0; i < f->data->len; i += f->piece) {
		size_t n = f->data->len - i;

		if (file_write(f->fd, f->data->data + i,
		    n < f->piece ? n : f->piece) < 0)
			break;
		if (i < 20)
			usleep(1000);
	}
	close(f->fd);
	return NULL;
}

static const char *
a_pipe_with_short_reads_is_read(void)
{
	autobuf struct buf z = BUF_INIT, out = BUF_INIT;
	struct feeder f = { &z, -1, 1 };
	pthread_t thread;
	struct zin *in;
	struct err e;
	int fds[2];

	member(&z, 0, "", 0);
	f.piece = 997;
	assert(pipe(fds) == 0);
	f.fd = fds[1];
	assert(pthread_create(&thread, NULL, feed, &f) == 0);
	assert(read_all(fds[0], &out, &in, &e) == 0);
	assert(out.len == text.len);
	check_digest(in, &z);
	zin_free(in);
	pthread_join(thread, NULL);
	close(fds[0]);
	return NULL;
}

static const char *
it_can_be_freed_in_mid_stream(void)
{
	autofd int fd = file_of(text.data, text.len);
	const uint8_t *data;
	struct err e;
	size_t len;
	int fds[2];
	struct zin *z;

	for (int reads = 0; reads < 4; reads++) {
		assert(lseek(fd, 0, SEEK_SET) == 0);
		z = zin_new(fd, 1);
		for (int i = 0; i < reads; i++)
			assert(zin_read(z, &data, &len, &e) == 1);
		zin_free(z);
	}
	/* the thread waits for a pipe to which nobody writes */
	assert(pipe(fds) == 0);
	z = zin_new(fds[0], 1);
	usleep(2000);
	zin_free(z);
	assert(write(fds[1], "hello", 5) == 5);
	z = zin_new(fds[0], 0);
	usleep(2000);
	zin_free(z);
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static const char *
a_drain_covers_the_file_from_any_point(void)
{
	autobuf struct buf z = BUF_INIT;
	struct err e;

	member(&z, 0, "", 0);
	for (int reads = 0; reads < 8; reads++) {
		autofd int fd = file_of(z.data, z.len);
		struct zin *in = zin_new(fd, 1);
		const uint8_t *data;
		size_t len;

		for (int i = 0; i < reads; i++)
			assert(zin_read(in, &data, &len, &e) == 1);
		assert(zin_drain(in, &e) == 0);
		check_digest(in, &z);
		zin_free(in);
	}
	return NULL;
}

static const char *
a_failed_read_is_a_system_error(void)
{
	autofd int dir = open(".", O_RDONLY | O_DIRECTORY);
	int fds[] = { dir, -1 };

	for (size_t i = 0; i < 2; i++) {
		autobuf struct buf out = BUF_INIT;
		struct zin *z;
		struct err e;

		assert(read_all(fds[i], &out, &z, &e) == -1);
		assert(e.kind == ERR_SYS);
		assert(zin_drain(z, &e) == -1 && e.kind == ERR_SYS);
		zin_free(z);
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
		T(gzip_is_read),
		T(zstd_and_its_frames_are_read),
		T(xz_and_its_streams_are_read),
		T(xz_that_needs_much_memory_is_refused),
		T(zstd_that_needs_much_memory_is_refused),
		T(plain_bytes_are_read),
		T(an_empty_file_is_refused),
		T(gzip_header_fields_are_checked),
		T(gzip_members_and_trailers_are_checked),
		T(several_gzip_members_are_read_where_asked_for),
		T(a_pipe_with_short_reads_is_read),
		T(it_can_be_freed_in_mid_stream),
		T(a_drain_covers_the_file_from_any_point),
		T(a_failed_read_is_a_system_error),
	};

	signal(SIGPIPE, SIG_IGN);
	zin_setup();
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
