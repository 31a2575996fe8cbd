#include "bundle/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/json.h"

static const char *const field_names[] = {
	"schema_version", "bundle_name", "bundle_version", "architecture",
	"created_at", "components", "files",
};

/* A scalar as it stood, or what it was instead. */
struct value {
	bool present, is_string, is_number;
	struct buf text;
};

enum entry_key {
	ENTRY_PATH, ENTRY_TYPE, ENTRY_SHA256, ENTRY_SIZE, ENTRY_TARGET,
	ENTRY_KEYS,
};
static const char *const entry_names[] = {
	"path", "entry_type", "sha256", "size", "target",
};

struct manifest_reader {
	struct manifest *m;
	struct payload *payload;
	uint32_t top;
	struct json *json;
	uint64_t fed;
	int field;		/* the top-level key at hand, or -1 */
	int key;		/* the key inside, or -1 */
	struct value entry[ENTRY_KEYS];
};

static int
key_index(const char *const names[], int count, const char *key)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], key) == 0)
			return i;
	return -1;
}

static bool
blank(const char *str)
{
	return str[strspn(str, " \t\r\n\v\f")] == '\0';
}

static void
set_string(struct manifest_field *f, const struct json_event *ev)
{
	/* null counts as missing */
	f->present = ev->type != JSON_NULL;
	f->invalid = ev->type != JSON_STRING || blank(ev->text);
	if (ev->type == JSON_STRING && !f->invalid)
		f->value = mem_dup(ev->text, ev->len);
}

static void
set_field(struct manifest *m, int field, const struct json_event *ev)
{
	struct manifest_field *f = &m->fields[field];
	int64_t n;

	switch (field) {
	case MANIFEST_SCHEMA:
		f->present = ev->type != JSON_NULL;
		f->invalid = ev->type != JSON_NUMBER ||
		    !json_integer(ev->text, ev->len, &n) || n != 1;
		break;
	case MANIFEST_COMPONENTS:
		f->present = ev->type != JSON_NULL;
		f->invalid = ev->type != JSON_OBJECT;
		break;
	case MANIFEST_FILES:
		f->present = ev->type != JSON_NULL;
		f->invalid = ev->type != JSON_ARRAY;
		break;
	default:
		set_string(f, ev);
		if (field == MANIFEST_CREATED && f->value != NULL)
			f->invalid = !clock_valid(f->value, ev->len);
	}
}

