/*
 * opts.h - the command line of a tool: options, operands, help.
 */
#ifndef OPTS_H
#define OPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "record/say.h"
#include "record/tool.h"

struct opts_operand {
	const char *value;	/* lent: argv */
	const char *arch;	/* --arch in force, or NULL */
};

struct opts {
	struct opts_operand *operands;	/* owned */
	size_t noperands, cap;
	const char *arch;		/* the last --arch */
	bool arch_waits;		/* no operand after it */
	bool read_stdin;		/* `-` was given */
	size_t stdin_at;		/* operands before it */
	const char *stdin_arch;		/* --arch in force there, or NULL */
	bool json, text;
	enum say_progress progress;
	int done;			/* -1, or the exit status of -h, -V */
};
void opts_release(struct opts *o);

/* Parse argv in order; fills tool_common.  ERR_INPUT "usage". */
int opts_parse(struct opts *o, const struct tool *t, void *ctx, int argc,
    char *argv[], struct err *e);

/* "usage: NAME SYNOPSIS" without a newline, added to b. */
void opts_usage(const struct tool *t, struct buf *b);

#endif
