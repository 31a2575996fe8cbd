/*
 * The rules, in the order in which a bundle is judged (contract, "What is
 * refused").
 */
#include "bundle/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "bundle/report.h"

#define EM_X86_64 62
#define EM_AARCH64 183

struct verify {
	const struct verify_opts *opts;
	struct archive *a;
	struct finding_list *f;
	const char *arch;	/* in force */
	struct buf path;
};

static const struct payload_node *
node_of(const struct verify *v, uint32_t node)
{
	return &v->a->payload.nodes[node];
}

/* The node at a path of the bundle, PAYLOAD_NONE if the archive lacks it. */
static uint32_t
seen(struct verify *v, const char *path)
{
	uint32_t node = payload_find(&v->a->payload, v->a->top, path, false);

	return node == PAYLOAD_NONE ||
	    node_of(v, node)->type == PAYLOAD_UNSEEN ? PAYLOAD_NONE : node;
}

/* 1. The tarball's size and digest against the record. */
static void
rule_tarball_size(struct verify *v)
{
	const char *path = v->opts->tarball;
	int64_t size = v->opts->expect.size;
	char want[24], got[24];

	if (size < 0 || v->a->size == size)
		return;
	finding_add(v->f, "tarball_size_mismatch", path,
	    "tarball size mismatch: %s", path);
	snprintf(want, sizeof(want), "%" PRId64, size);
	snprintf(got, sizeof(got), "%" PRId64, v->a->size);
	finding_values(v->f, want, got);
}

static void
rule_tarball_digest(struct verify *v)
{
	const char *path = v->opts->tarball, *want = v->opts->expect.sha256;
	char hex[DIGEST_HEX];

	digest_format_hex(v->a->sha256, hex);
	if (want == NULL || strcmp(hex, want) == 0)
		return;
	finding_add(v->f, "tarball_checksum_mismatch", path,
	    "tarball checksum mismatch: %s", path);
	finding_values(v->f, want, hex);
}

/* 3. One directory and nothing beside it. */
static int
rule_single_directory(struct verify *v)
{
	if (v->a->top != PAYLOAD_NONE && !v->a->several_tops &&
	    node_of(v, v->a->top)->type == PAYLOAD_DIR)
		return 0;
	return finding_add(v->f, "not_single_directory", NULL,
	    "expected a single top-level bundle directory");
}

/* 5. The manifest is well-formed and complete. */
static int
rule_manifest(struct verify *v)
{
	const struct manifest *m = &v->a->manifest;

	if (m->malformed.kind != ERR_NONE)
		return finding_add_err(v->f, &m->malformed);
	return manifest_check(m, v->opts->contract, v->opts->arch != NULL,
	    v->f);
}

/* 6. The architecture is the one asked for. */
static int
rule_architecture(struct verify *v)
{
	const char *got = v->a->manifest.fields[MANIFEST_ARCH].value;
	const char *want = v->opts->arch;
	int rc;

	if (got == NULL || want == NULL || strcmp(got, want) == 0)
		return 0;
	rc = finding_add(v->f, "arch_mismatch", NULL,
	    "bundle architecture mismatch: expected %s, got %s", want, got);
	finding_values(v->f, want, got);
	return rc;
}

static int
listed_file(struct verify *v, const struct manifest_entry *entry,
    const char *path)
{
	const struct payload_node *n = node_of(v, entry->node);
	char want[DIGEST_HEX], got[DIGEST_HEX];
	int rc;

	if (memcmp(n->sha256, entry->sha256, DIGEST_LEN) != 0) {
		rc = finding_add(v->f, "checksum_mismatch", path,
		    "checksum mismatch: %s", path);
		digest_format_hex(entry->sha256, want);
		digest_format_hex(n->sha256, got);
		finding_values(v->f, want, got);
		return rc;
	}
	if (n->size != entry->size) {
		rc = finding_add(v->f, "size_mismatch", path,
		    "size mismatch: %s", path);
		snprintf(want, sizeof(want), "%" PRId64, entry->size);
		snprintf(got, sizeof(got), "%" PRId64, n->size);
		finding_values(v->f, want, got);
		return rc;
	}
	return 0;
}

