#include "build/instr.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "build/health.h"
#include "build/owner.h"
#include "build/path.h"
#include "build/ports.h"
#include "build/words.h"

static int
need(const struct dockerfile_cmd *c, struct err *e)
{
	if (*c->text != '\0')
		return 0;
	return err_set(e, ERR_INPUT, "syntax", "%s needs an argument",
	    c->name);
}

/* created_by of an instruction that makes no layer.  Its text is what the
 * config has now, and JSON can not hold just any bytes. */
static int
commit(struct stage *s, const struct dockerfile_cmd *c, const char *text,
    struct err *e)
{
	autofree char *line = mem_fmt("%s %s", c->name, text);

	if (c->op != DOCKERFILE_ARG && !text_utf8_valid(text, strlen(text)))
		return err_set(e, ERR_INPUT, "not_utf8",
		    "a config can hold nothing but UTF-8: %s", line);
	stage_commit(s, line);
	return 0;
}

/* NAME and VALUE of "NAME=VALUE", each with its variables replaced. */
static int
replace_pair(const struct subst *subst, const char *name, size_t len,
    const char *value, struct list *out, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	autofree char *raw = mem_dup(name, len);

	if (subst_word(subst, raw, &b, e) < 0)
		return -1;
	if (b.len == 0)
		return err_set(e, ERR_INPUT, "syntax", "a name is empty");
	if (value != NULL) {
		buf_addc(&b, '=');
		if (subst_word(subst, value, &b, e) < 0)
			return -1;
	}
	list_add(out, b.data);
	return 0;
}

/* NAME=VALUE ..., or the older NAME VALUE. */
static int
read_pairs(struct stage *s, const struct dockerfile_cmd *c, struct list *out,
    struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	struct subst subst = stage_subst(s);

	if (need(c, e) < 0)
		return -1;
	words_quoted(c->text, s->escape, &words);
	if (strchr(words.items[0], '=') == NULL) {
		size_t len = strcspn(c->text, " \t\v\f\r");
		const char *value = c->text + len +
		    strspn(c->text + len, " \t\v\f\r");

		if (*value == '\0')
			return err_set(e, ERR_INPUT, "syntax",
			    "%s needs a name and a value: NAME=VALUE",
			    c->name);
		return replace_pair(&subst, c->text, len, value, out, e);
	}
	for (size_t i = 0; i < words.n; i++) {
		const char *equals = strchr(words.items[i], '=');

		if (equals == NULL)
			return err_set(e, ERR_INPUT, "syntax",
			    "'=' is missing in '%s'", words.items[i]);
		if (replace_pair(&subst, words.items[i],
		    (size_t)(equals - words.items[i]), equals + 1, out,
		    e) < 0)
			return -1;
	}
	return 0;
}

static int
run_pairs(struct stage *s, const struct dockerfile_cmd *c, struct list *to,
    struct err *e)
{
	AUTO(list_release) struct list pairs = LIST_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (read_pairs(s, c, &pairs, e) < 0)
		return -1;
	for (size_t i = 0; i < pairs.n; i++) {
		char *equals = strchr(pairs.items[i], '=');

		buf_addf(&text, "%s%s", i > 0 ? " " : "", pairs.items[i]);
		*equals = '\0';
		list_set(to, pairs.items[i], equals + 1);
	}
	return commit(s, c, text.data, e);
}

int
instr_arg_words(const char *text, const struct subst *subst,
    struct list *out, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;

	words_quoted(text, subst->escape, &words);
	if (words.n == 0)
		return err_set(e, ERR_INPUT, "syntax", "ARG needs an argument");
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.items[i];
		size_t len = strcspn(word, "=");

		if (replace_pair(subst, word, len,
		    word[len] == '=' ? word + len + 1 : NULL, out, e) < 0)
			return -1;
	}
	return 0;
}