/* contract: `path` is relative, with no `..`, no empty or `.` segment */
static bool
path_valid(const char *path, size_t len)
{
	if (len == 0 || len > PAYLOAD_PATH_MAX || text_has_control(path, len))
		return false;
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

static void
bad_entry(struct manifest_reader *r, const char *code, int key)
{
	const char *path = r->entry[ENTRY_PATH].text.data;
	bool missing = strcmp(code, "manifest_field_missing") == 0;
	char field[ERR_PATH_MAX];

	if (key == ENTRY_PATH && !r->entry[ENTRY_PATH].is_string)
		snprintf(field, sizeof(field), "files[].path");
	else
		snprintf(field, sizeof(field), "files[].%s:%.4100s",
		    entry_names[key], path);
	finding_add(&r->m->bad_entries, code, field, "%s%s", missing ?
	    "missing required manifest field: " :
	    "malformed manifest.json: invalid field: ", field);
}

/* A required value of an entry; false (and said) where it is not there. */
static bool
entry_has(struct manifest_reader *r, int key)
{
	if (!r->entry[key].present)
		bad_entry(r, "manifest_field_missing", key);
	return r->entry[key].present;
}

/* sha256 and size of a regular file. */
static bool
entry_file(struct manifest_reader *r, struct manifest_entry *entry)
{
	const struct value *sha = &r->entry[ENTRY_SHA256];
	const struct value *size = &r->entry[ENTRY_SIZE];
	bool good = true;

	if (!entry_has(r, ENTRY_SHA256)) {
		good = false;
	} else if (!sha->is_string || !digest_parse_hex(sha->text.data,
	    entry->sha256)) {
		bad_entry(r, "manifest_field_invalid", ENTRY_SHA256);
		good = false;
	}
	if (!entry_has(r, ENTRY_SIZE)) {
		good = false;
	} else if (!size->is_number || !json_integer(size->text.data,
	    size->text.len, &entry->size) || entry->size < 0) {
		bad_entry(r, "manifest_field_invalid", ENTRY_SIZE);
		good = false;
	}
	return good;
}

/* The node that an entry lists, also where the rest of it is bad; false (and
 * said) if it is listed twice. */
static bool
entry_node(struct manifest_reader *r, struct manifest_entry *entry)
{
	const struct buf *path = &r->entry[ENTRY_PATH].text;
	struct payload_node *n;

	entry->node = PAYLOAD_NONE;
	if (path_valid(path->data, path->len) &&
	    strcmp(path->data, "manifest.json") != 0)
		entry->node = payload_find(r->payload, r->top, path->data,
		    true);
	if (entry->node == PAYLOAD_NONE) {
		entry->text = payload_keep(r->payload, path->data, path->len);
		return true;
	}
	n = &r->payload->nodes[entry->node];
	if (n->listed) {
		bad_entry(r, "manifest_field_invalid", ENTRY_PATH);
		return false;
	}
	n->listed = true;
	return true;
}

/* An object of files[] is complete. */
static void
entry_end(struct manifest_reader *r)
{
	struct value *v = r->entry;
	struct manifest *m = r->m;
	struct manifest_entry entry = { .size = 0 };

	if (!entry_has(r, ENTRY_PATH))
		return;
	if (!v[ENTRY_PATH].is_string) {
		bad_entry(r, "manifest_field_invalid", ENTRY_PATH);
		return;
	}
	if (!entry_node(r, &entry) || !entry_has(r, ENTRY_TYPE))
		return;
	entry.is_link = strcmp(v[ENTRY_TYPE].text.data, "symlink") == 0;
	if (!v[ENTRY_TYPE].is_string || (!entry.is_link &&
	    strcmp(v[ENTRY_TYPE].text.data, "file") != 0)) {
		bad_entry(r, "manifest_field_invalid", ENTRY_TYPE);
		return;
	}
	if (!entry.is_link && !entry_file(r, &entry))
		return;
	if (entry.is_link && v[ENTRY_TARGET].present) {
		if (!v[ENTRY_TARGET].is_string ||
		    v[ENTRY_TARGET].text.len == 0) {
			bad_entry(r, "manifest_field_invalid", ENTRY_TARGET);
			return;
		}
		entry.target = payload_keep(r->payload,
		    v[ENTRY_TARGET].text.data, v[ENTRY_TARGET].text.len);
	}
	mem_grow(&m->entries, &m->entries_cap, m->nentries,
	    sizeof(*m->entries));
	m->entries[m->nentries++] = entry;
	m->nfiles += !entry.is_link;
	if (__builtin_add_overflow(m->bytes, entry.size, &m->bytes))
		m->bytes = INT64_MAX;
}

static void
entry_start(struct manifest_reader *r)
{
	for (int i = 0; i < ENTRY_KEYS; i++) {
		buf_reset(&r->entry[i].text);
		r->entry[i].present = r->entry[i].is_string =
		    r->entry[i].is_number = false;
	}
}

static void
entry_value(struct manifest_reader *r, const struct json_event *ev)
{
	struct value *v = &r->entry[r->key];

	v->present = ev->type != JSON_NULL;
	v->is_string = ev->type == JSON_STRING;
	v->is_number = ev->type == JSON_NUMBER;
	if (v->is_string || v->is_number)
		buf_add(&v->text, ev->text, ev->len);
}

/* Events below `files`: elements at depth 2, their members at depth 3. */
static void
files_event(struct manifest_reader *r, const struct json_event *ev)
{
	if (ev->depth == 2 && ev->type == JSON_OBJECT) {
		entry_start(r);
	} else if (ev->depth == 2 && ev->type == JSON_END_OBJECT) {
		entry_end(r);
	} else if (ev->depth == 2 && ev->type != JSON_END_ARRAY) {
		entry_start(r);
		finding_add(&r->m->bad_entries, "manifest_field_invalid",
		    "files[]", "malformed manifest.json: invalid field: "
		    "files[]");
	} else if (ev->depth == 3 && ev->type == JSON_KEY) {
		r->key = key_index(entry_names, ENTRY_KEYS, ev->text);
	} else if (ev->depth == 3 && r->key >= 0 &&
	    ev->type < JSON_END_ARRAY) {
		entry_value(r, ev);
		r->key = -1;
	}
}

/* Events below `components`: names at depth 2, their members at depth 3. */
static void
components_event(struct manifest_reader *r, const struct json_event *ev)
{
	struct manifest *m = r->m;
	struct manifest_component *c;

	if (ev->depth == 2 && ev->type == JSON_KEY) {
		mem_grow(&m->components, &m->components_cap, m->ncomponents,
		    sizeof(*m->components));
		c = &m->components[m->ncomponents++];
		*c = (struct manifest_component){ .name = mem_dup(ev->text,
		    ev->len) };
		return;
	}
	if (m->ncomponents == 0)
		return;
	c = &m->components[m->ncomponents - 1];
	if (ev->depth == 2 && ev->type == JSON_NULL) {
		free(c->name);		/* null counts as missing */
		m->ncomponents--;
	} else if (ev->depth == 2 && ev->type < JSON_KEY) {
		c->invalid = ev->type != JSON_OBJECT;
	} else if (ev->depth == 3 && ev->type == JSON_KEY) {
		r->key = strcmp(ev->text, "version") == 0 ? 0 :
		    strcmp(ev->text, "commit") == 0 ? 1 : -1;
	} else if (ev->depth == 3 && r->key >= 0 &&
	    ev->type < JSON_END_ARRAY) {
		set_string(r->key == 0 ? &c->version : &c->commit, ev);
		r->key = -1;
	}
}

static int
on_event(void *ctx, const struct json_event *ev, struct err *e)
{
	struct manifest_reader *r = ctx;

	(void)e;
	if (ev->depth == 1 && ev->type == JSON_KEY)
		r->field = key_index(field_names, MANIFEST_KEYS, ev->text);
	else if (ev->depth == 1 && r->field >= 0 && ev->type < JSON_KEY)
		set_field(r->m, r->field, ev);
	else if (ev->depth >= 2 && r->field == MANIFEST_FILES &&
	    !r->m->fields[MANIFEST_FILES].invalid)
		files_event(r, ev);
	else if (ev->depth >= 2 && r->field == MANIFEST_COMPONENTS &&
	    !r->m->fields[MANIFEST_COMPONENTS].invalid)
		components_event(r, ev);
	else if (ev->depth == 0 && ev->type < JSON_KEY &&
	    ev->type != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "json",
		    "the value is no object");
	return 0;
}

void
manifest_start(struct manifest *m, struct payload *payload, uint32_t top,
    bool all)
{
	struct manifest_reader *r = mem_zero(1, sizeof(*r));

	*m = (struct manifest){ .reader = r };
	finding_list_init(&m->bad_entries, all);
	r->m = m;
	r->payload = payload;
	r->top = top;
	r->field = r->key = -1;
	r->json = json_new(on_event, r);
	for (int i = 0; i < ENTRY_KEYS; i++)
		buf_init(&r->entry[i].text);
}

static int
malformed(struct err *e)
{
	autofree char *why = mem_str(e->detail[0] != '\0' ? e->detail :
	    e->msg);

	err_set(e, ERR_CHECK, "manifest_malformed", "malformed manifest.json");
	e->prefix = finding_prefix;
	err_set_detail(e, "%s", why);
	return -1;
}

int
manifest_feed(struct manifest *m, const uint8_t *data, size_t len,
    struct err *e)
{
	struct manifest_reader *r = m->reader;

	r->fed += len;
	if (r->fed > MANIFEST_MAX) {
		err_set(e, ERR_CHECK, "", "%s", "it is larger than 32 MiB");
		return malformed(e);
	}
	return json_feed(r->json, (const char *)data, len, e) < 0 ?
	    malformed(e) : 0;
}

static void
reader_free(struct manifest_reader *r)
{
	if (r == NULL)
		return;
	json_free(r->json);
	for (int i = 0; i < ENTRY_KEYS; i++)
		buf_release(&r->entry[i].text);
	free(r);
}

int
manifest_end(struct manifest *m, struct err *e)
{
	int rc = json_finish(m->reader->json, e) < 0 ? malformed(e) : 0;

	reader_free(m->reader);
	m->reader = NULL;
	return rc;
}

void
manifest_release(struct manifest *m)
{
	reader_free(m->reader);
	for (size_t i = 0; i < MANIFEST_KEYS; i++)
		free(m->fields[i].value);
	for (size_t i = 0; i < m->ncomponents; i++) {
		free(m->components[i].name);
		free(m->components[i].version.value);
		free(m->components[i].commit.value);
	}
	free(m->components);
	free(m->entries);
	finding_list_release(&m->bad_entries);
	*m = (struct manifest){ .reader = NULL };
}

static int
missing(struct finding_list *f, const char *field)
{
	return finding_add(f, "manifest_field_missing", field,
	    "missing required manifest field: %s", field);
}

static int
invalid(struct finding_list *f, const char *field)
{
	return finding_add(f, "manifest_field_invalid", field,
	    "malformed manifest.json: invalid field: %s", field);
}

static int
check_field(struct finding_list *f, const struct manifest_field *field,
    const char *name)
{
	if (!field->present)
		return missing(f, name);
	return field->invalid ? invalid(f, name) : 0;
}

static int
check_component(const struct manifest *m, const char *name,
    struct finding_list *f)
{
	const struct manifest_component *c = NULL;
	autofree char *field = mem_fmt("components.%s", name);
	autofree char *version = mem_fmt("components.%s.version", name);
	autofree char *commit = mem_fmt("components.%s.commit", name);

	for (size_t i = 0; i < m->ncomponents && c == NULL; i++)
		if (strcmp(m->components[i].name, name) == 0)
			c = &m->components[i];
	if (c == NULL)
		return missing(f, field);
	if (c->invalid)
		return invalid(f, field);
	if (check_field(f, &c->version, version) < 0)
		return -1;
	return check_field(f, &c->commit, commit);
}

int
manifest_check(const struct manifest *m, const struct contract *c,
    bool arch_known, struct finding_list *f)
{
	const char *arch = m->fields[MANIFEST_ARCH].value;

	for (int i = 0; i < MANIFEST_KEYS; i++)
		if (check_field(f, &m->fields[i], field_names[i]) < 0)
			return -1;
		else if (i == MANIFEST_ARCH && !arch_known && arch != NULL &&
		    strcmp(arch, "amd64") != 0 && strcmp(arch, "arm64") != 0 &&
		    invalid(f, "architecture") < 0)
			return -1;
		else if (i == MANIFEST_COMPONENTS && m->fields[i].present &&
		    !m->fields[i].invalid)
			for (size_t k = 0; k < c->components.count; k++)
				if (check_component(m, c->components.items[k],
				    f) < 0)
					return -1;
	for (size_t i = 0; i < m->bad_entries.count; i++) {
		if (i == 0 && !f->all)
			return finding_add_err(f, &m->bad_entries.first);
		if (i >= FINDING_MAX) {
			f->count++;
			continue;
		}
		const struct finding *b = &m->bad_entries.items[i];
		finding_add(f, b->code, b->path, "%s", b->message);
	}
	/* at least one entry of type `file` */
	if (m->fields[MANIFEST_FILES].present && m->bad_entries.count == 0 &&
	    !m->fields[MANIFEST_FILES].invalid && m->nfiles == 0)
		return invalid(f, "files");
	return 0;
}
