#include "net/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/cache_blob.h"
#include "net/cache_entry.h"
#include "net/cache_file.h"
#include "net/cache_lock.h"


static const char *const dir_names[CACHE_DIRS] = {
	[CACHE_BLOBS] = "blobs/sha256",
	[CACHE_USED] = "used",
	[CACHE_URLS] = "urls",
	[CACHE_PART] = "part",
	[CACHE_LOCK] = "lock",
};

/* An environment variable that says something. */
static const char *
from_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/* Where the cache is; *named: by the user.  NULL if nothing says so. */
static char *
find_place(const char *path, bool *named)
{
	const char *dir;

	*named = true;
	if (path != NULL || (path = from_env("SLIPWAY_CACHE_DIR")) != NULL) {
		char *place = file_absolute(NULL, path);

		for (size_t n = strlen(place); n > 1 && place[n - 1] == '/';)
			place[--n] = '\0';
		return place;
	}
	*named = false;
	/* XDG Base Directory Specification 0.8: a relative one is invalid */
	if ((dir = from_env("XDG_CACHE_HOME")) != NULL && *dir == '/')
		return mem_fmt("%s/slipway", dir);
	if ((dir = from_env("HOME")) != NULL && *dir == '/')
		return mem_fmt("%s/.cache/slipway", dir);
	return NULL;
}

/* It can't be written, for this reason (the first is kept), taken over. */
static void
set_readonly(struct cache *c, char *why)
{
	c->readonly = true;
	if (c->why == NULL)
		c->why = why;
	else
		free(why);
}

static int
set_none(struct cache *c, char *why)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	for (int i = 0; i < CACHE_DIRS; i++) {
		if (c->dir[i] >= 0)
			close(c->dir[i]);
		c->dir[i] = -1;
	}
	free(c->why);
	c->why = NULL;
	set_readonly(c, why);
	return 0;
}

/* The system's own shortage says nothing about the cache. */
static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* c->fd.  0 with none of it too, where that is the answer. */
static int
open_top(struct cache *c, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	struct err cause;

	c->fd = open(c->path, flags);
	if (c->fd < 0 && errno == ENOENT) {
		autofree char *above = mem_dup(c->path,
		    (size_t)(file_base(c->path) - c->path));

		if (file_mkdirs(AT_FDCWD, above, &cause) < 0)
			return set_none(c, mem_str(cause.msg));
		if (mkdir(c->path, 0700) == 0 || errno == EEXIST)
			c->fd = open(c->path, flags);
	}
	if (c->fd >= 0)
		return 0;
	if (is_shortage(errno))
		return err_sys(e, "cannot open '%s'", c->path);
	return set_none(c, mem_fmt("cannot open or make '%s': %s", c->path,
	    strerror(errno)));
}

static void
check_owner(struct cache *c, bool named)
{
	struct stat st;

	if (fstat(c->fd, &st) < 0)
		set_none(c, mem_fmt("cannot stat '%s': %s", c->path,
		    strerror(errno)));
	else if (st.st_mode & S_IWOTH)
		set_none(c, mem_fmt("everybody may write in '%s'", c->path));
	else if (!named && st.st_uid != geteuid())
		set_none(c, mem_fmt("'%s' is another user's", c->path));
}

static void
cannot_write(struct cache *c, const char *name)
{
	set_readonly(c, mem_fmt("cannot write in '%s%s%s': %s", c->path,
	    *name != '\0' ? "/" : "", name, strerror(errno)));
}

static int
make_dir(struct cache *c, const char *name)
{
	return mkdirat(c->fd, name, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

static int
open_dir(struct cache *c, int which, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY;
	const char *name = dir_names[which];
	int fd = file_open_beneath(c->fd, name, flags, 0);

	if (fd < 0 && errno == ENOENT && (which != CACHE_BLOBS ||
	    make_dir(c, "blobs") == 0) && make_dir(c, name) == 0)
		fd = file_open_beneath(c->fd, name, flags, 0);
	if (fd < 0 && is_shortage(errno))
		return err_sys(e, "cannot open '%s/%s'", c->path, name);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return set_none(c, mem_fmt("'%s/%s' is no directory", c->path,
		    name));
	if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		cannot_write(c, name);
	c->dir[which] = fd;
	return 0;
}

int
cache_open(struct cache *c, const char *path, struct err *e)
{
	bool named;

	*c = (struct cache)CACHE_INIT;
	if ((c->path = find_place(path, &named)) == NULL) {
		c->path = mem_str("");
		return set_none(c, mem_str("there is no place for it: neither "
		    "SLIPWAY_CACHE_DIR nor HOME is set"));
	}
	if (open_top(c, e) < 0) {
		cache_release(c);
		return -1;
	}
	if (c->fd >= 0)
		check_owner(c, named);
	for (int i = 0; i < CACHE_DIRS && c->fd >= 0; i++)
		if (open_dir(c, i, e) < 0) {
			cache_release(c);
			return -1;
		}
	if (c->fd >= 0 && faccessat(c->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		cannot_write(c, "");
	if (!c->readonly) {
		file_tmp_sweep(c->dir[CACHE_URLS], ".");
		file_tmp_sweep(c->dir[CACHE_PART], ".");
	}
	return 0;
}

void
cache_release(struct cache *c)
{
	int keep = errno;

	set_none(c, NULL);
	free(c->path);
	*c = (struct cache)CACHE_INIT;
	errno = keep;
}

int
cache_has(struct cache *c, const char *sha256, int64_t *size, struct err *e)
{
	struct stat st;
	int rc = cache_blob_stat(c, sha256, &st);

	if (rc < 0)
		return err_sys(e, "cannot stat '%s/blobs/sha256/%s'", c->path,
		    sha256);
	if (rc == 0 || (*size >= 0 && st.st_size != *size))
		return 0;
	*size = st.st_size;
	return 1;
}

int
cache_lookup(struct cache *c, const char *url, struct cache_entry *x,
    struct err *e)
{
	char hex[DIGEST_HEX], json[CACHE_FILE_JSON];
	autobuf struct buf text = BUF_INIT;
	int rc;

	*x = (struct cache_entry)CACHE_ENTRY_INIT;
	if (c->dir[CACHE_URLS] < 0)
		return 0;
	cache_file_names(url, hex, json);
	if ((rc = cache_file_read(c->dir[CACHE_URLS], json, CACHE_FILE_MAX,
	    &text)) < 0)
		return err_sys(e, "cannot read '%s/urls/%s'", c->path, json);
	if (rc == 0 || !cache_entry_parse(&text, x))
		return 0;
	if ((rc = cache_has(c, x->sha256, &x->size, e)) <= 0)
		cache_entry_release(x);
	return rc;
}

int
cache_remember(struct cache *c, const char *url, const struct cache_entry *x,
    struct err *e)
{
	char hex[DIGEST_HEX], json[CACHE_FILE_JSON];
	autobuf struct buf text = BUF_INIT;
	autofd int lock = -1;

	if (cache_file_writable(c, e) < 0)
		return -1;
	cache_file_names(url, hex, json);
	cache_entry_print(&text, url, x);
	/* cache_trim removes entries that have no blob */
	if (cache_lock_file(c->fd, ".lock", true, &lock, NULL, e) < 0 ||
	    cache_file_put(c->dir[CACHE_URLS], json, text.data, text.len,
	    e) < 0)
		return err_wrap(e, "'%s/urls'", c->path);
	return 0;
}
