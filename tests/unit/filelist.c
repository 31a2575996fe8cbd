/* filelist.h: fingerprints that only equal lists share, and differences. */
#undef NDEBUG
#include "change/filelist.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void
add(struct filelist *l, const char *path, uint32_t mode, uint8_t id)
{
	struct objid o = { { id } };

	filelist_add(l, path, strlen(path), mode, &o);
}

static bool
same(struct filelist *a, struct filelist *b)
{
	char x[DIGEST_STR], y[DIGEST_STR];

	filelist_sort(a);
	filelist_sort(b);
	filelist_fingerprint(a, x);
	filelist_fingerprint(b, y);
	return strcmp(x, y) == 0;
}

static void
order_does_not_count(void)
{
	struct filelist a = { .n = 0 }, b = { .n = 0 };

	add(&a, "a", FILELIST_FILE, 1);
	add(&a, "b", FILELIST_FILE, 2);
	filelist_add_input(&a, "x", "1");
	filelist_add_input(&a, "y", "2");
	add(&b, "b", FILELIST_FILE, 2);
	add(&b, "a", FILELIST_FILE, 1);
	filelist_add_input(&b, "y", "2");
	filelist_add_input(&b, "x", "1");
	assert(same(&a, &b));
	filelist_release(&a);
	filelist_release(&b);
}

static void
everything_else_does(void)
{
	struct filelist l[8];

	memset(l, 0, sizeof(l));
	add(&l[0], "ab", FILELIST_FILE, 1);
	add(&l[1], "a", FILELIST_FILE, 1);
	add(&l[2], "ab", FILELIST_EXEC, 1);
	add(&l[3], "ab", FILELIST_FILE, 2);
	add(&l[4], "ab", FILELIST_FILE, 1);
	filelist_add_input(&l[4], "a", "bc");
	add(&l[5], "ab", FILELIST_FILE, 1);
	filelist_add_input(&l[5], "ab", "c");
	add(&l[6], "ab", FILELIST_FILE, 1);
	l[6].format = OBJID_SHA256;
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++)
			assert(!same(&l[i], &l[j]));
	for (int i = 0; i < 8; i++)
		filelist_release(&l[i]);
}

static void
a_list_comes_back_as_it_was_kept(void)
{
	struct filelist a = { .format = OBJID_SHA256 }, b;
	struct buf text = BUF_INIT;

	add(&a, "new\nline", FILELIST_LINK, 1);
	add(&a, "= x", FILELIST_MODULE_DIRTY, 2);
	filelist_add_input(&a, "x y", "\"=\"");
	filelist_sort(&a);
	filelist_print(&a, &text);
	assert(filelist_parse(&b, text.data, text.len));
	assert(b.n == 2 && b.ninputs == 1 && same(&a, &b));
	filelist_release(&b);
	/* whatever is cut off or broken */
	for (size_t i = 0; i + 1 < text.len; i++)
		if (filelist_parse(&b, text.data, i)) {
			assert(!same(&a, &b));
			filelist_release(&b);
		}
	filelist_release(&a);
	buf_release(&text);
}

static void
note(void *ctx, const char *kind, const char *path, size_t len)
{
	buf_addf(ctx, "%s %.*s;", kind, (int)len, path);
}

static void
differences_have_kinds(void)
{
	struct filelist a = { .n = 0 }, b = { .n = 0 };
	struct buf said = BUF_INIT;

	add(&a, "gone", FILELIST_FILE, 1);
	add(&a, "mode", FILELIST_FILE, 1);
	add(&a, "same", FILELIST_FILE, 1);
	add(&a, "text", FILELIST_FILE, 1);
	filelist_add_input(&a, "i", "1");
	filelist_add_input(&a, "k", "1");
	add(&b, "mode", FILELIST_EXEC, 1);
	add(&b, "new", FILELIST_FILE, 1);
	add(&b, "same", FILELIST_FILE, 1);
	add(&b, "text", FILELIST_FILE, 2);
	filelist_add_input(&b, "j", "1");
	filelist_add_input(&b, "k", "2");
	filelist_diff(&a, &b, note, &said);
	assert(strcmp(said.data, "deleted gone;mode mode;added new;"
	    "modified text;input i;input j;input k;") == 0);
	buf_release(&said);
	filelist_release(&a);
	filelist_release(&b);
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(order_does_not_count);
	RUN(everything_else_does);
	RUN(a_list_comes_back_as_it_was_kept);
	RUN(differences_have_kinds);
	return 0;
}
