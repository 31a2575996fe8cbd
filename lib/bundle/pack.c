#include "bundle/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/text.h"
#include "bundle/entry.h"
#include "codec/tarout.h"
#include "record/json_out.h"

#define BLOCK (1 << 18)		/* bytes read at once */
#define SUMS_MAX (16 << 20)

struct item {
	char *path, *target;		/* owned; target of a symlink */
	char type;			/* tar's: '0', '2', '5' */
	unsigned mode;
	int64_t size;
	uint8_t sha256[DIGEST_LEN];
	struct err *error;		/* owned; of hashing, or NULL */
};

struct packer {
	const struct pack_spec *spec;
	const struct pack_opts *opts;
	int root;
	char *dir;			/* owned: the bundle's directory */
	struct item *items;
	size_t count, cap;
	struct buf manifest;
	struct zout *zout;
	struct tarout tar;
};

void
pack_spec_component(struct pack_spec *s, const char *name,
    const char *version, const char *commit)
{
	mem_grow(&s->components, &s->cap, s->ncomponents,
	    sizeof(*s->components));
	s->components[s->ncomponents++] = (struct pack_component){
		mem_str(name), mem_str(version), mem_str(commit) };
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct pack_component *)a)->name,
	    ((const struct pack_component *)b)->name);
}

void
pack_spec_sort(struct pack_spec *s)
{
	if (s->ncomponents > 0)
		qsort(s->components, s->ncomponents, sizeof(*s->components),
		    by_name);
}

bool
pack_spec_has(const struct pack_spec *s, const char *name)
{
	for (size_t i = 0; i < s->ncomponents; i++)
		if (strcmp(s->components[i].name, name) == 0)
			return true;
	return false;
}

void
pack_spec_release(struct pack_spec *s)
{
	for (size_t i = 0; i < s->ncomponents; i++) {
		free(s->components[i].name);
		free(s->components[i].version);
		free(s->components[i].commit);
	}
	free(s->components);
	free(s->root);
	free(s->arch);
	free(s->name);
	free(s->version);
	free(s->created_at);
	*s = (struct pack_spec){ .root = NULL };
}

static int
check_word(const char *field, const char *value, struct err *e)
{
	if (*value == '\0' || *value == '.' || strchr(value, '/') != NULL ||
	    value[strspn(value, " \t")] == '\0' || strlen(value) > 200 ||
	    text_has_control(value, strlen(value))) {
		err_set(e, ERR_INPUT, "field_invalid", "invalid field: %s: it "
		    "becomes part of a file's name: '%s'", field, value);
		err_set_path(e, field);
		return -1;
	}
	return 0;
}

int
pack_spec_check(const struct pack_spec *s, struct err *e)
{
	if (check_word("bundle.name", s->name, e) < 0 ||
	    check_word("bundle.version", s->version, e) < 0)
		return -1;
	if (s->created_at != NULL && !clock_valid(s->created_at,
	    strlen(s->created_at)))
		return err_set(e, ERR_INPUT, "field_invalid", "invalid field: "
		    "bundle.created_at: a time as RFC 3339 writes it is "
		    "wanted: '%s'", s->created_at);
	return 0;
}

char *
pack_spec_dir(const struct pack_spec *s)
{
	return mem_fmt("%s_%s_%s", s->name, s->version, s->arch);
}

static void
packer_release(struct packer *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->items[i].path);
		free(p->items[i].target);
		free(p->items[i].error);
	}
	free(p->items);
	free(p->dir);
	buf_release(&p->manifest);
	zout_free(p->zout);
	if (p->root >= 0)
		close(p->root);
}

/*
 * The install root
 */

static int
refuse(const char *path, const char *why, struct err *e)
{
	return entry_unsafe(path, strlen(path), why, e);
}

static int
add_link(int dir, const char *name, struct item *item, struct err *e)
{
	char target[PAYLOAD_PATH_MAX + 2];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));

	if (n < 0)
		return err_sys(e, "cannot read symlink '%s'", item->path);
	item->type = '2';
	item->mode = 0777;
	item->target = mem_dup(target, (size_t)n);
	return 0;
}

static int walk(struct packer *p, int fd, const char *path, struct err *e);

