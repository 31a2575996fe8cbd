/* dockerfile.h, words.h and subst.h: how a Dockerfile's text is read. */
#undef NDEBUG
#include "build/dockerfile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build/subst.h"
#include "build/words.h"

static struct dockerfile d;
static struct err e;

static int
parse(const char *text)
{
	dockerfile_release(&d);
	return dockerfile_parse(&d, "Dockerfile", text, strlen(text), &e);
}

static void
fails(const char *text, const char *message, const char *code)
{
	assert(parse(text) < 0);
	assert(e.kind == ERR_INPUT);
	if (strcmp(e.msg, message) != 0 || strcmp(e.code, code) != 0) {
		fprintf(stderr, "%s (%s)\nwanted %s (%s)\n", e.msg, e.code,
		    message, code);
		abort();
	}
}

static const struct dockerfile_cmd *
cmd(size_t stage, size_t i)
{
	assert(stage < d.nstages && i < d.stages[stage].ncmds);
	return &d.stages[stage].cmds[i];
}

static void
lines_are_joined_and_counted(void)
{
	assert(parse("# c\n\nfrom scratch\n"
	    "copy a \\\n  # inside\n\n  b \\  \n c\\\n\n\nUSER x\n") == 0);
	assert(d.nstages == 1 && d.stages[0].from.line == 3);
	assert(strcmp(cmd(0, 0)->name, "COPY") == 0);
	assert(strcmp(cmd(0, 0)->text, "a   b  cUSER x") == 0);
	assert(cmd(0, 0)->line == 4);
	assert(parse("FROM a\r\nCOPY a \\\r\n b\r\nUSER x") == 0);
	assert(strcmp(cmd(0, 0)->text, "a  b") == 0);
	assert(cmd(0, 1)->line == 4);
	assert(parse("FROM a\nLABEL a=b\\\\\nUSER x\n") == 0);
	assert(d.stages[0].ncmds == 2);
}

static void
directives_stand_at_the_top(void)
{
	assert(parse("# syntax=x/y\n#Escape = `\nFROM a\nCOPY a `\n b\n"
	    "USER c:\\\n") == 0);
	assert(d.escape == '`' && d.stages[0].ncmds == 2);
	assert(parse("# a comment\n# escape=`\nFROM a\n") == 0);
	assert(d.escape == '\\');
	assert(parse("\xef\xbb\xbf# escape=`\nFROM a\n") == 0);
	assert(d.escape == '`');
	fails("# escape=x\nFROM a\n",
	    "Dockerfile:1: escape is \\ or `, not 'x'", "syntax");
	fails("# escape=`\n# escape=`\nFROM a\n",
	    "Dockerfile:2: a second escape directive", "syntax");
}

static void
stages_and_names(void)
{
	assert(parse("ARG V=1\nFROM --platform=$BUILDPLATFORM x:$V AS Build\n"
	    "RUN make\nFROM scratch\nCOPY --from=build --chown=\"1:2\" a b\n")
	    == 0);
	assert(d.nglobals == 1 && d.nstages == 2);
	assert(strcmp(d.stages[0].name, "build") == 0);
	assert(strcmp(d.stages[0].base, "x:$V") == 0);
	assert(strcmp(d.stages[0].platform, "$BUILDPLATFORM") == 0);
	assert(cmd(0, 0)->op == DOCKERFILE_OTHER);
	assert(cmd(1, 0)->flags.n == 2);
	assert(strcmp(cmd(1, 0)->flags.items[1], "--chown=1:2") == 0);
	fails("FROM a AS 1x\n",
	    "Dockerfile:1: not a name for a stage: '1x'",
	    "stage_name_invalid");
	fails("FROM a b\n", "Dockerfile:1: FROM takes IMAGE or IMAGE AS NAME",
	    "syntax");
	fails("FROM a OF b\n",
	    "Dockerfile:1: FROM takes IMAGE or IMAGE AS NAME", "syntax");
	fails("FROM\n", "Dockerfile:1: FROM takes IMAGE or IMAGE AS NAME",
	    "syntax");
	fails("FROM --x a\n", "Dockerfile:1: FROM has no flag '--x'",
	    "flag_unknown");
	fails("USER x\nFROM a\n", "Dockerfile:1: USER before the first FROM",
	    "from_missing");
	fails("# x\n", "Dockerfile:1: no FROM in it", "from_missing");
	fails("", "Dockerfile:1: no FROM in it", "from_missing");
	fails("FROM a\nFOO x\n", "Dockerfile:2: unknown instruction: FOO",
	    "instruction_unknown");
}

static void
heredocs_are_skipped_and_known(void)
{
	assert(parse("FROM a\nRUN <<EOF cat <<-'B'\nFOO\nEOF\nBAR\n\tB\n"
	    "USER x\n") == 0);
	assert(d.stages[0].ncmds == 2);
	assert(cmd(0, 0)->heredoc && !cmd(0, 1)->heredoc);
	assert(cmd(0, 1)->line == 7);
	assert(parse("FROM a\nENV A=<<EOF\nUSER x\n") == 0);
	fails("FROM a\nRUN <<EOF\nx\n",
	    "Dockerfile:2: the here-document 'EOF' has no end",
	    "heredoc_unterminated");
}

