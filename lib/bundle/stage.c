#include "bundle/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "bundle/extract.h"
#include "bundle/stamp.h"
#include "record/tool.h"

#define TMP_PREFIX ".stage-"
#define NOREPLACE_ 1	/* RENAME_NOREPLACE, RENAME_EXCHANGE */
#define EXCHANGE_ 2
#define TRIES 100	/* against other runs that stage the same */

int
stage_open(struct stage_root *root, const char *path, struct err *e)
{
	*root = (struct stage_root){ .fd = -1 };
	pthread_mutex_init(&root->lock, NULL);
	pthread_cond_init(&root->turn, NULL);
	if (file_mkdirs(AT_FDCWD, path, e) < 0)
		return -1;
	root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0)
		return err_sys(e, "cannot open directory '%s'", path);
	root->path = file_absolute(NULL, path);
	return 0;
}

void
stage_close(struct stage_root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	free(root->path);
	pthread_mutex_destroy(&root->lock);
	pthread_cond_destroy(&root->turn);
}

void
stage_result_release(struct stage_result *r)
{
	verify_result_release(&r->verified);
	free(r->staged);
}

/*
 * Temporary directories
 */

static int
rename2(int dir, const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, dir, from, dir, to, flags);
}

static char *
tmp_name(void)
{
	unsigned random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (unsigned)clock();
	return mem_fmt(TMP_PREFIX "%d-%08x", (int)getpid(), random);
}

/* A fresh directory that is locked, so that no sweep takes it for litter; one
 * may have taken it between mkdir and flock, so that is looked for. */
static int
tmp_make(int root, char **name, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat st;
		int fd;

		*name = tmp_name();
		if (mkdirat(root, *name, 0700) < 0) {
			if (errno != EEXIST)
				break;
			free(*name);
			continue;
		}
		fd = openat(root, *name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    fstat(fd, &st) == 0 && st.st_nlink > 0)
			return fd;
		if (fd >= 0)
			close(fd);
		free(*name);
		*name = NULL;
	}
	err_sys(e, "cannot make a directory to stage in");
	free(*name);
	*name = NULL;
	return -1;
}

/* Delete the directory unless somebody reads or writes it; the next run's
 * sweep tries again. */
static void
tmp_delete(int root, const char *name)
{
	autofd int fd = openat(root, name, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		file_remove_tree(root, name);
}

void
stage_sweep(struct stage_root *root)
{
	int fd = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0)
			tmp_delete(root->fd, d->d_name);
	closedir(dir);
}

/*
 * The name of the tree
 */

/* Where the file system can not even rename the old tree (overlayfs, a tree of
 * a lower layer), it goes piece by piece: its manifest first, so that no reader
 * takes what is left for a bundle. */
static int
dismantle(int root, const char *arch)
{
	autofd int fd = openat(root, arch, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	DIR *dir;
	struct dirent *d;

	if (fd < 0 || flock(fd, LOCK_EX) < 0 ||
	    (dir = fdopendir(dup(fd))) == NULL)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		autofree char *manifest = mem_fmt("%s/manifest.json",
		    d->d_name);

		unlinkat(fd, manifest, 0);
	}
	closedir(dir);
	return file_remove_tree(root, arch);
}

