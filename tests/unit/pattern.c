/* pattern.h: what one pattern means, and what it does not. */
#undef NDEBUG
#include "change/pattern.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool
match(const char *text, const char *path, bool folder)
{
	struct pattern p;
	struct err e;
	bool found;

	assert(pattern_parse(&p, text, &e) == 0);
	found = pattern_match(&p, path, strlen(path), folder);
	pattern_release(&p);
	return found;
}

static bool
below(const char *text, const char *folder)
{
	struct pattern p;
	struct err e;
	bool found;

	assert(pattern_parse(&p, text, &e) == 0);
	found = pattern_below(&p, folder, strlen(folder));
	pattern_release(&p);
	return found;
}

static void
a_slash_anchors_at_the_root(void)
{
	assert(match("a", "a", false));
	assert(match("a", "x/a", false));
	assert(!match("/a", "x/a", false));
	assert(match("/a", "a", false));
	assert(!match("x/a", "y/x/a", false));
	assert(match("x/a", "x/a", false));
	assert(!match("a", "ab", false));
	assert(!match("a", "a/b", false));
}

static void
a_slash_at_the_end_is_a_folder(void)
{
	assert(match("a/", "x/a", true));
	assert(!match("a/", "x/a", false));
	assert(!match("/a/", "x/a", true));
	assert(match("/a/", "a", true));
}

static void
stars_stop_at_a_slash(void)
{
	assert(match("*.c", "x/y.c", false));
	assert(match("/*.c", "y.c", false));
	assert(!match("/*.c", "x/y.c", false));
	assert(match("a/*/c", "a/b/c", false));
	assert(!match("a/*/c", "a/b/b/c", false));
	assert(match("a*", "a", false));
	assert(match("*a*b*", "xaxbx", false));
	assert(!match("*a*b*", "xbxax", false));
	assert(!match("/a?c", "a/c", false));
	assert(match("a?c", "abc", false));
	assert(match("a**c", "abbc", false));
	assert(!match("/a**c", "a/c", false));
}

static void
two_stars_are_folders(void)
{
	assert(match("**/a", "a", false));
	assert(match("**/a", "x/y/a", false));
	assert(match("a/**/b", "a/b", false));
	assert(match("a/**/b", "a/x/y/b", false));
	assert(!match("a/**/b", "ab", false));
	assert(match("a/**", "a/x/y", false));
	assert(!match("a/**", "a", true));
	assert(match("**", "a/b", false));
	assert(match("a/**/*.c", "a/b/c/d.c", false));
	assert(match("**/x/**/y", "x/x/z/y", false));
	assert(!match("**/x/**/z", "x/x/z/y", false));
}

static void
classes_and_escapes(void)
{
	assert(match("a[b-d]e", "ace", false));
	assert(!match("a[!b-d]e", "ace", false));
	assert(match("a[^b-d]e", "axe", false));
	assert(match("[]]", "]", false));
	assert(match("[]-a]", "_", false));
	assert(match("[a-]", "-", false));
	assert(match("[\\]]", "]", false));
	assert(match("[[:digit:]x]", "7", false));
	assert(match("[[:digit:]x]", "x", false));
	assert(!match("[[:upper:]]", "a", false));
	assert(!match("/a[/]b", "a/b", false));
	/* as git's wildmatch.c, to the letter */
	assert(match("[a-[:alpha:]]", "a]", false));
	assert(match("[a-[:alpha:]]", "p]", false));
	assert(!match("[a-[:alpha:]]", "q", false));
	assert(match("[[:a]b:]", ":b:]", false));
	assert(match("[b-a]", "b", false));
	assert(!match("[b-a]", "a", false));
	assert(match("[[:alpha:]-z]", "-", false));
	assert(match("\\*", "*", false));
	assert(!match("\\*", "a", false));
	assert(match("\\#a", "#a", false));
	assert(match("\\!a", "!a", false));
	assert(match("\\\\[a]", "\\a", false));
	assert(match("\xff*", "\xff\xfe", false));
}

static void
trailing_spaces_do_not_count(void)
{
	assert(match("a  ", "a", false));
	assert(!match("a\\ ", "a", false));
	assert(match("a\\ ", "a ", false));
	assert(match("a b", "a b", false));
	assert(match(" a", " a", false));
}

static void
malformed_patterns_are_refused(void)
{
	static const char *const bad[] = {
		"", "/", "!", "!/", "#a", "[", "a[b", "[!]", "a\\", " ",
		"a[b/c",
	};
	struct pattern p;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert(pattern_parse(&p, bad[i], &e) < 0);
		assert(strcmp(e.code, "pattern_invalid") == 0);
	}
}

static void
what_can_not_be_below_is_known(void)
{
	assert(below("a", "x/y"));
	assert(below("/a/b", ""));
	assert(below("/a/b", "a"));
	assert(!below("/a/b", "a/b"));
	assert(!below("/a/b", "ab"));
	assert(!below("/a/b", "b"));
	assert(!below("/a/b/", "a/bc"));
	assert(below("/a/*/c", "a/x"));
	assert(below("/a*/c", "abc"));
	assert(!below("/a*/c", "b"));
	assert(below("**/c", "x/y"));
}

static void
many_stars_are_no_trap(void)
{
	char pattern[604], path[601];

	for (int i = 0; i < 600; i += 4)
		memcpy(pattern + i, "**/a", 4);
	for (int i = 3; i < 600; i += 4)
		pattern[i] = 'a';
	for (int i = 4; i < 600; i += 4)
		memcpy(pattern + i - 1, "/**/", 4);
	memcpy(pattern + 599, "/b", 3);
	for (int i = 0; i < 600; i++)
		path[i] = i % 2 == 0 ? 'a' : '/';
	path[599] = '\0';
	assert(!match(pattern, path, false));
	memset(pattern, '*', 600);
	for (int i = 1; i < 600; i += 2)
		pattern[i] = 'a';
	memcpy(pattern + 599, "b", 2);
	memset(path, 'a', 600);
	path[600] = '\0';
	assert(!match(pattern, path, false));
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(a_slash_anchors_at_the_root);
	RUN(a_slash_at_the_end_is_a_folder);
	RUN(stars_stop_at_a_slash);
	RUN(two_stars_are_folders);
	RUN(classes_and_escapes);
	RUN(trailing_spaces_do_not_count);
	RUN(malformed_patterns_are_refused);
	RUN(what_can_not_be_below_is_known);
	RUN(many_stars_are_no_trap);
	return 0;
}
