#include "change/fpstate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "record/json_out.h"
#include "record/rec.h"

#define HEAD "{\"fp-diff\":\"state 1\"}\n"
#define STATE_MAX (16 << 20)
#define LIST_MAX (1 << 30)

/*
 * Keys
 */

void
fpstate_keys_release(struct fpstate_keys *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->items[i].name);
		free(k->items[i].value);
	}
	free(k->items);
	*k = (struct fpstate_keys){ .n = 0 };
}

static void
key_set(struct fpstate_keys *k, const char *name, size_t len,
    const char *value)
{
	mem_grow(&k->items, &k->cap, k->n, sizeof(*k->items));
	k->items[k->n++] = (struct fpstate_key){ mem_dup(name, len),
		mem_str(value) };
}

int
fpstate_keys_add(struct fpstate_keys *k, const char *pair, struct err *e)
{
	const char *is = strchr(pair, '=');
	autofree char *name = is != NULL ?
	    mem_dup(pair, (size_t)(is - pair)) : NULL;

	if (is == NULL || is == pair)
		return err_set(e, ERR_INPUT, "usage",
		    "--state-key takes K=V, not '%s'", pair);
	if (fpstate_keys_get(k, name) != NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "--state-key '%s' is given twice", name);
	key_set(k, name, strlen(name), is + 1);
	return 0;
}

const char *
fpstate_keys_get(const struct fpstate_keys *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->items[i].name, name) == 0)
			return k->items[i].value;
	return NULL;
}

/*
 * The file
 */

void
fpstate_release(struct fpstate *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].component);
		fpstate_keys_release(&s->items[i].keys);
	}
	free(s->items);
	*s = (struct fpstate){ .n = 0 };
}

const struct fpstate_entry *
fpstate_find(const struct fpstate *s, const char *component)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].component, component) == 0)
			return &s->items[i];
	return NULL;
}

static int
take_key(void *ctx, const struct rec_member *m, struct err *e)
{
	/* an empty value is one, though no record's */
	if (m->name == NULL || m->str == NULL)
		return err_set(e, ERR_INPUT, "state_damaged",
		    "a key has no value");
	key_set(ctx, m->name, strlen(m->name), m->str);
	return 0;
}

static int
load_line(struct fpstate *s, struct rec *r, struct err *e)
{
	const char *component, *fingerprint;
	uint8_t digest[DIGEST_LEN];
	struct fpstate_entry *x;

	if (rec_need_str(r, "component", &component, e) < 0 ||
	    rec_need_str(r, "fingerprint", &fingerprint, e) < 0)
		return -1;
	if (!digest_parse(fingerprint, digest) ||
	    fpstate_find(s, component) != NULL)
		return err_set(e, ERR_INPUT, "state_damaged",
		    "component '%s' is there twice or has no fingerprint",
		    component);
	mem_grow(&s->items, &s->cap, s->n, sizeof(*s->items));
	x = &s->items[s->n++];
	*x = (struct fpstate_entry){ .component = mem_str(component) };
	digest_format(digest, x->fingerprint);
	return rec_each(r, "keys", take_key, &x->keys, e) < 0 ? -1 : 0;
}

static int
load_text(struct fpstate *s, const struct buf *text, struct err *e)
{
	const char *p = text->data + strlen(HEAD);

	if (strncmp(text->data, HEAD, strlen(HEAD)) != 0)
		return err_set(e, ERR_INPUT, "state_damaged",
		    "it is not a state of fp-diff");
	while (*p != '\0') {
		size_t len = strcspn(p, "\n");
		struct rec *r;
		int rc;

		if (p[len] == '\0')
			return err_set(e, ERR_INPUT, "state_damaged",
			    "its last line has no end");
		if ((r = rec_parse(p, len, "state", e)) == NULL)
			return -1;
		rc = load_line(s, r, e);
		rec_free(r);
		if (rc < 0)
			return -1;
		p += len + 1;
	}
	return p == text->data + text->len ? 0 : err_set(e, ERR_INPUT,
	    "state_damaged", "it has a NUL");
}

