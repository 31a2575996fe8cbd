/*
 * dockerfile.h - a Dockerfile as a list of stages and their instructions.
 *
 * Source: the Dockerfile reference (docs.docker.com/reference/dockerfile);
 * where it is silent, what BuildKit does.  This is the text's shape alone:
 * nothing is substituted here, and what an instruction means is for its
 * reader, so that a stage that nobody needs may hold what we can not do.
 *
 * Every fault is ERR_INPUT with the message "NAME:LINE: ..." and err.line.
 */
#ifndef DOCKERFILE_H
#define DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "build/list.h"

#define DOCKERFILE_MAX (4 << 20)	/* bytes */

enum dockerfile_op {
	DOCKERFILE_OTHER,	/* known to Docker, not to us: RUN, ADD, ... */
	DOCKERFILE_ARG, DOCKERFILE_CMD, DOCKERFILE_COPY, DOCKERFILE_ENTRYPOINT,
	DOCKERFILE_ENV, DOCKERFILE_EXPOSE, DOCKERFILE_FROM,
	DOCKERFILE_HEALTHCHECK, DOCKERFILE_LABEL, DOCKERFILE_STOPSIGNAL,
	DOCKERFILE_USER, DOCKERFILE_VOLUME, DOCKERFILE_WORKDIR,
};

struct dockerfile_cmd {
	enum dockerfile_op op;
	int line;		/* where it starts, from 1 */
	char *name;		/* "COPY" */
	struct list flags;	/* "--from=x", quotes removed */
	char *text;		/* behind name and flags, blanks trimmed */
	bool heredoc;		/* a here-document belongs to it */
};

struct dockerfile_stage {
	struct dockerfile_cmd from;
	char *name;		/* of AS, lower case, or NULL */
	char *base;		/* what stands behind FROM */
	const char *platform;	/* of --platform, lent by from, or NULL */
	struct dockerfile_cmd *cmds;
	size_t ncmds, cap;
};

struct dockerfile {
	char *name;		/* for messages: the file's base name */
	char escape;		/* '\\' or '`' */
	struct dockerfile_cmd *globals;	/* the ARGs before the first FROM */
	size_t nglobals, globals_cap;
	struct dockerfile_stage *stages;
	size_t nstages, stages_cap;
};
#define DOCKERFILE_INIT { .name = NULL, .escape = '\\' }

int dockerfile_parse(struct dockerfile *d, const char *name, const char *text,
    size_t len, struct err *e);
void dockerfile_release(struct dockerfile *d);

/* Make *e, an ERR_INPUT without a place, name line. */
int dockerfile_at(const struct dockerfile *d, int line, struct err *e);
#define dockerfile_fault(d, line, e, code, ...) \
	(err_set(e, ERR_INPUT, code, __VA_ARGS__), dockerfile_at(d, line, e))

#endif
