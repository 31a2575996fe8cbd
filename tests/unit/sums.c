/* What a checksum file says of a file. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/sums.h"

#define A "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define A_UPPER \
	"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
#define B "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"
#define MD5 "5d41402abc4b2a76b9719d911017c592"
#define SHA512 A B

static struct err e;

/* "A", "B", or the failure's code. */
static const char *
find(const char *text, const char *name)
{
	char found[DIGEST_HEX];

	memset(&e, 0, sizeof(e));
	if (sums_find(text, strlen(text), "SUMS", name, found, &e) < 0)
		return e.code;
	return strcmp(found, A) == 0 ? "A" : strcmp(found, B) == 0 ? "B" :
	    found[0] == '\0' ? "none" : "wrong";
}

static void
is(const char *text, const char *name, const char *want)
{
	const char *got = find(text, name);

	if (strcmp(got, want) != 0) {
		printf("%s: %s: got %s, want %s\n", text, name, got, want);
		assert(0);
	}
}

static void
every_tool_s_lines_are_read(void)
{
	static const char *const lines[] = {
		A "  f.tgz", A " *f.tgz", A " f.tgz", A "\tf.tgz",
		A_UPPER "  f.tgz", A "  ./f.tgz", A "  dist/x/f.tgz",
		A " */abs/f.tgz", "SHA256 (f.tgz) = " A,
		"SHA256(f.tgz)= " A, "SHA2-256(f.tgz)= " A,
		"SHA256(dist/f.tgz)= " A_UPPER, "sha256 (./f.tgz) = " A,
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		autofree char *lf = mem_fmt("%s\n", lines[i]);
		autofree char *crlf = mem_fmt("%s  other\r\n\r\n%s\r\n", B,
		    lines[i]);
		autofree char *bom = mem_fmt("\xef\xbb\xbf# sums\n%s",
		    lines[i]);

		is(lines[i], "f.tgz", "A");
		is(lf, "f.tgz", "A");
		is(crlf, "f.tgz", "A");
		is(bom, "f.tgz", "A");
		is(lf, "g.tgz", "checksum_not_listed");
		is(lf, ".tgz", "checksum_not_listed");
	}
}

static void
names_of_any_bytes_are_read(void)
{
	is("\\" A "  a\\nb\\\\c", "a\nb\\c", "A");
	is("\\" A "  a\\rb", "a\rb", "A");
	is("\\SHA256 (a\\nb) = " A, "a\nb", "A");
	is(A "  a\\nb", "a\\nb", "A");
	is(A "  a  b", "a  b", "A");
	is(A "  *star", "*star", "A");
	is(A "  # no comment", "# no comment", "A");
	is("SHA256 (a (b) = c) = " A, "a (b) = c", "A");
	is("SHA256 (f) = " A "\nSHA256 (SHA256 (f) = x) = " B, "f", "A");
	is("\\" A "  a\\tb", "a\tb", "checksums_malformed");
	is("\\" A "  a\\", "a", "checksums_malformed");
}

static void
a_lone_digest_speaks_of_any_file(void)
{
	is(A, "f", "A");
	is(A "\n", "f", "A");
	is(A_UPPER " \r\n\n", "f", "A");
	is("# made by hand\n" A "\n", "f", "A");
	is(A "  -\n", "f", "A");
	is("(stdin)= " A "\n", "f", "A");
	is("SHA2-256(stdin)= " A "\n", "f", "A");
	is(MD5, "f", "checksum_not_listed");
	is(A "  stdin\n", "f", "checksum_not_listed");
	is(A "\n" B "\n", "f", "checksums_malformed");
	assert(e.line == 2 && e.kind == ERR_INPUT);
	is(A "  f\n" B "\n", "f", "checksums_malformed");
	is(B "\n" A "  f\n", "f", "checksums_malformed");
	is(MD5 "\n" A "  f\n", "f", "checksums_malformed");
}

static void
the_name_itself_goes_before_one_in_a_folder(void)
{
	is(B "  debug/f\n" A "  f\n", "f", "A");
	is(A "  ./f\n" B "  debug/f\n", "f", "A");
	is(A "  one/f\n" A_UPPER "  two/f\n", "f", "A");
	is(A "  f\nSHA256 (f) = " A "\n", "f", "A");
}

static void
two_digests_for_a_name_are_refused(void)
{
	is(A "  f\n" A "  g\n" B "  f\n", "f", "checksums_malformed");
	assert(e.kind == ERR_INPUT && e.line == 3);
	assert(strcmp(e.msg,
	    "SUMS:3: another checksum for the same name") == 0);
	assert(strcmp(e.path, "SUMS") == 0);
	is(A "  one/f\n" B "  two/f\n", "f", "checksums_malformed");
	is(A "  f\n" B "  ./f\n", "f", "checksums_malformed");
	/* of somebody else's name they do no harm */
	is(A "  f\n" A "  g\n" B "  g\n", "f", "A");
}

static void
other_hashes_are_no_answer(void)
{
	is(MD5 "  f\n" A "  f\n" SHA512 "  f\n", "f", "A");
	is("MD5 (f) = " MD5 "\nSHA256 (f) = " A "\n", "f", "A");
	is("SHA512 (f) = " SHA512 "\n" A "  g\n", "f", "checksum_not_listed");
	assert(e.kind == ERR_CHECK);
	assert(strcmp(e.msg,
	    "SUMS has no SHA-256 of 'f', only another checksum") == 0);
	/* of the length of SHA-256, and it is not */
	is("SHA512-256 (f) = " A "\n", "f", "checksum_not_listed");
	is("SM3 (f) = " A "\n", "f", "checksum_not_listed");
	is("SHA3-256(f)= " A "\n", "f", "checksum_not_listed");
	is("", "f", "checksum_not_listed");
	assert(strcmp(e.msg, "SUMS has no checksum of 'f'") == 0);
}

static void
what_is_no_checksum_file_is_refused_with_its_line(void)
{
	static const char *const lines[] = {
		"<!DOCTYPE html>", "{\"message\":\"Not Found\"}", "f",
		"2cf24dba  f", A "0  f", A "g  f", A "f", "x" A "  f",
		"SHA256 (f) = 2cf24dba", "SHA256 (f) =" A, "SHA256 (f) " A,
		"SHA256 f = " A, "SHA256 () = " A, "SHA256 (f = " A,
		"SHA 256 (f) = " A, "(", "= ", ")= " A, "(= " A, "\\",
		"\\" A, " " A "  f",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		autofree char *text = mem_fmt(A "  f\n\n%s\n", lines[i]);

		is(lines[i], "f", "checksums_malformed");
		assert(e.line == 1 && e.kind == ERR_INPUT);
		is(text, "f", "checksums_malformed");
		assert(e.line == 3);
	}
	char nul[] = A "  f\0g\n", found[DIGEST_HEX];
	assert(sums_find(nul, sizeof(nul) - 1, "SUMS", "f", found, &e) < 0);
	assert(strcmp(e.code, "checksums_malformed") == 0);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(every_tool_s_lines_are_read),
		TEST(names_of_any_bytes_are_read),
		TEST(a_lone_digest_speaks_of_any_file),
		TEST(the_name_itself_goes_before_one_in_a_folder),
		TEST(two_digests_for_a_name_are_refused),
		TEST(other_hashes_are_no_answer),
		TEST(what_is_no_checksum_file_is_refused_with_its_line),
	};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	return 0;
}
