#include "oci/copy_blob.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/referrers.h"
#include "oci/relay.h"
#include "record/tool.h"

#define COPY_BLOB_BLOCK (1 << 18)

static int
missing(struct place *p, const struct desc *d, struct err *e)
{
	autobuf struct buf name = BUF_INIT;

	place_name(p, &name);
	return err_set(e, ERR_CHECK, "blob_missing",
	    "%s %s is missing from '%s'", desc_is_manifest(d->media_type) ||
	    desc_is_index(d->media_type) ? "manifest" : "blob", d->digest,
	    name.data);
}

static int
look(struct place *p, const struct desc *d, bool document, struct err *e)
{
	int rc = place_has(p, d, document, e);

	return rc == 0 ? missing(p, d, e) : rc < 0 ? -1 : 0;
}

int
copy_blob_verify(struct place *from, const struct desc *d, bool document,
    struct err *e)
{
	if (from->layout == NULL)
		return look(from, d, document, e);
	return layout_blob_verify(from->layout, d, e) < 0 ? -1 : 1;
}

/* Bytes from one file to another, hashed as they pass. */
static int
copy_over(int from, int to, uint8_t digest[DIGEST_LEN], struct err *e)
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	autofree char *block = mem_alloc(COPY_BLOB_BLOCK);
	ssize_t n;

	digest_start(&d);
	while ((n = file_read(from, block, COPY_BLOB_BLOCK)) > 0) {
		digest_add(&d, block, (size_t)n);
		if (file_write(to, block, (size_t)n) < 0)
			return err_sys(e, "cannot write");
	}
	if (n < 0)
		return err_sys(e, "cannot read");
	digest_end(&d, digest);
	return 0;
}

static int
from_layout(struct layout *from, const struct desc *d, int out,
    struct err *e)
{
	autofd int in = layout_blob_open(from, d, e);
	uint8_t digest[DIGEST_LEN], want[DIGEST_LEN];
	int64_t size;
	int rc;

	if (in < 0)
		return -1;
	/* sharing the extents costs nothing where the file system can; what
	 * is hashed is our file, which nobody else writes to */
	if (ioctl(out, FICLONE, in) == 0)
		rc = digest_file(out, d->digest, digest, &size, e);
	else
		rc = copy_over(in, out, digest, e);
	if (rc < 0)
		return -1;
	if (!digest_parse(d->digest, want) ||
	    memcmp(digest, want, DIGEST_LEN) != 0)
		return err_set(e, ERR_CHECK, "blob_digest_mismatch",
		    "blob %s in '%s' changed while it was read", d->digest,
		    from->path);
	return 0;
}

static int
to_file(void *ctx, const void *bytes, size_t len, struct err *e)
{
	const int *fd = ctx;

	return file_write(*fd, bytes, len) < 0 ? err_sys(e, "cannot write") :
	    0;
}

static int
from_registry(struct place *from, const struct desc *d, bool document,
    int out, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	struct registry_session *s;
	struct desc want = *d;
	int rc;

	if (document) {
		if (place_document(from, d, &text, e) < 0)
			return -1;
		return to_file(&out, text.data, text.len, e);
	}
	if ((s = place_session(from, e)) == NULL)
		return -1;
	rc = registry_blob_get(s, from->repo, &want, to_file, &out, e);
	place_session_end(from, s);
	return rc;
}

/* A blob that is already there is read and trusted only if it is right; one
 * that is not is replaced. */
static int
to_layout(struct place *from, struct layout *to, const struct desc *d,
    bool document, struct err *e)
{
	AUTO(layout_blob_release) struct layout_blob out = LAYOUT_BLOB_INIT;
	uint8_t digest[DIGEST_LEN];
	int rc;

	if (layout_blob_verify(to, d, e) == 0)
		return 0;
	if (layout_blob_start(to, &out, e) < 0)
		return -1;
	rc = from->layout != NULL ?
	    from_layout(from->layout, d, out.tmp.fd, e) :
	    from_registry(from, d, document, out.tmp.fd, e);
	if (rc < 0)
		return err_wrap(e, "blob %s to '%s'", d->digest, to->path);
	digest_parse(d->digest, digest);	/* verified on its way */
	return layout_blob_commit(&out, digest, e) < 0 ? -1 : 1;
}

static int
push_document(struct place *from, struct place *to, const struct desc *d,
    struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	int rc = place_has(to, d, true, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (place_document(from, d, &text, e) < 0 ||
	    referrers_put(to, d, &text, e) < 0)
		return -1;
	return 1;
}

/* For people: how it came to be there; 1 if bytes were moved. */
static int
note(const struct place *to, const struct desc *d, int how)
{
	static const char *const words[] = { [REGISTRY_THERE] = "is there",
		[REGISTRY_MOUNTED] = "was mounted", [REGISTRY_SENT] =
		"was sent" };

	tool_note("%s/%s: blob %s %s", place_host_name(to->host), to->repo,
	    d->digest, words[how]);
	return how == REGISTRY_SENT;
}

int
copy_blob_push(int fd, struct place *to, const struct desc *d,
    const char *from, struct err *e)
{
	struct registry_session *s;
	int rc;

	if (place_knows(to, d->digest))
		return 0;
	if ((s = place_session(to, e)) == NULL)
		return -1;
	rc = registry_blob_push_fd(s, to->repo, d, from, fd, e);
	place_session_end(to, s);
	return rc < 0 ? -1 : note(to, d, rc);
}

static int
push_file(struct place *from, struct place *to, const struct desc *d,
    struct err *e)
{
	autofd int fd = layout_blob_open(from->layout, d, e);

	return fd < 0 ? -1 : copy_blob_push(fd, to, d, NULL, e);
}

int
copy_blob_bring(struct place *from, struct place *to, const struct desc *d,
    bool document, struct err *e)
{
	int rc;

	if (place_same(from, to))
		return look(from, d, document, e);
	if (to->layout != NULL)
		return to_layout(from, to->layout, d, document, e);
	if (document)
		return push_document(from, to, d, e);
	if (place_knows(to, d->digest))
		return 0;
	if (from->layout != NULL)
		return push_file(from, to, d, e);
	rc = relay_push(from, to, d, e);
	return rc < 0 ? -1 : note(to, d, rc);
}
