/* tree.h, transfer.h and path.h: files in memory, and copies of them. */
#undef NDEBUG
#include "build/tree.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/list.h"
#include "build/path.h"
#include "build/transfer.h"

static struct err e;

/* Make what spec says: "a/b/" a directory, "a/b" a file, "a>t" a link. */
static struct tree_node *
make(struct tree *t, const char *spec)
{
	autofree char *copy = mem_str(spec);
	char *link = strchr(copy, '>'), *slash;
	struct tree_node *dir, *n;
	bool is_dir;

	if (link != NULL)
		*link++ = '\0';
	is_dir = copy[strlen(copy) - 1] == '/';
	if (is_dir) {
		copy[strlen(copy) - 1] = '\0';
		assert(tree_mkdirs(t, copy, 0, 0, &n, &e) == 0);
		return n;
	}
	slash = strrchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	assert(tree_mkdirs(t, slash != NULL ? copy : "", 0, 0, &dir, &e) == 0);
	n = tree_add(dir, slash != NULL ? slash + 1 : copy,
	    strlen(slash != NULL ? slash + 1 : copy),
	    link != NULL ? TREE_LINK : TREE_FILE);
	if (link != NULL)
		tree_set_link(n, link, strlen(link));
	return n;
}

static const char *
where(struct tree *t, const char *path)
{
	static char text[256];
	autobuf struct buf real = BUF_INIT;
	struct tree_node *n;
	int rc = tree_resolve(t, path, &real, &n, &e);

	snprintf(text, sizeof(text), "%s%s", rc < 0 ? "!" : rc > 0 ? "+" : "-",
	    rc < 0 ? e.code : real.data);
	return text;
}