static int
add_item(struct packer *p, int dir, const char *name, const char *path,
    struct err *e)
{
	struct item *item;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot read '%s'", path);
	if (strcmp(path, "manifest.json") == 0)
		return refuse(path, "the manifest is made, not packed", e);
	if (p->count >= PAYLOAD_ENTRIES_MAX)
		return refuse(path, "more than 100,000 entries", e);
	mem_grow(&p->items, &p->cap, p->count, sizeof(*p->items));
	item = &p->items[p->count++];
	*item = (struct item){ .path = mem_str(path),
	    .mode = st.st_mode & 07777 };
	if (S_ISLNK(st.st_mode))
		return add_link(dir, name, item, e);
	if (item->mode & 07000)
		return refuse(path, "a setuid, setgid or sticky bit", e);
	if (S_ISREG(st.st_mode)) {
		item->type = '0';
		item->size = st.st_size;
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return refuse(path, "neither file, directory nor symlink", e);
	item->type = '5';
	int fd = openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "cannot open directory '%s'", path) :
	    walk(p, fd, path, e);
}

/* All that is in the directory; fd is taken. */
static int
walk(struct packer *p, int fd, const char *path, struct err *e)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int rc = 0;

	if (dir == NULL) {
		close(fd);
		return err_sys(e, "cannot read directory '%s'", path);
	}
	while (rc == 0) {
		errno = 0;
		if ((d = readdir(dir)) == NULL) {
			if (errno != 0)
				rc = err_sys(e, "cannot read directory '%s'",
				    path);
			break;
		}
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0)
			continue;
		autofree char *child = mem_fmt("%s%s%s", path,
		    *path != '\0' ? "/" : "", d->d_name);
		rc = add_item(p, fd, d->d_name, child, e);
	}
	closedir(dir);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->path,
	    ((const struct item *)b)->path);
}

static int
open_item(const struct packer *p, const struct item *item, struct err *e)
{
	struct stat st;
	int fd = file_open_beneath(p->root, item->path,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return err_sys(e, "cannot open '%s'", item->path);
	/* it would be lost without a word */
	if (fgetxattr(fd, "security.capability", NULL, 0) > 0) {
		close(fd);
		return refuse(item->path,
		    "an extended attribute with capabilities", e);
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == item->size)
		return fd;
	close(fd);
	return err_set(e, ERR_SYS, "source_changed",
	    "the file changed while it was packed: %s", item->path);
}

/* A worker: the digest of one file. */
static void
hash_item(void *ctx, void *job)
{
	const struct packer *p = ctx;
	struct item *item = job;
	struct err e;
	int64_t size;
	autofd int fd = open_item(p, item, &e);
	bool read = fd >= 0 && digest_file(fd, item->path, item->sha256,
	    &size, &e) == 0;

	if (read && size == item->size)
		return;
	if (read)
		err_set(&e, ERR_SYS, "source_changed",
		    "the file changed while it was packed: %s", item->path);
	item->error = mem_alloc(sizeof(e));
	*item->error = e;
}

static int
hash_all(struct packer *p, struct err *e)
{
	struct pool *pool = pool_new(p->opts->threads, hash_item, p);

	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].type == '0')
			pool_submit(pool, &p->items[i]);
	pool_free(pool);
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].error != NULL) {
			*e = *p->items[i].error;
			return -1;
		}
	return 0;
}

/*
 * The manifest
 */

static void
manifest_item(struct packer *p, const struct item *item)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	char hex[DIGEST_HEX];

	json_out_open(&o, '{');
	json_out_kstr(&o, "path", item->path);
	json_out_kstr(&o, "entry_type", item->type == '2' ? "symlink" :
	    "file");
	if (item->type == '2') {
		json_out_kstr(&o, "target", item->target);
	} else {
		digest_format_hex(item->sha256, hex);
		json_out_kstr(&o, "sha256", hex);
		json_out_kint(&o, "size", item->size);
	}
	json_out_close(&o, '}');
	buf_add(&p->manifest, o.buf.data, o.buf.len);
}

static void
manifest_field(struct packer *p, const char *key, const char *value)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_kstr(&o, key, value);
	buf_addf(&p->manifest, "  %s,\n", o.buf.data);
}