static int
run_arg(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct subst subst = stage_subst(s);

	if (instr_arg_words(c->text, &subst, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		stage_arg(s->vars, words.items[i], false, &s->args);
		buf_addf(&text, "%s%s", i > 0 ? " " : "", words.items[i]);
	}
	return commit(s, c, text.data, e);
}

/* As Go prints a list of strings: ["a" "b"]. */
static void
add_quoted(struct buf *b, const struct list *l)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_adds(b, i > 0 ? " \"" : "\"");
		for (const char *p = l->items[i]; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				buf_addc(b, '\\');
			buf_addc(b, *p);
		}
		buf_addc(b, '"');
	}
	buf_addc(b, ']');
}

/* CMD and ENTRYPOINT: a JSON array as it is, anything else for the shell, the
 * base's where it has one. */
static int
run_command(struct stage *s, const struct dockerfile_cmd *c, struct list *to,
    bool *has, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = words_json(c->text, &words, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && *c->text != '\0') {
		list_copy(&words, &s->config.shell);
		if (words.n == 0) {
			list_add(&words, "/bin/sh");
			list_add(&words, "-c");
		}
		list_add(&words, c->text);
	}
	list_release(to);
	list_copy(to, &words);
	*has = words.n > 0;
	/* Docker: an ENTRYPOINT voids the CMD of the base */
	if (c->op == DOCKERFILE_CMD) {
		s->cmd_set = true;
	} else if (!s->cmd_set) {
		list_release(&s->config.cmd);
		s->config.has_cmd = false;
	}
	add_quoted(&text, &words);
	return commit(s, c, text.data, e);
}

static int
run_volume(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = words_json(c->text, &words, e);

	if (rc < 0 || need(c, e) < 0)
		return -1;
	if (rc == 0)
		words_split(c->text, &words);
	if (words.n == 0)
		return err_set(e, ERR_INPUT, "syntax",
		    "VOLUME needs an argument");
	for (size_t i = 0; i < words.n; i++) {
		autofree char *path = stage_word(s, words.items[i], e);

		if (path == NULL)
			return -1;
		if (*path == '\0')
			return err_set(e, ERR_INPUT, "syntax",
			    "VOLUME with an empty path");
		buf_addf(&text, "%s%s", i > 0 ? " " : "[", path);
		if (!list_has(&s->config.volumes, path))
			list_add(&s->config.volumes, path);
	}
	buf_addc(&text, ']');
	return commit(s, c, text.data, e);
}

