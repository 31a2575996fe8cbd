/* Images become an index: same bytes in any order, nothing ambiguous. */
#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/image.h"
#include "oci/index.h"
#include "oci/indexdoc.h"
#include "oci/ref.h"

static char root[] = "/tmp/slipway-index-XXXXXX";
static char cases[4096];	/* of the specification, or "" */
static struct layout layout = LAYOUT_INIT;

static void
add_desc(struct json_out *o, const char *key, const char *text,
    const char *type)
{
	struct desc d = { .size = 0 };
	struct err e;

	assert(layout_blob_put(&layout, text, strlen(text), &d, &e) == 0);
	strcpy(d.media_type, type);
	if (key != NULL)
		json_out_key(o, key);
	desc_write(o, &d);
}

/* A manifest with a config of this text and one layer. */
static struct desc
image_of(const char *config)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct desc d = { .media_type = DESC_OCI_MANIFEST };
	struct err e;

	json_out_open(&o, '{');
	json_out_kint(&o, "schemaVersion", 2);
	json_out_kstr(&o, "mediaType", DESC_OCI_MANIFEST);
	add_desc(&o, "config", config, DESC_OCI_CONFIG);
	json_out_key(&o, "layers");
	json_out_open(&o, '[');
	add_desc(&o, NULL, "layer", DESC_OCI_LAYER_TAR);
	json_out_close(&o, ']');
	json_out_close(&o, '}');
	assert(layout_blob_put(&layout, o.buf.data, o.buf.len, &d, &e) == 0);
	return d;
}

#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" \
	"a8a8c8f8a8a8c8f8a8a8c8f8a8a8c8f8a8a8c8f8a8a8c8f8a8a8c8f8a8a8c8f8\"]}"

static struct desc
image_for(const char *arch, const char *variant, const char *text)
{
	autofree char *config = mem_fmt("{\"os\":\"linux\",\"architecture\":"
	    "\"%s\",\"variant\":\"%s\",\"author\":\"%s\"," ROOTFS "}", arch,
	    variant, text);

	return image_of(config);
}

static int
load(struct index *x, const struct desc *d, struct err *e)
{
	AUTO(copy_list_release) struct copy_list list = COPY_LIST_INIT;
	struct place place = PLACE_OF_LAYOUT(&layout);
	struct desc copy = *d;

	return index_load(x, &place, &copy, &list, e);
}

static char *
write_index(const struct index *x)
{
	struct buf b = BUF_INIT;

	indexdoc_write(x, FAMILY_OCI, &b);
	return buf_detach(&b);
}

static void
the_same_children_give_the_same_bytes_in_any_order(void)
{
	struct desc d[4] = { image_for("arm64", "v8", ""),
		image_for("amd64", "", ""), image_for("arm", "v6", ""),
		image_for("arm", "v7", "") };
	autofree char *first = NULL;
	struct err e;

	for (int turn = 0; turn < 4; turn++) {
		AUTO(index_release) struct index x = INDEX_INIT;
		autobuf struct buf names = BUF_INIT;

		for (int i = 0; i < 4; i++)
			assert(load(&x, &d[(i + turn) % 4], &e) == 0);
		/* one that came before is one */
		assert(load(&x, &d[turn], &e) == 0 && x.n == 4);
		index_platforms(&x, &names);
		assert(strcmp(names.data, "linux/amd64, linux/arm/v6, "
		    "linux/arm/v7, linux/arm64") == 0);
		autofree char *text = write_index(&x);
		if (first == NULL)
			first = mem_str(text);
		assert(strcmp(first, text) == 0);
	}
}

static void
two_images_for_one_platform_are_refused(void)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct desc a = image_for("arm64", "", "one");
	struct desc b = image_for("arm64", "v8", "two");
	struct err e;

	assert(load(&x, &a, &e) == 0);
	assert(load(&x, &b, &e) < 0 && e.kind == ERR_CHECK);
	assert(strcmp(e.code, "platform_conflict") == 0);
	assert(strstr(e.msg, "two images for linux/arm64: sha256:") == e.msg);
}

/* An index with these entries (JSON, with commas). */
static struct desc
index_of(const char *manifests)
{
	autofree char *text = mem_fmt("{\"schemaVersion\":2,\"mediaType\":\""
	    DESC_OCI_INDEX "\",\"manifests\":[%s]}", manifests);
	struct desc d = { .media_type = DESC_OCI_INDEX };
	struct err e;

	assert(layout_blob_put(&layout, text, strlen(text), &d, &e) == 0);
	return d;
}

static char *
entry(const struct desc *d, const char *more)
{
	return mem_fmt("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d%s}",
	    d->media_type, d->digest, (int)d->size, more);
}

