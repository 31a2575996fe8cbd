/* A layout on disk: blobs, names, and what is refused. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/layout.h"

static char root[] = "/tmp/slipway-layout-XXXXXX";

static void
put_file(const char *path, const char *text)
{
	struct err e;

	assert(file_replace(AT_FDCWD, path, text, strlen(text), &e) == 0);
}

static char *
get_file(const char *path)
{
	struct buf b = BUF_INIT;
	struct err e;

	assert(file_slurp(AT_FDCWD, path, path, 1 << 20, &b, &e) == 0);
	return buf_detach(&b);
}

static int entries, files;

static int
count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	(void)type;
	entries++;
	files += S_ISREG(st->st_mode);
	return 0;
}

static int
count_entries(const char *path)
{
	entries = files = 0;
	assert(nftw(path, count_one, 8, FTW_PHYS) == 0);
	return entries;
}

static int
count_files(const char *path)
{
	count_entries(path);
	return files;
}

static void
open_new(struct layout *l, const char *name)
{
	struct err e;

	if (layout_open(l, name, true, &e) < 0) {
		puts(e.msg);
		assert(0);
	}
}

static void
a_new_layout_has_all_its_files_and_nothing_else(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;

	open_new(&l, "new/deep");
	autofree char *version = get_file("new/deep/oci-layout");
	autofree char *index = get_file("new/deep/index.json");
	assert(strcmp(version, "{\"imageLayoutVersion\":\"1.0.0\"}") == 0);
	assert(strcmp(index, "{\"schemaVersion\":2,\"mediaType\":\""
	    DESC_OCI_INDEX "\",\"manifests\":[]}") == 0);
	assert(*l.path == '/');
	assert(count_entries("new/deep") == 5);
}

static const char *
refusal(const char *path, bool create)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	static struct err e;

	assert(layout_open(&l, path, create, &e) < 0);
	assert(e.kind == ERR_CHECK);
	return e.code;
}

static void
what_is_no_layout_is_refused(void)
{
	assert(mkdir("dir", 0777) == 0 && mkdir("empty", 0777) == 0);
	put_file("dir/file", "x");
	put_file("plain", "x");
	assert(strcmp(refusal("missing", false), "layout_not_found") == 0);
	assert(strcmp(refusal("plain", false), "not_a_layout") == 0);
	assert(strcmp(refusal("empty", false), "layout_not_found") == 0);
	assert(strcmp(refusal("dir", true), "not_a_layout") == 0);
	put_file("dir/oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}");
	assert(strcmp(refusal("dir", true), "not_a_layout") == 0);
	assert(strcmp(refusal("dir", false), "not_a_layout") == 0);
}

/* A run that died before its first file was whole left only its litter. */
static void
a_layout_that_was_begun_is_completed(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;

	assert(mkdir("begun", 0777) == 0);
	put_file("begun/.oci-layout.tmp-1-0badcafe", "");
	open_new(&l, "begun");
	assert(count_entries("begun") == 5);
}

