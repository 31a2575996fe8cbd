#include "oci/imgtar_in.h"

#include <string.h>

#include "oci/imgtar.h"
#include "oci/imgtar_docker.h"
#include "oci/imgtar_files.h"
#include "oci/names.h"

#define BLOBS "blobs/sha256/"

/* A blob's name is what its bytes have to be. */
static int
check_blob(void *ctx, const char *name, const struct desc *d, struct err *e)
{
	const struct imgtar_files *f = ctx;
	uint8_t raw[DIGEST_LEN];
	const char *hex = name + strlen(BLOBS);

	if (strncmp(name, BLOBS, strlen(BLOBS)) != 0 ||
	    !digest_parse_hex(hex, raw) ||
	    strcmp(hex, d->digest + strlen("sha256:")) == 0)
		return 0;
	err_set(e, ERR_CHECK, "blob_digest_mismatch",
	    "'%s': the content of '%s' is %s", f->archive, name, d->digest);
	err_set_path(e, name);
	err_set_values(e, hex, d->digest);
	return -1;
}

/* The entry is called so, or containerd calls it so in full. */
static bool
has_name(const struct names_entry *entry, const char *wanted)
{
	autobuf struct buf full = BUF_INIT;
	struct err ignored;
	struct rec *r;
	const char *name;
	bool same;

	if (strcmp(entry->name, wanted) == 0)
		return true;
	if (imgtar_name(wanted, true, &full, &ignored) < 0 ||
	    (r = rec_parse(entry->text, strlen(entry->text), "index.json",
	    &ignored)) == NULL)
		return false;
	name = desc_member(r, "annotations", "io.containerd.image.name");
	same = name != NULL && strcmp(name, full.data) == 0;
	rec_free(r);
	return same;
}

/* An image may have several names, and so several entries. */
static int
choose(const struct names *x, const char *archive, const char *wanted,
    struct desc *d, struct err *e)
{
	size_t found = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct desc one;

		if (wanted != NULL && !has_name(&x->entries[i], wanted))
			continue;
		if (names_desc(&x->entries[i], &one, e) < 0)
			return err_wrap(e, "'%s': index.json", archive);
		if (found > 0 && strcmp(one.digest, d->digest) == 0)
			continue;
		*d = one;
		found++;
	}
	if (found == 1)
		return 0;
	if (found > 1)
		return err_set(e, ERR_CHECK, "tag_ambiguous",
		    "'%s' has %zu images%s", archive, found,
		    wanted != NULL ? " of that name" : ": name one");
	return err_set(e, ERR_CHECK, "tag_not_found",
	    "'%s' has no image%s%s", archive, wanted != NULL ?
	    " that is named " : "", wanted != NULL ? wanted : "");
}

static int
read_oci(const struct imgtar_files *f, const char *wanted, struct desc *d,
    struct err *e)
{
	AUTO(names_release) struct names names = NAMES_INIT;
	autobuf struct buf text = BUF_INIT;
	struct desc marker;
	int rc = imgtar_files_text(f, "index.json", DESC_MANIFEST_MAX, &text,
	    e);

	if (rc < 0)
		return -1;
	if (rc == 0 || imgtar_files_find(f, "oci-layout", &marker) == 0)
		return err_set(e, ERR_CHECK, "not_an_archive",
		    "'%s' is no oci-archive: it has no %s", f->archive,
		    rc == 0 ? "index.json" : "oci-layout");
	if (names_parse(&names, text.data, text.len, e) < 0)
		return err_wrap(e, "'%s'", f->archive);
	return choose(&names, f->archive, wanted, d, e);
}

int
imgtar_in_read(int fd, const char *archive, enum imgtar_in_kind kind,
    const char *wanted, struct layout *to, struct desc *d, struct err *e)
{
	AUTO(imgtar_files_release) struct imgtar_files f = {
		.archive = archive, .to = to,
	};

	if (imgtar_files_unpack(&f, fd, e) < 0 ||
	    imgtar_files_each(&f, check_blob, &f, e) < 0)
		return -1;
	return kind == IMGTAR_IN_OCI ? read_oci(&f, wanted, d, e) :
	    imgtar_docker_read(&f, wanted, d, e);
}
