#include "codec/untar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "base/mem.h"
#include "codec/tarhdr.h"

struct node {			/* an entry that the scanner has seen */
	struct tarscan_entry entry;	/* path and link are owned */
	struct node *next;
};

struct untar {
	struct zin *z;			/* borrowed */
	int (*judge)(void *ctx, const struct tarscan_entry *entry,
	    struct err *e);
	void *ctx;			/* borrowed */
	struct tarscan *scan;
	struct archive *archive;
	locale_t utf8;			/* or 0 */

	struct node *head, **tail;	/* seen, not yet handed out */
	struct node *current;		/* lent to the caller */
	int64_t got;			/* bytes of current's body */
	int64_t offset;			/* bytes of the stream scanned */
	int64_t sound;			/* end of the last entry judged */
	int64_t expected;		/* where the next entry starts */
	bool failed;			/* with err, once the bytes before */
	bool ended;			/* zin is at its sound end */
	struct err err;
};

static int
damaged(const char *why, int64_t offset, const char *more, struct err *e)
{
	err_set(e, ERR_CHECK, "archive_damaged",
	    "tar extraction reported warnings or errors");
	err_set_detail(e, "tar byte %lld: %s%s%s", (long long)offset, why,
	    more != NULL ? ": " : "", more != NULL ? more : "");
	return -1;
}

static void
free_node(struct node *n)
{
	if (n == NULL)
		return;
	free(n->entry.path);
	free(n->entry.link);
	free(n);
}

/* The scanner's callback: judge the entry, and keep it for libarchive. */
static int
on_entry(void *ctx, const struct tarscan_entry *entry, struct err *e)
{
	struct untar *u = ctx;
	struct node *n;

	if (u->judge != NULL && u->judge(u->ctx, entry, e) < 0)
		return -1;
	if (entry->sparse || entry->type < '0' || entry->type > '7')
		return 0;	/* the scanner refuses it now */
	n = mem_zero(1, sizeof(*n));
	n->entry = *entry;
	n->entry.path = mem_dup(entry->path, entry->path_len);
	n->entry.link = mem_dup(entry->link, entry->link_len);
	*u->tail = n;
	u->tail = &n->next;
	u->sound = entry->data_offset + ((entry->size + TARHDR_BLOCK - 1) &
	    ~(int64_t)(TARHDR_BLOCK - 1));
	return 0;
}

/*
 * The next piece of the stream, scanned.  Where the scanner stops, the bytes
 * up to the end of the last good entry are still handed out, so that what is
 * wrong is reported in the archive's order, wherever the pieces are cut.
 */
static int
pull(struct untar *u, const uint8_t **data, size_t *len)
{
	int64_t start = u->offset;
	int status;

	*len = 0;
	if (u->failed)
		return -1;
	if (u->ended)
		return 0;
	status = zin_read(u->z, data, len, &u->err);
	if (status == 0) {
		u->ended = true;
		status = tarscan_finish(u->scan, &u->err);
	} else if (status > 0) {
		u->offset += (int64_t)*len;
		if (tarscan_feed(u->scan, *data, *len, &u->err) == 0)
			return 1;
		u->failed = true;
		*len = u->sound > start ? (size_t)(u->sound - start) : 0;
		return *len > 0 ? 1 : -1;
	}
	*len = 0;
	u->failed = status < 0;
	return status;
}

static la_ssize_t
on_read(struct archive *a, void *ctx, const void **buffer)
{
	struct untar *u = ctx;
	const uint8_t *data = NULL;
	size_t len;

	if (pull(u, &data, &len) < 0) {
		archive_set_error(a, EIO, "stopped");
		return ARCHIVE_FATAL;
	}
	*buffer = data;
	return (la_ssize_t)len;
}

/* libarchive converts names from UTF-8 to the thread's locale, and warns of
 * what it can not convert: here that is UTF-8, whatever the process has. */
