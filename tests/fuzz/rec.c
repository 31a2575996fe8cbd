/*
 * Fuzz records: what nobody touched goes out as it came in; what was put can
 * be read back, and all else with it; the reader's lines are the input's.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "record/json.h"
#include "record/rec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
see(void *ctx, const struct rec_member *m, struct err *e)
{
	(void)e;
	if (m->len == 0 || (m->str != NULL && *m->text != '"'))
		abort();
	++*(size_t *)ctx;
	return 0;
}

static void
edit(struct rec *r, const char *line, size_t len)
{
	autobuf struct buf same = BUF_INIT, put = BUF_INIT;
	const char *str;
	struct rec *again;
	struct err e;
	int64_t n = 0;
	size_t members = 0;

	rec_print(r, &same);
	if (same.len != len || memcmp(same.data, line, len) != 0)
		abort();
	rec_each(r, "", see, &members, &e);
	rec_each(r, "a", see, &members, &e);
	rec_str(r, "a", &str, &e);
	rec_int(r, "size", 0, JSON_INT_MAX, &n, &e);
	rec_failed(r);
	rec_put_int(r, "size", 7);
	rec_drop(r, "a");
	rec_append(r, "trace", "{}", 2);
	rec_append(r, "trace", "1", 1);
	rec_print(r, &put);
	if ((again = rec_parse(put.data, put.len, "", &e)) == NULL ||
	    rec_int(again, "size", 7, 7, &n, &e) != 1 ||
	    rec_str(again, "a", &str, &e) != 0 ||
	    rec_each(again, "trace", see, &members, &e) != 1)
		abort();
	rec_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rec_reader reader = REC_READER_INIT(-1, "x");
	const char *line;
	struct err e;
	size_t len;
	int fds[2];

	if (size > 60000 || pipe(fds) < 0)
		return 0;
	if (file_write(fds[1], data, size) < 0)
		abort();
	close(fds[1]);
	reader.fd = fds[0];
	while (!reader.eof) {
		if (rec_reader_fill(&reader, &e) < 0)
			abort();
		while (rec_reader_line(&reader, &line, &len, &e) > 0) {
			struct rec *r = rec_parse(line, len, "x", &e);

			if (r != NULL)
				edit(r, line, len);
			rec_free(r);
		}
	}
	close(fds[0]);
	rec_reader_release(&reader);
	return 0;
}