/* One line an entry, so that it can be read and compared. */
static void
make_manifest(struct packer *p)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	const struct pack_spec *s = p->spec;
	char created[32];
	bool first = true;

	clock_format(p->opts->epoch, created);
	buf_adds(&p->manifest, "{\n  \"schema_version\":1,\n");
	manifest_field(p, "bundle_name", s->name);
	manifest_field(p, "bundle_version", s->version);
	manifest_field(p, "architecture", s->arch);
	manifest_field(p, "created_at", s->created_at != NULL ?
	    s->created_at : created);
	json_out_key(&o, "components");
	json_out_open(&o, '{');
	for (size_t i = 0; i < s->ncomponents; i++) {
		json_out_key(&o, s->components[i].name);
		json_out_open(&o, '{');
		json_out_kstr(&o, "version", s->components[i].version);
		json_out_kstr(&o, "commit", s->components[i].commit);
		json_out_close(&o, '}');
	}
	json_out_close(&o, '}');
	buf_addf(&p->manifest, "  %s,\n  \"files\":[", o.buf.data);
	for (size_t i = 0; i < p->count; i++) {
		if (p->items[i].type == '5')
			continue;
		buf_addf(&p->manifest, "%s\n    ", first ? "" : ",");
		manifest_item(p, &p->items[i]);
		first = false;
	}
	buf_adds(&p->manifest, "\n  ]\n}\n");
}

/*
 * The tarball
 */

static int
to_zout(void *ctx, const void *data, size_t len, struct err *e)
{
	struct packer *p = ctx;

	return zout_write(p->zout, data, len, e);
}

static int
put_header(struct packer *p, const char *path, const char *link, char type,
    unsigned mode, int64_t size, struct err *e)
{
	autofree char *whole = mem_fmt("%s%s%s", p->dir,
	    *path != '\0' ? "/" : "", path);
	const struct tarout_entry entry = {
		.path = whole, .link = link, .type = type, .mode = mode,
		.size = size, .mtime = p->opts->epoch,
	};

	return tarout_entry(&p->tar, &entry, e);
}

/* The body, hashed once more: what the manifest promises is what is packed. */
static int
put_body(struct packer *p, const struct item *item, struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	autofree char *block = mem_alloc(BLOCK);
	autofd int fd = open_item(p, item, e);
	uint8_t digest[DIGEST_LEN];
	int64_t left = item->size;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	digest_start(&d);
	while (left > 0 && (n = file_read(fd, block,
	    left < BLOCK ? (size_t)left : BLOCK)) > 0) {
		digest_add(&d, block, (size_t)n);
		if (tarout_data(&p->tar, block, (size_t)n, e) < 0)
			return -1;
		left -= n;
		if (p->opts->progress != NULL)
			*p->opts->progress += (uint64_t)n;
	}
	if (n < 0)
		return err_sys(e, "cannot read '%s'", item->path);
	digest_end(&d, digest);
	if (left > 0 || memcmp(digest, item->sha256, DIGEST_LEN) != 0)
		return err_set(e, ERR_SYS, "source_changed",
		    "the file changed while it was packed: %s", item->path);
	return 0;
}

static int
put_all(struct packer *p, struct err *e)
{
	if (put_header(p, "", "", '5', 0755, 0, e) < 0 ||
	    put_header(p, "manifest.json", "", '0', 0644,
	    (int64_t)p->manifest.len, e) < 0 ||
	    tarout_data(&p->tar, p->manifest.data, p->manifest.len, e) < 0)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		const struct item *item = &p->items[i];

		if (put_header(p, item->path, item->target != NULL ?
		    item->target : "", item->type, item->mode, item->size,
		    e) < 0 ||
		    (item->type == '0' && put_body(p, item, e) < 0))
			return -1;
	}
	return tarout_finish(&p->tar, e);
}

