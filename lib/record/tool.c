#include "record/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <search.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/text.h"
#include "record/opts.h"
#include "record/say.h"
#include "record/tool_run.h"

#ifndef TOOL_VERSION
#define TOOL_VERSION "0.0.0"
#endif

const char tool_version[] = TOOL_VERSION;
struct tool_common tool_common;

static void *claims;			/* tsearch(3): char * */
static struct buf outputs = BUF_INIT;	/* for $GITHUB_OUTPUT */
static int outputs_fd = -1;

/*
 * Start
 */

/* A closed 0, 1 or 2 would be taken by the next file that is opened, and our
 * output would go into it: put something there that fails as a closed one. */
static void
hold_standard_fds(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", flags[fd]) < 0)
			_exit(3);
}

static int
usage_error(const struct tool *t, const struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	if (e != NULL)
		say_error("", e);
	opts_usage(t, &b);
	buf_addf(&b, "\nTry '%s --help'.\n", t->name);
	if (file_write(STDERR_FILENO, b.data, b.len) < 0)
		return ERR_INPUT;
	return ERR_INPUT;
}

void
tool_record(const char *json, const char *where)
{
	mem_grow(&tool_run.queued, &tool_run.queued_cap, tool_run.nqueued,
	    sizeof(*tool_run.queued));
	tool_run.queued[tool_run.nqueued].json = mem_str(json);
	tool_run.queued[tool_run.nqueued++].where = mem_str(where);
}

static void
queue_operand(const struct tool *t, const struct opts_operand *op)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	autofree char *value = t->operand_name != NULL ? mem_str(op->value) :
	    tool_path(op->value);
	autofree char *name = t->operand_name != NULL ?
	    t->operand_name(op->value) : mem_str(op->value);

	json_out_open(&o, '{');
	if (op->arch != NULL)
		json_out_kstr(&o, "arch", op->arch);
	json_out_kstr(&o, t->operand_key, value);
	json_out_close(&o, '}');
	tool_record(o.buf.data, name);
}

/* GitHub's names of outputs: letters, digits, _ and -, no digit or - first. */
static bool
output_name(const char *name, bool prefix)
{
	if (*name == '\0')
		return prefix;
	if (*name != '_' && !(*name >= 'a' && *name <= 'z') &&
	    !(*name >= 'A' && *name <= 'Z'))
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

static int
start_checks(const struct tool *t, void *ctx, const struct opts *o,
    struct err *e)
{
	const char *file = getenv("GITHUB_OUTPUT");

	for (size_t i = 0; i < o->noperands; i++) {
		if (*o->operands[i].value == '\0')
			return err_set(e, ERR_INPUT, "usage",
			    "an operand is empty: is a variable unset?");
		if (!text_utf8_valid(o->operands[i].value,
		    strlen(o->operands[i].value)))
			return err_set(e, ERR_INPUT, "usage", "an operand is "
			    "not UTF-8, which a record can not hold: %s",
			    o->operands[i].value);
		queue_operand(t, &o->operands[i]);
	}
	if (o->arch != NULL && o->arch_waits && o->noperands > 0)
		return err_set(e, ERR_INPUT, "usage", "--arch %s stands behind "
		    "the last operand: it holds for those after it", o->arch);
	if (tool_common.github_output != NULL &&
	    !output_name(tool_common.github_output, true))
		return err_set(e, ERR_INPUT, "usage", "--github-output takes "
		    "letters, digits, '_' and '-', not '%s'",
		    tool_common.github_output);
	if (tool_common.github_output != NULL &&
	    (file == NULL || *file == '\0'))
		return err_set(e, ERR_INPUT, "usage",
		    "--github-output needs the variable GITHUB_OUTPUT");
	/* now, because a sandbox may close the way to it */
	if (tool_common.github_output != NULL && (outputs_fd = open(file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) < 0)
		return err_sys(e, "cannot open '%s'", file);
	return t->ready != NULL ? t->ready(ctx, e) : 0;
}

int
tool_start(const struct tool *t, void *ctx, int argc, char *argv[])
{
	AUTO(opts_release) struct opts o;
	sigset_t pipe_set;
	struct err e;
	int rc;

	hold_standard_fds();
	/* some parents leave it ignored or blocked */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &pipe_set, NULL);
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "C");
	say_start(t->name);
	tool_run.tool = t;
	tool_common.jobs = pool_cpus();
	if (opts_parse(&o, t, ctx, argc, argv, &e) < 0) {
		if (strcmp(e.code, "usage") == 0 || e.kind != ERR_SYS)
			return usage_error(t, &e);
		say_error("", &e);
		return (int)e.kind;
	}
	if (o.done >= 0)
		return o.done;
	if ((rc = start_checks(t, ctx, &o, &e)) > 0)
		return 0;
	if (rc < 0 && strcmp(e.code, "usage") == 0)
		return usage_error(t, &e);
	if (rc < 0) {
		say_error("", &e);
		return (int)e.kind;
	}
	tool_run.use_stdin = o.read_stdin || tool_run.nqueued == 0;
	if (tool_run.use_stdin && !o.read_stdin && isatty(STDIN_FILENO) == 1)
		return usage_error(t, NULL);
	if (o.read_stdin)
		tool_run.stdin_at = o.stdin_at;
	tool_run.stdin_arch = o.read_stdin ? o.stdin_arch :
	    t->operand_arch ? o.arch : NULL;
	tool_common.text = o.text || (!o.json && isatty(STDOUT_FILENO) == 1);
	tool_run.one_screen = tool_common.text && say_is_terminal() &&
	    isatty(STDOUT_FILENO) == 1;
	say_set_progress(tool_common.quiet ? SAY_NONE : o.progress);
	return -1;
}

