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
	struct tool_run_queued *queued;	/* tool_record */
	size_t nqueued, queued_cap, next_queued;
	bool use_stdin;
	struct rec_reader reader;
	bool broken;			/* a malformed line ended the input */
	struct err broken_error;
};
extern struct tool_run tool_run;

/* Write what is held back for stdout. */
void tool_run_flush(void);
/* Add lines for people; what came from outside loses its control bytes. */
void tool_run_text(const char *text);
void tool_run_failed_text(const char *where, const struct err *e);
/* Add the record, or, where it has grown over a line's limit, its error. */
void tool_run_record(struct rec *r);
/* Put e into r as `error`; ctx and job are for the tool's error_more. */
void tool_run_put_error(struct rec *r, const struct err *e, void *ctx,
    void *job);
/* Say and write that the input is no good. */
void tool_run_input_error(const struct err *e, const char *where,
    uint64_t line);

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
