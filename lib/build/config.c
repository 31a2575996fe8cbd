#include "build/config.h"

#include <string.h>

#include "base/mem.h"
#include "record/rec.h"

void
config_release(struct config *c)
{
	free(c->user);
	free(c->workdir);
	free(c->stopsignal);
	free(c->healthcheck);
	list_release(&c->env);
	list_release(&c->labels);
	list_release(&c->odd_labels);
	list_release(&c->cmd);
	list_release(&c->entrypoint);
	list_release(&c->shell);
	list_release(&c->ports);
	list_release(&c->volumes);
	list_release(&c->extra);
	list_release(&c->extra_config);
	list_release(&c->history);
	*c = (struct config)CONFIG_INIT;
}

void
config_set(char **member, const char *value)
{
	char *copy = value != NULL && *value != '\0' ? mem_str(value) : NULL;

	free(*member);
	*member = copy;
}

void
config_scratch(struct config *c)
{
	list_add(&c->env, CONFIG_PATH);
	config_set(&c->workdir, "/");
}

void
config_copy(struct config *to, const struct config *from)
{
	config_set(&to->user, from->user);
	config_set(&to->workdir, from->workdir);
	config_set(&to->stopsignal, from->stopsignal);
	config_set(&to->healthcheck, from->healthcheck);
	list_copy(&to->env, &from->env);
	list_copy(&to->labels, &from->labels);
	list_copy(&to->odd_labels, &from->odd_labels);
	list_copy(&to->cmd, &from->cmd);
	list_copy(&to->entrypoint, &from->entrypoint);
	list_copy(&to->shell, &from->shell);
	to->has_cmd = from->has_cmd;
	to->has_entrypoint = from->has_entrypoint;
	list_copy(&to->ports, &from->ports);
	list_copy(&to->volumes, &from->volumes);
	list_copy(&to->extra, &from->extra);
	list_copy(&to->extra_config, &from->extra_config);
	list_copy(&to->history, &from->history);
}

static int
invalid(const char *member, struct err *e)
{
	return err_set(e, ERR_CHECK, "config_invalid",
	    "the base image's config has a '%s' that is none", member);
}

struct reader {
	struct config *config;
	struct rec *rec;
	struct list *list;	/* that is being read */
	bool named;		/* take names, not values */
	bool pairs;		/* take NAME=VALUE */
};

static int
add_item(void *ctx, const struct rec_member *m, struct err *e)
{
	struct reader *r = ctx;

	if (r->pairs && m->str != NULL && m->name != NULL &&
	    strchr(m->name, '=') != NULL) {
		list_add(&r->config->odd_labels, m->name);
		list_add(&r->config->odd_labels, m->str);
	} else if (r->pairs && m->str != NULL && m->name != NULL)
		list_take(r->list, mem_fmt("%s=%s", m->name, m->str));
	else if (r->named && m->name != NULL)
		list_add(r->list, m->name);
	else if (!r->named && !r->pairs && m->str != NULL)
		list_add(r->list, m->str);
	else
		return err_set(e, ERR_CHECK, "config_invalid",
		    "the base image's config is malformed");
	return 0;
}

static int
read_list(struct reader *r, const char *key, struct list *l, bool *has,
    struct err *e)
{
	int rc;

	r->list = l;
	rc = rec_each(r->rec, key, add_item, r, e);
	if (rc < 0)
		return invalid(key, e);
	if (has != NULL)
		*has = rc > 0;
	r->named = r->pairs = false;
	return 0;
}

static int
read_str(struct reader *r, const char *key, char **member, struct err *e)
{
	const char *text, *value;
	size_t len;

	text = rec_text(r->rec, key, &len);
	if (text == NULL || (len == 2 && text[0] == '"'))
		return 0;
	if (rec_str(r->rec, key, &value, e) < 0)
		return invalid(key, e);
	config_set(member, value);
	return 0;
}

static void
add_extra(struct list *l, const struct rec_member *m)
{
	list_add(l, m->name);
	list_take(l, mem_dup(m->text, m->len));
}

static bool
is_null(const struct rec_member *m)
{
	return m->len == 4 && memcmp(m->text, "null", 4) == 0;
}

