/*
 * The strict tar scanner: one fault for each archive that must be refused,
 * each named by its detail; and what honest writers make of headers.
 */
#undef NDEBUG
#include "codec/tarscan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/tarhdr.h"

static char seen[1 << 17];	/* what the callbacks saw, as text */
static struct tarscan_entry last;

static void
note(const char *text, size_t len)
{
	size_t have = strlen(seen);

	if (have + len < sizeof(seen)) {
		memcpy(seen + have, text, len);
		seen[have + len] = '\0';
	}
}

static int
on_entry(void *ctx, const struct tarscan_entry *n, struct err *e)
{
	autobuf struct buf line = BUF_INIT;

	(void)ctx, (void)e;
	assert(strlen(n->path) == n->path_len);
	assert(strlen(n->link) == n->link_len);
	buf_addf(&line, "%c %o %lld %s%s%s%s%s\n", n->type, n->mode,
	    (long long)n->size, n->path, n->link[0] != '\0' ? " -> " : "",
	    n->link, n->capability ? " capability" : "",
	    n->sparse ? " sparse" : "");
	note(line.data, line.len);
	last = *n;
	return 0;
}

static int
on_data(void *ctx, const uint8_t *data, size_t len, struct err *e)
{
	(void)ctx, (void)e;
	note((const char *)data, len);
	return 0;
}

static int
on_end(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	note(".\n", 2);
	return 0;
}

/* Scan tar in pieces; the detail of its refusal into *e. */
static int
scan(const struct buf *tar, size_t piece, struct err *e)
{
	static const struct tarscan_ops ops = { on_entry, on_data, on_end };
	struct tarscan *s = tarscan_new(&ops, NULL);
	int status = 0;

	seen[0] = '\0';
	err_init(e);
	for (size_t i = 0; i < tar->len && status == 0; i += piece)
		status = tarscan_feed(s, (const uint8_t *)tar->data + i,
		    tar->len - i < piece ? tar->len - i : piece, e);
	if (status == 0)
		status = tarscan_finish(s, e);
	tarscan_free(s);
	return status;
}

static void
sum(struct tarhdr *h)
{
	snprintf(h->checksum, sizeof(h->checksum), "%06o",
	    tarhdr_checksum(h));
	h->checksum[7] = ' ';
}

static struct tarhdr
header(const char *name, char type, int64_t size)
{
	struct tarhdr h;

	memset(&h, 0, sizeof(h));
	memcpy(h.name, name, strlen(name));
	tarhdr_octal(h.mode, sizeof(h.mode), type == '5' ? 0755 : 0644);
	tarhdr_octal(h.uid, sizeof(h.uid), 0);
	tarhdr_octal(h.gid, sizeof(h.gid), 0);
	tarhdr_octal(h.size, sizeof(h.size), (uint64_t)size);
	tarhdr_octal(h.mtime, sizeof(h.mtime), 0);
	memcpy(h.magic, "ustar\0" "00", sizeof(h.magic));
	h.type = type;
	return h;
}

static void
add_header(struct buf *tar, struct tarhdr h)
{
	sum(&h);
	buf_add(tar, &h, sizeof(h));
}

static void
add_zeros(struct buf *tar, size_t len)
{
	for (; len > 0; len--)
		buf_addc(tar, '\0');
}

static void
add_body(struct buf *tar, const char *body, size_t len)
{
	buf_add(tar, body, len);
	add_zeros(tar, -len & (TARHDR_BLOCK - 1));
}

static void
add(struct buf *tar, const char *name, char type, const char *body,
    size_t len)
{
	add_header(tar, header(name, type, (int64_t)len));
	add_body(tar, body, len);
}

static void
add_text(struct buf *tar, const char *name, char type, const char *body)
{
	add(tar, name, type, body, strlen(body));
}

#define END(tar) add_zeros(tar, 2 * TARHDR_BLOCK)

/* The archive is sound, however it is cut, and the callbacks saw want. */
static void
good(struct buf *tar, const char *want)
{
	static const size_t pieces[] = { 1 << 20, 512, 1, 700, 13 };
	struct err e;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		if (scan(tar, pieces[i], &e) < 0) {
			fprintf(stderr, "not ok: %s\n", e.detail);
			assert(0);
		}
		if (want != NULL && strcmp(seen, want) != 0) {
			fprintf(stderr, "not ok: saw\n%swanted\n%s", seen,
			    want);
			assert(0);
		}
	}
	buf_reset(tar);
}

