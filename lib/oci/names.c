#include "oci/names.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define NAMES_KEY "org.opencontainers.image.ref.name"

void
names_release(struct names *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->entries[i].name);
		free(x->entries[i].text);
	}
	free(x->entries);
	rec_free(x->doc);
	buf_release(&x->text);
}

static void
add_entry(struct names *x, const char *name, char *text)
{
	mem_grow(&x->entries, &x->cap, x->n, sizeof(*x->entries));
	x->entries[x->n] = (struct names_entry){ mem_str(name), text, x->n };
	x->n++;
}

static int
read_entry(void *ctx, const struct rec_member *m, struct err *e)
{
	struct names *x = ctx;
	struct rec *r = desc_document(m->text, m->len, "index.json", e);
	const char *name;

	if (r == NULL)
		return -1;
	name = desc_member(r, "annotations", NAMES_KEY);
	add_entry(x, name != NULL ? name : "", mem_dup(m->text, m->len));
	rec_free(r);
	return 0;
}

int
names_parse(struct names *x, const char *text, size_t len, struct err *e)
{
	const char *list;
	size_t n;

	buf_add(&x->text, text, len);
	x->doc = desc_document(x->text.data, x->text.len, "index.json", e);
	list = x->doc != NULL ? rec_text(x->doc, "manifests", &n) : NULL;
	if (list != NULL && *list != '[')
		return err_set(e, ERR_CHECK, "layout_invalid", "index.json: "
		    "invalid field: manifests: an array is wanted");
	if (x->doc == NULL ||
	    rec_each(x->doc, "manifests", read_entry, x, e) < 0) {
		e->kind = ERR_CHECK;
		e->code = "layout_invalid";
		return -1;
	}
	return 0;
}

int
names_desc(const struct names_entry *entry, struct desc *d, struct err *e)
{
	struct rec *r = desc_document(entry->text, strlen(entry->text),
	    "index.json", e);
	int rc = r == NULL ? -1 : desc_read(r, d, e);

	rec_free(r);
	return rc;
}

int
names_find(const struct names *x, const char *tag, const char *where,
    struct desc *d, struct err *e)
{
	const struct names_entry *found = NULL;
	bool any = tag == NULL || *tag == '\0';
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		if (any || strcmp(x->entries[i].name, tag) == 0) {
			found = &x->entries[i];
			n++;
		}
	if (n == 0 && any)
		return err_set(e, ERR_CHECK, "tag_not_found",
		    "'%s' has no image", where);
	if (n == 0)
		return err_set(e, ERR_CHECK, "tag_not_found",
		    "'%s' has no image that is named '%s'", where, tag);
	if (n > 1 && any)
		return err_set(e, ERR_CHECK, "tag_ambiguous",
		    "'%s' has %zu images: name one as oci:DIR:TAG", where, n);
	if (n > 1)
		return err_set(e, ERR_CHECK, "tag_ambiguous",
		    "'%s' has %zu images that are named '%s'", where, n, tag);
	if (names_desc(found, d, e) < 0)
		return err_wrap(e, "'%s/index.json'", where);
	return 0;
}

bool
names_find_digest(const struct names *x, const char *digest, struct desc *d)
{
	struct err ignored;

	for (size_t i = 0; i < x->n; i++)
		if (names_desc(&x->entries[i], d, &ignored) == 0 &&
		    strcmp(d->digest, digest) == 0)
			return true;
	return false;
}

bool
names_valid(const char *tag)
{
	char before = '/';

	for (const char *p = tag; *p != '\0'; before = *p++) {
		bool word = isalnum((unsigned char)before);

		if (isalnum((unsigned char)*p))
			continue;
		if (strchr("-._:@+/", *p) == NULL)
			return false;
		if (!word && !(*p == '-' && before == '-' && p - tag >= 2 &&
		    isalnum((unsigned char)p[-2])))
			return false;
	}
	return isalnum((unsigned char)before);
}

static int
by_name(const void *a, const void *b)
{
	const struct names_entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->place > y->place) -
	    (x->place < y->place);
}

/* Take the entries that have the name out; the digest of the first. */
static void
drop_name(struct names *x, const char *tag,
    char previous[DIGEST_STR])
{
	size_t kept = 0;

	*previous = '\0';
	for (size_t i = 0; i < x->n; i++) {
		struct names_entry *entry = &x->entries[i];
		struct desc d;
		struct err ignored;

		if (strcmp(entry->name, tag) != 0) {
			x->entries[kept++] = *entry;
			continue;
		}
		if (*previous == '\0' && names_desc(entry, &d, &ignored) == 0)
			strcpy(previous, d.digest);
		free(entry->name);
		free(entry->text);
	}
	x->n = kept;
}

static char *
tag_entry(const char *tag, const struct desc *d)
{
	struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	desc_write_members(&o, d);
	json_out_key(&o, "annotations");
	json_out_open(&o, '{');
	json_out_kstr(&o, NAMES_KEY, tag);
	json_out_close(&o, '}');
	json_out_close(&o, '}');
	return buf_detach(&o.buf);
}

void
names_set(struct names *x, const char *tag, const struct desc *d,
    char previous[DIGEST_STR])
{
	drop_name(x, tag, previous);
	add_entry(x, tag, tag_entry(tag, d));
}

void
names_print(struct names *x, struct buf *out)
{
	AUTO(json_out_release) struct json_out list = JSON_OUT_INIT;

	if (x->n > 0)
		qsort(x->entries, x->n, sizeof(*x->entries), by_name);
	json_out_open(&list, '[');
	for (size_t i = 0; i < x->n; i++)
		json_out_raw(&list, x->entries[i].text,
		    strlen(x->entries[i].text));
	json_out_close(&list, ']');
	rec_put(x->doc, "manifests", list.buf.data, list.buf.len);
	rec_print(x->doc, out);
}