static void
an_index_is_flattened_and_its_attestations_stand_last(void)
{
	AUTO(index_release) struct index x = INDEX_INIT, y = INDEX_INIT;
	struct desc a = image_for("amd64", "", ""), in;
	struct desc statement = image_of("{}");
	autofree char *first = entry(&statement, ",\"platform\":{"
	    "\"architecture\":\"unknown\",\"os\":\"unknown\"},"
	    "\"annotations\":{\"vnd.docker.reference.type\":"
	    "\"attestation-manifest\",\"a\":\"b\"}");
	autofree char *second = entry(&a, ",\"annotations\":{"
	    "\"org.opencontainers.image.ref.name\":\"x\",\"k\":\"v\"}");
	autofree char *both = mem_fmt("%s,%s", first, second);
	struct err e;

	in = index_of(both);
	assert(load(&x, &in, &e) == 0 && x.n == 2);
	assert(!x.children[0].attestation && x.children[1].attestation);
	assert(x.children[0].notes.n == 1);	/* a layout's name is none */
	assert(x.children[1].notes.n == 2);
	assert(index_merge(&y, &x, &e) == 0);
	autofree char *text = write_index(&x);
	autofree char *again = write_index(&y);
	assert(strcmp(text, again) == 0);
	assert(strstr(text, "\"annotations\":{\"a\":\"b\","
	    "\"vnd.docker.reference.type\":") != NULL);
}

/* `unknown` is before `windows`, and stands behind it all the same; two
 * versions of Windows are two platforms. */
static void
an_attestation_stands_behind_windows(void)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct desc old = image_of("{\"os\":\"windows\",\"architecture\":"
	    "\"amd64\",\"os.version\":\"10.0.17763.1\"," ROOTFS "}");
	struct desc new = image_of("{\"os\":\"windows\",\"architecture\":"
	    "\"amd64\",\"os.version\":\"10.0.20348.1\"," ROOTFS "}");
	struct desc statement = image_of("{}"), in;
	autofree char *attested = entry(&statement, ",\"platform\":{"
	    "\"architecture\":\"unknown\",\"os\":\"unknown\"}");
	struct desc_platform any;
	struct err e;

	in = index_of(attested);
	assert(load(&x, &in, &e) == 0);
	assert(load(&x, &new, &e) == 0 && load(&x, &old, &e) == 0);
	assert(x.n == 3 && x.children[2].attestation);
	assert(strcmp(x.children[0].desc.digest, old.digest) == 0);
	assert(desc_platform_parse("windows/amd64", &any, &e) == 0);
	assert(index_find(&x, &any) == &x.children[0]);
	autofree char *text = write_index(&x);
	assert(strstr(text, "\"os.version\":\"10.0.20348.1\"") != NULL);
}

static void
refused(const struct desc *d, const char *code)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct err e;

	assert(load(&x, d, &e) < 0);
	if (e.kind != ERR_CHECK || strcmp(e.code, code) != 0) {
		printf("%s, not %s: %s\n", e.code, code, e.msg);
		assert(0);
	}
}

static void
bad_documents_are_refused_for_their_reason(void)
{
	struct desc good = image_for("amd64", "", "x"), d = good;
	struct desc empty = index_of("");
	autofree char *inner = entry(&empty, "");
	autofree char *wrong = entry(&good, ",\"platform\":{\"os\":\"linux\","
	    "\"architecture\":\"arm64\"}");
	struct desc nested = index_of(inner), mismatch = index_of(wrong);

	refused(&empty, "index_empty");
	refused(&nested, "nested_index");
	refused(&mismatch, "platform_mismatch");
	strcpy(d.media_type, DESC_DOCKER_MANIFEST);
	refused(&d, "media_type_mismatch");
	d = image_of("{\"os\":\"linux\"," ROOTFS "}");
	refused(&d, "platform_invalid");
	d = image_of("{\"os\":\"linux\",\"architecture\":\"amd64\"}");
	refused(&d, "config_invalid");
	d = image_of("{\"os\":\"linux\",\"os\":\"linux\"}");
	refused(&d, "document_invalid");
}

