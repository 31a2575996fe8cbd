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
#define OLD_PREFIX ".stage-old-"	/* it had the name, and has readers */
#define NOREPLACE_ 1	/* RENAME_NOREPLACE, RENAME_EXCHANGE */
#define EXCHANGE_ 2
#define TRIES 100	/* against other runs that stage the same */

int
stage_open(struct stage_root *root, const char *path, struct err *e)
{
	*root = (struct stage_root){ .fd = -1, .mask = umask(0) };
	umask(root->mask);
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
	free(root->skipped);
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

/* Where the file system knows no flags, a plain rename will do for NOREPLACE_:
 * it never replaces a directory that has entries. */
static int
rename2(int dir, const char *from, const char *to, unsigned flags)
{
	int rc = (int)syscall(SYS_renameat2, dir, from, dir, to, flags);

	if (rc < 0 && flags == NOREPLACE_ &&
	    (errno == EINVAL || errno == ENOSYS))
		rc = renameat(dir, from, dir, to);
	return rc;
}

static char *
tmp_name(const char *prefix)
{
	unsigned random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (unsigned)clock();
	return mem_fmt("%s%d-%08x", prefix, (int)getpid(), random);
}

/* A fresh directory that is locked, so that no sweep takes it for litter; one
 * may have taken it between mkdir and flock, so that is looked for. */
static int
tmp_make(int root, char **name, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat st;
		int fd;

		*name = tmp_name(TMP_PREFIX);
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

/*
 * Delete the directory unless somebody reads or writes it; the next run's
 * sweep tries again.  What was opened may meanwhile have got another name (its
 * stager was done) and the name be that of the tree it displaced, whose lock
 * is another.
 */
static void
tmp_delete(int root, const char *name)
{
	autofd int fd = openat(root, name, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	struct stat held, named;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(fd, &held) == 0 &&
	    fstatat(root, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    held.st_dev == named.st_dev && held.st_ino == named.st_ino)
		file_remove_tree(root, name);
}

/* Milliseconds until the tree that lost its name may be deleted. */
static int
grace_left(int root, const char *name)
{
	struct timespec now;
	struct stat st;
	int64_t age;

	if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	age = (int64_t)(now.tv_sec - st.st_ctim.tv_sec) * 1000 +
	    (now.tv_nsec - st.st_ctim.tv_nsec) / 1000000;
	return age < 0 || age > STAGE_GRACE_MS ? 0 :
	    STAGE_GRACE_MS - (int)age;
}

/* The trees in root that nobody will need; those that had the name alone, and
 * with waiting for them, or all that need none. */
static void
sweep(struct stage_root *root, bool wait)
{
	const char *prefix = wait ? OLD_PREFIX : TMP_PREFIX;
	int fd = openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		bool old = strncmp(d->d_name, OLD_PREFIX,
		    strlen(OLD_PREFIX)) == 0;
		int ms = old ? grace_left(root->fd, d->d_name) : 0;
		const struct timespec nap = { 0, ms * 1000000L };

		if (strncmp(d->d_name, prefix, strlen(prefix)) != 0 ||
		    (ms > 0 && !wait))
			continue;
		if (ms > 0)
			nanosleep(&nap, NULL);
		tmp_delete(root->fd, d->d_name);
	}
	closedir(dir);
}

void
stage_sweep(struct stage_root *root)
{
	sweep(root, false);
}

void
stage_finish(struct stage_root *root)
{
	sweep(root, true);
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

/* Take the old tree out of the way: 0, also if there is none.  stage_finish
 * deletes it. */
static int
displace(int root, const char *arch)
{
	autofree char *old = tmp_name(OLD_PREFIX);

	if (rename2(root, arch, old, NOREPLACE_) == 0 || errno == ENOENT)
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

/* Give the tree at tmp the name arch, and the old one another. */
static int
take_name(int root, const char *tmp, const char *arch, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		if (rename2(root, tmp, arch, NOREPLACE_) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY)
			break;
		if (check_target(root, arch, e) < 0)
			return -1;
		if (rename2(root, tmp, arch, EXCHANGE_) == 0) {
			displace(root, tmp);
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

static int
arch_index(const char *arch)
{
	return strcmp(arch, "arm64") == 0;
}

/* Remove the tree and stamp of arch, unless this run staged it. */
static void
remove_stale(struct stage_root *root, const char *arch)
{
	struct err e;

	if (root->taken[arch_index(arch)] ||
	    check_target(root->fd, arch, &e) < 0)
		return;
	stamp_remove(root->fd, arch);
	if (displace(root->fd, arch) < 0)
		tool_warn("cannot remove the stale tree '%s/%s': %s",
		    root->path, arch, strerror(errno));
	fsync(root->fd);
}

/* It is next's turn, and, while those are skipped, of those behind it. */
static void
move_on(struct stage_root *root, uint64_t next)
{
	size_t done = 0;

	root->next = next;
	for (; done < root->nskipped &&
	    root->skipped[done].seq == root->next; done++, root->next++)
		if (root->skipped[done].arch != NULL)
			remove_stale(root, root->skipped[done].arch);
	root->nskipped -= done;
	if (done > 0)
		memmove(root->skipped, root->skipped + done,
		    root->nskipped * sizeof(*root->skipped));
	pthread_cond_broadcast(&root->turn);
}

void
stage_skip(struct stage_root *root, uint64_t seq, const char *arch)
{
	static const char *const archs[] = { "amd64", "arm64" };

	pthread_mutex_lock(&root->lock);
	mem_grow(&root->skipped, &root->skipped_cap, root->nskipped,
	    sizeof(*root->skipped));
	root->skipped[root->nskipped++] = (struct stage_skipped){ seq,
	    arch != NULL ? archs[arch_index(arch)] : NULL };
	move_on(root, root->next);
	pthread_mutex_unlock(&root->lock);
}

/* True if nothing before the record is at work. */
static bool
is_turn(struct stage_root *root, uint64_t seq)
{
	bool is;

	pthread_mutex_lock(&root->lock);
	is = root->next == seq;
	pthread_mutex_unlock(&root->lock);
	return is;
}

/*
 * One bundle
 */

static int
claim(struct stage_root *root, const char *arch, struct err *e)
{
	bool *taken = &root->taken[arch_index(arch)];

	/* the record has its turn: nobody else is here */
	if (!*taken) {
		*taken = true;
		return 0;
	}
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
	bool provable;

	if (fchmod(fd, 0777 & ~root->mask) < 0)
		return err_sys(e, "cannot set the mode of the staged tree");
	provable = tarball != NULL && stamp_tree(fd, tree);
	if (check_target(root->fd, r->arch, e) < 0 ||
	    take_name(root->fd, tmp, r->arch, e) < 0)
		return -1;
	flock(fd, LOCK_UN);
	if (file_sync_dir(root->fd, root->path, e) < 0)
		return -1;
	/* without a stamp the next run has more to do, no more */
	if (!provable || stamp_write(root->fd, tarball, tree, opts, r, e) < 0)
		stamp_remove(root->fd, r->arch);
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
	if (rc < 0 && e->kind == ERR_SYS && e->sys == ENAMETOOLONG) {
		e->kind = ERR_CHECK;	/* tomorrow it is as long */
		e->code = "name_too_long";
	}
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
	if (rc < 0) {
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
		remove_stale(root, arch);
}

static int
stage_fd(struct stage_root *root, uint64_t seq, int fd,
    const struct verify_opts *opts, struct stage_result *r, struct err *e)
{
	bool first = is_turn(root, seq);

	r->unchanged = proved(root, fd, opts, &r->verified);
	if (r->unchanged && !first) {
		/* a record before it may have removed the tree */
		verify_result_release(&r->verified);
		wait_turn(root, seq);
		r->unchanged = proved(root, fd, opts, &r->verified);
	}
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
	pthread_mutex_lock(&root->lock);
	move_on(root, seq + 1);
	pthread_mutex_unlock(&root->lock);
	return rc;
}