static locale_t
enter(const struct untar *u)
{
	return u->utf8 != (locale_t)0 ? uselocale(u->utf8) : (locale_t)0;
}

static void
leave(locale_t old)
{
	if (old != (locale_t)0)
		uselocale(old);
}

static int
open_archive(struct untar *u)
{
	struct archive *a = u->archive = archive_read_new();

	if (a == NULL)
		mem_die();
	return archive_read_support_format_tar(a) == ARCHIVE_OK &&
	    archive_read_open(a, u, NULL, on_read, NULL) == ARCHIVE_OK ?
	    0 : -1;
}

struct untar *
untar_new(struct zin *z,
    int (*judge)(void *ctx, const struct tarscan_entry *entry, struct err *e),
    void *ctx)
{
	static const struct tarscan_ops ops = { .on_entry = on_entry };
	struct untar *u = mem_zero(1, sizeof(*u));

	u->z = z;
	u->judge = judge;
	u->ctx = ctx;
	u->tail = &u->head;
	u->scan = tarscan_new(&ops, u);
	u->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	err_init(&u->err);
	return u;
}

void
untar_free(struct untar *u)
{
	struct node *n;

	if (u == NULL)
		return;
	archive_read_free(u->archive);
	tarscan_free(u->scan);
	if (u->utf8 != (locale_t)0)
		freelocale(u->utf8);
	free_node(u->current);
	while ((n = u->head) != NULL) {
		u->head = n->next;
		free_node(n);
	}
	free(u);
}

/* libarchive said something: the stream's error, if that is behind it. */
static int
refused(struct untar *u, const char *what, struct err *e)
{
	const char *why;

	if (u->failed) {
		*e = u->err;
		return -1;
	}
	why = archive_error_string(u->archive);
	u->failed = true;
	damaged(what, u->expected, why != NULL ? why : "no reason given",
	    &u->err);
	*e = u->err;
	return -1;
}

static int
differs(struct untar *u, const char *what, struct err *e)
{
	u->failed = true;
	damaged("libarchive and the scanner disagree", u->expected, what,
	    &u->err);
	*e = u->err;
	return -1;
}

/*
 * Names equal to the byte, or: libarchive composes the characters of names in
 * pax headers (to NFC; no option stops it), so what it said must be what it
 * makes of ours.  What is handed out is the name as archived.
 */
static bool
same_name(const char *ours, size_t len, const char *theirs)
{
	struct archive_entry *entry;
	const char *composed;
	bool same;

	if (theirs == NULL || len != strlen(ours))
		return false;
	if (strcmp(ours, theirs) == 0)
		return true;
	if ((entry = archive_entry_new()) == NULL)
		mem_die();
	same = archive_entry_update_pathname_utf8(entry, ours) != 0 &&
	    (composed = archive_entry_pathname(entry)) != NULL &&
	    strcmp(composed, theirs) == 0;
	archive_entry_free(entry);
	return same;
}

/* Equal, but for slashes at the end of a directory's name. */
static bool
same_path(const struct tarscan_entry *n, const char *path)
{
	autofree char *ours = mem_dup(n->path, n->path_len);
	autofree char *theirs = mem_str(path != NULL ? path : "");
	size_t a = n->path_len, b = strlen(theirs);

	if (n->type == '5') {
		while (a > 1 && ours[a - 1] == '/')
			ours[--a] = '\0';
		while (b > 1 && theirs[b - 1] == '/')
			theirs[--b] = '\0';
	}
	return same_name(ours, a, theirs);
}

static bool
same_type(const struct tarscan_entry *n, struct archive_entry *entry)
{
	static const mode_t types[] = {
		['0'] = AE_IFREG, ['2'] = AE_IFLNK, ['3'] = AE_IFCHR,
		['4'] = AE_IFBLK, ['5'] = AE_IFDIR, ['6'] = AE_IFIFO,
		['7'] = AE_IFREG
	};
	const char *hard = archive_entry_hardlink(entry);

	if (n->type == '1')
		return hard != NULL;
	return hard == NULL && archive_entry_filetype(entry) ==
	    types[(unsigned char)n->type];
}

