#include "record/tool_run.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/say.h"

struct tool_run tool_run = {
	.stdin_at = SIZE_MAX,
	.out = BUF_INIT, .reader = REC_READER_INIT(STDIN_FILENO, "<stdin>"),
};

void
tool_run_flush(void)
{
	struct err e;

	if (tool_run.out.len == 0 || tool_run.out_failed)
		return;
	if (tool_common.text)
		say_progress(NULL);	/* may stand on the same screen */
	if (file_write(STDOUT_FILENO, tool_run.out.data, tool_run.out.len) < 0) {
		err_sys(&e, "cannot write standard output");
		say_error("", &e);
		tool_run.failed[ERR_SYS] = true;
		tool_run.out_failed = true;
	}
	buf_reset(&tool_run.out);
}

static void
error_json(struct json_out *o, const struct err *e, const struct tool *t,
    void *ctx, void *job)
{
	json_out_open(o, '{');
	json_out_kstr(o, "tool", t->name);
	json_out_kstr(o, "kind", err_kind_name(e->kind));
	json_out_kstr(o, "code", e->code);
	json_out_kstr(o, "message", e->msg);
	if (e->path[0] != '\0')
		json_out_kstr(o, "path", e->path);
	if (e->expected[0] != '\0' || e->actual[0] != '\0') {
		json_out_kstr(o, "expected", e->expected);
		json_out_kstr(o, "actual", e->actual);
	}
	if (e->line > 0)
		json_out_kint(o, "line", e->line);
	if (e->detail[0] != '\0')
		json_out_kstr(o, "detail", e->detail);
	if (job != NULL && t->error_more != NULL)
		t->error_more(ctx, job, o);
	json_out_close(o, '}');
}

void
tool_run_put_error(struct rec *r, const struct err *e, void *ctx, void *job)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	error_json(&o, e, tool_run.tool, ctx, job);
	rec_put(r, "error", o.buf.data, o.buf.len);
}

void
tool_run_say(const char *where, const struct err *e)
{
	if (!tool_run.one_screen)
		say_error(where, e);
}

/* A newline that no indented line follows came from outside, as other control
 * bytes do: it could pretend to begin another record, or be a command to a CI
 * runner. */
void
tool_run_text(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		while (text[n] == '\n' && text[n + 1] != '\0' &&
		    text[n + 1] != ' ')
			n += 1 + strcspn(text + n + 1, "\n");
		text_escape(&tool_run.out, text, n);
		buf_addc(&tool_run.out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* A line of text whose newlines too are somebody else's. */
static void
text_line(const char *label, const char *text)
{
	if (*text == '\0')
		return;
	buf_adds(&tool_run.out, label);
	text_escape(&tool_run.out, text, strlen(text));
	buf_addc(&tool_run.out, '\n');
}

void
tool_run_failed_text(const char *where, const struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "%s%s%s%s", where, *where != '\0' ? ": " : "",
	    e->prefix != NULL ? e->prefix : "", e->msg);
	text_line("FAILED  ", b.data);
	text_line("        wanted  ", e->expected);
	text_line("        found   ", e->actual);
	if (strstr(e->msg, e->detail) == NULL)
		text_line("        cause   ", e->detail);
}

void
tool_run_passed_text(struct rec *r)
{
	const char *tool = NULL, *message = NULL;
	autobuf struct buf b = BUF_INIT;
	struct err e;

	if (rec_str(r, "error.tool", &tool, &e) < 1)
		tool = "an earlier tool";
	if (rec_str(r, "error.message", &message, &e) < 1)
		message = "failed";
	buf_addf(&b, "%s: %s: %s", rec_where(r), tool, message);
	text_line("FAILED  ", b.data);
}

static int
too_large(struct err *e)
{
	return err_set(e, ERR_INPUT, "record_too_large",
	    "the finished record is longer than 1 MiB");
}

int
tool_run_fits(struct rec *r, struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	rec_print(r, &b);
	return b.len <= REC_LINE_MAX ? 0 : too_large(e);
}

/* A line over the limit would stop the next filter: only its error goes on. */
bool
tool_run_record(struct rec *r)
{
	size_t start = tool_run.out.len;
	struct err e;
	bool fits;

	rec_print(r, &tool_run.out);
	fits = tool_run.out.len - start <= REC_LINE_MAX;
	if (!fits) {
		buf_truncate(&tool_run.out, start);
		too_large(&e);
		tool_run_say(rec_where(r), &e);
		tool_run.failed[ERR_INPUT] = true;
		rec_undo(r);
		tool_run_put_error(r, &e, NULL, NULL);
		rec_print(r, &tool_run.out);
		if (tool_run.out.len - start > REC_LINE_MAX) {
			AUTO(json_out_release) struct json_out o =
			    JSON_OUT_INIT;

			buf_truncate(&tool_run.out, start);
			error_json(&o, &e, tool_run.tool, NULL, NULL);
			buf_addf(&tool_run.out, "{\"error\":%s}", o.buf.data);
		}
	}
	buf_addc(&tool_run.out, '\n');
	return fits;
}

/* A record of our own that says why the input was no good. */
void
tool_run_input_error(const struct err *e, const char *where, uint64_t line)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	tool_run_say(where, e);
	tool_run.failed[e->kind] = true;
	if (tool_common.text) {
		tool_run_failed_text(where, e);
		return;
	}
	json_out_open(&o, '{');
	json_out_kstr(&o, "tool", tool_run.tool->name);
	json_out_kstr(&o, "kind", err_kind_name(e->kind));
	json_out_kstr(&o, "code", e->code);
	json_out_kstr(&o, "message", e->msg);
	if (line > 0)
		json_out_kint(&o, "line", (int64_t)line);
	if (e->detail[0] != '\0')
		json_out_kstr(&o, "detail", e->detail);
	json_out_close(&o, '}');
	buf_addf(&tool_run.out, "{\"error\":%s}\n", o.buf.data);
}