static void
a_document_that_is_two_things_is_refused(void)
{
	static const char *const texts[][2] = {
		{ "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
		    "document_ambiguous" },
		{ "{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}",
		    "document_ambiguous" },
		{ "{\"schemaVersion\":2,\"manifests\":[],\"fsLayers\":[]}",
		    "document_ambiguous" },
		{ "{\"manifests\":[]}", "document_invalid" },
		{ "{\"schemaVersion\":1,\"manifests\":[]}",
		    "document_invalid" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"a/b\"}",
		    "media_type_unsupported" },
		{ "[]", "document_invalid" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct desc d = { .size = 0 };
		struct err e;

		assert(layout_blob_put(&layout, texts[i][0],
		    strlen(texts[i][0]), &d, &e) == 0);
		refused(&d, texts[i][1]);
	}
}

static void
an_image_of_an_index_is_chosen_by_its_platform(void)
{
	AUTO(image_release) struct image i = IMAGE_INIT, none = IMAGE_INIT,
	    any = IMAGE_INIT;
	struct desc a = image_for("amd64", "", ""), d;
	autofree char *e1 = entry(&a, ",\"platform\":{\"os\":\"linux\","
	    "\"architecture\":\"amd64\"}");
	struct desc_platform p;
	struct err e;

	d = index_of(e1);
	assert(desc_platform_parse("amd64", &p, &e) == 0);
	assert(image_read(&layout, &d, &p, &i, &e) == 0);
	assert(strcmp(i.desc.digest, a.digest) == 0 && i.nlayers == 1);
	assert(strncmp(i.layers[0].diff_id, "sha256:a8a8", 11) == 0);
	assert(desc_platform_parse("arm64", &p, &e) == 0);
	assert(image_read(&layout, &d, &p, &none, &e) < 0);
	assert(strcmp(e.code, "platform_not_found") == 0);
	assert(image_read(&layout, &d, NULL, &any, &e) < 0);
	assert(strcmp(e.code, "platform_not_found") == 0);
}

static void
annotations_go_where_they_are_meant_for(void)
{
	static const char *const bad[] = { "", "=v", "k", "index:=v",
		"manifest:k=v", "index[linux/amd64]:k=v",
		"manifest-descriptor[:k=v", "manifest-descriptor[x y]:k=v",
		"index,other:k=v", "k=\xff" };
	AUTO(index_release) struct index x = INDEX_INIT;
	struct desc a = image_for("amd64", "", ""), b = image_for("arm64", "",
	    "");
	struct err e;

	assert(load(&x, &a, &e) == 0 && load(&x, &b, &e) == 0);
	assert(index_annotate(&x, "z=1", &e) == 0);
	assert(index_annotate(&x, "a:b=c=d", &e) == 0);
	assert(index_annotate(&x, "index:z=2", &e) == 0);
	assert(index_annotate(&x, "manifest-descriptor[linux/arm64/v8]:k=",
	    &e) == 0);
	assert(index_annotate(&x, "index,manifest-descriptor:all=1", &e) == 0);
	autofree char *text = write_index(&x);
	assert(strstr(text, "\"annotations\":{\"a:b\":\"c=d\",\"all\":\"1\","
	    "\"z\":\"2\"}}") != NULL);
	assert(x.children[0].notes.n == 1 && x.children[1].notes.n == 2);
	assert(index_annotate(&x, "manifest-descriptor[linux/s390x]:k=v",
	    &e) < 0);
	assert(strcmp(e.code, "annotation_platform") == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (index_annotate(NULL, bad[i], &e) == 0)
			puts(bad[i]);
		assert(index_annotate(NULL, bad[i], &e) < 0);
		assert(e.kind == ERR_INPUT);
	}
}

static void
dockers_list_is_for_dockers_images_alone(void)
{
	AUTO(index_release) struct index x = INDEX_INIT;
	struct index_child c = { .desc = { .media_type = DESC_DOCKER_MANIFEST,
		.digest = "sha256:a" } };
	enum family family;
	struct err e;

	/* what index_load would have found */
	assert(index_merge(&x, &(struct index){ &c, 1, 1, NOTES_INIT, false,
	    0 }, &e) == 0);
	assert(indexdoc_family(&x, INDEXDOC_AUTO, &family, &e) == 0 &&
	    family == FAMILY_DOCKER);
	assert(indexdoc_family(&x, INDEXDOC_OCI, &family, &e) == 0 &&
	    family == FAMILY_OCI);
	assert(index_annotate(&x, "manifest-descriptor:k=v", &e) == 0);
	assert(indexdoc_family(&x, INDEXDOC_OCI, &family, &e) == 0);
	assert(indexdoc_family(&x, INDEXDOC_AUTO, &family, &e) < 0);
	assert(strcmp(e.code, "annotation_format") == 0);
	strcpy(c.desc.media_type, DESC_OCI_MANIFEST);
	strcpy(c.desc.digest, "sha256:b");
	strcpy(c.desc.platform.os, "other");
	assert(index_merge(&x, &(struct index){ &c, 1, 1, NOTES_INIT, false,
	    0 }, &e) == 0);
	assert(indexdoc_family(&x, INDEXDOC_AUTO, &family, &e) == 0 &&
	    family == FAMILY_OCI);
	assert(indexdoc_family(&x, INDEXDOC_DOCKER, &family, &e) < 0);
	assert(strcmp(e.code, "format_conflict") == 0);
}

static void
references_are_what_docker_takes(void)
{
	static const char *const good[][2] = { { "app", "latest" },
		{ "me/app:1.2", "1.2" }, { "localhost:5000/a", "latest" },
		{ "ghcr.io/a_b/c--d/e.f:V_1", "V_1" },
		{ "Host.Example:80/x:1", "1" } };
	static const char *const bad[] = { "", ":1", "App", "a/:1", "/a",
		"a//b", "a:", "a:-1", "a:b c", "a@sha256:00", "a..b/c",
		"host:x/a", "a/b-", "h_ost:1/a" };
	struct err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert(ref_check(good[i][0], &e) == 0);
		assert(strcmp(ref_tag(good[i][0]), good[i][1]) == 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (ref_check(bad[i], &e) == 0)
			puts(bad[i]);
		assert(ref_check(bad[i], &e) < 0 && e.kind == ERR_INPUT);
	}
}

/* Cases that are not about what we read: algorithms that we do not have and an
 * artifact without a platform (valid there), an image without layers (invalid
 * there, but Docker makes them). */
static bool
is_other(const char *name)
{
	return strncmp(name, "manifest_07", 11) == 0 ||
	    strncmp(name, "manifest_11", 11) == 0 ||
	    strncmp(name, "manifest_06", 11) == 0;
}

/* A case is a document whose blobs are not there: a valid one fails at the
 * first of them and no sooner. */
static bool
is_good(const char *name)
{
	autofree char *path = mem_fmt("%s/%s", cases, name);
	autobuf struct buf text = BUF_INIT;
	AUTO(index_release) struct index x = INDEX_INIT;
	struct desc d = { .size = 0 };
	struct err e;

	assert(file_slurp(AT_FDCWD, path, path, 1 << 20, &text, &e) == 0);
	assert(layout_blob_put(&layout, text.data, text.len, &d, &e) == 0);
	if (load(&x, &d, &e) == 0)
		return true;
	assert(e.kind == ERR_CHECK);
	return strcmp(e.code, "blob_missing") == 0 ||
	    strcmp(e.code, "index_empty") == 0;
}

static void
the_specifications_cases_are_judged_as_it_says(void)
{
	autofree char *list = mem_fmt("%s/verdicts.tsv", cases);
	char line[1024], name[256], verdict[32];
	FILE *f = fopen(list, "r");
	int n = 0;

	assert(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%255s %31s", name, verdict) != 2 ||
		    (strncmp(name, "manifest_", 9) != 0 &&
		    strncmp(name, "imageindex_", 11) != 0) || is_other(name))
			continue;
		if (is_good(name) != (strcmp(verdict, "valid") == 0)) {
			fprintf(stderr, "%s is %s\n", name, verdict);
			assert(0);
		}
		n++;
	}
	fclose(f);
	assert(n > 15);
}

