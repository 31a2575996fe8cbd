/* ignore.h: what .dockerignore keeps out. */
#undef NDEBUG
#include "build/ignore.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool
excludes(const char *text, const char *path)
{
	struct err e;
	struct ignore *i = ignore_parse("x", text, strlen(text), &e);
	bool out;

	assert(i != NULL);
	out = ignore_excludes(i, path);
	ignore_free(i);
	return out;
}

static void
comments_and_blanks_are_skipped(void)
{
	assert(!excludes("# a\n\n  \n", "a"));
	assert(!excludes("#a\n", "#a"));
	assert(excludes(" #a\n", "#a"));	/* not in the first column */
	assert(excludes("  a \t\r\n", "a"));
	assert(excludes("\xef\xbb\xbf" "a", "a"));
	assert(excludes("a", "a"));
}

static void
patterns_are_shortened(void)
{
	assert(excludes("/a\n", "a"));
	assert(excludes("./a/\n", "a"));
	assert(excludes("b/../a\n", "a"));
	assert(!excludes("../a\n", "a"));
	assert(!excludes(".\n", "a"));
	assert(!excludes("/\n", "a"));
}

static void
a_directory_takes_what_is_in_it_along(void)
{
	assert(excludes("a\n", "a/b/c"));
	assert(excludes("*/b\n", "a/b/c"));
	assert(!excludes("*/c\n", "a/b/c"));
	assert(excludes("**/c\n", "a/b/c"));
	assert(!excludes("a/b\n", "a"));
	assert(!excludes("a\n", "ab"));
}

static void
the_last_match_decides(void)
{
	assert(!excludes("*\n!a\n", "a"));
	assert(excludes("*\n!a\n", "b"));
	assert(!excludes("*\n!a\n", "a/b"));
	assert(excludes("!a\n*\n", "a"));
	assert(!excludes("a\n!a/b\n", "a/b"));
	assert(excludes("a\n!a/b\n", "a/c"));
	assert(excludes("a\n!a/b\na/b/c\n", "a/b/c"));
	assert(!excludes("a\n!  a\n", "a"));
}

static void
faults_name_their_line(void)
{
	struct err e;

	assert(ignore_parse(".dockerignore", "a\n!\n", 4, &e) == NULL);
	assert(e.kind == ERR_INPUT && e.line == 2);
	assert(strcmp(e.msg, ".dockerignore:2: a '!' without a pattern") == 0);
	assert(ignore_parse("x", "[\n", 2, &e) == NULL);
	assert(strcmp(e.msg, "x:1: a malformed pattern") == 0);
	assert(ignore_parse("x", "a\0b", 3, &e) == NULL);
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(comments_and_blanks_are_skipped);
	RUN(patterns_are_shortened);
	RUN(a_directory_takes_what_is_in_it_along);
	RUN(the_last_match_decides);
	RUN(faults_name_their_line);
	return 0;
}
