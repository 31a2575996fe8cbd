#include "build/engine_config.h"

#include <string.h>

#include "oci/desc.h"
#include "record/json_out.h"
#include "record/rec.h"

struct writer {
	struct rec *r;
	struct json_out out;
};

static bool
among(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static int
copy(struct writer *w, const struct rec_member *m)
{
	json_out_key(&w->out, m->name);
	json_out_raw(&w->out, m->text, m->len);
	return 0;
}

static int
write_inner(void *ctx, const struct rec_member *m, struct err *e)
{
	static const char *const drop[] = { "Hostname", "Image", NULL };

	(void)e;
	return among(drop, m->name) ? 0 : copy(ctx, m);
}

static int
write_outer(void *ctx, const struct rec_member *m, struct err *e)
{
	static const char *const drop[] = { "container", "container_config",
		NULL };
	struct writer *w = ctx;
	int rc;

	if (among(drop, m->name))
		return 0;
	if (strcmp(m->name, "config") != 0 || *m->text != '{')
		return copy(w, m);
	json_out_key(&w->out, m->name);
	json_out_open(&w->out, '{');
	rc = rec_each(w->r, "config", write_inner, w, e);
	json_out_close(&w->out, '}');
	return rc < 0 ? -1 : 0;
}

int
engine_config_clean(const struct buf *text, struct buf *out, struct err *e)
{
	struct writer w = { .out = JSON_OUT_INIT };
	int rc;

	w.r = desc_document(text->data, text->len, "config", e);
	if (w.r == NULL)
		return -1;
	json_out_open(&w.out, '{');
	rc = rec_each(w.r, "", write_outer, &w, e);
	json_out_close(&w.out, '}');
	buf_add(out, w.out.buf.data, w.out.buf.len);
	json_out_release(&w.out);
	rec_free(w.r);
	return rc < 0 ? -1 : 0;
}
