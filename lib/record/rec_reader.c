/*
 * rec_reader.c - lines from a descriptor, as rec.h says.
 */
#include <string.h>

#include "base/file.h"
#include "record/rec.h"

/* a line with its byte order mark and its CR */
#define RAW_MAX (REC_LINE_MAX + 4)

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
rec_reader_release(struct rec_reader *r)
{
	buf_release(&r->in);
}

/* The line of len bytes at p, tidied: 1 with a line, 0 for a blank one. */
static int
tidy(struct rec_reader *r, const char *p, size_t len, const char **line,
    size_t *out)
{
	if (r->lineno == 1 && len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		len -= 3;
	}
	if (len > 0 && p[len - 1] == '\r')
		len--;
	*line = p;
	*out = len;
	while (len > 0 && blank(*p)) {
		p++;
		len--;
	}
	return len > 0;
}

int
rec_reader_line(struct rec_reader *r, const char **line, size_t *len,
    struct err *e)
{
	for (;;) {
		const char *start = r->in.data + r->pos;
		size_t have = r->in.len - r->pos;
		const char *nl = memchr(start + r->scanned, '\n',
		    have - r->scanned);
		size_t n = nl != NULL ? (size_t)(nl - start) : have;

		if (nl == NULL && (n == 0 || (!r->eof && n <= RAW_MAX))) {
			r->scanned = have;
			return 0;
		}
		r->scanned = 0;
		r->pos += n + (nl != NULL);
		r->lineno++;
		int some = tidy(r, start, n, line, len);
		if (*len > REC_LINE_MAX)
			return err_set(e, ERR_INPUT, "malformed_line",
			    "the line is longer than 1 MiB");
		if (some)
			return 1;
	}
}

int
rec_reader_fill(struct rec_reader *r, struct err *e)
{
	ssize_t n;

	if (r->pos > 0) {
		memmove(r->in.data, r->in.data + r->pos, r->in.len - r->pos);
		buf_truncate(&r->in, r->in.len - r->pos);
		r->pos = 0;
	}
	buf_grow(&r->in, 65536);
	n = file_read_some(r->fd, r->in.data + r->in.len, 65536);
	if (n < 0)
		return err_sys(e, "cannot read %s", r->name);
	if (n == 0)
		r->eof = true;
	r->in.len += (size_t)n;
	r->in.data[r->in.len] = '\0';
	return 0;
}
