#include "build/dirtree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "build/list.h"

/* The names in the directory at path, and a descriptor of it. */
static int
read_names(const struct dirtree *d, const char *path, struct list *names)
{
	int fd = file_open_beneath(d->fd, *path != '\0' ? path : ".",
	    O_RDONLY | O_DIRECTORY, 0);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (dir == NULL) {
		mem_autoclose_(&copy);
		mem_autoclose_(&fd);
		return -1;
	}
	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			list_add(names, entry->d_name);
	int keep = errno;
	closedir(dir);
	list_sort(names);
	if (keep == 0)
		return fd;
	mem_autoclose_(&fd);
	errno = keep;
	return -1;
}

static int
read_link(int dirfd, struct tree_node *n, int64_t size)
{
	size_t max = size > 0 && size < 65536 ? (size_t)size + 1 : 65537;
	autofree char *target = mem_alloc(max);
	ssize_t len = readlinkat(dirfd, n->name, target, max);

	if (len < 0)
		return -1;
	tree_set_link(n, target, (size_t)len);
	return 0;
}

static int
add_entry(const struct dirtree *d, int dirfd, struct tree_node *dir,
    const char *name, const char *path, struct err *e)
{
	struct tree_node *n;
	struct stat st;
	int rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, "cannot look at '%s/%s'", d->name, path);
	}
	n = tree_add(dir, name, strlen(name), S_ISREG(st.st_mode) ? TREE_FILE :
	    S_ISDIR(st.st_mode) ? TREE_DIR : S_ISLNK(st.st_mode) ? TREE_LINK :
	    TREE_OTHER);
	if (n->type == TREE_LINK && read_link(dirfd, n, st.st_size) < 0)
		return err_sys(e, "cannot read the link '%s/%s'", d->name,
		    path);
	n->size = n->type == TREE_FILE ? st.st_size : 0;
	n->lazy = n->type == TREE_DIR;
	if ((rc = d->node(d->ctx, n, &st, path, e)) > 0)
		tree_remove(n);
	return rc < 0 ? -1 : 0;
}

int
dirtree_load(const struct dirtree *d, struct tree_node *dir, struct err *e)
{
	AUTO(list_release) struct list names = LIST_INIT;
	AUTO(buf_release) struct buf path = BUF_INIT;
	size_t base;

	tree_path(dir, &path);
	autofd int fd = read_names(d, path.data, &names);
	if (fd < 0)
		return err_sys(e, "cannot read the directory '%s%s%s'",
		    d->name, path.len > 0 ? "/" : "", path.data);
	if (path.len > 0)
		buf_addc(&path, '/');
	base = path.len;
	for (size_t i = 0; i < names.n; i++) {
		buf_truncate(&path, base);
		buf_adds(&path, names.items[i]);
		if (d->skip != NULL && d->skip(d->ctx, path.data))
			continue;
		if (add_entry(d, fd, dir, names.items[i], path.data, e) < 0)
			return -1;
	}
	return 0;
}