/* The archive is refused, however it is cut, and the detail says why. */
static void
bad(struct buf *tar, const char *why)
{
	static const size_t pieces[] = { 1 << 20, 512, 1, 700, 13 };
	struct err e;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		if (scan(tar, pieces[i], &e) == 0 ||
		    strstr(e.detail, why) == NULL) {
			fprintf(stderr, "not ok: '%s' for '%s'\n", e.detail,
			    why);
			assert(0);
		}
		assert(e.kind == ERR_CHECK && e.prefix == NULL);
		assert(strcmp(e.code, "archive_damaged") == 0);
		assert(strcmp(e.msg,
		    "tar extraction reported warnings or errors") == 0);
		assert(strncmp(e.detail, "tar byte ", 9) == 0);
	}
	buf_reset(tar);
}

static void
plain_entries_are_read(struct buf *t)
{
	struct tarhdr h;

	add(t, "d/", '5', "", 0);
	add_text(t, "d/f", '0', "hello");
	h = header("d/l", '2', 0);
	memcpy(h.link, "f", 1);
	add_header(t, h);
	add(t, "e", '\0', "", 0);
	END(t);
	good(t, "5 755 0 d/\n.\n0 644 5 d/f\nhello.\n2 644 0 d/l -> f\n.\n"
	    "0 644 0 e\n.\n");
	assert(last.header_offset == 2048 && last.data_offset == 2560);
}

static void
prefix_and_full_fields_are_read(struct buf *t)
{
	struct tarhdr h = header("", '0', 0);

	memset(h.name, 'n', sizeof(h.name));
	memset(h.prefix, 'p', sizeof(h.prefix));
	add_header(t, h);
	END(t);
	good(t, NULL);
	assert(strlen(seen) == 8 + 155 + 1 + 100 + 3);
	/* a GNU header has no prefix: times may stand there, as Go does */
	h = header("n", '0', 0);
	memcpy(h.magic, "ustar  ", 8);
	tarhdr_octal(h.prefix, 12, 01234567);
	tarhdr_octal(h.prefix + 12, 12, 01234567);
	add_header(t, h);
	END(t);
	good(t, "0 644 0 n\n.\n");
}

static void
old_archives_are_read(struct buf *t)
{
	struct tarhdr h = header("d/", '\0', 0);

	memset(h.magic, 0, 8);
	add_header(t, h);
	h = header("f", '\0', 1);
	memset(h.magic, 0, 8);
	memcpy(h.size, "         1 ", 12);
	memcpy(h.mode, "100644 ", 8);
	add_header(t, h);
	add_body(t, "x", 1);
	END(t);
	good(t, "5 644 0 d/\n.\n0 644 1 f\nx.\n");
}

static void
base256_numbers_are_read(struct buf *t)
{
	struct tarhdr h = header("f", '0', 0);

	memcpy(h.size, "\x80\0\0\0\0\0\0\0\0\0\0\3", 12);
	memcpy(h.uid, "\x80\0\0\0\xff\xff\xff\xfe", 8);
	memcpy(h.mtime, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 12);
	add_header(t, h);
	add_body(t, "abc", 3);
	END(t);
	good(t, "0 644 3 f\nabc.\n");
	assert(last.uid == 4294967294);
}

static void
gnu_names_replace_the_headers(struct buf *t)
{
	struct tarhdr h = header("short", '2', 0);

	add(t, "././@LongLink", 'K', "target", 7);
	add(t, "././@LongLink", 'L', "a/long/name", 12);
	memcpy(h.link, "x", 1);
	add_header(t, h);
	add(t, "././@LongLink", 'L', "no NUL", 6);
	add(t, "x", '0', "", 0);
	add(t, "y", '0', "", 0);
	END(t);
	good(t, "2 644 0 a/long/name -> target\n.\n0 644 0 no NUL\n.\n"
	    "0 644 0 y\n.\n");
}

static void
pax_records_replace_the_headers(struct buf *t)
{
	struct tarhdr h = header("short", '2', 0);

	memcpy(h.link, "x", 1);
	add_text(t, "x", 'x', "12 path=új\n" "14 linkpath=t\n"
	    "20 mtime=1234567.89\n" "15 uid=9999999\n"
	    "21 hdrcharset=BINARY\n" "13 LIB.x=yyy\n" "12 comment=\n");
	add_header(t, h);
	add_text(t, "x", 'x', "9 size=3\n");
	add_text(t, "f", '0', "abc");
	END(t);
	good(t, "2 644 0 új -> t\n.\n0 644 3 f\nabc.\n");
}

