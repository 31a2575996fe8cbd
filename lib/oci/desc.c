#include "oci/desc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "record/json.h"

/* Architectures that may stand without an os; GOARCH, as the specification
 * wants them. */
static const char *const arches[] = { "386", "amd64", "arm", "arm64",
	"loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
	"riscv64", "s390x", "wasm", NULL };

/*
 * Other spellings of an architecture, and what a variant is written as:
 * containerd/platforms, database.go, so that an index of ours says what
 * containerd would look for.  "*" is any variant.
 */
static const struct alias {
	const char *arch, *variant, *to_arch, *to_variant;
} aliases[] = {
	{ "i386", "*", "386", "" },
	{ "x86_64", "*", "amd64", NULL },
	{ "x86-64", "*", "amd64", NULL },
	{ "aarch64", "*", "arm64", NULL },
	{ "armhf", "*", "arm", "v7" },
	{ "armel", "*", "arm", "v6" },
	{ "amd64", "v1", "amd64", "" },
	{ "arm64", "8", "arm64", "" },
	{ "arm64", "v8", "arm64", "" },
	{ "arm", "", "arm", "v7" },
	{ "arm", "5", "arm", "v5" },
	{ "arm", "6", "arm", "v6" },
	{ "arm", "7", "arm", "v7" },
	{ "arm", "8", "arm", "v8" },
};

static bool
is_known_arch(const char *arch)
{
	for (size_t i = 0; arches[i] != NULL; i++)
		if (strcmp(arches[i], arch) == 0)
			return true;
	/* the spellings above stand for known ones */
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (strcmp(aliases[i].arch, arch) == 0)
			return true;
	return false;
}

static void
normalise(struct desc_platform *p)
{
	if (strcmp(p->os, "macos") == 0)
		strcpy(p->os, "darwin");
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
		const struct alias *a = &aliases[i];

		if (strcmp(p->arch, a->arch) != 0 ||
		    (*a->variant != '*' && strcmp(p->variant, a->variant) != 0))
			continue;
		strcpy(p->arch, a->to_arch);
		if (a->to_variant != NULL)
			strcpy(p->variant, a->to_variant);
	}
}

/* One part of a platform into a field of size bytes, in lower case. */
static bool
take_part(const char *from, size_t len, char *to, size_t size)
{
	if (len == 0 || len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];

		if (!isalnum(c) && c != '_' && c != '.' && c != '-')
			return false;
		to[i] = (char)tolower(c);
	}
	to[len] = '\0';
	return true;
}

static int
bad_platform(const char *str, enum err_kind kind, struct err *e)
{
	return err_set(e, kind, "platform_invalid",
	    "'%.200s' is no platform (linux/amd64, linux/arm/v7)", str);
}

int
desc_platform_parse(const char *str, struct desc_platform *p, struct err *e)
{
	char *const fields[] = { p->os, p->arch, p->variant };
	size_t n = 0;

	memset(p, 0, sizeof(*p));
	for (const char *from = str;; from += strcspn(from, "/") + 1) {
		size_t len = strcspn(from, "/");

		if (n == 3 || !take_part(from, len, fields[n++],
		    sizeof(p->os)))
			return bad_platform(str, ERR_INPUT, e);
		if (from[len] == '\0')
			break;
	}
	if (n == 1) {
		if (!is_known_arch(p->os))
			return bad_platform(str, ERR_INPUT, e);
		memcpy(p->arch, p->os, sizeof(p->arch));
		strcpy(p->os, "linux");
	}
	normalise(p);
	return 0;
}

/* The string at key, where an empty one is one that is missing: Docker writes
 * `"variant":""`. */
static int
read_part(struct rec *r, const char *key, char *to, size_t size,
    struct err *e)
{
	const char *str;
	size_t len;
	const char *text = rec_text(r, key, &len);
	int rc;

	if (text != NULL && len == 2 && memcmp(text, "\"\"", 2) == 0)
		return 0;
	if ((rc = rec_str(r, key, &str, e)) <= 0)
		return rc;
	if (!take_part(str, strlen(str), to, size))
		return bad_platform(str, ERR_CHECK, e);
	return 1;
}

struct find_member {
	const char *name;
	const char *str;
};

static int
find_member(void *ctx, const struct rec_member *m, struct err *e)
{
	struct find_member *f = ctx;

	(void)e;
	if (m->name != NULL && strcmp(m->name, f->name) == 0)
		f->str = m->str;
	return 0;
}

const char *
desc_member(struct rec *r, const char *key, const char *name)
{
	struct find_member f = { name, NULL };
	struct err e;

	return rec_each(r, key, find_member, &f, &e) == 1 ? f.str : NULL;
}

int
desc_platform_read(struct rec *r, struct desc_platform *p, struct err *e)
{
	const char *version = desc_member(r, "", "os.version");
	int os, arch;

	memset(p, 0, sizeof(*p));
	if ((os = read_part(r, "os", p->os, sizeof(p->os), e)) < 0 ||
	    (arch = read_part(r, "architecture", p->arch, sizeof(p->arch),
	    e)) < 0 ||
	    read_part(r, "variant", p->variant, sizeof(p->variant), e) < 0) {
		e->kind = ERR_CHECK;
		e->code = "platform_invalid";
		return -1;
	}
	/* config.md and image-index.md: both are REQUIRED */
	if (os == 0 || arch == 0)
		return err_set(e, ERR_CHECK, "platform_invalid",
		    "the platform has no %s", os == 0 ? "os" : "architecture");
	if (version != NULL && *version != '\0' &&
	    !take_part(version, strlen(version), p->os_version,
	    sizeof(p->os_version)))
		return bad_platform(version, ERR_CHECK, e);
	normalise(p);
	return 0;
}

