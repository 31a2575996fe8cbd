/* What goes when the cache is full, and what stays. */
#include "cache_help.h"

#include <time.h>

/* name below the cache was used or changed so many seconds ago. */
static void
age(const char *dir, const char *name, time_t seconds)
{
	autofree char *path = mem_fmt("%s/%s", dir, name);
	struct timespec t[2] = { { .tv_sec = time(NULL) - seconds } };

	t[1] = t[0];
	assert(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW) == 0);
}

static void
what_was_used_longest_ago_goes_first(void)
{
	static const char *const texts[] = { "one..", "two..", "three",
		"four." };
	AUTO(cache_release) struct cache c = CACHE_INIT;
	struct cache_entry x[4];
	int64_t size = -1;

	open_at(&c, "trim");
	for (int i = 0; i < 4; i++) {
		autofree char *url = mem_fmt("%s?%d", URL, i);

		x[i] = download(&c, url, texts[i]);
		age("trim/used", x[i].sha256, (i + 2) * DAY);
	}
	assert(cache_trim(&c, 20, &e) == 0 && names_in("trim/used") == 4);
	assert(cache_trim(&c, -1, &e) == 0 && names_in("trim/used") == 4);
	assert(cache_trim(&c, 19, &e) == 0 && names_in("trim/used") == 3);
	assert(cache_has(&c, x[3].sha256, &size, &e) == 0);
	assert(!known(&c, URL "?3") && known(&c, URL "?2"));
	assert(names_in("trim/urls") == 3);
	/* to be opened is to be used */
	assert(opens(&c, x[2].sha256, false));
	/* what is being read stays */
	int fd = cache_blob_open(&c, x[1].sha256, false, &e);
	assert(fd >= 0);
	age("trim/used", x[1].sha256, 9 * DAY);
	assert(cache_trim(&c, 0, &e) == 0);
	assert(!known(&c, URL "?0") && known(&c, URL "?1"));
	assert(known(&c, URL "?2"));
	assert(close(fd) == 0 && cache_trim(&c, 0, &e) == 0);
	assert(!known(&c, URL "?1") && known(&c, URL "?2"));
	/* and what was used within the day */
	age("trim/used", x[2].sha256, DAY - 100);
	assert(cache_trim(&c, 0, &e) == 0 && known(&c, URL "?2"));
	age("trim/used", x[2].sha256, DAY + 100);
	assert(cache_trim(&c, 0, &e) == 0 && !known(&c, URL "?2"));
	assert(names_in("trim/urls") == 0 && names_in("trim/used") == 0);
	assert(names_in("trim/blobs/sha256") == 0);
}

static void
what_is_of_no_use_is_swept(void)
{
	AUTO(cache_release) struct cache c = CACHE_INIT, again = CACHE_INIT;
	AUTO(cache_part_release) struct cache_part p = CACHE_PART_INIT;
	char hex[DIGEST_HEX];
	bool waited;

	open_at(&c, "sweep");
	download(&c, URL, "hello");
	put("sweep/urls/damaged.json", "{");
	put("sweep/blobs/sha256/notes.txt", "somebody's");
	digest_of("no blob", hex);
	autofree char *used = mem_fmt("sweep/used/%s", hex);
	put(used, "");
	digest_of("old", hex);
	autofree char *old = mem_fmt("sweep/part/%s", hex);
	autofree char *state = mem_fmt("sweep/part/%s.json", hex);
	autofree char *lock = mem_fmt("sweep/lock/%s", hex);
	put(old, "x");
	put(state, "{}");
	put(lock, "");
	age("sweep/part", hex, 6 * DAY);
	age("sweep/lock", hex, 6 * DAY);
	assert(cache_trim(&c, -1, &e) == 0);
	assert(there(old) && there(state) && there(lock) && !there(used));
	assert(!there("sweep/urls/damaged.json") && known(&c, URL));
	assert(there("sweep/blobs/sha256/notes.txt"));
	age("sweep/part", hex, 8 * DAY);
	age("sweep/part", file_base(state), 8 * DAY);
	age("sweep/lock", hex, 8 * DAY);
	assert(cache_trim(&c, 0, &e) == 0);
	assert(!there(old) && !there(state) && !there(lock));
	/* what is being worked on is not */
	assert(cache_part_open(&c, "url", &p, &waited, &e) == 0);
	assert(file_write(p.fd, "x", 1) == 0);
	age("sweep/part", p.name, 8 * DAY);
	age("sweep/lock", p.name, 8 * DAY);
	assert(cache_trim(&c, -1, &e) == 0);
	assert(names_in("sweep/part") == 1 && names_in("sweep/lock") == 1);
	/* litter of runs that were killed */
	put("sweep/urls/.x.json.tmp-1-0badcafe", "");
	put("sweep/part/.x.json.tmp-1-0badcafe", "");
	open_at(&again, "sweep");
	assert(names_in("sweep/part") == 1 && names_in("sweep/urls") == 1);
}

int
main(void)
{
	static const struct test tests[] = {
		TEST(what_was_used_longest_ago_goes_first),
		TEST(what_is_of_no_use_is_swept),
	};

	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
