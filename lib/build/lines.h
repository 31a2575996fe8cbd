/*
 * lines.h - the logical lines of a Dockerfile: directives, comments,
 * continuations and here-documents.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct lines {
	const char *p, *end;	/* borrowed text, what is left of it */
	char escape;		/* that continues a line */
	int next;		/* number of the physical line at p */
	int line;		/* where the logical line starts, or the fault */
	struct buf text;	/* the logical line, blanks before it removed */
	bool heredoc;		/* a here-document followed it and was skipped */
};
#define LINES_INIT(t, n) { (t), (t) + (n), '\\', 1, 1, BUF_INIT, false }
void lines_release(struct lines *l);

/* Read the parser directives at the top (a byte order mark before them is
 * skipped); only `escape` means something here. */
int lines_directives(struct lines *l, struct err *e);

/* The next logical line: 1, 0 at the end, -1 with ERR_INPUT. */
int lines_next(struct lines *l, struct err *e);

bool lines_blank(char c);
const char *lines_skip(const char *p);	/* past blanks */

#endif