static void
a_blob_is_what_its_digest_says_or_refused(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	autobuf struct buf b = BUF_INIT;
	autofree char *path = NULL;
	struct desc d = { .size = 0 };
	struct err e;

	open_new(&l, "blobs");
	assert(layout_blob_put(&l, "hello", 5, &d, &e) == 0 && d.size == 5);
	assert(strcmp(d.digest, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e"
	    "5c1fa7425e73043362938b9824") == 0);
	assert(layout_blob_has(&l, &d, &e) == 1);
	assert(layout_blob_read(&l, &d, 5, &b, &e) == 0 && b.len == 5);
	assert(layout_blob_verify(&l, &d, &e) == 0);
	assert(layout_blob_read(&l, &d, 4, &b, &e) < 0);
	assert(strcmp(e.code, "blob_too_large") == 0);
	path = mem_fmt("blobs/blobs/sha256/%s", d.digest + 7);

	put_file(path, "hellO");
	assert(layout_blob_has(&l, &d, &e) == 1);
	assert(layout_blob_verify(&l, &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "blob_digest_mismatch") == 0);
	assert(layout_blob_read(&l, &d, 5, &b, &e) < 0);
	assert(strcmp(e.code, "blob_digest_mismatch") == 0);
	/* writing it again heals it */
	assert(layout_blob_put(&l, "hello", 5, &d, &e) == 0);
	assert(layout_blob_verify(&l, &d, &e) == 0);

	put_file(path, "hell");
	assert(layout_blob_has(&l, &d, &e) == 0);
	assert(layout_blob_open(&l, &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "blob_size_mismatch") == 0);
	assert(strcmp(e.expected, "5") == 0 && strcmp(e.actual, "4") == 0);

	put_file("elsewhere", "hello");
	assert(unlink(path) == 0);
	assert(symlink("../../../elsewhere", path) == 0);
	assert(layout_blob_open(&l, &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "blob_not_a_file") == 0);
	assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	assert(layout_blob_open(&l, &d, &e) < 0);
	assert(strcmp(e.code, "blob_not_a_file") == 0);
	assert(unlink(path) == 0);
	assert(layout_blob_open(&l, &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "blob_missing") == 0);
}

static void
a_blob_that_is_not_committed_leaves_nothing(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	struct layout_blob b = LAYOUT_BLOB_INIT;
	struct err e;

	open_new(&l, "dropped");
	assert(layout_blob_start(&l, &b, &e) == 0);
	assert(file_write(b.tmp.fd, "x", 1) == 0);
	layout_blob_release(&b);
	assert(count_files("dropped/blobs") == 0);
	/* litter of a run that was killed is swept by the next blob */
	put_file("dropped/blobs/sha256/.blob.tmp-1-00000000", "");
	assert(layout_blob_start(&l, &b, &e) == 0);
	layout_blob_release(&b);
	assert(count_files("dropped/blobs") == 0);
}

static struct desc
blob(struct layout *l, const char *text)
{
	struct desc d = { .media_type = DESC_OCI_MANIFEST };
	struct err e;

	assert(layout_blob_put(l, text, strlen(text), &d, &e) == 0);
	return d;
}

static void
names_are_sorted_and_replaced(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	char previous[DIGEST_STR];
	struct desc one, two, d;
	struct err e;

	open_new(&l, "names");
	one = blob(&l, "one");
	two = blob(&l, "two");
	assert(layout_tag(&l, "b", &one, previous, &e) == 0);
	assert(*previous == '\0');
	assert(layout_find(&l, NULL, &d, &e) == 0);
	assert(strcmp(d.digest, one.digest) == 0);
	assert(layout_tag(&l, "a", &one, previous, &e) == 0);
	assert(layout_tag(&l, "b", &two, previous, &e) == 0);
	assert(strcmp(previous, one.digest) == 0);
	assert(layout_find(&l, "b", &d, &e) == 0);
	assert(strcmp(d.digest, two.digest) == 0 && d.size == 3);
	assert(layout_find(&l, "c", &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "tag_not_found") == 0);
	assert(layout_find(&l, "", &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "tag_ambiguous") == 0);
	assert(layout_tag(&l, "a b", &one, previous, &e) < 0);
	assert(strcmp(e.code, "tag_invalid") == 0 && e.kind == ERR_INPUT);
	autofree char *found = get_file("names/index.json");
	autofree char *want = mem_fmt("{\"schemaVersion\":2,\"mediaType\":\"%s"
	    "\",\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\","
	    "\"size\":3,\"annotations\":{\"org.opencontainers.image.ref.name"
	    "\":\"a\"}},{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":3,"
	    "\"annotations\":{\"org.opencontainers.image.ref.name\":\"b\"}}]}",
	    DESC_OCI_INDEX, DESC_OCI_MANIFEST, one.digest, DESC_OCI_MANIFEST,
	    two.digest);
	assert(strcmp(found, want) == 0);
}