static int
listed_entry(struct verify *v, const struct manifest_entry *entry)
{
	struct payload *p = &v->a->payload;
	const struct payload_node *n;
	const char *path;
	int rc;

	if (entry->node == PAYLOAD_NONE)
		return finding_add(v->f, "path_invalid",
		    p->names.data + entry->text,
		    "invalid manifest-listed payload path: %s",
		    p->names.data + entry->text);
	n = node_of(v, entry->node);
	path = payload_path(p, entry->node, v->a->top, &v->path);
	if (n->type == PAYLOAD_UNSEEN)
		return finding_add(v->f, "payload_missing", path,
		    "missing manifest-listed payload path: %s", path);
	if (n->type != (entry->is_link ? PAYLOAD_LINK : PAYLOAD_FILE)) {
		rc = finding_add(v->f, "entry_type_mismatch", path,
		    "entry type mismatch: %s", path);
		finding_values(v->f, entry->is_link ? "symlink" : "file",
		    n->type == PAYLOAD_DIR ? "directory" :
		    n->type == PAYLOAD_LINK ? "symlink" : "file");
		return rc;
	}
	if (!entry->is_link)
		return listed_file(v, entry, path);
	if (entry->target == 0 || strcmp(p->names.data + entry->target,
	    payload_target(p, entry->node)) == 0)
		return 0;
	rc = finding_add(v->f, "target_mismatch", path,
	    "symlink target mismatch: %s", path);
	finding_values(v->f, p->names.data + entry->target,
	    payload_target(p, entry->node));
	return rc;
}

/* 7. Each listed entry, in the manifest's order. */
static int
rule_listed(struct verify *v)
{
	for (size_t i = 0; i < v->a->manifest.nentries; i++)
		if (listed_entry(v, &v->a->manifest.entries[i]) < 0)
			return -1;
	return 0;
}

/* 8. The contract's paths are listed. */
static int
rule_required_listed(struct verify *v)
{
	const struct contract_list *required = &v->opts->contract->required;

	for (size_t i = 0; i < required->count; i++) {
		const char *path = required->items[i];
		uint32_t node = payload_find(&v->a->payload, v->a->top, path,
		    false);

		if ((node == PAYLOAD_NONE ||
		    !node_of(v, node)->listed) && finding_add(v->f,
		    "required_unlisted", path, "required runtime asset "
		    "missing from manifest.json: %s", path) < 0)
			return -1;
	}
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 9. Nothing is there that the manifest does not list; sorted by path. */
static int
rule_unlisted(struct verify *v)
{
	struct payload *p = &v->a->payload;
	char **paths = NULL;
	size_t count = 0, cap = 0;
	int rc = 0;

	for (uint32_t i = 1; i < p->count; i++) {
		const struct payload_node *n = &p->nodes[i];
		bool manifest = n->parent == v->a->top &&
		    strcmp(payload_name(p, i), "manifest.json") == 0;

		if ((n->type != PAYLOAD_FILE && n->type != PAYLOAD_LINK) ||
		    n->listed || manifest)
			continue;
		mem_grow(&paths, &cap, count, sizeof(*paths));
		paths[count++] = mem_str(payload_path(p, i, v->a->top,
		    &v->path));
	}
	if (count > 0)
		qsort(paths, count, sizeof(*paths), by_text);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			rc = finding_add(v->f, "payload_unlisted", paths[i],
			    "unlisted payload path present on disk: %s",
			    paths[i]);
		free(paths[i]);
	}
	free(paths);
	return rc;
}

