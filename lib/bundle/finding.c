#include "bundle/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

const char finding_prefix[] = "runtime bundle validation failed: ";

void
finding_list_init(struct finding_list *f, bool all)
{
	err_init(&f->first);
	f->all = all;
	f->count = f->cap = 0;
	f->items = NULL;
	f->order = 0;
}

static void
item_release(struct finding *item)
{
	free(item->message);
	free(item->path);
	free(item->expected);
	free(item->actual);
	free(item->detail);
}

void
finding_list_release(struct finding_list *f)
{
	for (size_t i = 0; f->items != NULL && i < f->count &&
	    i < FINDING_MAX; i++)
		item_release(&f->items[i]);
	free(f->items);
	f->items = NULL;
	f->count = 0;
}

/* Where the next one is kept: at the end or, where the list is full, in the
 * place of the last that comes behind it in the order; FINDING_MAX: nowhere. */
static size_t
place(struct finding_list *f)
{
	size_t last = 0;

	if (f->count < FINDING_MAX) {
		mem_grow(&f->items, &f->cap, f->count, sizeof(*f->items));
		return f->count;
	}
	for (size_t i = 1; i < FINDING_MAX; i++)
		if (f->items[i].order >= f->items[last].order)
			last = i;
	if (f->items[last].order <= f->order)
		return FINDING_MAX;
	item_release(&f->items[last]);
	return last;
}

int
finding_add_err(struct finding_list *f, const struct err *e)
{
	size_t at;

	if (f->count == 0)
		f->first = *e;
	if (f->all && (at = place(f)) < FINDING_MAX)
		f->items[at] = (struct finding){ e->code,
		    mem_str(e->msg), mem_str(e->path), mem_str(e->expected),
		    mem_str(e->actual), mem_str(e->detail), f->order };
	f->count++;
	return f->all ? 0 : -1;
}

int
finding_add(struct finding_list *f, const char *code, const char *path,
    const char *fmt, ...)
{
	struct err e;
	va_list ap;

	err_set(&e, ERR_CHECK, code, "%s", "");
	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	e.prefix = finding_prefix;
	if (path != NULL)
		err_set_path(&e, path);
	return finding_add_err(f, &e);
}

void
finding_values(struct finding_list *f, const char *expected,
    const char *actual)
{
	if (f->count == 1)
		err_set_values(&f->first, expected, actual);
	if (f->all && f->count <= FINDING_MAX) {
		struct finding *item = &f->items[f->count - 1];

		free(item->expected);
		free(item->actual);
		item->expected = mem_str(expected);
		item->actual = mem_str(actual);
	}
}

void
finding_sort(struct finding_list *f)
{
	size_t n = f->count < FINDING_MAX ? f->count : FINDING_MAX;

	if (f->items == NULL || n == 0)
		return;
	for (size_t i = 1; i < n; i++) {
		struct finding item = f->items[i];
		size_t k = i;

		for (; k > 0 && f->items[k - 1].order > item.order; k--)
			f->items[k] = f->items[k - 1];
		f->items[k] = item;
	}
	err_set(&f->first, ERR_CHECK, f->items[0].code, "%s",
	    f->items[0].message);
	f->first.prefix = finding_prefix;
	err_set_path(&f->first, f->items[0].path);
	err_set_values(&f->first, f->items[0].expected, f->items[0].actual);
	err_set_detail(&f->first, "%s", f->items[0].detail);
}

void
finding_json(const struct finding_list *f, struct json_out *o)
{
	json_out_key(o, "all");
	json_out_open(o, '[');
	for (size_t i = 0; i < f->count && i < FINDING_MAX; i++) {
		const struct finding *item = &f->items[i];

		json_out_open(o, '{');
		json_out_kstr(o, "code", item->code);
		json_out_kstr(o, "message", item->message);
		if (*item->path != '\0')
			json_out_kstr(o, "path", item->path);
		if (*item->expected != '\0' || *item->actual != '\0') {
			json_out_kstr(o, "expected", item->expected);
			json_out_kstr(o, "actual", item->actual);
		}
		if (*item->detail != '\0')
			json_out_kstr(o, "detail", item->detail);
		json_out_close(o, '}');
	}
	json_out_close(o, ']');
	if (f->count > FINDING_MAX)
		json_out_kint(o, "omitted", (int64_t)f->count - FINDING_MAX);
}