/*
 * Trace, claims, outputs
 */

void
tool_clock_start(struct tool_clock *c)
{
	clock_now(c->start);
	c->mono = clock_monotonic();
}

void
tool_trace(struct rec *r, const struct tool_clock *c,
    const struct tool_job *job)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kstr(&o, "tool", tool_run.tool->name);
	json_out_kstr(&o, "version", tool_version);
	json_out_kstr(&o, "start", c->start);
	json_out_key(&o, "seconds");
	json_out_seconds(&o, clock_monotonic() - c->mono);
	json_out_kint(&o, "bytes", (int64_t)job->bytes);
	if (job->subject[0] != '\0')
		json_out_kstr(&o, "subject", job->subject);
	if (job->cached >= 0)
		json_out_kbool(&o, "cached", job->cached > 0);
	json_out_close(&o, '}');
	rec_append(r, "trace", o.buf.data, o.buf.len);
}

static int
claim_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
tool_claim(const char *destination, struct err *e)
{
	char *name = mem_str(destination);
	void *found = tsearch(name, &claims, claim_order);

	if (found != NULL && *(char **)found == name)
		return 0;
	if (found == NULL)
		mem_die();
	free(name);
	return err_set(e, ERR_INPUT, "destination_conflict",
	    "an earlier record of this run writes there too: %s", destination);
}

/* GitHub, "Workflow commands", multiline strings: a delimiter that can not be
 * guessed, so that a value can not end its own value (CVE-2022-35954). */
void
tool_output(const char *name, const char *value)
{
	uint8_t random[16];
	struct err e;
	char hex[33];

	if (tool_common.github_output == NULL)
		return;
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		err_sys(&e, "cannot write to GITHUB_OUTPUT");
		say_error("", &e);
		tool_run.failed[ERR_SYS] = true;
		return;
	}
	text_hex(random, sizeof(random), hex);
	buf_addf(&outputs, "%s%s<<slipway-%s\n%s\nslipway-%s\n",
	    tool_common.github_output, name, hex, value, hex);
}

static void
outputs_write(void)
{
	struct err e;

	if (outputs_fd < 0)
		return;
	if (file_write(outputs_fd, outputs.data, outputs.len) < 0 ||
	    close(outputs_fd) < 0) {
		err_sys(&e, "cannot write to GITHUB_OUTPUT");
		say_error("", &e);
		tool_run.failed[ERR_SYS] = true;
	}
}

int
tool_finish(void)
{
	if (tool_run.broken && tool_run.broken_error.kind == ERR_SYS) {
		tool_run_input_error(&tool_run.broken_error, "", 0);
	} else if (tool_run.broken) {
		autofree char *where = mem_fmt("%s:%llu", tool_run.reader.name,
		    (unsigned long long)tool_run.reader.lineno);

		tool_run_input_error(&tool_run.broken_error, where,
		    tool_run.reader.lineno);
	} else {
		tool_run_empty();
	}
	outputs_write();
	tool_run_flush();
	buf_release(&tool_run.out);
	buf_release(&outputs);
	rec_reader_release(&tool_run.reader);
	tdestroy(claims, free);
	free(tool_run.queued);
	return (int)tool_run_worst();
}

