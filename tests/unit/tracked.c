/* tracked.h: what stat data prove, and what they do not. */
#undef NDEBUG
#include "change/tracked.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "change/filelist.h"

/* An index of 100.5 s, and a file that it calls clean. */
static void
sound(struct tracked_list *l, struct tracked *t, struct stat *st)
{
	*l = (struct tracked_list){ .filemode = true, .symlinks = true,
		.trustctime = true, .written = { 100, 500 } };
	*t = (struct tracked){ .mode = FILELIST_FILE,
		.st = { 90, 1, 80, 2, 5, 6, 7, 8 } };
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFREG | 0644;
	st->st_ctim = (struct timespec){ 90, 1 };
	st->st_mtim = (struct timespec){ 80, 2 };
	st->st_ino = 5;
	st->st_uid = 6;
	st->st_gid = 7;
	st->st_size = 8;
	assert(tracked_clean(l, t, st));
}

#define DIRTY_IF(change) do { \
	sound(&l, &t, &st); \
	change; \
	assert(!tracked_clean(&l, &t, &st)); \
} while (0)

static void
any_difference_is_a_doubt(void)
{
	struct tracked_list l;
	struct tracked t;
	struct stat st;

	DIRTY_IF(st.st_size++);
	DIRTY_IF(st.st_mtim.tv_sec++);
	DIRTY_IF(st.st_mtim.tv_nsec++);
	DIRTY_IF(st.st_ctim.tv_sec++);
	DIRTY_IF(st.st_ctim.tv_nsec++);
	DIRTY_IF(st.st_ino++);
	DIRTY_IF(st.st_uid++);
	DIRTY_IF(st.st_gid++);
	DIRTY_IF(st.st_mode |= S_IXUSR);
	DIRTY_IF(st.st_mode = S_IFLNK | 0777);
	DIRTY_IF(t.unsure = true);
	DIRTY_IF(t.st.size = 0; st.st_size = 0);
}

static void
the_time_of_the_index_is_a_doubt(void)
{
	struct tracked_list l;
	struct tracked t;
	struct stat st;

	DIRTY_IF((l.written = (struct timespec){ 80, 2 }));
	DIRTY_IF((l.written = (struct timespec){ 79, 9 }));
	DIRTY_IF((l.written.tv_sec = 80, st.st_mtim.tv_nsec = 0,
	    t.st.mtime_ns = 0));
	sound(&l, &t, &st);
	l.written = (struct timespec){ 80, 3 };
	assert(tracked_clean(&l, &t, &st));
}

static void
settings_say_what_counts(void)
{
	struct tracked_list l;
	struct tracked t;
	struct stat st;

	sound(&l, &t, &st);
	st.st_ctim.tv_sec++;
	l.trustctime = false;
	assert(tracked_clean(&l, &t, &st));
	st.st_ino++;
	assert(!tracked_clean(&l, &t, &st));
	l.minimal = true;
	assert(tracked_clean(&l, &t, &st));
	st.st_mode |= S_IXUSR;
	assert(!tracked_clean(&l, &t, &st));
	l.filemode = false;
	assert(tracked_clean(&l, &t, &st));
}

static void
modes_are_gits(void)
{
	struct tracked_list l = { .filemode = true, .symlinks = true };
	struct stat st = { .st_mode = S_IFREG | 0755 };

	assert(tracked_mode(&l, 0, &st) == FILELIST_EXEC);
	st.st_mode = S_IFREG | 0611;
	assert(tracked_mode(&l, 0, &st) == FILELIST_FILE);
	st.st_mode = S_IFIFO | 0644;
	assert(tracked_mode(&l, 0, &st) == 0);
	st.st_mode = S_IFREG | 0644;
	assert(tracked_mode(&l, FILELIST_LINK, &st) == FILELIST_FILE);
	l.symlinks = false;
	assert(tracked_mode(&l, FILELIST_LINK, &st) == FILELIST_LINK);
	l.filemode = false;
	assert(tracked_mode(&l, FILELIST_EXEC, &st) == FILELIST_EXEC);
}

static void
a_conflict_is_one_file(void)
{
	struct tracked_list l = { .n = 0 };
	struct objid id = { { 0 } };
	struct err e;

	tracked_add(&l, "b", 1, FILELIST_FILE, &id);
	tracked_add(&l, "a", 1, FILELIST_FILE, &id);
	tracked_add(&l, "b", 1, FILELIST_FILE, &id);
	tracked_add(&l, "a/b", 3, FILELIST_FILE, &id);
	assert(tracked_finish(&l, &e) == 0);
	assert(l.n == 3);
	assert(strcmp(l.items[0].path, "a") == 0 && !l.items[0].unsure);
	assert(strcmp(l.items[2].path, "b") == 0 && l.items[2].unsure);
	tracked_release(&l);
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(any_difference_is_a_doubt);
	RUN(the_time_of_the_index_is_a_doubt);
	RUN(settings_say_what_counts);
	RUN(modes_are_gits);
	RUN(a_conflict_is_one_file);
	return 0;
}
