#include "record/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pool.h"
#include "base/text.h"

#define JOBS_MAX 256

enum {	/* what getopt_long returns for options without a letter */
	O_ALLOW_EMPTY = 256, O_ARCH, O_GATE, O_GITHUB_OUTPUT, O_JSON,
	O_PROGRESS, O_TEXT, O_TOOL,	/* O_TOOL + index: the tool's own */
};

static const char *const common_help[] = {
	"  -C, --directory DIR        change to DIR first, as make and git do",
	"  -j, --jobs N               work on N records at once",
	"      --gate                 pass on all records or, if one failed, none",
	"      --allow-empty          no record at all is no error",
	"      --json, --text         records as JSON lines, or for people",
	"      --progress WHEN        auto, plain or none",
	"      --github-output[=P]    results to $GITHUB_OUTPUT, names after P",
	"  -q, --quiet                no notes or warnings",
	"  -v, --verbose              more of them",
	"  -h, --help                 this text",
	"  -V, --version              the version",
};

void
opts_release(struct opts *o)
{
	free(o->operands);
	o->operands = NULL;
}

void
opts_usage(const struct tool *t, struct buf *b)
{
	buf_addf(b, "usage: %s %s", t->name, t->synopsis);
}

/* The name and argument of an option as the help shows them. */
static void
help_option(struct buf *b, const struct tool_opt *opt)
{
	char left[64];
	int n = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s",
	    opt->letter ? '-' : ' ', opt->letter ? opt->letter : ' ',
	    opt->letter ? ", " : "  ", opt->name, opt->arg != NULL ? " " : "",
	    opt->arg != NULL ? opt->arg : "");

	if (n > 28)
		buf_addf(b, "%s\n%-29s%s\n", left, "", opt->help);
	else
		buf_addf(b, "%-29s%s\n", left, opt->help);
}

static int
print(const struct buf *b, struct err *e)
{
	return file_write(STDOUT_FILENO, b->data, b->len) < 0 ?
	    err_sys(e, "cannot write standard output") : 0;
}

static int
help(const struct tool *t, struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	opts_usage(t, &b);
	buf_addf(&b, "\n%s\n", t->purpose);
	for (const struct tool_opt_group *g = t->groups; g->title != NULL;
	    g++) {
		buf_addf(&b, "\n%s\n", g->title);
		for (const struct tool_opt *o = g->opts; o->name != NULL; o++)
			help_option(&b, o);
	}
	buf_adds(&b, "\nEvery tool\n");
	for (size_t i = 0; i < sizeof(common_help) / sizeof(*common_help);
	    i++) {
		/* a tool of many records in one out has no gate */
		if (t->work == NULL && strstr(common_help[i], "--gate"))
			continue;
		buf_addf(&b, "%s\n", common_help[i]);
	}
	buf_addf(&b, "\nExamples\n%s", t->examples);
	return print(&b, e);
}

static int
version(const struct tool *t, struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "%s %s\n", t->name, tool_version);
	return print(&b, e);
}

struct table {
	struct option *longs;		/* owned, ends with a zero */
	size_t nlongs, cap;
	const struct tool_opt **own;	/* owned: of O_TOOL + index */
	size_t nown, own_cap;
	struct buf letters;
};

static void
table_add(struct table *tb, const char *name, int arg, int value)
{
	mem_grow(&tb->longs, &tb->cap, tb->nlongs + 1, sizeof(*tb->longs));
	tb->longs[tb->nlongs++] = (struct option){ name, arg, NULL, value };
	tb->longs[tb->nlongs] = (struct option){ NULL, 0, NULL, 0 };
}

static void
table_init(struct table *tb, const struct tool *t)
{
	*tb = (struct table){ .letters = BUF_INIT };
	/* '-': operands in their place; ':' silent, we word the errors */
	buf_adds(&tb->letters, "-:C:j:qvhV");
	table_add(tb, "directory", required_argument, 'C');
	table_add(tb, "jobs", required_argument, 'j');
	table_add(tb, "quiet", no_argument, 'q');
	table_add(tb, "verbose", no_argument, 'v');
	table_add(tb, "help", no_argument, 'h');
	table_add(tb, "version", no_argument, 'V');
	table_add(tb, "allow-empty", no_argument, O_ALLOW_EMPTY);
	table_add(tb, "json", no_argument, O_JSON);
	table_add(tb, "text", no_argument, O_TEXT);
	table_add(tb, "progress", required_argument, O_PROGRESS);
	table_add(tb, "github-output", optional_argument, O_GITHUB_OUTPUT);
	if (t->work != NULL)
		table_add(tb, "gate", no_argument, O_GATE);
	if (t->operand_arch)
		table_add(tb, "arch", required_argument, O_ARCH);
	for (const struct tool_opt_group *g = t->groups; g->title != NULL;
	    g++)
		for (const struct tool_opt *o = g->opts; o->name != NULL;
		    o++) {
			/* --arch stands in a group for the help alone */
			if (t->operand_arch && strcmp(o->name, "arch") == 0)
				continue;
			mem_grow(&tb->own, &tb->own_cap, tb->nown,
			    sizeof(*tb->own));
			table_add(tb, o->name, o->arg != NULL ?
			    required_argument : no_argument,
			    O_TOOL + (int)tb->nown);
			tb->own[tb->nown++] = o;
			if (o->letter != 0)
				buf_addf(&tb->letters, "%c%s", o->letter,
				    o->arg != NULL ? ":" : "");
		}
}

