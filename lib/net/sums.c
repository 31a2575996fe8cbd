#include "net/sums.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"

struct entry {
	bool sha256;		/* else of another hash */
	bool bare;		/* of no file's name */
	char hex[DIGEST_HEX];	/* lower case; "" where not sha256 */
	struct buf name;
};

/* What was found so far, for one name. */
struct search {
	const char *name;
	struct entry exact, folder, bare;
	bool other;		/* a line of another hash has the name */
	long lines;		/* with an entry */
};

static void
entry_release(struct entry *x)
{
	buf_release(&x->name);
}

static size_t
hex_digits(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && isxdigit((unsigned char)p[n]))
		n++;
	return n;
}

/* n hex digits are the whole of a digest: of MD5, SHA-1 and SHA-2. */
static bool
is_hash_length(size_t n)
{
	return n == 32 || n == 40 || n == 56 || n == 64 || n == 96 ||
	    n == 128;
}

static void
set_digest(struct entry *x, const char *hex, size_t n, bool sha256)
{
	x->sha256 = sha256 && n == DIGEST_HEX - 1;
	for (size_t i = 0; x->sha256 && i < n; i++)
		x->hex[i] = (char)tolower((unsigned char)hex[i]);
	x->hex[x->sha256 ? n : 0] = '\0';
}

/* The name of the entry, its escapes undone (coreutils' manual, "md5sum
 * invocation"); what a pipe is called is none. */
static bool
set_name(struct entry *x, const char *p, size_t len, bool escaped)
{
	buf_reset(&x->name);
	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (escaped && c == '\\') {
			if (++i == len)
				return false;
			c = p[i] == 'n' ? '\n' : p[i] == 'r' ? '\r' : p[i];
			if (c != '\n' && c != '\r' && c != '\\')
				return false;
		}
		buf_addc(&x->name, c);
	}
	x->bare = strcmp(x->name.data, "-") == 0;
	return len > 0;
}

/* `HEX`, `HEX  NAME`, `HEX *NAME`, `HEX NAME`. */
static bool
parse_plain(struct entry *x, const char *p, size_t len, bool escaped)
{
	size_t n = hex_digits(p, len), end = len;

	if (!is_hash_length(n))
		return false;
	set_digest(x, p, n, true);
	while (end > n && (p[end - 1] == ' ' || p[end - 1] == '\t'))
		end--;
	if (n == end) {
		x->bare = true;
		return !escaped;
	}
	if (p[n] != ' ' && p[n] != '\t')
		return false;
	n++;
	if (n < len && (p[n] == ' ' || p[n] == '*'))
		n++;
	return set_name(x, p + n, len - n, escaped);
}

static bool
is_called(const char *p, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(p, name, len) == 0;
}

/* `SHA256 (NAME) = HEX`, `SHA2-256(NAME)= HEX`, `(stdin)= HEX`. */
static bool
parse_tagged(struct entry *x, const char *p, size_t len, bool escaped)
{
	const char *open = memchr(p, '(', len), *end = p + len, *hex = end;
	size_t tag;
	bool sha256;

	if (open == NULL)
		return false;
	while (hex > open && isxdigit((unsigned char)hex[-1]))
		hex--;
	tag = (size_t)(open - p);
	if (tag > 0 && p[tag - 1] == ' ')
		tag--;
	for (size_t i = 0; i < tag; i++)
		if (!isalnum((unsigned char)p[i]) && strchr("-/", p[i]) == NULL)
			return false;
	sha256 = tag == 0 || is_called(p, tag, "SHA256") ||
	    is_called(p, tag, "SHA2-256") || is_called(p, tag, "SHA-256");
	set_digest(x, hex, (size_t)(end - hex), sha256);
	if (hex - open < 4 || hex[-1] != ' ' || hex[-2] != '=' ||
	    hex == end || (sha256 && !x->sha256))
		return false;
	hex -= hex[-3] == ' ' ? 3 : 2;
	if (hex - open < 2 || hex[-1] != ')' ||
	    !set_name(x, open + 1, (size_t)(hex - open - 2), escaped))
		return false;
	x->bare |= strcmp(x->name.data, "stdin") == 0;
	return true;
}

static bool
parse_line(struct entry *x, const char *p, size_t len)
{
	bool escaped = len > 0 && *p == '\\';

	if (memchr(p, '\0', len) != NULL)
		return false;
	p += escaped;
	len -= escaped;
	return parse_plain(x, p, len, escaped) ||
	    parse_tagged(x, p, len, escaped);
}

/* Keep x in *kept, unless that says the same already.  False if it says
 * something else. */
static bool
keep(struct entry *kept, const struct entry *x)
{
	if (*kept->hex != '\0')
		return strcmp(kept->hex, x->hex) == 0;
	memcpy(kept->hex, x->hex, sizeof(kept->hex));
	return true;
}

static int
malformed(const char *source, long line, const char *what, struct err *e)
{
	err_set(e, ERR_INPUT, "checksums_malformed", "%s:%ld: %s", source,
	    line, what);
	e->line = line;
	err_set_path(e, source);
	return -1;
}

static int
take_entry(struct search *s, const struct entry *x, const char *source,
    long line, struct err *e)
{
	const char *listed = x->name.data;
	struct entry *kept = &s->folder;

	s->lines++;
	s->bare.bare |= x->bare;
	if (s->lines > 1 && s->bare.bare)
		return malformed(source, line,
		    "a checksum without a file's name, beside others", e);
	while (listed[0] == '.' && listed[1] == '/')
		listed += 2;
	if (x->bare)
		kept = &s->bare;
	else if (strcmp(listed, s->name) == 0)
		kept = &s->exact;
	else if (strcmp(file_base(listed), s->name) != 0)
		return 0;
	if (!x->sha256)
		s->other = true;
	else if (!keep(kept, x))
		return malformed(source, line,
		    "another checksum for the same name", e);
	return 0;
}

/* The digest of the best line, if there is one. */
static int
conclude(const struct search *s, const char *source, char sha256[DIGEST_HEX],
    struct err *e)
{
	const struct entry *x = *s->exact.hex != '\0' ? &s->exact :
	    *s->folder.hex != '\0' ? &s->folder : &s->bare;

	if (*x->hex != '\0') {
		memcpy(sha256, x->hex, DIGEST_HEX);
		return 0;
	}
	err_set(e, ERR_CHECK, "checksum_not_listed", s->other ?
	    "%s has no SHA-256 of '%s', only another checksum" :
	    "%s has no checksum of '%s'", source, s->name);
	err_set_path(e, source);
	return -1;
}

int
sums_find(const char *text, size_t len, const char *source, const char *name,
    char sha256[DIGEST_HEX], struct err *e)
{
	struct search s = { .name = name };
	const char *end = text + len, *next;
	long line = 1;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (const char *p = text; p < end; p = next, line++) {
		AUTO(entry_release) struct entry x = { .name = BUF_INIT };
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol != NULL ? eol : end) - p);

		next = p + n + 1;
		while (n > 0 && p[n - 1] == '\r')
			n--;
		if (n == 0 || *p == '#')
			continue;
		if (!parse_line(&x, p, n))
			return malformed(source, line, "no line of a checksum "
			    "file (`HEX  NAME`, `SHA256 (NAME) = HEX`)", e);
		if (take_entry(&s, &x, source, line, e) < 0)
			return -1;
	}
	return conclude(&s, source, sha256, e);
}