static void
a_global_comment_is_ignored(struct buf *t)
{
	add_text(t, "pax_global_header", 'g', "16 comment=abcd\n");
	add(t, "f", '0', "", 0);
	END(t);
	good(t, "0 644 0 f\n.\n");
}

static void
capabilities_are_noticed(struct buf *t)
{
	static const char raw[] = "39 SCHILY.xattr.security.capability=\1\0\n";

	add(t, "x", 'x', raw, sizeof(raw) - 1);
	add(t, "f", '0', "", 0);
	add_text(t, "x", 'x',
	    "45 LIBARCHIVE.xattr.security%2Ecapability=AQ\n");
	add(t, "g", '0', "", 0);
	add_text(t, "x", 'x', "26 SCHILY.xattr.user.a=bc\n");
	add(t, "h", '0', "", 0);
	END(t);
	good(t, "0 644 0 f capability\n.\n0 644 0 g capability\n.\n"
	    "0 644 0 h\n.\n");
}

static void
the_caller_sees_odd_types_first(struct buf *t)
{
	struct err e;

	add(t, "f", '7', "", 0);
	add(t, "f", 'M', "", 0);
	assert(scan(t, 1024, &e) < 0);
	assert(strcmp(seen, "7 644 0 f\n.\nM 644 0 f\n") == 0);
	bad(t, "tar byte 512: header: sparse, or of a type");
	add_text(t, "x", 'x', "22 GNU.sparse.major=1\n");
	add(t, "f", '0', "", 0);
	assert(scan(t, 1024, &e) < 0);
	assert(strcmp(seen, "0 644 0 f sparse\n") == 0);
	bad(t, "tar byte 1024: header: sparse");
}

static void
zero_blocks_may_follow_the_end(struct buf *t)
{
	END(t);
	add_zeros(t, 10240 - 1024);
	good(t, "");
	END(t);
	good(t, "");
}

static void
damaged_headers_are_refused(struct buf *t)
{
	struct tarhdr h = header("f", '0', 0);

	sum(&h);
	h.name[0] = 'g';
	buf_add(t, &h, sizeof(h));
	bad(t, "tar byte 0: header: wrong checksum");
	/* the sum with signed bytes, as some early tars took it */
	h = header("\xff", '0', 0);
	snprintf(h.checksum, 8, "%06o", tarhdr_checksum(&h) - 256);
	buf_add(t, &h, sizeof(h));
	bad(t, "wrong checksum");
	h = header("f", '0', 0);
	h.magic[0] = 'U';
	add_header(t, h);
	bad(t, "unknown magic");
	h = header("f", '0', 0);
	h.magic[7] = '1';
	add_header(t, h);
	bad(t, "unknown magic");
	h = header("f", '0', 0);
	memcpy(h.pad, "tar", 4);
	add_header(t, h);
	bad(t, "bytes behind the prefix");
	h = header("f", '0', 0);
	memcpy(h.magic, "ustar  ", 8);
	memcpy(h.prefix, "dir", 3);
	add_header(t, h);
	bad(t, "unknown bytes in the GNU fields");
}

static void
bytes_behind_a_nul_are_refused(struct buf *t)
{
	struct tarhdr h = header("f", '0', 0);

	h.name[99] = 'x';
	add_header(t, h);
	bad(t, "behind the NUL in the name");
	h = header("f", '2', 0);
	memcpy(h.link, "a\0b", 3);
	add_header(t, h);
	bad(t, "behind the NUL in the link name");
	h = header("f", '0', 0);
	memcpy(h.prefix, "a\0b", 3);
	add_header(t, h);
	bad(t, "behind the NUL in the prefix");
	h = header("f", '0', 0);
	memcpy(h.uname, "a\0b", 3);
	add_header(t, h);
	bad(t, "behind the NUL in the owner's name");
}

