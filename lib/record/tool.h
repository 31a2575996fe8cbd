/*
 * tool.h - what every executable of the toolkit does the same way: options,
 * records in and out (records(5)), exit status, messages, progress.
 *
 * A tool describes itself in a struct tool and calls tool_start, then
 * tool_filter (one in, one out) or tool_collect (many in), then returns what
 * that returned.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/json.h"
#include "record/rec.h"

/*
 * One option.  The long name is unique in the toolkit and means the same in
 * every tool that has it; `make lint` compares the help lines.
 */
struct tool_opt {
	const char *name;	/* "build-arg"; NULL ends a table */
	char letter;		/* 'f', or 0 */
	const char *arg;	/* "K=V" shown in help; NULL for a flag */
	const char *help;	/* one line */
	/* Called as options are met, in order with the operands.  Exactly one
	 * of the targets is used. */
	int (*set)(void *ctx, const char *value, struct err *e);
	const char **str;	/* last value wins; lent (argv) */
	bool *flag;
};

struct tool_opt_group {
	const char *title;	/* "Image" */
	const struct tool_opt *opts;
};

/*
 * What a job of any tool starts with.  Filled by the tool, read by the
 * harness, for trace and progress.
 */
struct tool_job {
	char subject[128];	/* arch or component, for trace and progress */
	uint64_t bytes;		/* what the work handled, for trace */
	int cached;		/* -1 says nothing, else "cached" in trace */
	_Atomic uint64_t done, total;	/* bytes, for progress; total 0: unknown */
};

struct tool {
	const char *name;		/* "rb-verify" */
	const char *synopsis;		/* "[options] [TARBALL ...]" */
	const char *purpose;		/* one line, for --help */
	const struct tool_opt_group *groups;	/* ends with title NULL */
	const char *examples;		/* last lines of --help */

	/* Operands.  A tool whose operands stand for records names the key
	 * ("tarball"); operand_arch: --arch is taken and holds for the operands
	 * after it; if that is `-`, or there is none, for the records from
	 * stdin that have no arch. */
	const char *operand_key;
	bool operand_arch;
	/* An operand is no path, so it is not made absolute: how it may stand
	 * in messages; the caller frees. */
	char *(*operand_name)(const char *value);
	/* Takes what --arch says in place of tool_arch_check. */
	int (*arch)(void *ctx, const char *value, struct err *e);
	/* else: called for each operand, or NULL where there are none */
	int (*operand)(void *ctx, const char *value, struct err *e);
	/* After the options: 0; 1 to end with status 0 (it has printed what was
	 * asked for); -1 (code "usage": the usage is shown as well).  May call
	 * tool_record to define records, after which stdin is not read. */
	int (*ready)(void *ctx, struct err *e);

	/* The work on one record, for tool_filter. */
	size_t job_size;		/* of the struct that starts with a
					   struct tool_job; zeroed */
	/* main thread: take what the work needs out of the record */
	int (*read)(void *ctx, struct rec *r, void *job, struct err *e);
	/* a worker: do it */
	int (*work)(void *ctx, void *job, struct err *e);
	/* main thread, after good work: put results */
	int (*write)(void *ctx, struct rec *r, void *job, struct err *e);
	/* main thread, after a failure: further members of `error` */
	void (*error_more)(void *ctx, void *job, struct json_out *o);
	/* main thread: the same result for a person, one or a few lines, all
	 * but the first indented; control bytes are taken out afterwards */
	void (*text)(void *ctx, struct rec *r, void *job, struct buf *out);
	/* main thread: a record that arrived failed passes by */
	void (*passed)(void *ctx, struct rec *r);
	void (*job_free)(void *job);	/* releases what job owns, not job */

	/* --github-output: main thread; name=value pairs by tool_output */
	void (*outputs)(void *ctx, struct rec *r, void *job);

	/* main thread, while the work goes on: its state in some 35 columns,
	 * or nothing; NULL: how much is done */
	void (*progress)(void *ctx, void *job, struct buf *out);
};

/* Options that every tool takes, set by tool_start. */
struct tool_common {
	int jobs;		/* -j */
	bool gate, quiet, verbose, allow_empty;
	bool text;		/* records as text for people */
	bool read_stdin;	/* the operand `-` was given */
	const char *github_output;	/* prefix, or NULL */
};
extern struct tool_common tool_common;

/*
 * Parse the command line.  Returns -1 to go on, or the exit status (after
 * --help, --version or a usage error).  Also: SIGPIPE, locale, umask kept.
 */
int tool_start(const struct tool *t, void *ctx, int argc, char *argv[]);

/* Add a record as if it had been read (JSON text of an object); where is for
 * messages.  stdin is then not read unless `-` was given. */
void tool_record(const char *json, const char *where);

/* Run the filter and return the exit status. */
int tool_filter(const struct tool *t, void *ctx);

/*
 * Read all records (for many-in tools): fn gets each, in order, owning it from
 * then on; failed ones too.  Returns 0; ERR_INPUT where a malformed line ended
 * the input, ERR_SYS where reading failed (its error record is written by
 * tool_finish, after the tool's own); -1 where there was no record at all
 * (tool_finish says so).
 */
int tool_collect(const struct tool *t, void *ctx,
    int (*fn)(void *ctx, struct rec *r));
/* Write a finished record; e (or NULL) makes it a failed one: message to
 * stderr, `error` into the record. */
void tool_emit(struct rec *r, const struct err *e, const char *text);
/* Flush, and the exit status of all that was emitted. */
int tool_finish(void);

/*
 * Refuse a destination that an earlier record of this run took: ERR_INPUT
 * "destination_conflict".  Main thread.
 */
int tool_claim(const char *destination, struct err *e);

/* A trace element for r; start from tool_trace_start. */
struct tool_clock {
	char start[32];
	double mono;
};
void tool_clock_start(struct tool_clock *c);
void tool_trace(struct rec *r, const struct tool_clock *c,
    const struct tool_job *job);

/* path, absolute (-C has set the working directory).  The caller frees. */
char *tool_path(const char *path);

/* One line on stderr, "tool: ...", escaped; -v and warnings.  Any thread. */
__attribute__((format(printf, 1, 2)))
void tool_note(const char *fmt, ...);	/* with -v */
__attribute__((format(printf, 1, 2)))
void tool_warn(const char *fmt, ...);	/* unless -q */
/* name=value for $GITHUB_OUTPUT (the prefix is added), from `outputs`. */
void tool_output(const char *name, const char *value);

/* "amd64" or "arm64", as the toolkit spells them; ERR_INPUT "arch_unknown". */
int tool_arch_check(const char *arch, struct err *e);

/* Replace {arch}, {platform}, {component}, {version} in a template by the
 * record's members; ERR_INPUT "placeholder" for an unknown or missing one.
 * {platform} has its slashes as hyphens.  Adds to out. */
int tool_expand(const char *template, struct rec *r, struct buf *out,
    struct err *e);

extern const char tool_version[];	/* "0.1.0" */

#endif
