/*
 * tool_run.h - the state of a tool's run: records in, records out, and what
 * has failed so far.  Shared by tool.c and tool_filter.c alone.
 */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include "base/buf.h"
#include "base/err.h"
#include "record/rec.h"
#include "record/tool.h"

struct tool_run_queued {
	char *json, *where;
};

struct tool_run {
	const struct tool *tool;
	bool failed[ERR_SYS + 1];	/* kinds that were seen */
	uint64_t records;		/* that came in */
	struct buf out;			/* for stdout, not yet written */
	bool out_failed;
	bool one_screen;		/* stdout and stderr are terminals, and
					   stdout has text */
	struct tool_run_queued *queued;	/* tool_record */
	size_t nqueued, queued_cap, next_queued;
	bool use_stdin;
	size_t stdin_at;		/* index in queued that it comes before */
	const char *stdin_arch;		/* for records without one, or NULL */
	struct rec_reader reader;
	bool broken;			/* something ended the input too early */
	struct err broken_error;
};
extern struct tool_run tool_run;

/* Write what is held back for stdout. */
void tool_run_flush(void);
/* Say on stderr why something failed, unless the text on stdout, which is the
 * same terminal, does. */
void tool_run_say(const char *where, const struct err *e);
/* Add lines for people, all but the first indented; what came from outside
 * loses its control bytes. */
void tool_run_text(const char *text);
void tool_run_failed_text(const char *where, const struct err *e);
/* The same of a record that arrived failed. */
void tool_run_passed_text(struct rec *r);
/* ERR_INPUT "record_too_large" where it has grown over a line's limit. */
int tool_run_fits(struct rec *r, struct err *e);
/* Add the record, or, where it does not fit, its error: false. */
bool tool_run_record(struct rec *r);
/* Put e into r as `error`; ctx and job are for the tool's error_more. */
void tool_run_put_error(struct rec *r, const struct err *e, void *ctx,
    void *job);
/* Say and write that the input is no good; line 0 is none. */
void tool_run_input_error(const struct err *e, const char *where,
    uint64_t line);
/* Read more; a failure to is kept as what broke the input, -1. */
int tool_run_fill(void);

enum tool_run_source {
	TOOL_RUN_RECORD,	/* *r is the next one */
	TOOL_RUN_WAIT,		/* read more first */
	TOOL_RUN_END, TOOL_RUN_BROKEN,
};
/* The next record, without waiting for input. */
enum tool_run_source tool_run_next(struct rec **r);
/* -1, said and written, if no record came in and some had to. */
int tool_run_empty(void);
/* Of several failures the one that decides the exit status; ERR_NONE. */
enum err_kind tool_run_worst(void);

#endif