static void
malformed_numbers_are_refused(struct buf *t)
{
	struct tarhdr h = header("f", '0', 0);

	memcpy(h.size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    12);
	add_header(t, h);
	bad(t, "negative size");
	h = header("f", '0', 0);
	memcpy(h.size, "-0000000001", 12);
	add_header(t, h);
	bad(t, "malformed size");
	memcpy(h.size, "00000000008", 12);
	add_header(t, h);
	bad(t, "malformed size");
	memcpy(h.size, "0000001\0" "001", 12);
	add_header(t, h);
	bad(t, "malformed size");
	memcpy(h.size, "\x80\0\0\1\0\0\0\0\0\0\0\0", 12);
	add_header(t, h);
	bad(t, "malformed size");
	memcpy(h.size, "\x80\0\0\0\x7f\0\0\0\0\0\0\0", 12);
	add_header(t, h);
	bad(t, "size too large");
	h = header("f", '0', 0);
	memcpy(h.mode, "rw-r--r", 8);
	add_header(t, h);
	bad(t, "malformed mode");
	h = header("f", '0', 0);
	memcpy(h.uid, "x", 2);
	add_header(t, h);
	bad(t, "malformed owner");
	h = header("f", '0', 0);
	memcpy(h.mtime, "x", 2);
	add_header(t, h);
	bad(t, "malformed time");
}

static void
lying_bodies_are_refused(struct buf *t)
{
	add_text(t, "d/", '5', "x");
	bad(t, "a directory with a body");
	add_text(t, "l", '2', "x");
	bad(t, "a symlink with a body");
	add_text(t, "l", '1', "x");
	bad(t, "a link or device with a body");
	add_text(t, "f/", '0', "x");
	bad(t, "the name of what is no directory");
	add(t, "f/", '\0', "", 0);
	bad(t, "the name of what is no directory");
	add(t, "l/", '2', "", 0);
	bad(t, "the name of what is no directory");
	add_text(t, "x", 'x', "12 path=ff/\n");
	add(t, "f", '0', "", 0);
	bad(t, "the name of what is no directory");
}

static void
repeated_records_are_refused(struct buf *t)
{
	add(t, "L", 'L', "a", 2);
	add(t, "L", 'L', "b", 2);
	bad(t, "tar byte 1024: header: repeated GNU long name");
	add(t, "K", 'K', "a", 2);
	add(t, "K", 'K', "b", 2);
	bad(t, "repeated GNU long link");
	add_text(t, "x", 'x', "9 path=a\n");
	add_text(t, "x", 'x', "9 path=b\n");
	bad(t, "repeated pax header");
	add_text(t, "x", 'x', "9 path=a\n");
	add(t, "L", 'L', "b", 2);
	bad(t, "a GNU long name and a pax header");
	add(t, "L", 'L', "b", 2);
	add_text(t, "x", 'x', "9 path=a\n");
	bad(t, "a GNU long name and a pax header");
	add(t, "L", 'L', "b", 2);
	add_text(t, "g", 'g', "12 comment=\n");
	bad(t, "between a header and its entry");
	add(t, "L", 'L', "b", 2);
	END(t);
	bad(t, "the archive ends behind a long name");
}