void
desc_platform_format(const struct desc_platform *p, char out[104])
{
	snprintf(out, 104, "%s/%s%s%s", p->os, p->arch,
	    *p->variant != '\0' ? "/" : "", p->variant);
}

bool
desc_platform_match(const struct desc_platform *want,
    const struct desc_platform *have)
{
	return strcmp(want->os, have->os) == 0 &&
	    strcmp(want->arch, have->arch) == 0 &&
	    strcmp(want->variant, have->variant) == 0 &&
	    (*want->os_version == '\0' ||
	    strcmp(want->os_version, have->os_version) == 0);
}

bool
desc_platform_equal(const struct desc_platform *a,
    const struct desc_platform *b)
{
	return desc_platform_match(a, b) && desc_platform_match(b, a);
}

/* RFC 6838, 4.2: restricted names of at most 127 characters around a slash. */
static bool
is_media_type(const char *str)
{
	static const char also[] = "!#$&-^_.+";
	size_t len = 0;
	int slashes = 0;

	for (; *str != '\0'; str++) {
		unsigned char c = (unsigned char)*str;

		if (c == '/') {
			if (len == 0 || ++slashes > 1)
				return false;
			len = 0;
			continue;
		}
		if (!isalnum(c) && (len == 0 || strchr(also, c) == NULL))
			return false;
		if (++len > 127)
			return false;
	}
	return slashes == 1 && len > 0;
}

static int
invalid(struct err *e)
{
	e->kind = ERR_CHECK;
	e->code = "descriptor_invalid";
	return -1;
}

static int
read_platform(struct rec *r, struct desc *d, struct err *e)
{
	size_t len;
	const char *text = rec_text(r, "platform", &len);
	struct rec *platform;
	int rc;

	if (text == NULL)
		return 0;
	if ((platform = rec_parse(text, len, "platform", e)) == NULL)
		return -1;
	rc = desc_platform_read(platform, &d->platform, e);
	rec_free(platform);
	d->has_platform = rc == 0;
	return rc;
}

int
desc_read(struct rec *r, struct desc *d, struct err *e)
{
	uint8_t raw[DIGEST_LEN];
	const char *type, *digest, *urls, *artifact = NULL;
	size_t len;
	int rc;

	memset(d, 0, sizeof(*d));
	if (rec_need_str(r, "mediaType", &type, e) < 0 ||
	    rec_need_str(r, "digest", &digest, e) < 0 ||
	    rec_str(r, "artifactType", &artifact, e) < 0 ||
	    (rc = rec_int(r, "size", 0, JSON_INT_MAX, &d->size, e)) < 0)
		return invalid(e);
	if (rc == 0)
		return err_set(e, ERR_CHECK, "descriptor_invalid",
		    "missing field: size");
	if (!is_media_type(type) ||
	    (artifact != NULL && !is_media_type(artifact)))
		return err_set(e, ERR_CHECK, "descriptor_invalid",
		    "'%.300s' is no media type", !is_media_type(type) ? type :
		    artifact);
	/* a digest becomes a path: CVE-2024-3727 */
	if (!digest_parse(digest, raw))
		return err_set(e, ERR_CHECK, "descriptor_invalid",
		    "'%.200s' is no digest (sha256: and 64 lower-case hex "
		    "digits)", digest);
	strcpy(d->media_type, type);
	strcpy(d->digest, digest);
	/* bytes from wherever an image says: CVE-2020-15157 */
	urls = rec_text(r, "urls", &len);
	if (urls != NULL && !(len >= 2 && urls[0] == '[' &&
	    strspn(urls + 1, " \t\r\n") + 2 == len))
		return err_set(e, ERR_CHECK, "descriptor_invalid",
		    "blob %s is to be fetched from a URL (a foreign layer)",
		    digest);
	return read_platform(r, d, e) < 0 ? invalid(e) : 0;
}

static void
write_platform(struct json_out *o, const struct desc_platform *p)
{
	json_out_key(o, "platform");
	json_out_open(o, '{');
	json_out_kstr(o, "architecture", p->arch);
	json_out_kstr(o, "os", p->os);
	if (*p->os_version != '\0')
		json_out_kstr(o, "os.version", p->os_version);
	if (*p->variant != '\0')
		json_out_kstr(o, "variant", p->variant);
	json_out_close(o, '}');
}

void
desc_write_members(struct json_out *o, const struct desc *d)
{
	json_out_kstr(o, "mediaType", d->media_type);
	json_out_kstr(o, "digest", d->digest);
	json_out_kint(o, "size", d->size);
	if (d->has_platform)
		write_platform(o, &d->platform);
}

void
desc_write(struct json_out *o, const struct desc *d)
{
	json_out_open(o, '{');
	desc_write_members(o, d);
	json_out_close(o, '}');
}

struct rec *
desc_document(const char *text, size_t len, const char *name, struct err *e)
{
	struct rec *r = rec_parse(text, len, name, e);
	autofree char *detail = NULL;

	if (r != NULL)
		return r;
	detail = mem_str(e->detail);
	err_set(e, ERR_CHECK, "document_invalid", "%s is no JSON object: %s",
	    name, detail);
	return NULL;
}

bool
desc_is_index(const char *media_type)
{
	return strcmp(media_type, DESC_OCI_INDEX) == 0 ||
	    strcmp(media_type, DESC_DOCKER_LIST) == 0;
}

bool
desc_is_manifest(const char *media_type)
{
	return strcmp(media_type, DESC_OCI_MANIFEST) == 0 ||
	    strcmp(media_type, DESC_DOCKER_MANIFEST) == 0;
}