static void
entries_of_others_stay_as_they_are(void)
{
	static const char other[] = "{ \"x\" : 1.0e0, \"mediaType\":\"a/b\"}";
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	char previous[DIGEST_STR];
	struct desc d;
	struct err e;

	open_new(&l, "others");
	d = blob(&l, "one");
	autofree char *index = mem_fmt("{\n \"schemaVersion\" : 2,\n"
	    " \"manifests\": [%s],\n \"annotations\": {\"k\": \"v\"}\n}\n",
	    other);
	put_file("others/index.json", index);
	assert(layout_tag(&l, "t", &d, previous, &e) == 0);
	autofree char *found = get_file("others/index.json");
	assert(strstr(found, other) != NULL);
	assert(strstr(found, "\"annotations\": {\"k\": \"v\"}") != NULL);
	put_file("others/index.json", "{]");
	assert(layout_find(&l, "t", &d, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "layout_invalid") == 0);
}

struct tagger {
	struct layout *layout;
	int n;
};

static void *
tag_often(void *arg)
{
	struct tagger *t = arg;
	char previous[DIGEST_STR], name[32];
	struct desc d = blob(t->layout, "one");
	struct err e;

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "t%d-%d", t->n, i);
		assert(layout_tag(t->layout, name, &d, previous, &e) == 0);
	}
	return NULL;
}

static void
no_name_is_lost_between_threads_and_processes(void)
{
	AUTO(layout_release) struct layout l = LAYOUT_INIT;
	struct tagger t[4];
	pthread_t threads[2];
	pid_t pids[2];
	int status;

	open_new(&l, "busy");
	for (int i = 0; i < 4; i++)
		t[i] = (struct tagger){ &l, i };
	fflush(stdout);
	for (int i = 0; i < 2; i++)
		if ((pids[i] = fork()) == 0) {
			tag_often(&t[i]);
			_exit(0);
		}
	for (int i = 0; i < 2; i++)
		assert(pthread_create(&threads[i], NULL, tag_often,
		    &t[i + 2]) == 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert(waitpid(pids[i], &status, 0) == pids[i]);
		assert(status == 0);
	}
	autofree char *index = get_file("busy/index.json");
	int n = 0;
	for (char *p = index; (p = strstr(p, "ref.name")) != NULL; p++)
		n++;
	assert(n == 80);
	assert(count_files("busy") == 3);
}

static void
places_are_split_as_skopeo_splits_them(void)
{
	static const char *const places[][3] = {
		{ "dir", "dir", NULL }, { "/a/b:1.2", "/a/b", "1.2" },
		{ "dir:", "dir", NULL },
		{ "d:ghcr.io/me/app:1", "d", "ghcr.io/me/app:1" },
	};

	for (size_t i = 0; i < 4; i++) {
		autofree char *dir = NULL, *tag = NULL;

		layout_split(places[i][0], &dir, &tag);
		assert(strcmp(dir, places[i][1]) == 0);
		assert((tag == NULL) == (places[i][2] == NULL));
		assert(tag == NULL || strcmp(tag, places[i][2]) == 0);
	}
}

static void
tags_are_those_that_skopeo_takes(void)
{
	static const char *const good[] = { "1.2", "a", "v1--x", "a+b@c",
		"ghcr.io/me/app:1" };
	static const char *const bad[] = { "", "-a", "a-", "a//b", "a/", "a b",
		"a..b", "a---b", "\xc3\xa9" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert(layout_tag_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert(!layout_tag_valid(bad[i]));
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(a_new_layout_has_all_its_files_and_nothing_else),
		TEST(what_is_no_layout_is_refused),
		TEST(a_layout_that_was_begun_is_completed),
		TEST(a_blob_is_what_its_digest_says_or_refused),
		TEST(a_blob_that_is_not_committed_leaves_nothing),
		TEST(names_are_sorted_and_replaced),
		TEST(entries_of_others_stay_as_they_are),
		TEST(no_name_is_lost_between_threads_and_processes),
		TEST(places_are_split_as_skopeo_splits_them),
		TEST(tags_are_those_that_skopeo_takes),
	};

	assert(mkdtemp(root) != NULL && chdir(root) == 0);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	assert(chdir("/") == 0);
	return file_remove_tree(AT_FDCWD, root) == 0 ? 0 : 1;
}
