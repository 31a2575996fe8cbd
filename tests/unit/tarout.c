/*
 * The tar writer: the same bytes each time, read by our scanner and by the
 * tars that are here for what went in.
 */
#undef NDEBUG
#include "codec/tarout.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "codec/tarscan.h"

/* SHA-256 of entries[] as written, with bodies of one-byte pieces */
#define GOLDEN \
    "8d6ade758c17b603391d0ad63b365716fa6be1780c36b53b07726ccc88232641"

static char deep[300], name101[102], unsplit[260], long_link[300];

/* One entry for each way in which a value fits a header or does not. */
static const struct tarout_entry entries[] = {
	{ "d", NULL, '5', 0755, 0, 0, 0, 0 },
	{ "d/file", NULL, '0', 0644, 0, 0, 5, 1700000000 },
	{ "d/größe é", NULL, '0', 0600, 1000, 1000, 0, 0 },
	{ "d/link", "file", '2', 0777, 0, 0, 0, 0 },
	{ "d/hard", "d/file", '1', 0644, 0, 0, 0, 0 },
	{ deep, NULL, '5', 0755, 0, 0, 0, 0 },
	{ name101, NULL, '0', 0644, 0, 0, 513, 0 },
	{ unsplit, NULL, '0', 04755, 4294967294, 2097152, 512, 0 },
	{ "d/late", NULL, '0', 0644, 2097151, 0, 0, 253402300799 },
	{ "d/long", long_link, '2', 0777, 0, 0, 0, 0 },
};
#define COUNT (sizeof(entries) / sizeof(*entries))

static void
make_names(void)
{
	char *p = deep;

	for (int i = 0; i < 5; i++)	/* 5 * 50 bytes: splits */
		p += sprintf(p, "%s%049d", i > 0 ? "/" : "", i);
	memset(name101, 'n', 101);
	memset(unsplit, 'u', 259);
	memcpy(unsplit + 99, "ü", 2);	/* across the end of a name */
	unsplit[150] = '/';
	memset(long_link, 'l', 101);
}

static int
sink(void *ctx, const void *data, size_t len, struct err *e)
{
	struct buf *out = ctx;

	(void)e;
	buf_add(out, data, len);
	return 0;
}

static int
full(void *ctx, const void *data, size_t len, struct err *e)
{
	int *left = ctx;

	(void)data, (void)len;
	return (*left)-- > 0 ? 0 : err_set(e, ERR_SYS, "no_space", "full");
}

static void
body(struct tarout *t, int64_t size, size_t piece)
{
	struct err e;

	for (; size > 0; size -= (int64_t)piece) {
		if ((int64_t)piece > size)
			piece = (size_t)size;
		assert(tarout_data(t, "hello, world, this is a body",
		    piece, &e) == 0);
	}
}

static void
write_all(struct buf *out, size_t piece)
{
	struct tarout t = { .sink = sink, .ctx = out };
	struct err e;

	for (size_t i = 0; i < COUNT; i++) {
		assert(tarout_entry(&t, &entries[i], &e) == 0);
		body(&t, entries[i].size, piece);
	}
	assert(tarout_finish(&t, &e) == 0);
	assert(t.offset == (int64_t)out->len && out->len % 512 == 0);
}

static size_t at;

static int
on_entry(void *ctx, const struct tarscan_entry *n, struct err *e)
{
	const struct tarout_entry *want = &entries[at++];
	size_t len = strlen(want->path);

	(void)ctx, (void)e;
	assert(strncmp(n->path, want->path, len) == 0);
	assert(strcmp(n->path + len, want->type == '5' ? "/" : "") == 0);
	assert(strcmp(n->link, want->link != NULL ? want->link : "") == 0);
	assert(n->type == want->type && n->mode == want->mode);
	assert(n->uid == want->uid && n->gid == want->gid);
	assert(n->size == want->size);
	return 0;
}

static const char *
what_was_written_is_what_the_scanner_reads(void)
{
	static const struct tarscan_ops ops = { .on_entry = on_entry };
	autobuf struct buf out = BUF_INIT;
	struct tarscan *s = tarscan_new(&ops, NULL);
	struct err e;

	write_all(&out, 7);
	at = 0;
	assert(tarscan_feed(s, (uint8_t *)out.data, out.len, &e) == 0);
	assert(tarscan_finish(s, &e) == 0 && at == COUNT);
	tarscan_free(s);
	return NULL;
}

