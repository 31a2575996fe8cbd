#include "bundle/stamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "record/json_out.h"
#include "record/rec.h"

#define STAMP_FORMAT 1
#define SETTLE_TRIES 50		/* of one millisecond: ticks last up to 10 */
#define STAMP_SIZE_MAX (2 << 20)

static bool
later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec :
	    a->tv_nsec > b->tv_nsec;
}

bool
stamp_settle(const struct stat *st)
{
	const struct timespec *last = later(&st->st_mtim, &st->st_ctim) ?
	    &st->st_mtim : &st->st_ctim;
	const struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < SETTLE_TRIES; i++) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		if (later(&now, last))
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static void
stat_text(struct buf *b, const struct stat *st)
{
	buf_addf(b, "%ju:%ju:%jd:%jd.%09ld:%jd.%09ld", (uintmax_t)st->st_dev,
	    (uintmax_t)st->st_ino, (intmax_t)st->st_size,
	    (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
	    (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

struct walk {
	struct digest digest;
	struct buf path, line;
	struct stat newest;
};

static int
real_names(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool walk_dir(struct walk *w, int fd);

/* One line of the digest: mode, path, and, where it is no directory, what
 * tells whether it was written since. */
static bool
walk_name(struct walk *w, int dir, const char *name)
{
	size_t len = w->path.len;
	struct stat st;
	bool good;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	buf_addf(&w->path, "/%s", name);
	buf_reset(&w->line);
	buf_addf(&w->line, "%o ", (unsigned)st.st_mode);
	if (!S_ISDIR(st.st_mode)) {
		stat_text(&w->line, &st);
		if (later(&st.st_ctim, &w->newest.st_ctim))
			w->newest = st;
	}
	buf_addf(&w->line, " %s", w->path.data);
	/* the NUL as well: no name can hold one */
	digest_add(&w->digest, w->line.data, w->line.len + 1);
	good = !S_ISDIR(st.st_mode) || walk_dir(w, openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	buf_truncate(&w->path, len);
	return good;
}

/* fd is taken. */
static bool
walk_dir(struct walk *w, int fd)
{
	struct dirent **names = NULL;
	bool good = true;
	int n = fd < 0 ? -1 : scandirat(fd, ".", &names, real_names, by_bytes);

	for (int i = 0; i < n; i++) {
		good = good && walk_name(w, fd, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (fd >= 0)
		close(fd);
	return n >= 0 && good;
}

bool
stamp_tree(int dirfd, char hex[DIGEST_HEX])
{
	struct walk w = { DIGEST_INIT, BUF_INIT, BUF_INIT, { .st_dev = 0 } };
	uint8_t digest[DIGEST_LEN];
	bool good;

	digest_start(&w.digest);
	good = walk_dir(&w, openat(dirfd, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	digest_end(&w.digest, digest);
	digest_format_hex(digest, hex);
	digest_release(&w.digest);
	buf_release(&w.path);
	buf_release(&w.line);
	return good && stamp_settle(&w.newest);
}

static char *
stamp_name(const char *arch)
{
	return mem_fmt(".%s.stamp", arch);
}

int
stamp_write(int root, const struct stat *tarball, const char *tree,
    const struct verify_opts *opts, const struct verify_result *r,
    struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autofree char *name = stamp_name(r->arch);
	autobuf struct buf st = BUF_INIT;

	stat_text(&st, tarball);
	json_out_open(&o, '{');
	json_out_kint(&o, "format", STAMP_FORMAT);
	json_out_kstr(&o, "tarball", st.data);
	json_out_kstr(&o, "tree", tree);
	json_out_kstr(&o, "contract", opts->contract->sha256);
	json_out_kint(&o, "max_bytes", opts->max_bytes);
	json_out_kstr(&o, "arch", r->arch);
	json_out_kstr(&o, "sha256", r->sha256);
	json_out_kint(&o, "size", r->size);
	json_out_key(&o, "bundle");
	json_out_raw(&o, r->bundle, strlen(r->bundle));
	json_out_close(&o, '}');
	buf_addc(&o.buf, '\n');
	return file_replace(root, name, o.buf.data, o.buf.len, e);
}

void
stamp_remove(int root, const char *arch)
{
	autofree char *name = stamp_name(arch);

	unlinkat(root, name, 0);
}

static bool
same_str(struct rec *r, const char *key, const char *want)
{
	const char *value;
	struct err e;

	return want == NULL || (rec_str(r, key, &value, &e) == 1 &&
	    strcmp(value, want) == 0);
}

static bool
same_int(struct rec *r, const char *key, int64_t want)
{
	int64_t value;
	struct err e;

	return want < 0 || (rec_int(r, key, 0, INT64_MAX, &value, &e) == 1 &&
	    value == want);
}

static bool
as_expected(struct rec *r, const struct verify_expect *x)
{
	return same_str(r, "sha256", x->sha256) &&
	    same_int(r, "size", x->size) &&
	    same_str(r, "bundle.dir", x->dir) &&
	    same_str(r, "bundle.name", x->name) &&
	    same_str(r, "bundle.version", x->version) &&
	    same_str(r, "bundle.architecture", x->architecture) &&
	    same_str(r, "bundle.created_at", x->created_at) &&
	    same_str(r, "bundle.manifest_sha256", x->manifest_sha256) &&
	    same_str(r, "bundle.contract.sha256", x->contract_sha256) &&
	    same_int(r, "bundle.files", x->files) &&
	    same_int(r, "bundle.bytes", x->bytes);
}

/* The results of the verification, out of the stamp. */
static bool
take_results(struct rec *r, struct verify_result *out)
{
	const char *sha256, *arch, *dir, *manifest, *bundle;
	struct err e;
	size_t len;

	if (rec_str(r, "sha256", &sha256, &e) != 1 ||
	    rec_int(r, "size", 0, INT64_MAX, &out->size, &e) != 1 ||
	    rec_str(r, "arch", &arch, &e) != 1 ||
	    rec_str(r, "bundle.dir", &dir, &e) != 1 ||
	    rec_str(r, "bundle.manifest_sha256", &manifest, &e) != 1 ||
	    rec_int(r, "bundle.files", 0, INT64_MAX, &out->files, &e) != 1 ||
	    rec_int(r, "bundle.bytes", 0, INT64_MAX, &out->bytes, &e) != 1 ||
	    (bundle = rec_text(r, "bundle", &len)) == NULL)
		return false;
	snprintf(out->sha256, sizeof(out->sha256), "%s", sha256);
	snprintf(out->manifest_sha256, sizeof(out->manifest_sha256), "%s",
	    manifest);
	out->arch = mem_str(arch);
	out->dir = mem_str(dir);
	out->bundle = mem_dup(bundle, len);
	return true;
}

bool
stamp_proves(int root, const char *arch, int fd,
    const struct verify_opts *opts, struct verify_result *out)
{
	autofree char *name = stamp_name(arch);
	autobuf struct buf text = BUF_INIT, now = BUF_INIT;
	char tree[DIGEST_HEX];
	struct stat st;
	struct err e;
	struct rec *r;
	bool good;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    file_slurp(root, name, name, STAMP_SIZE_MAX, &text, &e) < 0 ||
	    (r = rec_parse(text.data, text.len, name, &e)) == NULL)
		return false;
	stat_text(&now, &st);
	good = same_int(r, "format", STAMP_FORMAT) &&
	    same_str(r, "arch", arch) &&
	    same_str(r, "tarball", now.data) &&
	    same_str(r, "contract", opts->contract->sha256) &&
	    same_int(r, "max_bytes", opts->max_bytes) &&
	    as_expected(r, &opts->expect);
	if (good) {
		autofd int dir = openat(root, arch,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		good = dir >= 0 && stamp_tree(dir, tree) &&
		    same_str(r, "tree", tree) && take_results(r, out);
	}
	rec_free(r);
	return good;
}
