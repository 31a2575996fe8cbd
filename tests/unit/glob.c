/* glob.h: what matches and what does not. */
#undef NDEBUG
#include "build/glob.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool
match(const char *pattern, const char *name, int flags)
{
	struct glob *g = glob_new(pattern, strlen(pattern), flags);
	bool found;

	assert(g != NULL);
	found = glob_match(g, name, strlen(name));
	glob_free(g);
	return found;
}

static void
wildcards_stop_at_a_slash(void)
{
	assert(match("*", "abc", 0));
	assert(match("*", "", 0));
	assert(!match("*", "a/b", 0));
	assert(match("a*/b", "axx/b", 0));
	assert(!match("a*/b", "a/x/b", 0));
	assert(match("?", "a", 0));
	assert(!match("?", "/", 0));
	assert(!match("?", "", 0));
	assert(match("*.so*", "libx.so.1", 0));
	assert(match("**", "ab", 0));
	assert(!match("**", "a/b", 0));
}

static void
a_question_mark_is_one_character(void)
{
	assert(match("?", "\xc3\xa9", 0));
	assert(match("?\?", "\xc3\xa9x", 0));
	assert(!match("?\?", "\xc3\xa9", 0));
	assert(match("?", "\xff", 0));
	assert(match("[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", 0));
}

static void
classes_are_gos(void)
{
	assert(match("[abc]", "b", 0));
	assert(!match("[abc]", "d", 0));
	assert(match("[a-c]x", "bx", 0));
	assert(match("[^a-c]", "d", 0));
	assert(!match("[^a-c]", "b", 0));
	assert(match("[!a]", "!", 0));
	assert(match("[!a]", "a", 0));
	assert(match("[\\]]", "]", 0));
	assert(match("[\\-x]", "-", 0));
	assert(match("a[[]b", "a[b", 0));
	assert(match("\\*", "*", 0));
	assert(!match("\\*", "x", 0));
}

static void
malformed_patterns_are_refused(void)
{
	static const char *const bad[] = {
		"[", "[]", "[]a]", "[a", "[a-", "[a-]", "[-a]", "[^]", "\\",
		"a\\", "[\\", "[a-\\", "x[", "[a-b-c]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(glob_new(bad[i], strlen(bad[i]), 0) == NULL);
}

static void
two_stars_match_directories(void)
{
	assert(match("**", "a/b/c", GLOB_DEEP));
	assert(match("**/x", "x", GLOB_DEEP));
	assert(match("**/x", "a/b/x", GLOB_DEEP));
	assert(!match("**/x", "ax", GLOB_DEEP));
	assert(match("a/**/b", "a/b", GLOB_DEEP));
	assert(match("a/**/b", "a/1/2/b", GLOB_DEEP));
	assert(match("a/**", "a/1/2", GLOB_DEEP));
	assert(!match("a/**", "a", GLOB_DEEP));
	assert(match("**/*.o", "lib/x/y.o", GLOB_DEEP));
	assert(!match("*/x", "a/b/x", GLOB_DEEP));
}

static void
many_stars_are_no_trap(void)
{
	char pattern[401], name[401];

	for (int i = 0; i < 400; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[399] = 'b';
	pattern[400] = '\0';
	memset(name, 'a', 400);
	name[400] = '\0';
	assert(!match(pattern, name, 0));
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(wildcards_stop_at_a_slash);
	RUN(a_question_mark_is_one_character);
	RUN(classes_are_gos);
	RUN(malformed_patterns_are_refused);
	RUN(two_stars_match_directories);
	RUN(many_stars_are_no_trap);
	return 0;
}