static const char *
the_same_entries_are_the_same_bytes(void)
{
	autobuf struct buf one = BUF_INIT, two = BUF_INIT;
	uint8_t sum[DIGEST_LEN];
	char hex[DIGEST_HEX];

	write_all(&one, 1);
	write_all(&two, 28);
	/* bodies differ with the pieces here, headers do not */
	assert(one.len == two.len && memcmp(one.data, two.data, 1024) == 0);
	buf_reset(&two);
	write_all(&two, 1);
	assert(memcmp(one.data, two.data, one.len) == 0);
	digest_bytes(one.data, one.len, sum);
	digest_format_hex(sum, hex);
	/* other bytes are other digests for everybody: a change of format */
	if (strcmp(hex, GOLDEN) != 0) {
		fprintf(stderr, "not ok: the bytes are now %s\n", hex);
		assert(0);
	}
	return NULL;
}

static const char *
only_what_does_not_fit_has_a_pax_header(void)
{
	for (size_t i = 0; i < COUNT; i++) {
		autobuf struct buf out = BUF_INIT;
		struct tarout t = { .sink = sink, .ctx = &out };
		bool pax = i >= 6;
		struct err e;

		assert(tarout_entry(&t, &entries[i], &e) == 0);
		assert((out.data[156] == 'x') == pax);
		assert(out.len == (pax ? 3 * 512 : 512));
	}
	return NULL;
}

static const char *
a_failed_sink_is_reported(void)
{
	for (int n = 0; n < 12; n++) {
		int left = n, status = 0;
		struct tarout t = { .sink = full, .ctx = &left };
		struct err e;

		status = tarout_entry(&t, &(struct tarout_entry){
		    unsplit, NULL, '0', 0644, 0, 0, 200, 0 }, &e);
		if (status == 0)
			status = tarout_data(&t, long_link, 200, &e);
		if (status == 0)
			status = tarout_finish(&t, &e);
		assert((status == 0) == (n >= 7));
	}
	return NULL;
}

static const char *
listing(const char *command)
{
	autobuf struct buf out = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	char path[] = "tarout-XXXXXX", line[256];
	int fd = mkstemp(path), c;
	struct err e;
	FILE *p;

	err_init(&e);
	write_all(&out, 13);
	assert(fd >= 0 && file_write(fd, out.data, out.len) == 0);
	close(fd);
	for (size_t i = 0; i < COUNT; i++)
		buf_addf(&want, "%s%s\n", entries[i].path,
		    entries[i].type == '5' ? "/" : "");
	snprintf(line, sizeof(line), "f=%s; %s", path, command);
	assert((p = popen(line, "r")) != NULL);
	while ((c = getc(p)) != EOF)
		buf_addc(&got, (char)c);
	c = pclose(p);
	unlink(path);
	if (got.len == 0 && c != 0)
		return "the program is missing";
	if (c != 0 || strcmp(got.data, want.data) != 0) {
		fprintf(stderr, "not ok: %s", got.data);
		assert(0);
	}
	return NULL;
}

static const char *
gnu_tar_lists_it(void)
{
	return listing("LC_ALL=C.UTF-8 tar --quoting-style=literal -tf $f "
	    "2>&1");
}

static const char *
bsdtar_lists_it(void)
{
	return listing("LC_ALL=C.UTF-8 bsdtar -tf $f 2>/dev/null");
}

static const char *
python_lists_it(void)
{
	return listing("python3 -c 'import tarfile,sys\n"
	    "for m in tarfile.open(sys.argv[1]): print(m.name + "
	    "(\"/\" if m.isdir() else \"\"))' $f 2>/dev/null");
}

int
main(void)
{
	static const struct {
		const char *name;
		const char *(*run)(void);	/* why it was skipped */
	} tests[] = {
#define T(name) { #name, name }
		T(what_was_written_is_what_the_scanner_reads),
		T(the_same_entries_are_the_same_bytes),
		T(only_what_does_not_fit_has_a_pax_header),
		T(a_failed_sink_is_reported),
		T(gnu_tar_lists_it),
		T(bsdtar_lists_it),
		T(python_lists_it),
	};

	setenv("PYTHONIOENCODING", "utf-8", 1);
	make_names();
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		const char *why = tests[i].run();

		printf("%s %s%s%s\n", why != NULL ? "skip" : "ok",
		    tests[i].name, why != NULL ? ": " : "",
		    why != NULL ? why : "");
		fflush(stdout);
	}
	return 0;
}
