/*
 * assemble.h - the command line of manifest-assemble, and what goes together
 * in it.
 *
 * The functions are those that struct tool and struct tool_opt ask for; their
 * first argument is a struct assemble.  All failures are ERR_INPUT "usage".
 */
#ifndef ASSEMBLE_H
#define ASSEMBLE_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/group.h"
#include "oci/netopts.h"
#include "oci/publish.h"

struct assemble_look {			/* --inspect or --check */
	const char *ref;		/* lent: argv */
	bool check;
};

struct assemble {			/* strings lent: argv */
	struct group_names refs;	/* -t */
	struct group_names operands;
	const char **annotations;	/* owned */
	size_t nannotations, annotations_cap;
	struct desc_platform *require;	/* owned */
	size_t nrequire, require_cap;
	struct assemble_look *looks;	/* owned */
	size_t nlooks, looks_cap;
	const char *out;		/* -o, or NULL */
	const char *digestfile;
	bool no_clobber, no_attestations;
	struct publish_opts publish;	/* whole after assemble_ready */
	struct netopts net;
};
void assemble_release(struct assemble *a);	/* all of it is zero before */

int assemble_set_ref(void *opts, const char *value, struct err *e);
int assemble_set_out(void *opts, const char *value, struct err *e);
int assemble_set_require(void *opts, const char *value, struct err *e);
int assemble_set_annotation(void *opts, const char *value, struct err *e);
int assemble_set_format(void *opts, const char *value, struct err *e);
int assemble_set_tls_verify(void *opts, const char *value, struct err *e);
int assemble_set_if_tag_is(void *opts, const char *value, struct err *e);
int assemble_set_check(void *opts, const char *value, struct err *e);
int assemble_set_inspect(void *opts, const char *value, struct err *e);
int assemble_operand(void *opts, const char *value, struct err *e);

/* After the options: refuse what does not go together, and define a record for
 * each operand, or for each look. */
int assemble_ready(void *opts, struct err *e);

#endif
