#include "change/tracked.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "change/filelist.h"

void
tracked_release(struct tracked_list *l)
{
	free(l->items);
	*l = (struct tracked_list){ .n = 0 };
}

void
tracked_reserve(struct tracked_list *l, size_t n)
{
	if (n <= l->cap)
		return;
	l->items = mem_realloc(l->items, n, sizeof(*l->items));
	l->cap = n;
}

struct tracked *
tracked_add(struct tracked_list *l, const char *path, size_t len,
    uint32_t mode, const struct objid *id)
{
	struct tracked *t;

	mem_grow(&l->items, &l->cap, l->n, sizeof(*l->items));
	t = &l->items[l->n++];
	*t = (struct tracked){ .path = path, .len = len, .mode = mode,
		.id = *id };
	return t;
}

static int
path_order(const void *a, const void *b)
{
	const struct tracked *x = a, *y = b;
	int d = memcmp(x->path, y->path, x->len < y->len ? x->len : y->len);

	return d != 0 ? d : (x->len > y->len) - (x->len < y->len);
}

int
tracked_finish(struct tracked_list *l, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 1; i < l->n; i++)
		if (path_order(&l->items[i - 1], &l->items[i]) > 0) {
			qsort(l->items, l->n, sizeof(*l->items), path_order);
			break;
		}
	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].len >= PATH_MAX)
			return err_set(e, ERR_CHECK, "path_too_long",
			    "the index names a path of %zu bytes",
			    l->items[i].len);
		if (kept > 0 &&
		    path_order(&l->items[kept - 1], &l->items[i]) == 0) {
			l->items[kept - 1].unsure = true;
			continue;
		}
		l->items[kept++] = l->items[i];
	}
	l->n = kept;
	return 0;
}

uint32_t
tracked_mode(const struct tracked_list *l, uint32_t old, const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return FILELIST_LINK;
	if (!S_ISREG(st->st_mode))
		return 0;
	/* where there are no symlinks, git writes their text into files */
	if (!l->symlinks && old == FILELIST_LINK)
		return old;
	if (!l->filemode)
		return old == FILELIST_EXEC ? old : FILELIST_FILE;
	return st->st_mode & S_IXUSR ? FILELIST_EXEC : FILELIST_FILE;
}

/* Written at the time of the index or later: the clock can not tell whether
 * before or after (git's racy-git.txt).  A file system that keeps whole
 * seconds beside one that does not rounds down. */
static bool
is_racy(const struct tracked_list *l, const struct stat *st)
{
	if (st->st_mtim.tv_sec != l->written.tv_sec)
		return st->st_mtim.tv_sec > l->written.tv_sec;
	return st->st_mtim.tv_nsec == 0 ||
	    st->st_mtim.tv_nsec >= l->written.tv_nsec;
}

bool
tracked_clean(const struct tracked_list *l, const struct tracked *t,
    const struct stat *st)
{
	const struct tracked_stat *s = &t->st;

	if (t->unsure || is_racy(l, st) ||
	    tracked_mode(l, t->mode, st) != t->mode ||
	    s->mtime != (uint32_t)st->st_mtim.tv_sec ||
	    s->size != (uint32_t)st->st_size)
		return false;
	/* git writes that for a file whose time proved nothing, and for one
	 * that it never saw */
	if (s->size == 0)
		return false;
	/* an index that came from elsewhere may have no more than that */
	if (l->minimal)
		return true;
	return s->mtime_ns == (uint32_t)st->st_mtim.tv_nsec &&
	    (!l->trustctime ||
	    (s->ctime == (uint32_t)st->st_ctim.tv_sec &&
	    s->ctime_ns == (uint32_t)st->st_ctim.tv_nsec)) &&
	    s->ino == (uint32_t)st->st_ino && s->uid == st->st_uid &&
	    s->gid == st->st_gid;
}