/* What was written is judged as any other tarball. */
static int
verify_written(struct packer *p, int fd, const char *path,
    const struct zout_result *z, struct verify_result *r, struct err *e)
{
	char hex[DIGEST_HEX];
	const struct verify_opts opts = {
		.contract = p->opts->contract, .arch = p->spec->arch,
		.max_bytes = p->opts->max_bytes, .tarball = path,
		.expect = { .sha256 = hex, .size = z->size, .files = -1,
		    .bytes = -1 },
	};

	digest_format_hex(z->digest, hex);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot read '%s'", path);
	return verify_fd(fd, &opts, r, e);
}

/* The output must not lie in the root: the next run would pack it. */
static int
check_output(const struct packer *p, const char *path, struct err *e)
{
	autofree char *dir = mem_dup(path, (size_t)(file_base(path) - path));
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat root, st, last = { .st_ino = 0 };
	bool inside = false;

	if (fd < 0 || fstat(p->root, &root) < 0) {
		err_sys(e, "cannot open directory '%s'", dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!inside && fd >= 0 && fstat(fd, &st) == 0 &&
	    (st.st_ino != last.st_ino || st.st_dev != last.st_dev)) {
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		inside = st.st_ino == root.st_ino && st.st_dev == root.st_dev;
		last = st;
		close(fd);
		fd = up;
	}
	if (fd >= 0)
		close(fd);
	return !inside ? 0 : err_set(e, ERR_INPUT, "output_in_root",
	    "the output lies in the root that is packed: %s", path);
}

static int
pack(struct packer *p, const char *path, struct verify_result *r,
    struct err *e)
{
	AUTO(file_tmp_release) struct file_tmp t = FILE_TMP_INIT;
	struct zout_result z;
	int fd;

	p->root = open(p->spec->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->root < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_CHECK, "not_found",
		    "no such directory: %s", p->spec->root);
	if (p->root < 0 || (fd = dup(p->root)) < 0)
		return err_sys(e, "cannot open directory '%s'",
		    p->spec->root);
	if (check_output(p, path, e) < 0) {
		close(fd);
		return -1;
	}
	if (walk(p, fd, "", e) < 0)
		return -1;
	if (p->count > 0)
		qsort(p->items, p->count, sizeof(*p->items), by_path);
	if (hash_all(p, e) < 0)
		return -1;
	make_manifest(p);
	if (file_tmp_open(&t, AT_FDCWD, path, e) < 0)
		return -1;
	p->zout = zout_new(t.fd, path, p->opts->method, p->opts->level,
	    p->opts->threads);
	p->tar = (struct tarout){ .sink = to_zout, .ctx = p };
	if (put_all(p, e) < 0 || zout_finish(p->zout, &z, e) < 0 ||
	    verify_written(p, t.fd, path, &z, r, e) < 0)
		return -1;
	return file_tmp_commit(&t, e);
}

int
pack_bundle(const struct pack_spec *s, const struct pack_opts *o,
    const char *path, struct verify_result *r, struct err *e)
{
	struct packer p = { .spec = s, .opts = o, .root = -1,
	    .manifest = BUF_INIT, .dir = pack_spec_dir(s) };
	int rc;

	*r = (struct verify_result){ .arch = NULL };
	rc = pack(&p, path, r, e);
	packer_release(&p);
	return rc;
}

int
pack_sha256sums(const char *path, const char *tarball, const char *sha256,
    struct err *e)
{
	const char *name = file_base(tarball);
	autofree char *dir = mem_dup(path, (size_t)(file_base(path) - path));
	autobuf struct buf old = BUF_INIT, text = BUF_INIT;
	/* two packers at once take turns, by a lock on the directory */
	autofd int lock = open(*dir != '\0' ? dir : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(e, "cannot lock the directory of '%s'", path);
	if (file_slurp(AT_FDCWD, path, path, SUMS_MAX, &old, e) < 0 &&
	    strcmp(e->code, "not_found") != 0)
		return -1;
	for (const char *line = old.data; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		bool same = len == 66 + strlen(name) &&
		    memcmp(line + 66, name, strlen(name)) == 0;

		if (!same) {
			buf_add(&text, line, len);
			buf_addc(&text, '\n');
		}
		line += len + (line[len] == '\n');
	}
	buf_addf(&text, "%s  %s\n", sha256, name);
	return file_replace(AT_FDCWD, path, text.data, text.len, e);
}
