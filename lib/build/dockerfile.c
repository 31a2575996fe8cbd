#include "build/dockerfile.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "build/lines.h"
#include "build/words.h"

static const struct {
	const char *name;
	enum dockerfile_op op;
} ops[] = {
	{ "ADD", DOCKERFILE_OTHER },
	{ "ARG", DOCKERFILE_ARG },
	{ "CMD", DOCKERFILE_CMD },
	{ "COPY", DOCKERFILE_COPY },
	{ "ENTRYPOINT", DOCKERFILE_ENTRYPOINT },
	{ "ENV", DOCKERFILE_ENV },
	{ "EXPOSE", DOCKERFILE_EXPOSE },
	{ "FROM", DOCKERFILE_FROM },
	{ "HEALTHCHECK", DOCKERFILE_HEALTHCHECK },
	{ "LABEL", DOCKERFILE_LABEL },
	{ "MAINTAINER", DOCKERFILE_OTHER },
	{ "ONBUILD", DOCKERFILE_OTHER },
	{ "RUN", DOCKERFILE_OTHER },
	{ "SHELL", DOCKERFILE_OTHER },
	{ "STOPSIGNAL", DOCKERFILE_STOPSIGNAL },
	{ "USER", DOCKERFILE_USER },
	{ "VOLUME", DOCKERFILE_VOLUME },
	{ "WORKDIR", DOCKERFILE_WORKDIR },
};

int
dockerfile_at(const struct dockerfile *d, int line, struct err *e)
{
	if (e->line != 0)
		return -1;
	err_wrap(e, "%s:%d", d->name, line);
	e->line = line;
	return -1;
}

static void
cmd_release(struct dockerfile_cmd *c)
{
	free(c->name);
	free(c->text);
	list_release(&c->flags);
}

static void
cmds_release(struct dockerfile_cmd *cmds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cmd_release(&cmds[i]);
	free(cmds);
}

void
dockerfile_release(struct dockerfile *d)
{
	for (size_t i = 0; i < d->nstages; i++) {
		struct dockerfile_stage *s = &d->stages[i];

		cmd_release(&s->from);
		free(s->name);
		free(s->base);
		cmds_release(s->cmds, s->ncmds);
	}
	cmds_release(d->globals, d->nglobals);
	free(d->stages);
	free(d->name);
	*d = (struct dockerfile)DOCKERFILE_INIT;
}

/* One flag at *p, which moves behind it; quotes fall away. */
static void
take_flag(const char **p, char escape, struct list *flags)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char quote = '\0';

	for (; **p != '\0' && (quote != '\0' || !lines_blank(**p)); (*p)++) {
		if (quote != '\0' && **p == quote)
			quote = '\0';
		else if (quote == '\0' && (**p == '"' || **p == '\''))
			quote = **p;
		else if (**p == escape && (*p)[1] != '\0')
			buf_addc(&b, *++*p);
		else
			buf_addc(&b, **p);
	}
	list_add(flags, b.data);
}

/* Name, flags and text of a whole logical line. */
static int
read_cmd(const struct dockerfile *d, const struct lines *l,
    struct dockerfile_cmd *c, struct err *e)
{
	const char *p = l->text.data;
	size_t n = 0;

	while (p[n] != '\0' && !lines_blank(p[n]))
		n++;
	*c = (struct dockerfile_cmd){ .line = l->line, .heredoc = l->heredoc };
	c->name = mem_dup(p, n);
	for (char *s = c->name; *s != '\0'; s++)
		*s = (char)toupper((unsigned char)*s);
	p = lines_skip(p + n);
	while (p[0] == '-' && p[1] == '-') {
		if (p[2] == '\0' || lines_blank(p[2])) {
			p = lines_skip(p + 2);
			break;
		}
		take_flag(&p, d->escape, &c->flags);
		p = lines_skip(p);
	}
	for (n = strlen(p); n > 0 && lines_blank(p[n - 1]); n--)
		;
	c->text = mem_dup(p, n);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (strcmp(ops[i].name, c->name) == 0) {
			c->op = ops[i].op;
			return 0;
		}
	}
	return dockerfile_fault(d, l->line, e, "instruction_unknown",
	    "unknown instruction: %s", c->name);
}