/* 10a. Binaries are regular files. */
static int
rule_required_files(struct verify *v)
{
	const struct contract_list *files = &v->opts->contract->files;

	for (size_t i = 0; i < files->count; i++) {
		const char *path = files->items[i];
		uint32_t node = seen(v, path);
		int rc = 0;

		if (node == PAYLOAD_NONE)
			rc = finding_add(v->f, "required_missing", path,
			    "missing required path: %s", path);
		else if (node_of(v, node)->type != PAYLOAD_FILE)
			rc = finding_add(v->f, "required_not_file", path,
			    "invalid required binary entry type: %s", path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* 10b. Directories are directories. */
static int
rule_required_directories(struct verify *v)
{
	const struct contract_list *dirs = &v->opts->contract->directories;

	for (size_t i = 0; i < dirs->count; i++) {
		const char *path = dirs->items[i];
		uint32_t node = seen(v, path);
		int rc = 0;

		if (node == PAYLOAD_NONE)
			rc = finding_add(v->f, "required_missing", path,
			    "missing required path: %s", path);
		else if (node_of(v, node)->type != PAYLOAD_DIR)
			rc = finding_add(v->f, "required_not_directory", path,
			    "required path is not a directory: %s", path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static bool
glob_matches(struct verify *v, const char *glob)
{
	struct payload *p = &v->a->payload;

	for (uint32_t i = 1; i < p->count; i++)
		if ((p->nodes[i].type == PAYLOAD_FILE ||
		    p->nodes[i].type == PAYLOAD_LINK) &&
		    fnmatch(glob, payload_path(p, i, v->a->top, &v->path),
		    FNM_PATHNAME) == 0)
			return true;
	return false;
}

/* 10c. Each glob matches something. */
static int
rule_required_globs(struct verify *v)
{
	const struct contract_list *globs = &v->opts->contract->globs;

	for (size_t i = 0; i < globs->count; i++) {
		autobuf struct buf glob = BUF_INIT;

		contract_glob(globs->items[i], v->arch, &glob);
		if (!glob_matches(v, glob.data) && finding_add(v->f,
		    "required_glob_missing", glob.data,
		    "missing required library subtree: %s", glob.data) < 0)
			return -1;
	}
	return 0;
}

/* 11. ELF files are for the architecture; in the manifest's order. */
static int
rule_elf(struct verify *v)
{
	const struct manifest *m = &v->a->manifest;
	uint16_t want = strcmp(v->arch, "arm64") == 0 ? EM_AARCH64 : EM_X86_64;

	for (size_t i = 0; i < m->nentries; i++) {
		uint32_t node = m->entries[i].node;
		const struct payload_node *n;
		const char *path;
		char wanted[16], got[16];
		int rc;

		if (node == PAYLOAD_NONE)
			continue;
		n = node_of(v, node);
		if (!n->elf || n->machine == want)
			continue;
		path = payload_path(&v->a->payload, node, v->a->top, &v->path);
		rc = finding_add(v->f, "elf_arch_mismatch", path,
		    "ELF machine does not match architecture %s: %s", v->arch,
		    path);
		snprintf(wanted, sizeof(wanted), "%u", want);
		snprintf(got, sizeof(got), "%u", n->machine);
		finding_values(v->f, wanted, got);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
expected(struct verify *v, const char *field, const char *want,
    const char *got)
{
	int rc;

	if (want == NULL || strcmp(want, got) == 0)
		return 0;
	rc = finding_add(v->f, "bundle_mismatch", NULL,
	    "bundle mismatch: %s is not the record's", field);
	finding_values(v->f, want, got);
	return rc;
}

static int
expected_number(struct verify *v, const char *field, int64_t want, int64_t got)
{
	char wanted[24], found[24];

	if (want < 0)
		return 0;
	snprintf(wanted, sizeof(wanted), "%" PRId64, want);
	snprintf(found, sizeof(found), "%" PRId64, got);
	return expected(v, field, wanted, found);
}

/* 12. It is the bundle that the record says it is. */
static int
rule_expected(struct verify *v)
{
	const struct verify_expect *x = &v->opts->expect;
	const struct manifest *m = &v->a->manifest;
	char hex[DIGEST_HEX];

	digest_format_hex(v->a->manifest_sha256, hex);
	if (expected(v, "dir", x->dir,
	    payload_name(&v->a->payload, v->a->top)) < 0 ||
	    expected(v, "name", x->name,
	    m->fields[MANIFEST_NAME].value) < 0 ||
	    expected(v, "version", x->version,
	    m->fields[MANIFEST_VERSION].value) < 0 ||
	    expected(v, "architecture", x->architecture,
	    m->fields[MANIFEST_ARCH].value) < 0 ||
	    expected(v, "created_at", x->created_at,
	    m->fields[MANIFEST_CREATED].value) < 0 ||
	    expected(v, "manifest_sha256", x->manifest_sha256, hex) < 0 ||
	    expected_number(v, "files", x->files,
	    (int64_t)m->nentries) < 0 ||
	    expected_number(v, "bytes", x->bytes, m->bytes) < 0)
		return -1;
	return 0;
}

/* Rules that need a tree and a manifest; each stops where the first refusal is
 * enough. */
static void
judge(struct verify *v)
{
	static int (*const rules[])(struct verify *) = {
		rule_architecture, rule_listed, rule_required_listed,
		rule_unlisted, rule_required_files, rule_required_directories,
		rule_required_globs, rule_elf,
	};

	if (v->opts->expect.sha256 != NULL || v->opts->expect.size >= 0) {
		/* other bytes than the record's: what they hold is no matter */
		struct finding_list found = *v->f;

		finding_list_init(v->f, found.all);
		rule_tarball_size(v);
		if (v->f->count == 0)
			rule_tarball_digest(v);
		if (v->f->count > 0) {
			finding_list_release(&found);
			return;
		}
		*v->f = found;
	}
	/* 2. Damage and unsafe entries were found on the way. */
	if (v->f->count > 0 || rule_single_directory(v) < 0 ||
	    v->f->count > 0)
		return;
	if (!v->a->has_manifest) {	/* 4 */
		finding_add(v->f, "manifest_missing", "manifest.json",
		    "missing bundle manifest.json");
		return;
	}
	if (rule_manifest(v) < 0 ||
	    v->a->manifest.malformed.kind != ERR_NONE)
		return;
	v->arch = v->opts->arch != NULL ? v->opts->arch :
	    v->a->manifest.fields[MANIFEST_ARCH].value;
	if (v->arch == NULL)
		v->arch = "amd64";	/* its absence is a finding already */
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rules[i](v) < 0)
			return;
	if (v->f->count == 0)
		rule_expected(v);
}

void
verify_result_release(struct verify_result *r)
{
	finding_list_release(&r->findings);
	free(r->arch);
	free(r->dir);
	free(r->bundle);
	*r = (struct verify_result){ .arch = NULL };
}

static void
fill(struct verify_result *r, struct archive *a, const struct verify_opts *o)
{
	struct buf text = BUF_INIT;

	digest_format_hex(a->sha256, r->sha256);
	r->size = a->size;
	r->dir = mem_str(payload_name(&a->payload, a->top));
	digest_format_hex(a->manifest_sha256, r->manifest_sha256);
	r->files = (int64_t)a->manifest.nentries;
	r->bytes = a->manifest.bytes;
	report_bundle(a, o->contract, &text);
	r->bundle = buf_detach(&text);
}

int
verify_open(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0 && fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode)))
		return fd;
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR &&
	    errno != ELOOP && errno != ENAMETOOLONG && errno != ENXIO) {
		err_sys(e, "cannot open tarball '%s'", path);
		err_set_path(e, path);
		return -1;
	}
	if (fd >= 0)
		close(fd);
	err_set(e, ERR_CHECK, "tarball_not_found", "tarball not found: %s",
	    path);
	err_set_path(e, path);
	e->prefix = finding_prefix;
	return -1;
}

/* 0. It was judged by the same contract before. */
static int
rule_contract(struct verify *v)
{
	const char *want = v->opts->expect.contract_sha256;
	const struct contract *c = v->opts->contract;

	if (want == NULL || strcmp(want, c->sha256) == 0)
		return 0;
	finding_add(v->f, "contract_mismatch", NULL, "contract mismatch: the "
	    "record was verified by another contract than '%s'", c->name);
	finding_values(v->f, want, c->sha256);
	return -1;
}

/* The tarball's size is judged before a byte is read. */
static int
check_size(int fd, struct verify *v)
{
	struct stat st;

	v->a->size = -1;
	if (v->opts->expect.size < 0 || fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size == v->opts->expect.size)
		return 0;
	v->a->size = st.st_size;
	rule_tarball_size(v);
	return -1;
}

int
verify_fd(int fd, const struct verify_opts *opts, struct verify_result *r,
    struct err *e)
{
	AUTO(archive_release) struct archive a;
	struct verify v = { opts, &a, &r->findings, NULL, BUF_INIT };
	struct archive_opts aopts = {
		.max_bytes = opts->max_bytes,
		.hash_all = opts->expect.sha256 != NULL ||
		    opts->expect.size >= 0,
		.sink = opts->sink, .sink_ctx = opts->sink_ctx,
		.progress = opts->progress,
	};
	const char *arch;

	*r = (struct verify_result){ .arch = NULL };
	finding_list_init(&r->findings, opts->all_errors);
	archive_init(&a, &r->findings);
	if (rule_contract(&v) == 0 && check_size(fd, &v) == 0) {
		if (archive_read(&a, fd, &aopts, e) < 0)
			return -1;
		judge(&v);
	}
	buf_release(&v.path);
	if (opts->list != NULL)
		report_entries(&a, opts->tarball, opts->list);
	arch = opts->arch != NULL ? opts->arch :
	    a.manifest.fields[MANIFEST_ARCH].value;
	r->arch = arch != NULL ? mem_str(arch) : NULL;
	if (r->findings.count > 0) {
		*e = r->findings.first;
		return -1;
	}
	fill(r, &a, opts);
	return 0;
}

int
verify_file(const char *path, const struct verify_opts *opts,
    struct verify_result *r, struct err *e)
{
	*r = (struct verify_result){ .arch = NULL };
	finding_list_init(&r->findings, opts->all_errors);
	autofd int fd = verify_open(path, e);
	if (fd < 0)
		return -1;
	return verify_fd(fd, opts, r, e);
}
