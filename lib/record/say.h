/*
 * say.h - what people read on stderr: messages, annotations, progress.
 *
 * Every line goes out with one write(2), starts with the tool's name and has
 * nothing in it that a terminal or a CI runner would take for a command.
 */
#ifndef SAY_H
#define SAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum say_progress { SAY_AUTO, SAY_PLAIN, SAY_NONE };

/* name is borrowed for good. */
void say_start(const char *name);
void say_set_progress(enum say_progress mode);

/* "name: text" */
void say_line(const char *text);

/* "name: where: prefix message (detail)"; under GitHub Actions an annotation
 * as well.  where may be "". */
void say_error(const char *where, const struct err *e);

/* True where a person reads stderr on a terminal, and nothing else does. */
bool say_is_terminal(void);

/* True where progress is shown at all. */
bool say_wants_progress(void);

/* Show `text` (as "amd64 45%  arm64 30%") as the state of things: on a terminal
 * one line that is overwritten, else a line at most every 5 seconds.  NULL
 * removes it. */
void say_progress(const char *text);

#endif
