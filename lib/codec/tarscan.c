#include "codec/tarscan.h"

#include <string.h>

#include "base/mem.h"
#include "codec/pax.h"
#include "codec/tarhdr.h"

#define RECORDS_MAX  (64 << 10)		/* L, K and pax bytes for one entry */
#define BODY_MAX    (INT64_C(1) << 60)	/* keeps sums of offsets in range */
#define ZEROS_MAX    (64 << 20)		/* bytes behind the end of archive */

enum state {
	HEADER,			/* a block is due */
	RECORD,			/* the body of an L, K, x or g header */
	BODY,
	PADDING,		/* of either */
	HALF_END,		/* one zero block was read */
	END			/* and another */
};

enum format { V7, USTAR, GNU };

struct tarscan {
	struct tarscan_ops ops;
	void *ctx;		/* borrowed */
	enum state state;
	int64_t offset;		/* of the next byte */
	int64_t left;		/* bytes of body or record */
	int64_t padding;	/* bytes after it */
	int64_t zeros;		/* bytes read since the end */

	struct tarhdr header;	/* the block that is being read */
	size_t have;		/* bytes of it */
	int64_t header_offset;
	enum format format;

	/* what came before the entry's own header */
	char record_type;	/* of the one being read */
	struct buf record;	/* its body */
	struct buf gnu_path, gnu_link, pax_data;
	bool has_path, has_link, has_pax;
	size_t records_size;	/* bytes in all */
	struct pax pax;

	struct tarscan_entry entry;
	struct buf path, link;
};

static int
damaged(int64_t offset, const char *what, const char *why, struct err *e)
{
	err_set(e, ERR_CHECK, "archive_damaged",
	    "tar extraction reported warnings or errors");
	err_set_detail(e, "tar byte %lld: %s: %s", (long long)offset, what,
	    why);
	return -1;
}

/* The header being looked at is at fault. */
static int
bad_header(const struct tarscan *s, const char *why, struct err *e)
{
	return damaged(s->header_offset, "header", why, e);
}

struct tarscan *
tarscan_new(const struct tarscan_ops *ops, void *ctx)
{
	struct tarscan *s = mem_zero(1, sizeof(*s));
	struct buf *bufs[] = { &s->record, &s->gnu_path, &s->gnu_link,
	    &s->pax_data, &s->path, &s->link };

	s->ops = *ops;
	s->ctx = ctx;
	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_init(bufs[i]);
	return s;
}

void
tarscan_free(struct tarscan *s)
{
	if (s == NULL)
		return;
	buf_release(&s->record);
	buf_release(&s->gnu_path);
	buf_release(&s->gnu_link);
	buf_release(&s->pax_data);
	buf_release(&s->path);
	buf_release(&s->link);
	free(s);
}

static bool
all_zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* A field of text ends at its first NUL, and nothing may hide behind it. */
static bool
text_field(const char *field, size_t size)
{
	size_t len = strnlen(field, size);

	return all_zero(field + len, size - len);
}

static bool
is_record(char type)
{
	return type == 'L' || type == 'K' || type == 'x' || type == 'g';
}

/*
 * Old GNU headers have atime and ctime where ustar has a prefix; a reader
 * that takes them for one sees another path, so nothing but such times (Go
 * writes them) may stand there.
 */
static bool
gnu_fields(const struct tarhdr *h)
{
	int64_t ignored;

	if (h->type != '\0' && (h->type < '0' || h->type > '7') &&
	    !is_record(h->type))
		return true;	/* sparse, multi-volume, ...: none is taken */
	return tarhdr_number(h->prefix, 12, &ignored) == NULL &&
	    tarhdr_number(h->prefix + 12, 12, &ignored) == NULL &&
	    h->prefix[0] != ' ' && h->prefix[12] != ' ' &&
	    all_zero(h->prefix + 24, sizeof(h->prefix) - 24) &&
	    all_zero(h->pad, sizeof(h->pad));
}

/* There is nothing behind the link name, but GNU tar's zeros as numbers. */
static bool
v7_fields(const struct tarhdr *h)
{
	int64_t major, minor;

	return all_zero(h->magic, offsetof(struct tarhdr, major) -
	    offsetof(struct tarhdr, magic)) &&
	    tarhdr_number(h->major, sizeof(h->major), &major) == NULL &&
	    tarhdr_number(h->minor, sizeof(h->minor), &minor) == NULL &&
	    all_zero(h->prefix, sizeof(h->prefix) + sizeof(h->pad));
}