int
main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
#define TEST(f) { #f, f }
		TEST(the_same_children_give_the_same_bytes_in_any_order),
		TEST(two_images_for_one_platform_are_refused),
		TEST(an_index_is_flattened_and_its_attestations_stand_last),
		TEST(an_attestation_stands_behind_windows),
		TEST(bad_documents_are_refused_for_their_reason),
		TEST(a_document_that_is_two_things_is_refused),
		TEST(an_image_of_an_index_is_chosen_by_its_platform),
		TEST(annotations_go_where_they_are_meant_for),
		TEST(dockers_list_is_for_dockers_images_alone),
		TEST(references_are_what_docker_takes),
		TEST(the_specifications_cases_are_judged_as_it_says),
	};
	const char *corpora = getenv("SLIPWAY_CORPORA");
	struct err e;

	if (corpora == NULL)
		corpora = "../shared/corpora";
	autofree char *dir = mem_fmt("%s/oci-image-spec/cases", corpora);
	autofree char *path = file_absolute(NULL, dir);
	if (access(path, R_OK) == 0)
		snprintf(cases, sizeof(cases), "%s", path);
	assert(mkdtemp(root) != NULL && chdir(root) == 0);
	assert(layout_open(&layout, "l", true, &e) == 0);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (tests[i].run ==
		    the_specifications_cases_are_judged_as_it_says &&
		    *cases == '\0') {
			printf("skip %s: no corpora/oci-image-spec\n",
			    tests[i].name);
			continue;
		}
		tests[i].run();
		printf("ok %s\n", tests[i].name);
	}
	layout_release(&layout);
	assert(chdir("/") == 0);
	return file_remove_tree(AT_FDCWD, root) == 0 ? 0 : 1;
}