static int
run_expose(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	struct subst subst = stage_subst(s);

	if (need(c, e) < 0 || subst_words(&subst, c->text, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (ports_add(words.items[i], &s->config.ports, e) < 0)
			return -1;
	return commit(s, c, c->text, e);
}

static int
run_user(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	autofree char *user = need(c, e) < 0 ? NULL :
	    stage_word(s, c->text, e);

	if (user == NULL)
		return -1;
	config_set(&s->config.user, user);
	return commit(s, c, user, e);
}

static int
run_stopsignal(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	autofree char *name = need(c, e) < 0 ? NULL :
	    stage_word(s, c->text, e);

	if (name == NULL || health_signal(name, e) < 0)
		return -1;
	config_set(&s->config.stopsignal, name);
	return commit(s, c, name, e);
}

/* The directory is made, if it is not there, for the user in force. */
static int
run_workdir(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(buf_release) struct buf real = BUF_INIT;
	autofree char *word = need(c, e) < 0 ? NULL :
	    stage_word(s, c->text, e);
	const char *old = s->config.workdir != NULL ? s->config.workdir : "/";
	struct tree_node *dir;
	uint32_t uid = 0, gid = 0;

	if (word == NULL)
		return -1;
	autofree char *path = path_from(old, word);
	autofree char *full = mem_fmt("/%s", path);
	int rc = tree_resolve(&s->tree, path, &real, &dir, e);
	if (rc < 0)
		return -1;
	if (rc == 0 && s->config.user != NULL &&
	    owner_find(&s->tree, s->config.user, &uid, &gid, e) < 0)
		return -1;
	if (tree_mkdirs(&s->tree, real.data, uid, gid, &dir, e) < 0)
		return -1;
	config_set(&s->config.workdir, full);
	return commit(s, c, full, e);
}

static int
run_healthcheck(struct stage *s, const struct dockerfile_cmd *c,
    struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	char *json = health_check(c, e);

	if (json == NULL)
		return -1;
	free(s->config.healthcheck);
	s->config.healthcheck = json;
	for (size_t i = 0; i < c->flags.n; i++)
		buf_addf(&text, "%s ", c->flags.items[i]);
	buf_adds(&text, c->text);
	return commit(s, c, text.data, e);
}

int
instr_run(struct stage *s, const struct dockerfile_cmd *c, struct err *e)
{
	switch (c->op) {
	case DOCKERFILE_ARG:
		return run_arg(s, c, e);
	case DOCKERFILE_CMD:
		return run_command(s, c, &s->config.cmd, &s->config.has_cmd,
		    e);
	case DOCKERFILE_ENTRYPOINT:
		return run_command(s, c, &s->config.entrypoint,
		    &s->config.has_entrypoint, e);
	case DOCKERFILE_ENV:
		return run_pairs(s, c, &s->config.env, e);
	case DOCKERFILE_EXPOSE:
		return run_expose(s, c, e);
	case DOCKERFILE_HEALTHCHECK:
		return run_healthcheck(s, c, e);
	case DOCKERFILE_LABEL:
		return run_pairs(s, c, &s->config.labels, e);
	case DOCKERFILE_STOPSIGNAL:
		return run_stopsignal(s, c, e);
	case DOCKERFILE_USER:
		return run_user(s, c, e);
	case DOCKERFILE_VOLUME:
		return run_volume(s, c, e);
	case DOCKERFILE_WORKDIR:
		return run_workdir(s, c, e);
	default:
		return err_set(e, ERR_INPUT, "instruction_unsupported",
		    "%s is not supported by the native engine", c->name);
	}
}

/* Flags: those we know, those that Docker knows, and mistakes. */
static int
check_flag(const struct dockerfile_cmd *c, const char *flag, struct err *e)
{
	static const char *const copy[] = { "from", "chown", "chmod", NULL };
	static const char *const copy_not[] = { "link", "parents", "exclude",
	    NULL };
	static const char *const health[] = { "interval", "timeout",
	    "start-period", "start-interval", "retries", NULL };
	static const char *const none[] = { NULL };
	const char *const *known = c->op == DOCKERFILE_COPY ? copy :
	    c->op == DOCKERFILE_HEALTHCHECK ? health : none;
	const char *const *other = c->op == DOCKERFILE_COPY ? copy_not : none;
	size_t len = strcspn(flag + 2, "=");

	for (; *known != NULL; known++)
		if (strlen(*known) == len &&
		    strncmp(*known, flag + 2, len) == 0)
			return flag[2 + len] == '=' ? 0 : err_set(e,
			    ERR_INPUT, "syntax", "%s --%s needs a value",
			    c->name, *known);
	for (; *other != NULL; other++)
		if (strlen(*other) == len &&
		    strncmp(*other, flag + 2, len) == 0)
			return err_set(e, ERR_INPUT, "flag_unsupported",
			    "%s --%s is not supported by the native engine",
			    c->name, *other);
	return err_set(e, ERR_INPUT, "flag_unknown", "%s has no flag '%s'",
	    c->name, flag);
}

int
instr_check(const struct dockerfile_cmd *c, struct err *e)
{
	if (c->op == DOCKERFILE_OTHER)
		return err_set(e, ERR_INPUT, "instruction_unsupported",
		    "%s is not supported by the native engine", c->name);
	if (c->heredoc)
		return err_set(e, ERR_INPUT, "heredoc_unsupported",
		    "%s with a here-document is not supported by the native "
		    "engine", c->name);
	for (size_t i = 0; i < c->flags.n; i++)
		if (check_flag(c, c->flags.items[i], e) < 0)
			return -1;
	return 0;
}