static const char *
check_format(struct tarscan *s)
{
	const struct tarhdr *h = &s->header;

	if (memcmp(h->magic, "ustar\0" "00", sizeof(h->magic)) == 0) {
		s->format = USTAR;
		if (!text_field(h->prefix, sizeof(h->prefix)))
			return "bytes behind the NUL in the prefix";
		if (!all_zero(h->pad, sizeof(h->pad)))
			return "bytes behind the prefix";
	} else if (memcmp(h->magic, "ustar  ", sizeof(h->magic)) == 0) {
		s->format = GNU;
		if (!gnu_fields(h))
			return "unknown bytes in the GNU fields";
	} else {
		s->format = V7;
		if (!v7_fields(h))
			return "unknown magic";
	}
	return NULL;
}

static const char *
check_fields(const struct tarhdr *h)
{
	if (!text_field(h->name, sizeof(h->name)))
		return "bytes behind the NUL in the name";
	if (!text_field(h->link, sizeof(h->link)))
		return "bytes behind the NUL in the link name";
	if (!text_field(h->uname, sizeof(h->uname)) ||
	    !text_field(h->gname, sizeof(h->gname)))
		return "bytes behind the NUL in the owner's name";
	return NULL;
}

/* The numbers of the header, into s->entry. */
static const char *
read_numbers(struct tarscan *s)
{
	const struct tarhdr *h = &s->header;
	int64_t mode, uid, gid, size, mtime;

	if (tarhdr_number(h->mode, sizeof(h->mode), &mode) != NULL)
		return "malformed mode";
	if (tarhdr_number(h->uid, sizeof(h->uid), &uid) != NULL ||
	    tarhdr_number(h->gid, sizeof(h->gid), &gid) != NULL)
		return "malformed owner";
	if (tarhdr_number(h->mtime, sizeof(h->mtime), &mtime) != NULL)
		return "malformed time";
	if (tarhdr_number(h->size, sizeof(h->size), &size) != NULL)
		return "malformed size";
	if (size < 0)
		return "negative size";
	if (size > BODY_MAX)
		return "size too large";
	s->entry.mode = (unsigned)mode & 07777;
	s->entry.uid = (uint64_t)uid;
	s->entry.gid = (uint64_t)gid;
	s->entry.size = size;
	return NULL;
}

static const char *
read_header(struct tarscan *s)
{
	const struct tarhdr *h = &s->header;
	int64_t sum;
	const char *why;

	if (tarhdr_number(h->checksum, sizeof(h->checksum), &sum) != NULL ||
	    sum != (int64_t)tarhdr_checksum(h))
		return "wrong checksum, or no tar archive";
	if ((why = check_format(s)) != NULL ||
	    (why = check_fields(h)) != NULL)
		return why;
	return read_numbers(s);
}

/* Before a record is read: is it the only one of its kind, and small? */
static const char *
check_record(const struct tarscan *s, char type, int64_t size)
{
	bool gnu = s->has_path || s->has_link;

	if (type == 'L' && s->has_path)
		return "repeated GNU long name";
	if (type == 'K' && s->has_link)
		return "repeated GNU long link";
	if (type == 'x' && s->has_pax)
		return "repeated pax header";
	if (type == 'x' ? gnu : type != 'g' && s->has_pax)
		return "a GNU long name and a pax header for one entry";
	if (type == 'g' && (gnu || s->has_pax))
		return "a global pax header between a header and its entry";
	if (size > RECORDS_MAX - (int64_t)s->records_size)
		return "long names and pax headers of over 64 KiB";
	return NULL;
}

static void
start_body(struct tarscan *s, enum state state, int64_t size)
{
	s->state = state;
	s->left = size;
	s->padding = -size & (TARHDR_BLOCK - 1);
}

static int
start_record(struct tarscan *s, struct err *e)
{
	char type = s->header.type;
	const char *why = check_record(s, type, s->entry.size);

	if (why != NULL)
		return bad_header(s, why, e);
	s->record_type = type;
	s->records_size += (size_t)s->entry.size;
	buf_reset(&s->record);
	start_body(s, RECORD, s->entry.size);
	return 0;
}

/* A GNU L or K record: the name, and one NUL at its end. */
static int
end_name(struct tarscan *s, struct buf *name, bool *has, struct err *e)
{
	size_t len = s->record.len;

	if (len > 0 && s->record.data[len - 1] == '\0')
		len--;
	if (len == 0)
		return bad_header(s, "empty GNU long name", e);
	if (memchr(s->record.data, '\0', len) != NULL)
		return bad_header(s, "NUL in a GNU long name", e);
	buf_reset(name);
	buf_add(name, s->record.data, len);
	*has = true;
	return 0;
}

