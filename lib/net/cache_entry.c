#include "net/cache_entry.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/url.h"
#include "record/json.h"
#include "record/rec.h"

void
cache_entry_release(struct cache_entry *x)
{
	free(x->etag);
	free(x->last_modified);
	*x = (struct cache_entry)CACHE_ENTRY_INIT;
}

/* A text that can be written down as it is. */
static void
put_text(struct json_out *o, const char *key, const char *value)
{
	if (value != NULL && *value != '\0' &&
	    text_utf8_valid(value, strlen(value)))
		json_out_kstr(o, key, value);
}

void
cache_entry_print(struct buf *out, const char *url,
    const struct cache_entry *x)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autofree char *shown = url_redact(url, NULL);

	json_out_open(&o, '{');
	put_text(&o, "url", shown);
	json_out_kstr(&o, "sha256", x->sha256);
	json_out_kint(&o, "size", x->size);
	put_text(&o, "etag", x->etag);
	put_text(&o, "last_modified", x->last_modified);
	json_out_close(&o, '}');
	buf_add(out, o.buf.data, o.buf.len);
}

bool
cache_entry_parse(const struct buf *text, struct cache_entry *x)
{
	const char *sha256, *etag = NULL, *modified = NULL;
	uint8_t raw[DIGEST_LEN];
	struct err ignored;
	struct rec *r = rec_parse(text->data, text->len, "", &ignored);
	bool good = r != NULL &&
	    rec_str(r, "sha256", &sha256, &ignored) == 1 &&
	    digest_parse_hex(sha256, raw) &&
	    rec_int(r, "size", 0, JSON_INT_MAX, &x->size, &ignored) == 1 &&
	    rec_str(r, "etag", &etag, &ignored) >= 0 &&
	    rec_str(r, "last_modified", &modified, &ignored) >= 0;

	if (good) {
		snprintf(x->sha256, sizeof(x->sha256), "%s", sha256);
		x->etag = etag != NULL ? mem_str(etag) : NULL;
		x->last_modified = modified != NULL ? mem_str(modified) : NULL;
	}
	rec_free(r);
	return good;
}
