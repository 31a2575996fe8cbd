/* Descriptors and platforms, also the specification's own cases. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "oci/desc.h"
#include "record/json.h"

#define SHA "sha256:e3b0c44298fc1c149afbf4c8996fb924" \
	"27ae41e4649b934ca495991b7852b855"

static const char *
normal(const char *str)
{
	static char out[104];
	struct desc_platform p;
	struct err e;

	if (desc_platform_parse(str, &p, &e) < 0) {
		assert(e.kind == ERR_INPUT);
		assert(strcmp(e.code, "platform_invalid") == 0);
		return "";
	}
	desc_platform_format(&p, out);
	return out;
}

static void
platforms_are_normalised(void)
{
	static const char *const pairs[][2] = {
		{ "linux/amd64", "linux/amd64" }, { "amd64", "linux/amd64" },
		{ "linux/x86_64", "linux/amd64" },
		{ "linux/amd64/v1", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3" },
		{ "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm64/8", "linux/arm64" },
		{ "linux/aarch64", "linux/arm64" },
		{ "linux/arm64/v9", "linux/arm64/v9" },
		{ "arm", "linux/arm/v7" }, { "linux/arm/7", "linux/arm/v7" },
		{ "linux/arm/v6", "linux/arm/v6" },
		{ "armel", "linux/arm/v6" }, { "armhf", "linux/arm/v7" },
		{ "Linux/AMD64", "linux/amd64" },
		{ "i386", "linux/386" }, { "macos/arm64", "darwin/arm64" },
		{ "", "" }, { "linux", "" }, { "linux/", "" }, { "/amd64", "" },
		{ "linux/arm/v7/x", "" }, { "linux//amd64", "" },
		{ "linux/am d64", "" }, { "linux/amd64\n", "" },
		{ "linux/0123456789012345678901234567890123456789", "" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (strcmp(normal(pairs[i][0]), pairs[i][1]) != 0) {
			printf("%s is %s\n", pairs[i][0], normal(pairs[i][0]));
			assert(0);
		}
}

static int
read_text(const char *text, struct desc *d, struct err *e)
{
	struct rec *r = desc_document(text, strlen(text), "test", e);
	int rc = r == NULL ? -1 : desc_read(r, d, e);

	rec_free(r);
	if (rc < 0)
		assert(e->kind == ERR_CHECK);
	return rc;
}

static void
a_descriptor_comes_out_as_it_went_in(void)
{
	static const char text[] = "{\"mediaType\":\"" DESC_OCI_MANIFEST
	    "\",\"digest\":\"" SHA "\",\"size\":9007199254740991,"
	    "\"platform\":{\"architecture\":\"arm\",\"os\":\"linux\","
	    "\"variant\":\"v6\"}}";
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct desc d;
	struct err e;

	assert(read_text(text, &d, &e) == 0);
	assert(d.size == JSON_INT_MAX && d.has_platform);
	desc_write(&o, &d);
	assert(strcmp(o.buf.data, text) == 0);
}

static void
bad_descriptors_are_refused_for_their_reason(void)
{
	static const char *const bad[][2] = {
		{ "{\"digest\":\"" SHA "\",\"size\":1}",
		    "missing field: mediaType" },
		{ "{\"mediaType\":\"a/b\",\"size\":1}",
		    "missing field: digest" },
		{ "{\"mediaType\":\"a/b\",\"digest\":\"" SHA "\"}",
		    "missing field: size" },
		{ "{\"mediaType\":\"a\",\"digest\":\"" SHA "\",\"size\":1}",
		    "'a' is no media type" },
		{ "{\"mediaType\":\"a/b\",\"digest\":\"sha256:../../x\","
		    "\"size\":1}", "'sha256:../../x' is no digest (sha256: "
		    "and 64 lower-case hex digits)" },
		{ "{\"mediaType\":\"a/b\",\"digest\":\"" SHA "\",\"size\":1,"
		    "\"urls\":[\"http://h/\"]}", "blob " SHA " is to be "
		    "fetched from a URL (a foreign layer)" },
		{ "{\"mediaType\":\"a/b\",\"digest\":\"" SHA "\",\"size\":1,"
		    "\"platform\":{\"os\":\"linux\"}}",
		    "the platform has no architecture" },
	};
	struct desc d;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert(read_text(bad[i][0], &d, &e) < 0);
		if (strcmp(e.msg, bad[i][1]) != 0) {
			printf("%s\n%s\n", bad[i][0], e.msg);
			assert(0);
		}
	}
}

static void
an_empty_list_of_urls_is_none(void)
{
	struct desc d;
	struct err e;

	assert(read_text("{\"mediaType\":\"a/b\",\"digest\":\"" SHA
	    "\",\"size\":0,\"urls\":[ ]}", &d, &e) == 0);
}

/* Valid for the specification, and yet nothing that we take: digests other
 * than SHA-256, and layers that are fetched from elsewhere. */
static bool
is_narrower(const char *name)
{
	static const char *const names[] = { "descriptor_17", "descriptor_22",
		"descriptor_23", "descriptor_24", "descriptor_25",
		"descriptor_26", "descriptor_28" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int
the_specifications_cases_are_judged_as_it_says(void)
{
	const char *dir = getenv("SLIPWAY_CORPORA");
	autofree char *list = mem_fmt("%s/oci-image-spec/cases/verdicts.tsv",
	    dir != NULL ? dir : "../shared/corpora");
	char line[1024], name[256], verdict[32];
	FILE *f = fopen(list, "r");
	int n = 0;

	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		autobuf struct buf text = BUF_INIT;
		autofree char *path = NULL;
		struct desc d;
		struct err e;
		bool valid;

		if (sscanf(line, "%255s %31s", name, verdict) != 2 ||
		    strncmp(name, "descriptor_", 11) != 0)
			continue;
		path = mem_fmt("%.*s%s", (int)(strlen(list) -
		    strlen("verdicts.tsv")), list, name);
		assert(file_slurp(AT_FDCWD, path, path, 1 << 20, &text,
		    &e) == 0);
		valid = strcmp(verdict, "valid") == 0 && !is_narrower(name);
		if ((read_text(text.data, &d, &e) == 0) != valid) {
			fprintf(stderr, "%s is %s\n", name, verdict);
			assert(0);
		}
		n++;
	}
	fclose(f);
	assert(n > 20);
	return n;
}

int
main(void)
{
	platforms_are_normalised();
	puts("ok platforms are normalised");
	a_descriptor_comes_out_as_it_went_in();
	puts("ok a descriptor comes out as it went in");
	bad_descriptors_are_refused_for_their_reason();
	puts("ok bad descriptors are refused for their reason");
	an_empty_list_of_urls_is_none();
	puts("ok an empty list of urls is none");
	if (the_specifications_cases_are_judged_as_it_says() > 0)
		puts("ok the specification's cases are judged as it says");
	else
		puts("skip the specification's cases are judged as it says: "
		    "no corpora/oci-image-spec");
	return 0;
}
