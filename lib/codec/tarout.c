#include "codec/tarout.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/tarhdr.h"

static const char zeros[2 * TARHDR_BLOCK];

static int
put(struct tarout *t, const void *data, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	t->offset += (int64_t)len;
	return t->sink(t->ctx, data, len, e);
}

/* Fill the last block up. */
static int
pad(struct tarout *t, struct err *e)
{
	return put(t, zeros, (size_t)(-t->offset & (TARHDR_BLOCK - 1)), e);
}

/* As much of text as max bytes hold, no UTF-8 sequence cut in two. */
static size_t
cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static void
fill(struct tarhdr *h, char type, unsigned mode, int64_t size, int64_t mtime)
{
	memset(h, 0, sizeof(*h));
	h->type = type;
	tarhdr_octal(h->mode, sizeof(h->mode), mode & 07777);
	tarhdr_octal(h->uid, sizeof(h->uid), 0);
	tarhdr_octal(h->gid, sizeof(h->gid), 0);
	tarhdr_octal(h->size, sizeof(h->size), (uint64_t)size);
	tarhdr_octal(h->mtime, sizeof(h->mtime), (uint64_t)mtime);
	tarhdr_octal(h->major, sizeof(h->major), 0);
	tarhdr_octal(h->minor, sizeof(h->minor), 0);
	memcpy(h->magic, "ustar\0" "00", sizeof(h->magic));
}

static int
put_header(struct tarout *t, struct tarhdr *h, struct err *e)
{
	/* six digits, a NUL and a space, as all tars write it */
	tarhdr_octal(h->checksum, 7, tarhdr_checksum(h));
	h->checksum[7] = ' ';
	return put(t, h, sizeof(*h), e);
}

/*
 * The path into name and prefix, at the first slash whose rest fits the name;
 * false (and as much as fits) if there is none.
 */
static bool
split(struct tarhdr *h, const char *path, size_t len)
{
	const char *slash;
	size_t head;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	slash = memchr(path + len - sizeof(h->name) - 1, '/',
	    sizeof(h->name));
	if (slash != NULL && slash > path) {
		head = (size_t)(slash - path);
		if (head <= sizeof(h->prefix)) {
			memcpy(h->prefix, path, head);
			memcpy(h->name, slash + 1, len - head - 1);
			return true;
		}
	}
	memcpy(h->name, path, cut(path, len, sizeof(h->name)));
	return false;
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void
pax_add(struct buf *pax, const char *key, const char *value, size_t len)
{
	size_t rest = strlen(key) + len + 3, total = rest, old;
	char digits[24];

	do {
		old = total;
		total = rest + (size_t)snprintf(digits, sizeof(digits), "%zu",
		    old);
	} while (total != old);
	buf_addf(pax, "%zu %s=", total, key);
	buf_add(pax, value, len);
	buf_addc(pax, '\n');
}

/* value into the field, or 0 there and value into the pax header. */
static void
number(struct buf *pax, const char *key, char *field, size_t size,
    int64_t value, int64_t max)
{
	char digits[24];

	if (value <= max) {
		tarhdr_octal(field, size, (uint64_t)value);
		return;
	}
	tarhdr_octal(field, size, 0);
	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	pax_add(pax, key, digits, strlen(digits));
}

/* A pax header in front of the entry; its own name is for old readers. */
static int
put_pax(struct tarout *t, const struct buf *pax, const char *path,
    struct err *e)
{
	static const char dir[] = "PaxHeaders/";
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	struct tarhdr h;

	fill(&h, 'x', 0644, (int64_t)pax->len, 0);
	memcpy(h.name, dir, sizeof(dir) - 1);
	memcpy(h.name + sizeof(dir) - 1, base, cut(base, strlen(base),
	    sizeof(h.name) - sizeof(dir) + 1));
	if (put_header(t, &h, e) < 0 ||
	    put(t, pax->data, pax->len, e) < 0)
		return -1;
	return pad(t, e);
}

int
tarout_entry(struct tarout *t, const struct tarout_entry *entry,
    struct err *e)
{
	autobuf struct buf pax = BUF_INIT, path = BUF_INIT;
	const char *link = entry->link != NULL ? entry->link : "";
	size_t link_len = strlen(link);
	struct tarhdr h;

	assert(t->left == 0 && entry->mtime >= 0);
	assert(entry->size == 0 || (entry->type == '0' && entry->size > 0));
	buf_adds(&path, entry->path);
	if (entry->type == '5')
		buf_addc(&path, '/');
	fill(&h, entry->type, entry->mode, 0, 0);
	if (!split(&h, path.data, path.len))
		pax_add(&pax, "path", path.data, path.len);
	memcpy(h.link, link, cut(link, link_len, sizeof(h.link)));
	if (link_len > sizeof(h.link))
		pax_add(&pax, "linkpath", link, link_len);
	number(&pax, "size", h.size, sizeof(h.size), entry->size,
	    TARHDR_OCTAL_MAX);
	number(&pax, "mtime", h.mtime, sizeof(h.mtime), entry->mtime,
	    TARHDR_OCTAL_MAX);
	number(&pax, "uid", h.uid, sizeof(h.uid), entry->uid,
	    TARHDR_ID_MAX);
	number(&pax, "gid", h.gid, sizeof(h.gid), entry->gid,
	    TARHDR_ID_MAX);
	t->left = entry->size;
	if (pax.len > 0 && put_pax(t, &pax, entry->path, e) < 0)
		return -1;
	return put_header(t, &h, e);
}

int
tarout_data(struct tarout *t, const void *data, size_t len, struct err *e)
{
	assert((int64_t)len <= t->left);
	t->left -= (int64_t)len;
	if (put(t, data, len, e) < 0)
		return -1;
	return t->left == 0 ? pad(t, e) : 0;
}

int
tarout_finish(struct tarout *t, struct err *e)
{
	assert(t->left == 0);
	return put(t, zeros, sizeof(zeros), e);
}
