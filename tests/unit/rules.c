/* rules.h: of all patterns that match, the last one decides. */
#undef NDEBUG
#include "change/rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The last pattern of the list is followed by NULL. */
static bool
in(const char *path, const char *first, ...)
{
	struct rules r = { .n = 0 };
	struct err e;
	bool found;
	va_list ap;

	va_start(ap, first);
	for (const char *p = first; p != NULL; p = va_arg(ap, const char *))
		assert(rules_add(&r, p, &e) == 0);
	va_end(ap);
	found = rules_takes(&r, rules_decide(&r, path, strlen(path), false));
	rules_release(&r);
	return found;
}

static void
a_folder_holds_what_is_below(void)
{
	assert(in("a/b/c", "/a/", NULL));
	assert(in("a/b/c", "b", NULL));
	assert(!in("ab/c", "/a/", NULL));
	assert(!in("x", "/a/", NULL));
	assert(!in("x", "!x", NULL));
}

static void
the_last_match_wins(void)
{
	assert(!in("docs/x.md", "*", "!*.md", NULL));
	assert(in("docs/x.md", "!*.md", "*", NULL));
	assert(!in("docs/gen/x", "/docs/", "!/docs/gen/", NULL));
	assert(in("docs/gen/x", "!/docs/gen/", "/docs/", NULL));
}

static void
something_comes_back_below_an_excluded_folder(void)
{
	assert(in("docs/gen/x", "/docs/", "!/docs/gen/", "/docs/gen/x", NULL));
	assert(!in("docs/gen/y", "/docs/", "!/docs/gen/", "/docs/gen/x",
	    NULL));
	assert(in("a/b/c/d", "!/a/", "/a/b/", "!/a/b/c/", "d", NULL));
}

static void
folders_that_nothing_is_in_are_known(void)
{
	struct rules r = { .n = 0 };
	struct rules_at root, a, x, b;
	struct err e;

	assert(rules_add(&r, "/a/b/", &e) == 0);
	assert(rules_add(&r, "!/a/b/c", &e) == 0);
	root = rules_enter(&r, NULL, "", 0);
	assert(root.may && root.live);
	a = rules_enter(&r, &root, "a", 1);
	assert(a.may && a.live && a.last == -1);
	x = rules_enter(&r, &root, "x", 1);
	assert(!x.may && !x.live);
	b = rules_enter(&r, &a, "a/b", 3);
	assert(b.may && b.live && b.last == 0);
	assert(rules_find(&r, &b, "a/b/c", 5, false) == 1);
	assert(rules_find(&r, &b, "a/b/d", 5, false) == 0);
	rules_release(&r);
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(a_folder_holds_what_is_below);
	RUN(the_last_match_wins);
	RUN(something_comes_back_below_an_excluded_folder);
	RUN(folders_that_nothing_is_in_are_known);
	return 0;
}