static int
end_pax(struct tarscan *s, bool global, struct err *e)
{
	struct pax pax;
	struct buf swap;
	size_t at;
	const char *why = pax_parse(s->record.data, s->record.len, &pax, &at);

	if (why != NULL)
		return damaged(s->header_offset + TARHDR_BLOCK +
		    (int64_t)at, "pax header", why, e);
	if (global) {
		s->records_size = 0;
		return pax.only_comment ? 0 : bad_header(s, "a global pax "
		    "header with more than a comment", e);
	}
	/* pax points into the record, which now stays until the entry */
	swap = s->pax_data;
	s->pax_data = s->record;
	s->record = swap;
	s->pax = pax;
	s->has_pax = true;
	return 0;
}

static int
end_record(struct tarscan *s, struct err *e)
{
	switch (s->record_type) {
	case 'L':
		return end_name(s, &s->gnu_path, &s->has_path, e);
	case 'K':
		return end_name(s, &s->gnu_link, &s->has_link, e);
	default:
		return end_pax(s, s->record_type == 'g', e);
	}
}

static void
set_path(struct tarscan *s)
{
	const struct tarhdr *h = &s->header;

	buf_reset(&s->path);
	if (s->has_pax && s->pax.path.data != NULL) {
		buf_add(&s->path, s->pax.path.data, s->pax.path.len);
	} else if (s->has_path) {
		buf_add(&s->path, s->gnu_path.data, s->gnu_path.len);
	} else {
		if (s->format == USTAR && h->prefix[0] != '\0') {
			buf_add(&s->path, h->prefix, strnlen(h->prefix,
			    sizeof(h->prefix)));
			buf_addc(&s->path, '/');
		}
		buf_add(&s->path, h->name, strnlen(h->name, sizeof(h->name)));
	}
	s->entry.path = s->path.data;
	s->entry.path_len = s->path.len;
}

static void
set_link(struct tarscan *s)
{
	const struct tarhdr *h = &s->header;

	buf_reset(&s->link);
	if (h->type != '1' && h->type != '2')
		; /* readers ignore it */
	else if (s->has_pax && s->pax.link.data != NULL)
		buf_add(&s->link, s->pax.link.data, s->pax.link.len);
	else if (s->has_link)
		buf_add(&s->link, s->gnu_link.data, s->gnu_link.len);
	else
		buf_add(&s->link, h->link, strnlen(h->link, sizeof(h->link)));
	s->entry.link = s->link.data;
	s->entry.link_len = s->link.len;
}

/*
 * A pax size repeats the header's, or is one that the header can not hold:
 * then writers leave 0 there, or the size cut or in base-256.
 */
static const char *
set_size(struct tarscan *s)
{
	int64_t size = s->has_pax ? s->pax.size : -1;

	if (size < 0 || size == s->entry.size)
		return NULL;
	if (size <= TARHDR_OCTAL_MAX)
		return "the pax size differs from the header's";
	if (size > BODY_MAX)
		return "size too large";
	if (s->entry.size != 0 && s->entry.size != TARHDR_OCTAL_MAX)
		return "the pax size differs from the header's";
	s->entry.size = size;
	return NULL;
}

/* Before POSIX a directory was a file whose name ends in '/'; bsdtar's v7
 * archives have such, and all readers take them for directories. */
static void
set_type(struct tarscan *s)
{
	struct tarscan_entry *n = &s->entry;

	n->type = s->header.type == '\0' ? '0' : s->header.type;
	if (s->format == V7 && s->header.type == '\0' && n->path_len > 0 &&
	    n->path[n->path_len - 1] == '/')
		n->type = '5';
}

static const char *
check_entry(const struct tarscan *s)
{
	const struct tarscan_entry *n = &s->entry;
	bool slash = n->path_len > 0 && n->path[n->path_len - 1] == '/';

	if (n->type >= '1' && n->type <= '6' && n->size != 0)
		return n->type == '5' ? "a directory with a body" :
		    n->type == '2' ? "a symlink with a body" :
		    "a link or device with a body";
	if (slash && n->type >= '0' && n->type <= '7' && n->type != '5')
		return "the name of what is no directory ends in '/'";
	return NULL;
}

/* Readers agree about how far its body goes. */
static bool
plain_body(const struct tarscan_entry *n)
{
	return n->type >= '0' && n->type <= '7' && !n->sparse;
}

static int
end_body(struct tarscan *s, struct err *e)
{
	s->state = PADDING;
	return s->ops.on_end != NULL ? s->ops.on_end(s->ctx, e) : 0;
}

