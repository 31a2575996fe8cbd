/* engine_config: what of a config names one build alone, and goes. */
#undef NDEBUG
#include "build/engine_config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* in becomes out; NULL: it is refused. */
static void
cleans(const char *in, const char *out)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(buf_release) struct buf got = BUF_INIT;
	struct err e;
	int rc;

	buf_adds(&text, in);
	rc = engine_config_clean(&text, &got, &e);
	if (out == NULL) {
		assert(rc < 0 && e.kind == ERR_CHECK);
		return;
	}
	assert(rc == 0);
	if (strcmp(got.data, out) != 0)
		printf("wanted %s\nfound  %s\n", out, got.data);
	assert(strcmp(got.data, out) == 0);
}

static void
what_was_drawn_by_lot_goes(void)
{
	cleans("{\"container\":\"a\",\"os\":\"linux\",\"container_config\":{"
	       "\"Hostname\":\"b\"},\"config\":{\"Hostname\":\"b\",\"User\":"
	       "\"u\",\"Image\":\"sha256:c\"}}",
	    "{\"os\":\"linux\",\"config\":{\"User\":\"u\"}}");
}

static void
all_else_stays_as_it_is_written(void)
{
	cleans("{ \"created\" : \"1970-01-01T00:00:00Z\", \"config\" : {"
	       "\"Healthcheck\":{\"Interval\": 1e9 , \"Image\":\"\\u00e9\"}},"
	       "\"x\":[1.0, {\"container\":2}] }",
	    "{\"created\":\"1970-01-01T00:00:00Z\",\"config\":{"
	    "\"Healthcheck\":{\"Interval\": 1e9 , \"Image\":\"\\u00e9\"}},"
	    "\"x\":[1.0, {\"container\":2}]}");
	cleans("{\"config\":null}", "{\"config\":null}");
	cleans("{}", "{}");
}

static void
what_is_no_document_is_refused(void)
{
	cleans("[]", NULL);
	cleans("{\"a\":1,\"a\":2}", NULL);
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(what_was_drawn_by_lot_goes);
	RUN(all_else_stays_as_it_is_written);
	RUN(what_is_no_document_is_refused);
	return 0;
}