int
fpstate_load(struct fpstate *s, const char *path, struct err *e)
{
	autobuf struct buf text = BUF_INIT;

	*s = (struct fpstate){ .n = 0 };
	if (file_slurp(AT_FDCWD, path, path, STATE_MAX, &text, e) < 0)
		return e->kind == ERR_CHECK ? 0 : -1;
	if (load_text(s, &text, e) == 0)
		return 1;
	fpstate_release(s);
	return -1;
}

void
fpstate_set(struct fpstate *s, const char *component,
    const char *fingerprint, const struct fpstate_keys *keys)
{
	struct fpstate_entry *x =
	    (struct fpstate_entry *)fpstate_find(s, component);

	if (x == NULL) {
		mem_grow(&s->items, &s->cap, s->n, sizeof(*s->items));
		x = &s->items[s->n++];
		*x = (struct fpstate_entry){ .component = mem_str(component) };
	}
	memcpy(x->fingerprint, fingerprint, DIGEST_STR);
	fpstate_keys_release(&x->keys);
	for (size_t i = 0; i < keys->n; i++)
		key_set(&x->keys, keys->items[i].name,
		    strlen(keys->items[i].name), keys->items[i].value);
}

static void
print_entry(const struct fpstate_entry *x, struct buf *out)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kstr(&o, "component", x->component);
	json_out_kstr(&o, "fingerprint", x->fingerprint);
	json_out_key(&o, "keys");
	json_out_open(&o, '{');
	for (size_t i = 0; i < x->keys.n; i++)
		json_out_kstr(&o, x->keys.items[i].name,
		    x->keys.items[i].value);
	json_out_close(&o, '}');
	json_out_close(&o, '}');
	buf_addf(out, "%s\n", o.buf.data);
}

/*
 * Lists
 */

static bool
is_named(const struct fpstate *s, const char *hex)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(strchr(s->items[i].fingerprint, ':') + 1,
		    hex) == 0)
			return true;
	return false;
}

static void
sweep(const struct fpstate *s, const char *path)
{
	autofree char *name = mem_fmt("%s.d", path);
	DIR *dir = opendir(name);
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		uint8_t digest[DIGEST_LEN];

		if (digest_parse_hex(d->d_name, digest) &&
		    !is_named(s, d->d_name))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
	file_tmp_sweep(dirfd(dir), "");
	closedir(dir);
}

int
fpstate_save(const struct fpstate *s, const char *path, struct err *e)
{
	autobuf struct buf out = BUF_INIT;

	buf_adds(&out, HEAD);
	for (size_t i = 0; i < s->n; i++)
		print_entry(&s->items[i], &out);
	if (file_replace(AT_FDCWD, path, out.data, out.len, e) < 0)
		return -1;
	sweep(s, path);
	return 0;
}

int
fpstate_lock(const char *path, struct err *e)
{
	autofree char *dir = mem_fmt("%s.d", path);
	autofree char *lock = mem_fmt("%s/lock", dir);

	return file_mkdirs(AT_FDCWD, dir, e) < 0 ? -1 :
	    file_lock(AT_FDCWD, lock, e);
}

int
fpstate_keep_list(const char *path, const char *fingerprint,
    const struct filelist *l, struct err *e)
{
	autofree char *dir = mem_fmt("%s.d", path);
	autofree char *name = mem_fmt("%s/%s", dir,
	    strchr(fingerprint, ':') + 1);
	autobuf struct buf out = BUF_INIT;

	if (access(name, F_OK) == 0)
		return 0;
	if (file_mkdirs(AT_FDCWD, dir, e) < 0)
		return -1;
	filelist_print(l, &out);
	return file_replace(AT_FDCWD, name, out.data, out.len, e);
}

bool
fpstate_get_list(const char *path, const char *fingerprint,
    struct filelist *l)
{
	autofree char *name = mem_fmt("%s.d/%s", path,
	    strchr(fingerprint, ':') + 1);
	autobuf struct buf text = BUF_INIT;
	char found[DIGEST_STR];
	struct err e;

	*l = (struct filelist){ .n = 0 };
	if (file_slurp(AT_FDCWD, name, name, LIST_MAX, &text, &e) < 0 ||
	    !filelist_parse(l, text.data, text.len))
		return false;
	filelist_fingerprint(l, found);
	if (strcmp(found, fingerprint) == 0)
		return true;
	filelist_release(l);
	return false;
}