/*
 * Many in
 */

int
tool_collect(const struct tool *t, void *ctx,
    int (*fn)(void *ctx, struct rec *r))
{
	struct rec *r;

	(void)t;
	for (;;) {
		switch (tool_run_next(&r)) {
		case TOOL_RUN_RECORD:
			if (fn(ctx, r) < 0)
				return 0;
			break;
		case TOOL_RUN_WAIT:
			if (tool_run_fill() < 0)
				return (int)tool_run.broken_error.kind;
			break;
		case TOOL_RUN_BROKEN:
			return (int)tool_run.broken_error.kind;
		default:
			return tool_run.records == 0 ? -1 : 0;
		}
	}
}

void
tool_emit(struct rec *r, const struct err *e, const char *text)
{
	enum err_kind kind = rec_failed(r);

	if (e != NULL) {
		kind = e->kind;
		tool_run_say(rec_where(r), e);
		tool_run_put_error(r, e, NULL, NULL);
	}
	if (kind != ERR_NONE)
		tool_run.failed[kind] = true;
	if (!tool_common.text)
		tool_run_record(r);
	else if (e != NULL)
		tool_run_failed_text(rec_where(r), e);
	else if (kind != ERR_NONE)
		tool_run_passed_text(r);
	else if (text != NULL)
		tool_run_text(text);
	tool_run_flush();
}

/*
 * Small services
 */

char *
tool_path(const char *path)
{
	return file_absolute(NULL, path);
}

void
tool_note(const char *fmt, ...)
{
	autobuf struct buf b = BUF_INIT;
	va_list ap;

	if (!tool_common.verbose || tool_common.quiet)
		return;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	say_line(b.data);
}

void
tool_warn(const char *fmt, ...)
{
	autobuf struct buf b = BUF_INIT;
	va_list ap;

	if (tool_common.quiet)
		return;
	buf_adds(&b, "warning: ");
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	say_line(b.data);
}

int
tool_arch_check(const char *arch, struct err *e)
{
	if (strcmp(arch, "amd64") == 0 || strcmp(arch, "arm64") == 0)
		return 0;
	err_set(e, ERR_INPUT, "arch_unknown",
	    "unknown architecture '%s': amd64 or arm64 is wanted", arch);
	err_set_values(e, "amd64 or arm64", arch);
	return -1;
}

/* The value of the placeholder of len bytes at name. */
static int
placeholder(const char *name, size_t len, struct rec *r, struct buf *out,
    struct err *e)
{
	static const struct {
		const char *name, *key;
	} all[] = {
		{ "arch", "arch" }, { "platform", "platform" },
		{ "component", "component" }, { "version", "bundle.version" },
	};
	const char *value = NULL;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strlen(all[i].name) != len ||
		    memcmp(all[i].name, name, len) != 0)
			continue;
		if (rec_str(r, all[i].key, &value, e) < 0)
			return -1;
		if (value == NULL)
			return err_set(e, ERR_INPUT, "placeholder",
			    "{%s} is wanted, but the record has no '%s'",
			    all[i].name, all[i].key);
		for (; *value != '\0'; value++)
			buf_addc(out, *value == '/' ? '-' : *value);
		return 0;
	}
	return err_set(e, ERR_INPUT, "placeholder", "unknown placeholder "
	    "'{%.*s}': {arch}, {platform}, {component} or {version}",
	    (int)len, name);
}

int
tool_expand(const char *template, struct rec *r, struct buf *out,
    struct err *e)
{
	while (*template != '\0') {
		size_t n = strcspn(template, "{");
		const char *end;

		buf_add(out, template, n);
		template += n;
		if (*template == '\0')
			return 0;
		if ((end = strchr(template, '}')) == NULL)
			return err_set(e, ERR_INPUT, "placeholder",
			    "a '{' without its '}': %s", template);
		if (placeholder(template + 1, (size_t)(end - template) - 1, r,
		    out, e) < 0)
			return -1;
		template = end + 1;
	}
	return 0;
}