static void
paths_are_cleaned(void)
{
	static const char *const all[][2] = {
		{ "", "" }, { "/", "" }, { "a//b/./c/", "a/b/c" },
		{ "../../a", "a" }, { "a/../../b", "b" }, { "a/..", "" },
		{ "/a/b/../c", "a/c" }, { "...", "..." },
	}, *const shorter[][2] = {
		{ "", "." }, { "/", "/" }, { "../a", "../a" },
		{ "a/../../b", "../b" }, { "../../a/..", "../.." },
		{ "./a/", "a" }, { "/../a", "/a" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		autofree char *p = path_clean(all[i][0]);

		assert(strcmp(p, all[i][1]) == 0);
	}
	for (size_t i = 0; i < sizeof(shorter) / sizeof(*shorter); i++) {
		autofree char *p = path_shorten(shorter[i][0]);

		assert(strcmp(p, shorter[i][1]) == 0);
	}
	autofree char *a = path_from("/x/y", "../z"), *b = path_from("/x", "/z");
	assert(strcmp(a, "x/z") == 0 && strcmp(b, "z") == 0);
}

static void
children_are_sorted_in_whatever_order_they_come(void)
{
	static const char *const names[] = { "m", "a", "z", "b", "y", "aa",
	    "n", "zz", "c" };
	struct tree t;
	struct tree_node *n;

	tree_init(&t, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		make(&t, names[i]);
	for (size_t i = 1; i < t.root->nkids; i++)
		assert(strcmp(t.root->kids[i - 1]->name,
		    t.root->kids[i]->name) < 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert(tree_child(t.root, names[i], strlen(names[i]), &n,
		    &e) == 1);
	assert(tree_child(t.root, "ab", 2, &n, &e) == 0);
	tree_remove(t.root->kids[0]);
	assert(tree_child(t.root, "a", 1, &n, &e) == 0);
	assert(tree_child(t.root, "aa", 2, &n, &e) == 1);
	tree_release(&t);
}

static void
links_stay_inside(void)
{
	struct tree t;
	struct tree_node *n;

	tree_init(&t, NULL, NULL);
	make(&t, "usr/bin/sh");
	make(&t, "bin>usr/bin");
	make(&t, "abs>/usr/bin/sh");
	make(&t, "up>../../../../usr");
	make(&t, "loop>loop");
	make(&t, "dangling>/no/where");
	make(&t, "dir/rel>../usr");
	assert(strcmp(where(&t, "bin/sh"), "+usr/bin/sh") == 0);
	assert(strcmp(where(&t, "abs"), "+usr/bin/sh") == 0);
	assert(strcmp(where(&t, "up/bin/new"), "-usr/bin/new") == 0);
	assert(strcmp(where(&t, "dangling"), "-no/where") == 0);
	assert(strcmp(where(&t, "dangling/../x"), "-no/x") == 0);
	assert(strcmp(where(&t, "new/../usr"), "+usr") == 0);
	assert(strcmp(where(&t, "dir/rel/bin/sh"), "+usr/bin/sh") == 0);
	assert(strcmp(where(&t, "loop"), "!symlink_loop") == 0);
	assert(strcmp(where(&t, "abs/x"), "!not_a_directory") == 0);
	assert(tree_lookup(&t, "abs/x", true, &n, &e) == 0);
	assert(tree_lookup(&t, "bin", false, &n, &e) == 1 &&
	    n->type == TREE_LINK);
	assert(tree_lookup(&t, "bin", true, &n, &e) == 1 &&
	    n->type == TREE_DIR);
	tree_release(&t);
}

/* COPY sources... dest, as a test line: what was touched, or the code. */
static const char *
copy(struct tree *from, struct tree *to, const char *line)
{
	static char text[1024];
	AUTO(list_release) struct list words = LIST_INIT;
	autofree char *parts = mem_str(line);
	char *rest = parts, *word;
	struct list sources;
	struct transfer tr = { .from = from, .to = to, .sources = &sources,
	    .workdir = "/w", .where = "the context" };

	while ((word = strsep(&rest, " ")) != NULL)
		list_add(&words, word);
	assert(words.items != NULL);
	sources = words;
	sources.n--;
	tr.dest = words.items[words.n - 1];
	tree_touched_clear(to);
	if (transfer_run(&tr, &e) < 0)
		return e.code;
	*text = '\0';
	for (size_t i = 0; i < to->ntouched; i++) {
		autobuf struct buf b = BUF_INIT;

		tree_path(to->touched[i], &b);
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i > 0 ? " " : "", b.data);
	}
	return text;
}

static void
copies(const char *line, const char *want)
{
	struct tree from, to;
	const char *got;

	tree_init(&from, NULL, NULL);
	tree_init(&to, NULL, NULL);
	make(&from, "f");
	make(&from, "g");
	make(&from, "d/x");
	make(&from, "d/s/y");
	make(&from, "l>f");
	make(&from, "dl>d");
	make(&from, "dang>no");
	make(&from, "w/.wh.x");
	make(&to, "etc/conf");
	make(&to, "bin>usr/bin");
	make(&to, "usr/bin/");
	make(&to, "s>etc");
	make(&to, "new>made/here");
	got = copy(&from, &to, line);
	if (strcmp(got, want) != 0) {
		fprintf(stderr, "COPY %s: '%s', not '%s'\n", line, got, want);
		abort();
	}
	tree_release(&from);
	tree_release(&to);
}

static void
copies_go_where_docker_puts_them(void)
{
	copies("f /a", "a");
	copies("f /a/", "a a/f");
	copies("f a", "w w/a");
	copies("f .", "w w/f");
	copies("f /etc", "etc/f");
	copies("f /etc/conf", "etc/conf");
	copies("f /bin/", "usr/bin/f");
	copies("f /bin/x", "usr/bin/x");
	copies("f /new", "made made/here");
	copies("../../f /a", "a");
	copies("d /n", "n n/s n/s/y n/x");
	copies("d /etc", "etc/s etc/s/y etc/x");
	copies("dl /n", "n n/s n/s/y n/x");
	copies("dl/x /n", "n");
	copies("l /n", "n");
	copies("f g /n/", "n n/f n/g");
	copies("[fg] /n/", "n n/f n/g");
	copies("*/x /n/", "n n/x");
	copies("no* /n/", "");
	copies("d/n* /n", "");
}

static void
copies_that_can_not_be(void)
{
	copies("f g /n", "destination_invalid");
	copies("[fg] /n", "destination_invalid");
	copies("no /n", "not_found");
	copies("dang /n", "not_found");
	copies("d/x/y /n", "not_found");
	copies("f /etc/conf/", "not_a_directory");
	copies("f /etc/conf/x", "not_a_directory");
	copies("d /", "not_a_directory");
	copies("w /", "whiteout_name");
	copies("[ /n", "pattern_invalid");
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(paths_are_cleaned);
	RUN(children_are_sorted_in_whatever_order_they_come);
	RUN(links_stay_inside);
	RUN(copies_go_where_docker_puts_them);
	RUN(copies_that_can_not_be);
	return 0;
}