static void
table_release(struct table *tb)
{
	free(tb->longs);
	free(tb->own);
	buf_release(&tb->letters);
}

static int
own_option(const struct tool_opt *o, void *ctx, const char *value,
    struct err *e)
{
	if (o->flag != NULL)
		*o->flag = true;
	else if (o->str != NULL)
		*o->str = value;
	else
		return o->set(ctx, value, e);
	return 0;
}

static int
common_option(struct opts *o, const struct tool *t, void *ctx, int ch,
    const char *value, struct err *e)
{
	int64_t n;

	switch (ch) {
	case 'C':
		if (chdir(value) < 0)
			return err_set(e, ERR_INPUT, "usage",
			    "cannot change to directory '%s': %s", value,
			    strerror(errno));
		return 0;
	case 'j':
		if (!text_number(value, false, &n) || n < 1 || n > JOBS_MAX)
			return err_set(e, ERR_INPUT, "usage",
			    "-j takes a number from 1 to %d, not '%s'",
			    JOBS_MAX, value);
		tool_common.jobs = (int)n;
		return 0;
	case 'q':
		tool_common.quiet = true;
		return 0;
	case 'v':
		tool_common.verbose = true;
		return 0;
	case O_ALLOW_EMPTY:
		tool_common.allow_empty = true;
		return 0;
	case O_GATE:
		tool_common.gate = true;
		return 0;
	case O_JSON:
	case O_TEXT:
		o->json = ch == O_JSON;
		o->text = ch == O_TEXT;
		return 0;
	case O_ARCH:
		o->arch = value;
		o->arch_waits = true;
		return t->arch != NULL ? t->arch(ctx, value, e) :
		    tool_arch_check(value, e);
	case O_GITHUB_OUTPUT:
		tool_common.github_output = value != NULL ? value : "";
		return 0;
	default:	/* O_PROGRESS */
		o->progress = strcmp(value, "plain") == 0 ? SAY_PLAIN :
		    strcmp(value, "none") == 0 ? SAY_NONE : SAY_AUTO;
		if (o->progress == SAY_AUTO && strcmp(value, "auto") != 0)
			return err_set(e, ERR_INPUT, "usage", "--progress is "
			    "auto, plain or none, not '%s'", value);
		return 0;
	}
}

static int
add_operand(struct opts *o, const struct tool *t, void *ctx, const char *value,
    struct err *e)
{
	o->arch_waits = false;
	if (strcmp(value, "-") == 0) {
		if (!o->read_stdin) {
			o->stdin_at = t->operand != NULL ? SIZE_MAX :
			    o->noperands;
			o->stdin_arch = o->arch;
		}
		o->read_stdin = tool_common.read_stdin = true;
		return 0;
	}
	if (t->operand != NULL)
		return t->operand(ctx, value, e);
	if (t->operand_key == NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "no operand is taken: '%s'", value);
	mem_grow(&o->operands, &o->cap, o->noperands, sizeof(*o->operands));
	o->operands[o->noperands++] = (struct opts_operand){ value, o->arch };
	return 0;
}

static int
bad_option(const struct table *tb, int ch, char *argv[], struct err *e)
{
	const char *arg = argv[optind - 1];
	bool is_long = strncmp(arg, "--", 2) == 0, known = false;

	for (size_t i = 0; i < tb->nlongs; i++)
		known = known || tb->longs[i].val == optopt;
	if (ch == ':' && !is_long)
		return err_set(e, ERR_INPUT, "usage",
		    "option '-%c' needs a value", optopt);
	if (ch == ':')
		return err_set(e, ERR_INPUT, "usage",
		    "option '%s' needs a value", arg);
	if (optopt != 0 && !known)
		return err_set(e, ERR_INPUT, "usage", "unknown option '-%c'",
		    optopt);
	return err_set(e, ERR_INPUT, "usage", "%s option '%s'",
	    optopt != 0 ? "no value is taken by" : "unknown", arg);
}

static int
parse(struct opts *o, const struct tool *t, void *ctx, int argc, char *argv[],
    const struct table *tb, struct err *e)
{
	int ch;

	opterr = 0;
	while ((ch = getopt_long(argc, argv, tb->letters.data, tb->longs,
	    NULL)) != -1) {
		const struct tool_opt *own = ch >= O_TOOL ?
		    tb->own[ch - O_TOOL] : NULL;
		int rc;

		for (size_t i = 0; own == NULL && i < tb->nown; i++)
			if (tb->own[i]->letter == ch)
				own = tb->own[i];
		if (ch == 'h' || ch == 'V') {
			o->done = 0;
			return (ch == 'h' ? help : version)(t, e);
		}
		if (ch == '?' || ch == ':')
			return bad_option(tb, ch, argv, e);
		if (ch == 1)
			rc = add_operand(o, t, ctx, optarg, e);
		else if (own != NULL)
			rc = own_option(own, ctx, optarg, e);
		else
			rc = common_option(o, t, ctx, ch, optarg, e);
		if (rc < 0)
			return -1;
	}
	for (; optind < argc; optind++)		/* behind -- */
		if (add_operand(o, t, ctx, argv[optind], e) < 0)
			return -1;
	return 0;
}

int
opts_parse(struct opts *o, const struct tool *t, void *ctx, int argc,
    char *argv[], struct err *e)
{
	AUTO(table_release) struct table tb;

	*o = (struct opts){ .done = -1, .progress = SAY_AUTO };
	table_init(&tb, t);
	return parse(o, t, ctx, argc, argv, &tb, e);
}