/* A member of `config`: those without a place of their own are kept. */
static int
on_member(void *ctx, const struct rec_member *m, struct err *e)
{
	static const char *const known[] = {
		"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes",
		"WorkingDir", "Labels", "StopSignal", "Healthcheck", "OnBuild",
	};
	struct reader *r = ctx;

	if (strcmp(m->name, "OnBuild") == 0 && !is_null(m) &&
	    strcspn(m->text, "\"") < m->len)
		return err_set(e, ERR_CHECK, "onbuild_unsupported",
		    "the base image has ONBUILD instructions, which the "
		    "native engine does not run");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(m->name, known[i]) == 0)
			return 0;
	add_extra(&r->config->extra_config, m);
	return 0;
}

static int
on_top(void *ctx, const struct rec_member *m, struct err *e)
{
	static const char *const known[] = {
		"created", "architecture", "os", "variant", "config", "rootfs",
		"history",
	};
	struct reader *r = ctx;

	(void)e;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(m->name, known[i]) == 0)
			return 0;
	add_extra(&r->config->extra, m);
	return 0;
}

static int
on_history(void *ctx, const struct rec_member *m, struct err *e)
{
	struct reader *r = ctx;

	(void)e;
	list_take(&r->config->history, mem_dup(m->text, m->len));
	return 0;
}

static int
read_config(struct reader *r, struct err *e)
{
	struct config *c = r->config;
	const char *text;
	size_t len;

	if (rec_each(r->rec, "", on_top, r, e) < 0 ||
	    rec_each(r->rec, "config", on_member, r, e) < 0)
		return -1;
	if (rec_each(r->rec, "history", on_history, r, e) < 0)
		return invalid("history", e);
	if (read_str(r, "config.User", &c->user, e) < 0 ||
	    read_str(r, "config.WorkingDir", &c->workdir, e) < 0 ||
	    read_str(r, "config.StopSignal", &c->stopsignal, e) < 0 ||
	    read_list(r, "config.Env", &c->env, NULL, e) < 0 ||
	    read_list(r, "config.Shell", &c->shell, NULL, e) < 0 ||
	    read_list(r, "config.Cmd", &c->cmd, &c->has_cmd, e) < 0 ||
	    read_list(r, "config.Entrypoint", &c->entrypoint,
	    &c->has_entrypoint, e) < 0)
		return -1;
	r->named = true;
	if (read_list(r, "config.ExposedPorts", &c->ports, NULL, e) < 0)
		return -1;
	r->named = true;
	if (read_list(r, "config.Volumes", &c->volumes, NULL, e) < 0)
		return -1;
	r->pairs = true;
	if (read_list(r, "config.Labels", &c->labels, NULL, e) < 0)
		return -1;
	text = rec_text(r->rec, "config.Healthcheck", &len);
	if (text != NULL)
		c->healthcheck = mem_dup(text, len);
	return 0;
}

int
config_read(struct config *c, const char *text, size_t len, struct err *e)
{
	struct reader r = { .config = c };
	int rc;

	r.rec = rec_parse(text, len, "config", e);
	if (r.rec == NULL)
		return err_set(e, ERR_CHECK, "config_invalid",
		    "the base image's config is no JSON object");
	rc = read_config(&r, e);
	rec_free(r.rec);
	return rc;
}

void
config_history(struct config *c, const char *created_by, bool empty,
    const char *created)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kstr(&o, "created", created);
	json_out_kstr(&o, "created_by", created_by);
	if (empty)
		json_out_kbool(&o, "empty_layer", true);
	json_out_close(&o, '}');
	list_add(&c->history, o.buf.data);
}

static void
write_list(struct json_out *o, const char *key, const struct list *l)
{
	json_out_key(o, key);
	json_out_open(o, '[');
	for (size_t i = 0; i < l->n; i++)
		json_out_str(o, l->items[i]);
	json_out_close(o, ']');
}