int
tool_run_fill(void)
{
	struct err *e = &tool_run.broken_error;

	if (rec_reader_fill(&tool_run.reader, e) == 0)
		return 0;
	tool_run.broken = true;
	return -1;
}

/* --arch before `-`: records that say nothing of one have this. */
static struct rec *
with_arch(struct rec *r)
{
	autobuf struct buf line = BUF_INIT;
	struct rec *whole;
	struct err e;
	size_t len;

	if (rec_failed(r) != ERR_NONE || rec_text(r, "arch", &len) != NULL)
		return r;
	rec_put_str(r, "arch", tool_run.stdin_arch);
	rec_print(r, &line);
	rec_undo(r);
	if ((whole = rec_parse(line.data, line.len, rec_where(r),
	    &e)) == NULL)
		return r;
	rec_free(r);
	return whole;
}

static enum tool_run_source
next_line(struct rec **r)
{
	struct err *e = &tool_run.broken_error;
	const char *line;
	size_t len;
	int rc;

	if ((rc = rec_reader_line(&tool_run.reader, &line, &len, e)) == 0)
		return tool_run.reader.eof ? TOOL_RUN_END : TOOL_RUN_WAIT;
	if (rc > 0) {
		autofree char *where = mem_fmt("%s:%llu",
		    tool_run.reader.name,
		    (unsigned long long)tool_run.reader.lineno);

		if ((*r = rec_parse(line, len, where, e)) != NULL) {
			if (tool_run.stdin_arch != NULL)
				*r = with_arch(*r);
			return TOOL_RUN_RECORD;
		}
	}
	tool_run.broken = true;
	return TOOL_RUN_BROKEN;
}

static enum tool_run_source
next_queued(struct rec **r)
{
	struct tool_run_queued *q = &tool_run.queued[tool_run.next_queued++];

	*r = rec_parse(q->json, strlen(q->json), q->where,
	    &tool_run.broken_error);
	free(q->json);
	free(q->where);
	if (*r != NULL)
		return TOOL_RUN_RECORD;
	tool_run.broken = true;
	return TOOL_RUN_BROKEN;
}

enum tool_run_source
tool_run_next(struct rec **r)
{
	enum tool_run_source s = TOOL_RUN_END;
	bool before = tool_run.next_queued < tool_run.stdin_at;

	if (tool_run.broken)
		return TOOL_RUN_BROKEN;
	if (before && tool_run.next_queued < tool_run.nqueued)
		s = next_queued(r);
	else if (tool_run.use_stdin)
		s = next_line(r);
	if (s == TOOL_RUN_END && tool_run.next_queued < tool_run.nqueued)
		s = next_queued(r);
	if (s == TOOL_RUN_RECORD)
		tool_run.records++;
	return s;
}

int
tool_run_empty(void)
{
	struct err e;

	if (tool_run.records > 0 || tool_common.allow_empty)
		return 0;
	err_set(&e, ERR_INPUT, "no_records", "no record came in: the tool "
	    "before failed or is missing (--allow-empty accepts this)");
	tool_run_input_error(&e, "", 0);
	return -1;
}

enum err_kind
tool_run_worst(void)
{
	/* 3 always means: try again */
	return tool_run.failed[ERR_INPUT] ? ERR_INPUT :
	    tool_run.failed[ERR_CHECK] ? ERR_CHECK :
	    tool_run.failed[ERR_SYS] ? ERR_SYS : ERR_NONE;
}
