#include "change/filelist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define HEAD "slipway files 1 "

void
filelist_release(struct filelist *l)
{
	for (size_t i = 0; i < l->ninputs; i++) {
		free(l->inputs[i].name);
		free(l->inputs[i].value);
	}
	free(l->inputs);
	free(l->files);
	free(l->text);
	*l = (struct filelist){ .n = 0 };
}

void
filelist_add(struct filelist *l, const char *path, size_t len, uint32_t mode,
    const struct objid *id)
{
	mem_grow(&l->files, &l->cap, l->n, sizeof(*l->files));
	l->files[l->n++] = (struct filelist_file){ path, len, mode, *id };
}

void
filelist_add_input(struct filelist *l, const char *name, const char *value)
{
	mem_grow(&l->inputs, &l->inputs_cap, l->ninputs, sizeof(*l->inputs));
	l->inputs[l->ninputs++] = (struct filelist_input){
		mem_str(name), mem_str(value) };
}

static int
path_order(const char *a, size_t alen, const char *b, size_t blen)
{
	int d = memcmp(a, b, alen < blen ? alen : blen);

	return d != 0 ? d : (alen > blen) - (alen < blen);
}

static int
file_order(const void *a, const void *b)
{
	const struct filelist_file *x = a, *y = b;

	return path_order(x->path, x->len, y->path, y->len);
}

static int
input_order(const void *a, const void *b)
{
	const struct filelist_input *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
filelist_sort(struct filelist *l)
{
	for (size_t i = 1; i < l->n; i++)
		if (file_order(&l->files[i - 1], &l->files[i]) > 0) {
			qsort(l->files, l->n, sizeof(*l->files), file_order);
			break;
		}
	if (l->ninputs > 1)
		qsort(l->inputs, l->ninputs, sizeof(*l->inputs), input_order);
}

/*
 * The fingerprint
 */

/* Each field has its length before it, so that ("a", "bc") is not
 * ("ab", "c"). */
static void
number(struct buf *b, size_t n)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	buf_add(b, bytes, sizeof(bytes));
}

static void
field(struct buf *b, const void *data, size_t len)
{
	number(b, len);
	buf_add(b, data, len);
}

/* "%06o", without the time that takes for every file. */
static void
octal(uint32_t mode, char out[6])
{
	for (int i = 5; i >= 0; i--, mode >>= 3)
		out[i] = (char)('0' + (mode & 7));
}

void
filelist_fingerprint(const struct filelist *l, char out[DIGEST_STR])
{
	AUTO(digest_release) struct digest d = DIGEST_INIT;
	const char *format = objid_format_name(l->format);
	autobuf struct buf b = BUF_INIT;
	uint8_t sum[DIGEST_LEN];

	digest_start(&d);
	field(&b, "slipway fingerprint 1", 21);
	field(&b, format, strlen(format));
	number(&b, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct filelist_file *f = &l->files[i];
		char mode[6];

		octal(f->mode, mode);
		field(&b, f->path, f->len);
		field(&b, mode, sizeof(mode));
		field(&b, f->id.bytes, objid_len(l->format));
		if (b.len > 32768) {
			digest_add(&d, b.data, b.len);
			buf_reset(&b);
		}
	}
	number(&b, l->ninputs);
	for (size_t i = 0; i < l->ninputs; i++) {
		field(&b, l->inputs[i].name, strlen(l->inputs[i].name));
		field(&b, l->inputs[i].value, strlen(l->inputs[i].value));
	}
	digest_add(&d, b.data, b.len);
	digest_end(&d, sum);
	digest_format(sum, out);
}

/*
 * As a file: a line that says what it is, then `MODE ID PATH` and `= NAME
 * VALUE`, each ending in a NUL, because a path may hold a newline.
 */

void
filelist_print(const struct filelist *l, struct buf *out)
{
	buf_addf(out, HEAD "%s\n", objid_format_name(l->format));
	for (size_t i = 0; i < l->n; i++) {
		char hex[OBJID_HEX];

		objid_print(l->format, &l->files[i].id, hex);
		buf_addf(out, "%06o %s ", l->files[i].mode, hex);
		buf_add(out, l->files[i].path, l->files[i].len);
		buf_addc(out, '\0');
	}
	for (size_t i = 0; i < l->ninputs; i++) {
		buf_addf(out, "= %s", l->inputs[i].name);
		buf_addc(out, '\0');
		buf_adds(out, l->inputs[i].value);
		buf_addc(out, '\0');
	}
}

static bool
parse_input(struct filelist *l, const char **p, const char *end)
{
	const char *name = *p + 2, *value = name + strlen(name) + 1;

	if (value >= end)
		return false;
	filelist_add_input(l, name, value);
	*p = value + strlen(value) + 1;
	return true;
}

static bool
parse_file(struct filelist *l, const char **p)
{
	size_t hex = 2 * objid_len(l->format), len = strlen(*p);
	const char *path = *p + 7 + hex + 1;
	struct objid id;
	char *rest;
	unsigned long mode = strtoul(*p, &rest, 8);

	if (len < 7 + hex + 2 || rest != *p + 6 || *rest != ' ' ||
	    path[-1] != ' ' || !objid_parse(l->format, *p + 7, hex, &id))
		return false;
	filelist_add(l, path, len - (size_t)(path - *p), (uint32_t)mode, &id);
	*p += len + 1;
	return true;
}

bool
filelist_parse(struct filelist *l, const char *text, size_t len)
{
	static const enum objid_format formats[] = { OBJID_SHA1, OBJID_SHA256 };
	const char *p = NULL, *end;

	*l = (struct filelist){ .text = mem_dup(text, len) };
	for (size_t i = 0; i < 2 && p == NULL; i++) {
		autofree char *head = mem_fmt(HEAD "%s\n",
		    objid_format_name(formats[i]));

		l->format = formats[i];
		if (strncmp(l->text, head, strlen(head)) == 0)
			p = l->text + strlen(head);
	}
	end = l->text + len;
	while (p != NULL && p < end)
		if (!(strncmp(p, "= ", 2) == 0 ? parse_input(l, &p, end) :
		    parse_file(l, &p)))
			p = NULL;
	if (p == NULL)
		filelist_release(l);
	return p != NULL;
}

/*
 * Differences
 */

void
filelist_diff(const struct filelist *old, const struct filelist *now,
    void (*fn)(void *ctx, const char *kind, const char *path, size_t len),
    void *ctx)
{
	size_t i = 0, j = 0;

	while (i < old->n || j < now->n) {
		const struct filelist_file *a = &old->files[i];
		const struct filelist_file *b = &now->files[j];
		int d = i == old->n ? 1 : j == now->n ? -1 : file_order(a, b);

		i += d <= 0;
		j += d >= 0;
		if (d < 0)
			fn(ctx, "deleted", a->path, a->len);
		else if (d > 0)
			fn(ctx, "added", b->path, b->len);
		else if (memcmp(&a->id, &b->id, sizeof(a->id)) != 0)
			fn(ctx, "modified", b->path, b->len);
		else if (a->mode != b->mode)
			fn(ctx, "mode", b->path, b->len);
	}
	for (i = j = 0; i < old->ninputs || j < now->ninputs;) {
		const struct filelist_input *a = &old->inputs[i];
		const struct filelist_input *b = &now->inputs[j];
		int d = i == old->ninputs ? 1 : j == now->ninputs ? -1 :
		    input_order(a, b);
		const char *name = d <= 0 ? a->name : b->name;

		i += d <= 0;
		j += d >= 0;
		if (d != 0 || strcmp(a->value, b->value) != 0)
			fn(ctx, "input", name, strlen(name));
	}
}