static void
damaged_records_are_refused(struct buf *t)
{
	static const struct {
		const char *pax, *why;
		size_t len;		/* where it holds NULs */
	} cases[] = {
		{ "9 path=a\n9 path=b\n", "byte 521: pax header: a keyword "
		    "is given twice", 0 },
		{ "15 x.y=1\n", "a record is longer", 0 },
		{ "0 path=a\n", "starts with 0", 0 },
		{ "09 path=a\n", "starts with 0", 0 },
		{ "8 path=a\n", "malformed record", 0 },
		{ "path=a\n", "malformed record", 0 },
		{ "99999999999999999999999 p=a\n", "is longer", 0 },
		{ "5 =a\n", "without a keyword", 0 },
		{ "7 path\n", "without a keyword", 0 },
		{ "8 pathx\n", "without a keyword", 0 },
		{ "12 path=a\0b\n", "NUL in a value", 12 },
		{ "8 a.\0=b\n", "NUL in a keyword", 8 },
		{ "8 path=\n", "empty path", 0 },
		{ "13 linkpath=\n", "empty path", 0 },
		{ "11 size=-1\n", "malformed number", 0 },
		{ "11 size=1.\n", "malformed number", 0 },
		{ "9 size=2\n", "differs", 0 },
		{ "8 foo=1\n", "unknown keyword", 0 },
		{ "19 hdrcharset=UTF8\n", "unknown hdrcharset", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = cases[i].len > 0 ? cases[i].len :
		    strlen(cases[i].pax);

		add(t, "x", 'x', cases[i].pax, len);
		add_text(t, "f", '0', "a");
		END(t);
		bad(t, cases[i].why);
	}
	add(t, "x", 'x', "", 0);
	add(t, "f", '0', "", 0);
	bad(t, "no records");
	add_text(t, "g", 'g', "9 path=a\n");
	bad(t, "more than a comment");
	add(t, "L", 'L', "a\0b", 4);
	bad(t, "NUL in a GNU long name");
	add(t, "L", 'L', "a\0", 3);
	bad(t, "NUL in a GNU long name");
	add(t, "L", 'L', "", 1);
	bad(t, "empty GNU long name");
	add(t, "L", 'L', "", 0);
	add(t, "f", '0', "", 0);
	bad(t, "empty GNU long name");
}

static void
endless_metadata_is_refused(struct buf *t)
{
	autofree char *big = mem_zero(1, 70000);
	autobuf struct buf pax = BUF_INIT;

	memset(big, 'a', 69999);
	add(t, "L", 'L', big, 70000);
	bad(t, "over 64 KiB");
	add(t, "L", 'L', big, 40000);
	add(t, "K", 'K', big, 40000);
	bad(t, "tar byte 40960: header: long names and pax headers of over");
	for (int i = 0; i < 300; i++)
		buf_addf(&pax, "9 a.%03d=\n", i);
	add(t, "x", 'x', pax.data, pax.len);
	bad(t, "too many records");
}

static void
a_pax_size_counts_only_over_the_header(struct buf *t)
{
	struct err e;

	add_text(t, "x", 'x', "19 size=9663676416\n");
	add(t, "f", '0', "", 0);
	assert(scan(t, 512, &e) < 0);
	assert(strcmp(seen, "0 644 9663676416 f\n") == 0);
	bad(t, "within a body");
	add_text(t, "x", 'x', "19 size=9663676416\n");
	add(t, "f", '0', "abc", 3);
	bad(t, "the pax size differs");
	add_text(t, "x", 'x', "28 size=9000000000000000000\n");
	add(t, "f", '0', "", 0);
	bad(t, "size too large");
}

static void
archives_without_an_end_are_refused(struct buf *t)
{
	bad(t, "without an end of archive");
	add_text(t, "f", '0', "abc");
	bad(t, "tar byte 1024: the stream ends: without an end");
	add_text(t, "f", '0', "abc");
	buf_truncate(t, 600);
	bad(t, "behind a body");
	add_text(t, "f", '0', "abc");
	buf_truncate(t, 514);
	bad(t, "within a body");
	add_text(t, "f", '0', "abc");
	buf_truncate(t, 100);
	bad(t, "within a header");
	add(t, "L", 'L', "abc", 4);
	buf_truncate(t, 514);
	bad(t, "within a long name");
	add_zeros(t, 512);
	bad(t, "with one zero block");
	add_zeros(t, 512);
	add(t, "f", '0', "", 0);
	bad(t, "one zero block, and then another header");
	END(t);
	add_zeros(t, 100);
	bad(t, "a part of a block");
	END(t);
	add(t, "f", '0', "", 0);
	bad(t, "tar byte 1024: end of archive: bytes that are not zero");
	END(t);
	add_zeros(t, 600);
	buf_addc(t, 'x');
	bad(t, "tar byte 1624: end of archive: bytes that are not zero");
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(struct buf *t);
	} tests[] = {
#define T(name) { #name, name }
		T(plain_entries_are_read),
		T(prefix_and_full_fields_are_read),
		T(old_archives_are_read),
		T(base256_numbers_are_read),
		T(gnu_names_replace_the_headers),
		T(pax_records_replace_the_headers),
		T(a_global_comment_is_ignored),
		T(capabilities_are_noticed),
		T(the_caller_sees_odd_types_first),
		T(zero_blocks_may_follow_the_end),
		T(damaged_headers_are_refused),
		T(bytes_behind_a_nul_are_refused),
		T(malformed_numbers_are_refused),
		T(lying_bodies_are_refused),
		T(repeated_records_are_refused),
		T(damaged_records_are_refused),
		T(endless_metadata_is_refused),
		T(a_pax_size_counts_only_over_the_header),
		T(archives_without_an_end_are_refused),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		autobuf struct buf t = BUF_INIT;

		tests[i].run(&t);
		printf("ok %s\n", tests[i].name);
		fflush(stdout);
	}
	return 0;
}