/* A set as Go writes one: {"80/tcp":{}}, sorted, each once. */
static void
write_set(struct json_out *o, const char *key, const struct list *l)
{
	AUTO(list_release) struct list sorted = LIST_INIT;

	if (l->n == 0)
		return;
	list_copy(&sorted, l);
	list_sort(&sorted);
	json_out_key(o, key);
	json_out_open(o, '{');
	for (size_t i = 0; i < sorted.n; i++) {
		if (i > 0 && strcmp(sorted.items[i], sorted.items[i - 1]) == 0)
			continue;
		json_out_key(o, sorted.items[i]);
		json_out_open(o, '{');
		json_out_close(o, '}');
	}
	json_out_close(o, '}');
}

static int
by_key(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strcspn(x, "="), m = strcspn(y, "=");
	int cmp = memcmp(x, y, n < m ? n : m);

	return cmp != 0 ? cmp : n < m ? -1 : n > m;
}

static void
write_labels(struct json_out *o, const struct list *labels,
    const struct list *odd)
{
	AUTO(list_release) struct list sorted = LIST_INIT;

	if (labels->n == 0 && odd->n == 0)
		return;
	list_copy(&sorted, labels);
	if (sorted.n > 1)
		qsort(sorted.items, sorted.n, sizeof(*sorted.items), by_key);
	json_out_key(o, "Labels");
	json_out_open(o, '{');
	for (size_t i = 0; i < sorted.n; i++) {
		char *value = sorted.items[i] + strcspn(sorted.items[i], "=");

		*value++ = '\0';
		json_out_kstr(o, sorted.items[i], value);
	}
	for (size_t i = 0; i + 1 < odd->n; i += 2)
		json_out_kstr(o, odd->items[i], odd->items[i + 1]);
	json_out_close(o, '}');
}

static void
write_extra(struct json_out *o, const struct list *l)
{
	for (size_t i = 0; i + 1 < l->n; i += 2) {
		json_out_key(o, l->items[i]);
		json_out_raw(o, l->items[i + 1], strlen(l->items[i + 1]));
	}
}

static void
write_config(const struct config *c, struct json_out *o)
{
	json_out_key(o, "config");
	json_out_open(o, '{');
	if (c->user != NULL)
		json_out_kstr(o, "User", c->user);
	write_set(o, "ExposedPorts", &c->ports);
	if (c->env.n > 0)
		write_list(o, "Env", &c->env);
	if (c->has_entrypoint)
		write_list(o, "Entrypoint", &c->entrypoint);
	if (c->has_cmd)
		write_list(o, "Cmd", &c->cmd);
	write_set(o, "Volumes", &c->volumes);
	if (c->workdir != NULL)
		json_out_kstr(o, "WorkingDir", c->workdir);
	write_labels(o, &c->labels, &c->odd_labels);
	if (c->stopsignal != NULL)
		json_out_kstr(o, "StopSignal", c->stopsignal);
	if (c->healthcheck != NULL) {
		json_out_key(o, "Healthcheck");
		json_out_raw(o, c->healthcheck, strlen(c->healthcheck));
	}
	write_extra(o, &c->extra_config);
	json_out_close(o, '}');
}

void
config_write(const struct config *c, const struct config_write *w,
    struct json_out *o)
{
	json_out_open(o, '{');
	json_out_kstr(o, "created", w->created);
	json_out_kstr(o, "architecture", w->platform->arch);
	json_out_kstr(o, "os", w->platform->os);
	if (*w->platform->variant != '\0')
		json_out_kstr(o, "variant", w->platform->variant);
	write_config(c, o);
	json_out_key(o, "rootfs");
	json_out_open(o, '{');
	json_out_kstr(o, "type", "layers");
	json_out_key(o, "diff_ids");
	json_out_open(o, '[');
	for (size_t i = 0; i < w->ndiff_ids; i++)
		json_out_str(o, w->diff_ids[i]);
	json_out_close(o, ']');
	json_out_close(o, '}');
	json_out_key(o, "history");
	json_out_open(o, '[');
	for (size_t i = 0; i < c->history.n; i++)
		json_out_raw(o, c->history.items[i],
		    strlen(c->history.items[i]));
	json_out_close(o, ']');
	write_extra(o, &c->extra);
	json_out_close(o, '}');
}
