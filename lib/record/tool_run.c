#include "record/tool_run.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/say.h"

struct tool_run tool_run = {
	.out = BUF_INIT, .reader = REC_READER_INIT(STDIN_FILENO, "<stdin>"),
};

void
tool_run_flush(void)
{
	struct err e;

	if (tool_run.out.len == 0 || tool_run.out_failed)
		return;
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

/* Text for people: what came from outside loses its control bytes. */
void
tool_run_text(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		text_escape(&tool_run.out, text, n);
		buf_addc(&tool_run.out, '\n');
		text += n + (text[n] == '\n');
	}
}

void
tool_run_failed_text(const char *where, const struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "FAILED  %s: %s%s\n", where,
	    e->prefix != NULL ? e->prefix : "", e->msg);
	if (e->expected[0] != '\0' || e->actual[0] != '\0')
		buf_addf(&b, "        wanted  %s\n        found   %s\n",
		    e->expected, e->actual);
	if (e->detail[0] != '\0')
		buf_addf(&b, "        cause   %s\n", e->detail);
	tool_run_text(b.data);
}

/* A line over the limit would stop the next filter: only its error goes on. */
void
tool_run_record(struct rec *r)
{
	size_t start = tool_run.out.len;
	struct err e;

	rec_print(r, &tool_run.out);
	if (tool_run.out.len - start > REC_LINE_MAX) {
		buf_truncate(&tool_run.out, start);
		err_set(&e, ERR_INPUT, "record_too_large",
		    "the finished record is longer than 1 MiB");
		say_error(rec_where(r), &e);
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
}

/* A record of our own that says why the input was no good. */
void
tool_run_input_error(const struct err *e, const char *where, uint64_t line)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	say_error(where, e);
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

enum tool_run_source
tool_run_next(struct rec **r)
{
	struct err *e = &tool_run.broken_error;
	const char *line;
	size_t len;
	int rc;

	if (tool_run.next_queued < tool_run.nqueued) {
		size_t i = tool_run.next_queued++;

		tool_run.records++;
		*r = rec_parse(tool_run.queued[i].json, strlen(tool_run.queued[i].json),
		    tool_run.queued[i].where, e);
		free(tool_run.queued[i].json);
		free(tool_run.queued[i].where);
		if (*r == NULL)
			tool_run.broken = true;
		return *r != NULL ? TOOL_RUN_RECORD : TOOL_RUN_BROKEN;
	}
	if (!tool_run.use_stdin)
		return TOOL_RUN_END;
	if ((rc = rec_reader_line(&tool_run.reader, &line, &len, e)) < 0) {
		tool_run.broken = true;
		return TOOL_RUN_BROKEN;
	}
	if (rc == 0)
		return tool_run.reader.eof ? TOOL_RUN_END : TOOL_RUN_WAIT;
	autofree char *where = mem_fmt("%s:%llu", tool_run.reader.name,
	    (unsigned long long)tool_run.reader.lineno);
	if ((*r = rec_parse(line, len, where, e)) == NULL) {
		tool_run.broken = true;
		return TOOL_RUN_BROKEN;
	}
	tool_run.records++;
	return TOOL_RUN_RECORD;
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
