/*
 * Fuzz the JSON reader: how the bytes are cut must not change what it says;
 * what it reads it also reads after a reset; what it refuses, libjq may read,
 * but what it reads, libjq must.
 */
#include <jv.h>
#include <stdlib.h>
#include <string.h>

#include "record/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
log_event(void *ctx, const struct json_event *ev, struct err *e)
{
	(void)e;
	if (strlen(ev->text) != ev->len || ev->start > ev->end ||
	    ev->depth > JSON_DEPTH_MAX)
		abort();
	buf_addf(ctx, "%d %d %d %d ", (int)ev->type, ev->depth,
	    (int)ev->start, (int)ev->end);
	buf_add(ctx, ev->text, ev->len);
	return 0;
}

static int
read_in(struct json *j, const char *text, size_t size, size_t piece,
    struct err *e)
{
	for (size_t i = 0; i < size; i += piece)
		if (json_feed(j, text + i, size - i < piece ? size - i : piece,
		    e) < 0)
			return -1;
	return json_finish(j, e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autobuf struct buf whole = BUF_INIT, cut = BUF_INIT;
	const char *text = (const char *)data;
	struct json *a = json_new(log_event, &whole);
	struct json *b = json_new(log_event, &cut);
	struct err ea, eb;
	int rc;

	err_init(&ea);
	err_init(&eb);
	rc = read_in(a, text, size, size + 1, &ea);
	if (size > 0)
		(void)read_in(b, text, size / 2, 2, &eb);
	json_reset(b);
	buf_reset(&cut);
	err_init(&eb);
	if (read_in(b, text, size, 1 + size % 3, &eb) != rc ||
	    strcmp(ea.detail, eb.detail) != 0 || whole.len != cut.len ||
	    memcmp(whole.data, cut.data, cut.len) != 0)
		abort();
	if (rc == 0) {
		jv v = jv_parse_sized(text, (int)size);

		if (!jv_is_valid(v))
			abort();
		jv_free(v);
	}
	json_free(a);
	json_free(b);
	return 0;
}