static int
start_entry(struct tarscan *s, struct err *e)
{
	struct tarscan_entry *n = &s->entry;
	const char *why;

	n->header_offset = s->header_offset;
	n->data_offset = s->offset;
	n->capability = s->has_pax && s->pax.capability;
	n->sparse = s->header.type == 'S' || (s->has_pax && s->pax.sparse);
	if (s->has_pax && s->pax.uid >= 0)
		n->uid = (uint64_t)s->pax.uid;
	if (s->has_pax && s->pax.gid >= 0)
		n->gid = (uint64_t)s->pax.gid;
	set_path(s);
	set_link(s);
	set_type(s);
	if ((why = set_size(s)) != NULL || (why = check_entry(s)) != NULL)
		return bad_header(s, why, e);
	if (n->size > BODY_MAX - s->offset)
		return bad_header(s, "size too large", e);
	if (s->ops.on_entry != NULL && s->ops.on_entry(s->ctx, n, e) < 0)
		return -1;
	if (!plain_body(n))
		return bad_header(s, "sparse, or of a type that is not known",
		    e);
	s->has_path = s->has_link = s->has_pax = false;
	s->records_size = 0;
	start_body(s, BODY, n->size);
	return n->size == 0 ? end_body(s, e) : 0;
}

/* A whole block stands in s->header. */
static int
take_block(struct tarscan *s, struct err *e)
{
	const char *why;

	s->have = 0;
	s->header_offset = s->offset - TARHDR_BLOCK;
	if (all_zero(&s->header, sizeof(s->header))) {
		if (s->has_path || s->has_link || s->has_pax)
			return bad_header(s, "the archive ends behind a long "
			    "name or pax header", e);
		s->state = s->state == HALF_END ? END : HALF_END;
		return 0;
	}
	if (s->state == HALF_END)
		return bad_header(s, "one zero block, and then another "
		    "header", e);
	if ((why = read_header(s)) != NULL)
		return bad_header(s, why, e);
	return is_record(s->header.type) ? start_record(s, e) :
	    start_entry(s, e);
}

static int
feed_block(struct tarscan *s, const uint8_t *data, size_t n, struct err *e)
{
	memcpy((uint8_t *)&s->header + s->have, data, n);
	s->have += n;
	s->offset += (int64_t)n;
	return s->have == TARHDR_BLOCK ? take_block(s, e) : 0;
}

static int
feed_body(struct tarscan *s, const uint8_t *data, size_t n, struct err *e)
{
	s->offset += (int64_t)n;
	s->left -= (int64_t)n;
	if (s->state == RECORD) {
		buf_add(&s->record, data, n);
		if (s->left > 0)
			return 0;
		s->state = PADDING;
		return end_record(s, e);
	}
	if (s->ops.on_data != NULL && n > 0 &&
	    s->ops.on_data(s->ctx, data, n, e) < 0)
		return -1;
	return s->left == 0 ? end_body(s, e) : 0;
}

static int
feed_end(struct tarscan *s, const uint8_t *data, size_t n, struct err *e)
{
	size_t i = 0;

	if (!all_zero(data, n)) {
		while (data[i] == 0)
			i++;
		return damaged(s->offset + (int64_t)i, "end of archive",
		    "bytes that are not zero behind it", e);
	}
	s->offset += (int64_t)n;
	s->zeros += (int64_t)n;
	return s->zeros <= ZEROS_MAX ? 0 : damaged(s->offset,
	    "end of archive", "over 64 MiB of zeros behind it", e);
}

/* How many of len bytes the present state takes at most. */
static size_t
wanted(const struct tarscan *s, size_t len)
{
	int64_t want = s->state == END ? (int64_t)len :
	    s->state == PADDING ? s->padding :
	    s->state == BODY || s->state == RECORD ? s->left :
	    (int64_t)(TARHDR_BLOCK - s->have);

	return want < (int64_t)len ? (size_t)want : len;
}

int
tarscan_feed(struct tarscan *s, const uint8_t *data, size_t len,
    struct err *e)
{
	while (len > 0) {
		size_t n = wanted(s, len);
		int status = 0;

		if (s->state == END) {
			status = feed_end(s, data, n, e);
		} else if (s->state == PADDING) {
			s->offset += (int64_t)n;
			if ((s->padding -= (int64_t)n) == 0)
				s->state = HEADER;
		} else if (s->state == BODY || s->state == RECORD) {
			status = feed_body(s, data, n, e);
		} else {
			status = feed_block(s, data, n, e);
		}
		if (status < 0)
			return -1;
		data += n;
		len -= n;
	}
	return 0;
}

int
tarscan_finish(struct tarscan *s, struct err *e)
{
	static const char *const where[] = {
		[HEADER] = "without an end of archive",
		[RECORD] = "within a long name or pax header",
		[BODY] = "within a body", [PADDING] = "behind a body",
		[HALF_END] = "with one zero block",
	};

	if (s->state == END)
		return s->zeros % TARHDR_BLOCK == 0 ? 0 : damaged(
		    s->offset, "end of archive", "a part of a block", e);
	return damaged(s->offset, "the stream ends", s->have > 0 ?
	    "within a header" : where[s->state], e);
}