/* Take the old tree out of the way: 0, also if there is none. */
static int
displace(int root, const char *arch)
{
	autofree char *old = tmp_name();

	if (rename2(root, arch, old, NOREPLACE_) == 0) {
		tmp_delete(root, old);
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	return errno == EXDEV ? dismantle(root, arch) : -1;
}

static int
check_target(int root, const char *arch, struct err *e)
{
	struct stat st;

	if (fstatat(root, arch, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode))
		return 0;
	return err_set(e, ERR_CHECK, "staging_blocked",
	    "'%s' in the staging root is no directory: move it away", arch);
}

/* Give the tree at tmp the name arch.  *displaced: tmp now names the old one. */
static int
take_name(int root, const char *tmp, const char *arch, bool *displaced,
    struct err *e)
{
	*displaced = false;
	for (int i = 0; i < TRIES; i++) {
		if (rename2(root, tmp, arch, NOREPLACE_) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
		if (check_target(root, arch, e) < 0)
			return -1;
		if (rename2(root, tmp, arch, EXCHANGE_) == 0) {
			*displaced = true;
			return 0;
		}
		if (errno == ENOENT)	/* another run has just removed it */
			continue;
		if (errno != EXDEV && errno != EINVAL && errno != ENOSYS)
			break;
		if (displace(root, arch) < 0)
			break;
	}
	return err_sys(e, "cannot put the staged tree in place");
}

/*
 * Turns
 */

static void
wait_turn(struct stage_root *root, uint64_t seq)
{
	pthread_mutex_lock(&root->lock);
	while (root->next != seq)
		pthread_cond_wait(&root->turn, &root->lock);
	pthread_mutex_unlock(&root->lock);
}

void
stage_pass(struct stage_root *root, uint64_t seq)
{
	wait_turn(root, seq);
	pthread_mutex_lock(&root->lock);
	root->next = seq + 1;
	pthread_cond_broadcast(&root->turn);
	pthread_mutex_unlock(&root->lock);
}

/* The place of arch among those staged; architectures are two. */
static bool
taken(struct stage_root *root, const char *arch, bool take)
{
	int i = strcmp(arch, "arm64") == 0;
	bool was;

	pthread_mutex_lock(&root->lock);
	was = root->taken[i] != NULL;
	if (take)
		root->taken[i] = "";
	pthread_mutex_unlock(&root->lock);
	return was;
}

void
stage_remove(struct stage_root *root, const char *arch)
{
	struct err e;

	if (taken(root, arch, false) || check_target(root->fd, arch, &e) < 0)
		return;
	stamp_remove(root->fd, arch);
	displace(root->fd, arch);
	fsync(root->fd);
}

/*
 * One bundle
 */

static int
claim(struct stage_root *root, const char *arch, struct err *e)
{
	if (!taken(root, arch, true))
		return 0;
	return err_set(e, ERR_INPUT, "destination_conflict",
	    "an earlier record of this run writes there too: %s/%s",
	    root->path, arch);
}

static bool
proved(struct stage_root *root, int fd, const struct verify_opts *opts,
    struct verify_result *r)
{
	if (opts->arch != NULL)
		return stamp_proves(root->fd, opts->arch, fd, opts, r);
	return stamp_proves(root->fd, "amd64", fd, opts, r) ||
	    stamp_proves(root->fd, "arm64", fd, opts, r);
}

/* The verified tree in tmp takes its name; the lock on it ends, so that readers
 * come in. */
static int
publish(struct stage_root *root, const char *tmp, int fd,
    const struct stat *tarball, const struct verify_opts *opts,
    const struct verify_result *r, struct err *e)
{
	char tree[DIGEST_HEX];
	bool provable, displaced;
	mode_t mask = umask(0);

	umask(mask);
	if (fchmod(fd, 0777 & ~mask) < 0)
		return err_sys(e, "cannot set the mode of the staged tree");
	provable = tarball != NULL && stamp_tree(fd, tree);
	if (check_target(root->fd, r->arch, e) < 0 ||
	    take_name(root->fd, tmp, r->arch, &displaced, e) < 0)
		return -1;
	flock(fd, LOCK_UN);
	if (file_sync_dir(root->fd, root->path, e) < 0)
		return -1;
	if (!provable)
		stamp_remove(root->fd, r->arch);
	else if (stamp_write(root->fd, tarball, tree, opts, r, e) < 0)
		return -1;
	if (displaced)
		tmp_delete(root->fd, tmp);
	return 0;
}

/* Verify and write; then, in the record's turn, publish. */
static int
stage_fresh(struct stage_root *root, uint64_t seq, int fd,
    const struct verify_opts *opts, struct stage_result *r, struct err *e)
{
	struct verify_opts with = *opts;
	autofree char *tmp = NULL;
	autofd int dir = tmp_make(root->fd, &tmp, e);
	AUTO(extract_release) struct extract x = EXTRACT_INIT(dir);
	struct stat before, after;
	bool provable;
	int rc;

	if (dir < 0)
		return -1;
	with.sink = &extract_sink;
	with.sink_ctx = &x;
	provable = fstat(fd, &before) == 0 && S_ISREG(before.st_mode) &&
	    stamp_settle(&before);
	rc = verify_fd(fd, &with, &r->verified, e);
	if (rc == 0)
		rc = extract_finish(&x, e);
	/* a tarball that was written meanwhile proves nothing later */
	provable = provable && fstat(fd, &after) == 0 &&
	    before.st_size == after.st_size &&
	    memcmp(&before.st_mtim, &after.st_mtim,
	    sizeof(before.st_mtim)) == 0 &&
	    memcmp(&before.st_ctim, &after.st_ctim,
	    sizeof(before.st_ctim)) == 0;
	wait_turn(root, seq);
	if (rc == 0)
		rc = claim(root, r->verified.arch, e);
	if (rc == 0)
		rc = publish(root, tmp, dir, provable ? &before : NULL, opts,
		    &r->verified, e);
	if (rc < 0) {	/* tmp names our tree, or the one it displaced */
		flock(dir, LOCK_UN);
		tmp_delete(root->fd, tmp);
	}
	return rc;
}

/* Whose tree goes with a refused bundle. */
static void
refused(struct stage_root *root, const struct verify_opts *opts,
    const struct stage_result *r, const struct err *e)
{
	const char *arch = opts->arch != NULL ? opts->arch : r->verified.arch;
	struct err unknown;

	if (e->kind == ERR_CHECK && arch != NULL &&
	    strcmp(e->code, "staging_blocked") != 0 &&
	    tool_arch_check(arch, &unknown) == 0)
		stage_remove(root, arch);
}

static int
stage_fd(struct stage_root *root, uint64_t seq, int fd,
    const struct verify_opts *opts, struct stage_result *r, struct err *e)
{
	r->unchanged = proved(root, fd, opts, &r->verified);
	if (!r->unchanged)
		return stage_fresh(root, seq, fd, opts, r, e);
	wait_turn(root, seq);
	return claim(root, r->verified.arch, e);
}

int
stage_file(struct stage_root *root, uint64_t seq, const char *path,
    const struct verify_opts *opts, bool keep_stale, struct stage_result *r,
    struct err *e)
{
	autofd int fd = verify_open(path, e);
	int rc = -1;

	finding_list_init(&r->verified.findings, opts->all_errors);
	if (fd >= 0)
		rc = stage_fd(root, seq, fd, opts, r, e);
	wait_turn(root, seq);
	if (rc < 0 && !keep_stale)
		refused(root, opts, r, e);
	if (rc == 0)
		r->staged = mem_fmt("%s/%s/%s", root->path, r->verified.arch,
		    r->verified.dir);
	stage_pass(root, seq);
	return rc;
}
