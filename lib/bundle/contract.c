#include "bundle/contract.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "record/json_out.h"
#include "record/rec.h"

#define FILE_MAX_ (1 << 20)

static const char builtin[] = "{\"name\":\"openshell-gpu\","
    "\"components\":[\"nvidia_container_toolkit\",\"libnvidia_container\"],"
    "\"required\":[\"usr/bin/nvidia-cdi-hook\","
    "\"usr/bin/nvidia-container-runtime\","
    "\"usr/bin/nvidia-container-runtime-hook\","
    "\"usr/bin/nvidia-container-cli\",\"usr/bin/nvidia-ctk\","
    "\"etc/nvidia-container-runtime/config.toml\"],"
    "\"files\":[\"usr/bin/nvidia-cdi-hook\","
    "\"usr/bin/nvidia-container-runtime\","
    "\"usr/bin/nvidia-container-runtime-hook\","
    "\"usr/bin/nvidia-container-cli\",\"usr/bin/nvidia-ctk\"],"
    "\"directories\":[\"etc/nvidia-container-runtime\"],"
    "\"globs\":[\"usr/lib/{multiarch}/libnvidia-container*.so*\"]}";

struct loader {
	struct contract *contract;
	struct contract_list *list;
	const char *field, *file;
};

static int
invalid(const struct loader *l, const char *field, const char *why,
    struct err *e)
{
	return err_set(e, ERR_INPUT, "contract_invalid",
	    "invalid contract '%s': %s: %s", l->file, field, why);
}

/* A path that one of a manifest could equal. */
static bool
relative(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && *path == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
	}
}

static int
add_item(void *ctx, const struct rec_member *m, struct err *e)
{
	struct loader *l = ctx;
	struct contract_list *list = l->list;

	if (m->name != NULL || m->str == NULL || *m->str == '\0')
		return invalid(l, l->field, "a list of strings is wanted", e);
	if (l->list != &l->contract->components && !relative(m->str))
		return invalid(l, l->field, "a path is relative to the bundle, "
		    "without '.', '..' or an empty name", e);
	mem_grow(&list->items, &list->cap, list->count,
	    sizeof(*list->items));
	list->items[list->count++] = mem_str(m->str);
	return 0;
}

/* The list that a key names, NULL for another key. */
static struct contract_list *
list_of(struct contract *c, const char *key)
{
	return strcmp(key, "components") == 0 ? &c->components :
	    strcmp(key, "required") == 0 ? &c->required :
	    strcmp(key, "files") == 0 ? &c->files :
	    strcmp(key, "directories") == 0 ? &c->directories :
	    strcmp(key, "globs") == 0 ? &c->globs : NULL;
}

static int
check_key(void *ctx, const struct rec_member *m, struct err *e)
{
	struct loader *l = ctx;

	if (strcmp(m->name, "name") != 0 &&
	    list_of(l->contract, m->name) == NULL)
		return invalid(l, m->name, "unknown key", e);
	return 0;
}

static int
load(struct loader *l, struct rec *r, struct err *e)
{
	static const char *const keys[] = { "components", "required", "files",
	    "directories", "globs" };
	struct contract *c = l->contract;
	const char *name = NULL;

	if (rec_each(r, "", check_key, l, e) < 0)
		return -1;
	if (rec_str(r, "name", &name, e) < 0 || name == NULL)
		return invalid(l, "name", "a string is wanted", e);
	c->name = mem_str(name);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		l->field = keys[i];
		l->list = list_of(c, keys[i]);
		if (rec_each(r, keys[i], add_item, l, e) < 0)
			return strcmp(e->code, "contract_invalid") == 0 ? -1 :
			    invalid(l, keys[i], "a list of strings is wanted",
			    e);
	}
	return 0;
}

int
contract_load(struct contract *c, const char *file, struct err *e)
{
	struct loader l = { .contract = c, .file = file };
	autobuf struct buf text = BUF_INIT;
	struct rec *r;
	int rc;

	*c = (struct contract){ .name = NULL };
	if (file == NULL || *file == '\0') {
		l.file = "built-in";
		buf_adds(&text, builtin);
	} else if (file_slurp(AT_FDCWD, file, file, FILE_MAX_, &text, e) < 0) {
		return -1;
	}
	if ((r = rec_parse(text.data, text.len, l.file, e)) == NULL) {
		autofree char *why = mem_str(e->detail);

		return err_set(e, ERR_INPUT, "contract_invalid",
		    "invalid contract '%s': %s", l.file, why);
	}
	rc = load(&l, r, e);
	rec_free(r);
	if (rc == 0) {
		uint8_t digest[DIGEST_LEN];

		buf_reset(&text);
		contract_print(c, &text);
		digest_bytes(text.data, text.len, digest);
		digest_format_hex(digest, c->sha256);
	}
	return rc;
}

static void
list_release(struct contract_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void
contract_release(struct contract *c)
{
	list_release(&c->components);
	list_release(&c->required);
	list_release(&c->files);
	list_release(&c->directories);
	list_release(&c->globs);
	free(c->name);
	*c = (struct contract){ .name = NULL };
}

/* A list on lines of its own, so that the file can be edited. */
static void
print_list(struct buf *out, const char *key, const struct contract_list *list)
{
	buf_addf(out, ",\n  \"%s\": [", key);
	for (size_t i = 0; i < list->count; i++) {
		AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

		json_out_str(&o, list->items[i]);
		buf_addf(out, "%s\n    %s", i > 0 ? "," : "", o.buf.data);
	}
	buf_addf(out, "%s]", list->count > 0 ? "\n  " : "");
}

void
contract_print(const struct contract *c, struct buf *out)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_str(&o, c->name);
	buf_addf(out, "{\n  \"name\": %s", o.buf.data);
	print_list(out, "components", &c->components);
	print_list(out, "required", &c->required);
	print_list(out, "files", &c->files);
	print_list(out, "directories", &c->directories);
	print_list(out, "globs", &c->globs);
	buf_adds(out, "\n}\n");
}

const char *
contract_multiarch(const char *arch)
{
	return strcmp(arch, "arm64") == 0 ? "aarch64-linux-gnu" :
	    "x86_64-linux-gnu";
}

void
contract_glob(const char *pattern, const char *arch, struct buf *out)
{
	static const char mark[] = "{multiarch}";
	const char *p;

	while ((p = strstr(pattern, mark)) != NULL) {
		buf_add(out, pattern, (size_t)(p - pattern));
		buf_adds(out, contract_multiarch(arch));
		pattern = p + sizeof(mark) - 1;
	}
	buf_adds(out, pattern);
}