static void
json_and_words(void)
{
	AUTO(list_release) struct list l = LIST_INIT;

	assert(words_json("[\"a b\", \"c\"]", &l, &e) == 1 && l.n == 2);
	assert(strcmp(l.items[0], "a b") == 0);
	list_release(&l);
	assert(words_json("[\"a\",]", &l, &e) == 0 && l.n == 0);
	assert(words_json("['a']", &l, &e) == 0);
	assert(words_json("[1]", &l, &e) == -1 && e.kind == ERR_INPUT);
	assert(words_json("[[\"a\"]]", &l, &e) == -1);
	assert(words_json("a b", &l, &e) == 0);
	list_release(&l);
	words_quoted("a=\"b c\"  d='e f' g=h\\ i", '\\', &l);
	assert(l.n == 3 && strcmp(l.items[0], "a=\"b c\"") == 0);
	assert(strcmp(l.items[2], "g=h\\ i") == 0);
	list_release(&l);
	words_split("  a\t b  ", &l);
	assert(l.n == 2 && strcmp(l.items[1], "b") == 0);
}

static const char *
variable(void *ctx, const char *name, size_t len)
{
	(void)ctx;
	if (len == 1 && *name == 'x')
		return "X y";
	if (len == 5 && memcmp(name, "empty", 5) == 0)
		return "";
	return NULL;
}

static void
becomes(const char *word, const char *want)
{
	struct subst s = { '\\', variable, NULL };
	autobuf struct buf b = BUF_INIT;

	assert(subst_word(&s, word, &b, &e) == 0);
	if (strcmp(b.data, want) != 0) {
		fprintf(stderr, "%s: '%s', not '%s'\n", word, b.data, want);
		abort();
	}
}

static void
variables_are_replaced(void)
{
	becomes("a$x.b", "aX y.b");
	becomes("${x}b", "X yb");
	becomes("$unset-", "-");
	becomes("${unset:-w}", "w");
	becomes("${empty:-w}", "w");
	becomes("${empty-w}", "");
	becomes("${unset-w}", "w");
	becomes("${x:+w}", "w");
	becomes("${empty:+w}", "");
	becomes("${empty+w}", "w");
	becomes("${unset+w}", "");
	becomes("${unset:-${x}}", "X y");
	becomes("${unset:-a\\}b}", "a}b");
	becomes("${unset:-'}'}", "}");
	becomes("${x:?no}", "X y");
	becomes("\\$x", "$x");
	becomes("'$x'", "$x");
	becomes("\"$x\"", "X y");
	becomes("\"\\$x \\n \\\" \\\\\"", "$x \\n \" \\");
	becomes("a\\b", "ab");
	becomes("end\\", "end");
	becomes("$", "$");
	becomes("a$", "a$");
	becomes("$.", "$.");
	becomes("$1x", "x");
}

static void
cannot(const char *word, const char *message)
{
	struct subst s = { '\\', variable, NULL };
	autobuf struct buf b = BUF_INIT;

	assert(subst_word(&s, word, &b, &e) < 0 && e.kind == ERR_INPUT);
	if (strcmp(e.msg, message) != 0) {
		fprintf(stderr, "%s: %s\n", word, e.msg);
		abort();
	}
}

static void
bad_substitutions_are_refused(void)
{
	autobuf struct buf deep = BUF_INIT;

	cannot("${x", "a '}' is missing behind '${x'");
	cannot("${", "a '}' is missing behind '${'");
	cannot("${}", "a bad substitution: '${' without a name");
	cannot("${x:-a", "a '}' is missing in a substitution");
	cannot("${x%a}", "unsupported modifier (%) in a substitution");
	cannot("${x:=a}", "unsupported modifier (:=) in a substitution");
	cannot("'a", "a closing single quote is missing");
	cannot("\"a", "a closing double quote is missing");
	cannot("${unset:?gone}", "unset: gone");
	cannot("${unset?}", "unset: not allowed to be unset");
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, "${u:-");
	cannot(deep.data, "substitutions are nested more than 32 deep");
}

static void
words_split_where_values_have_blanks(void)
{
	struct subst s = { '\\', variable, NULL };
	AUTO(list_release) struct list l = LIST_INIT;

	assert(subst_words(&s, "a $x \"$x\" '' b", &l, &e) == 0);
	assert(l.n == 6 && strcmp(l.items[1], "X") == 0);
	assert(strcmp(l.items[3], "X y") == 0 && *l.items[4] == '\0');
}

#define RUN(test) (test(), puts("ok " #test))

int
main(void)
{
	RUN(lines_are_joined_and_counted);
	RUN(directives_stand_at_the_top);
	RUN(stages_and_names);
	RUN(heredocs_are_skipped_and_known);
	RUN(json_and_words);
	RUN(variables_are_replaced);
	RUN(bad_substitutions_are_refused);
	RUN(words_split_where_values_have_blanks);
	dockerfile_release(&d);
	return 0;
}