/* Docker: a letter, then letters, digits, '-', '_' and '.'. */
static bool
stage_name_valid(const char *s)
{
	if (!(*s >= 'a' && *s <= 'z'))
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

/* FROM [--platform=P] IMAGE [AS NAME] */
static int
read_from(const struct dockerfile *d, struct dockerfile_stage *s,
    struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	const struct dockerfile_cmd *c = &s->from;

	for (size_t i = 0; i < c->flags.n; i++) {
		if (strncmp(c->flags.items[i], "--platform=", 11) != 0)
			return dockerfile_fault(d, c->line, e, "flag_unknown",
			    "FROM has no flag '%s'", c->flags.items[i]);
		s->platform = c->flags.items[i] + 11;
	}
	words_split(c->text, &words);
	if ((words.n != 1 && words.n != 3) ||
	    (words.n == 3 && strcasecmp(words.items[1], "as") != 0))
		return dockerfile_fault(d, c->line, e, "syntax",
		    "FROM takes IMAGE or IMAGE AS NAME");
	s->base = mem_str(words.items[0]);
	if (words.n == 1)
		return 0;
	s->name = mem_str(words.items[2]);
	for (char *p = s->name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!stage_name_valid(s->name))
		return dockerfile_fault(d, c->line, e, "stage_name_invalid",
		    "not a name for a stage: '%s'", s->name);
	return 0;
}

/* Put c where it belongs; c is d's from now on, also after a failure. */
static int
place_cmd(struct dockerfile *d, struct dockerfile_cmd c, struct err *e)
{
	struct dockerfile_stage *s;

	if (c.op == DOCKERFILE_FROM) {
		mem_grow(&d->stages, &d->stages_cap, d->nstages,
		    sizeof(*d->stages));
		s = &d->stages[d->nstages++];
		*s = (struct dockerfile_stage){ .from = c };
		return read_from(d, s, e);
	}
	if (d->nstages == 0) {
		mem_grow(&d->globals, &d->globals_cap, d->nglobals,
		    sizeof(*d->globals));
		d->globals[d->nglobals++] = c;
		if (c.op != DOCKERFILE_ARG)
			return dockerfile_fault(d, c.line, e, "from_missing",
			    "%s before the first FROM", c.name);
		return 0;
	}
	s = &d->stages[d->nstages - 1];
	mem_grow(&s->cmds, &s->cap, s->ncmds, sizeof(*s->cmds));
	s->cmds[s->ncmds++] = c;
	return 0;
}

int
dockerfile_parse(struct dockerfile *d, const char *name, const char *text,
    size_t len, struct err *e)
{
	AUTO(lines_release) struct lines l = LINES_INIT(text, len);
	int rc;

	d->name = mem_str(name);
	if (memchr(text, '\0', len) != NULL)
		return dockerfile_fault(d, 1, e, "syntax",
		    "a NUL byte is in it: not a Dockerfile");
	if (lines_directives(&l, e) < 0)
		return dockerfile_at(d, l.line, e);
	d->escape = l.escape;
	while ((rc = lines_next(&l, e)) > 0) {
		struct dockerfile_cmd c;

		rc = read_cmd(d, &l, &c, e);
		if (rc < 0) {
			cmd_release(&c);
			return -1;
		}
		if (place_cmd(d, c, e) < 0)
			return -1;
	}
	if (rc < 0)
		return dockerfile_at(d, l.line, e);
	if (d->nstages == 0)
		return dockerfile_fault(d, 1, e, "from_missing",
		    "no FROM in it");
	return 0;
}
