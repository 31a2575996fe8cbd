#include "build/native_copy.h"

#include <string.h>

#include "base/mem.h"
#include "build/owner.h"
#include "build/transfer.h"
#include "build/words.h"

/* The tree that COPY reads, and its name for messages. */
static struct tree *
source_tree(const struct native_copy *n, const struct dockerfile_cmd *c,
    const char **where, struct err *e)
{
	const char *from = plan_flag(c, "--from");
	struct plan_source source;
	struct base *image;

	*where = from != NULL ? from : "the context";
	if (from == NULL)
		return &n->trees->context;
	if (plan_copy_from(n->plan, n->index, from, &source, e) < 0)
		return NULL;
	if (source.kind == PLAN_STAGE)
		return &n->stages[source.stage].tree;
	if (source.kind == PLAN_DIR)
		return trees_dir(n->trees, source.place, e);
	image = trees_image(n->trees, source.place, n->plan->platform, e);
	return image != NULL ? &image->tree : NULL;
}

/* --chmod: octal, as docker takes it; 4755 means it. */
static int
read_mode(const char *text, uint16_t *mode, struct err *e)
{
	unsigned value = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '7' || value > 0777)
			return err_set(e, ERR_INPUT, "mode_invalid",
			    "--chmod takes an octal mode, not '%s'", text);
		value = value * 8 + (unsigned)(*p - '0');
	}
	if (*text == '\0')
		return err_set(e, ERR_INPUT, "mode_invalid",
		    "--chmod is empty");
	*mode = (uint16_t)value;
	return 0;
}

static int
read_flags(struct transfer *t, struct stage *s,
    const struct dockerfile_cmd *c, struct err *e)
{
	const char *chmod = plan_flag(c, "--chmod");
	const char *chown = plan_flag(c, "--chown");

	if (chmod != NULL) {
		autofree char *mode = stage_word(s, chmod, e);

		if (mode == NULL || read_mode(mode, &t->mode, e) < 0)
			return -1;
		t->has_mode = true;
	}
	if (chown != NULL) {
		autofree char *owner = stage_word(s, chown, e);

		if (owner == NULL ||
		    owner_find(&s->tree, owner, &t->uid, &t->gid, e) < 0)
			return -1;
		t->has_owner = true;
	}
	return 0;
}

/* Sources and destination, each with its variables replaced. */
static int
read_paths(struct stage *s, const struct dockerfile_cmd *c, struct list *out,
    struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	int rc = words_json(c->text, &words, e);

	if (rc < 0)
		return -1;
	if (rc == 0)
		words_split(c->text, &words);
	if (words.n < 2)
		return err_set(e, ERR_INPUT, "syntax",
		    "COPY needs a source and a destination");
	for (size_t i = 0; i < words.n; i++) {
		char *word = stage_word(s, words.items[i], e);

		if (word == NULL)
			return -1;
		list_take(out, word);
	}
	return 0;
}

int
native_copy_run(const struct native_copy *n, struct stage *s,
    const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(list_release) struct list paths = LIST_INIT;
	AUTO(buf_release) struct buf line = BUF_INIT;
	struct list sources;
	struct transfer t = { .to = &s->tree, .sources = &sources };

	if (read_paths(s, c, &paths, e) < 0 || read_flags(&t, s, c, e) < 0 ||
	    (t.from = source_tree(n, c, &t.where, e)) == NULL)
		return -1;
	sources = paths;
	sources.n--;
	t.dest = paths.items[paths.n - 1];
	t.workdir = s->config.workdir != NULL ? s->config.workdir : "/";
	if (transfer_run(&t, e) < 0)
		return -1;
	buf_adds(&line, "COPY");
	for (size_t i = 0; i < c->flags.n; i++)
		buf_addf(&line, " %s", c->flags.items[i]);
	for (size_t i = 0; i < paths.n; i++)
		buf_addf(&line, " %s", paths.items[i]);
	stage_commit(s, line.data);
	return 0;
}

int
native_copy_all(struct stage *s, struct tree *from, struct err *e)
{
	char root[] = "/";
	char *items[] = { root };
	const struct list sources = { items, 1, 1 };
	struct transfer t = {
		.from = from, .to = &s->tree, .sources = &sources,
		.dest = root, .workdir = root, .where = "the build context",
	};

	if (transfer_run(&t, e) < 0)
		return -1;
	stage_commit(s, "COPY / /");
	return 0;
}