static bool
same_link(const struct tarscan_entry *n, struct archive_entry *entry)
{
	const char *link = n->type == '1' ? archive_entry_hardlink(entry) :
	    archive_entry_symlink(entry);

	if (n->type != '1' && n->type != '2')
		return true;
	return same_name(n->link, n->link_len, link);
}

static int
compare(struct untar *u, struct archive_entry *entry, struct err *e)
{
	const struct tarscan_entry *n = &u->current->entry;

	if (archive_read_header_position(u->archive) != u->expected)
		return differs(u, "header offset", e);
	if (!same_path(n, archive_entry_pathname(entry)))
		return differs(u, "path", e);
	if (!same_type(n, entry))
		return differs(u, "type", e);
	if (n->type != '1' && archive_entry_size(entry) != n->size)
		return differs(u, "size", e);
	if (!same_link(n, entry))
		return differs(u, "link target", e);
	u->expected = n->data_offset + ((n->size + TARHDR_BLOCK - 1) &
	    ~(int64_t)(TARHDR_BLOCK - 1));
	u->got = 0;
	return 1;
}

/* libarchive is at its end: what comes behind it is the scanner's alone. */
static int
finish(struct untar *u, struct err *e)
{
	const uint8_t *data;
	size_t len;
	int status;

	if (u->head != NULL)
		return differs(u, "end of archive", e);
	if (archive_read_header_position(u->archive) != u->expected)
		return differs(u, "offset of the end of archive", e);
	while ((status = pull(u, &data, &len)) > 0)
		continue;
	if (status < 0)
		*e = u->err;
	else if (u->head != NULL)
		return differs(u, "end of archive", e);
	return status;
}

static int
next_entry(struct untar *u, struct archive_entry **entry)
{
	locale_t old = enter(u);
	int status = ARCHIVE_OK;

	if (u->archive == NULL)
		status = open_archive(u) < 0 ? ARCHIVE_FATAL : ARCHIVE_OK;
	if (status == ARCHIVE_OK)
		status = archive_read_next_header(u->archive, entry);
	leave(old);
	return status;
}

int
untar_next(struct untar *u, const struct tarscan_entry **entry,
    struct err *e)
{
	struct archive_entry *seen = NULL;
	locale_t old;
	int status;

	free_node(u->current);
	u->current = NULL;
	status = next_entry(u, &seen);
	if (status == ARCHIVE_EOF)
		return finish(u, e);
	if (status != ARCHIVE_OK)
		return refused(u, "libarchive", e);
	if ((u->current = u->head) == NULL)
		return differs(u, "one entry more", e);
	if ((u->head = u->current->next) == NULL)
		u->tail = &u->head;
	old = enter(u);
	status = compare(u, seen, e);
	leave(old);
	*entry = &u->current->entry;
	return status;
}

int
untar_data(struct untar *u, const uint8_t **data, size_t *len,
    struct err *e)
{
	const struct tarscan_entry *n = &u->current->entry;
	const void *block;
	la_int64_t offset;
	int status;

	do {
		status = archive_read_data_block(u->archive, &block, len,
		    &offset);
	} while (status == ARCHIVE_OK && *len == 0);
	if (status == ARCHIVE_EOF)
		return u->got == n->size ? 0 : differs(u, "body", e);
	if (status != ARCHIVE_OK)
		return refused(u, "libarchive", e);
	if (offset != u->got || (int64_t)*len > n->size - u->got)
		return differs(u, "body", e);
	*data = block;
	u->got += (int64_t)*len;
	return 1;
}

void
untar_setup(void)
{
	struct untar *u = untar_new(NULL, NULL, NULL);
	locale_t old = enter(u);

	/* the conversions that libarchive makes for UTF-8 names */
	u->archive = archive_read_new();
	archive_read_support_format_tar(u->archive);
	leave(old);
	untar_free(u);
}
