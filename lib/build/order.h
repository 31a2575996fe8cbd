/*
 * order.h - what a record and the options together ask to be built.
 *
 * What a record's `build{file,context,target,args,tags}` says stands before
 * the options, so that several components flow in one pipe.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>

#include "base/err.h"
#include "build/list.h"
#include "build/native.h"
#include "record/rec.h"

/* What the options say, for all records.  Strings are lent: argv. */
struct order_opts {
	const char *file, *context, *target;
	const char *output;		/* "oci:DIR[:TAG]", or NULL */
	struct list args, labels, annotations, contexts, tags;
	bool dry_run, keep_modes;
	enum zout_method method;
	int level;
};

struct order {
	char *file, *context, *target;		/* owned, as all here */
	char *staged, *manifest_sha256;
	struct list args, contexts;
	struct desc_platform platform;
	char platform_name[104];
	struct list refs;		/* the names; in these, in contexts and
					   in layout placeholders are replaced */
	char *layout;			/* directory, or NULL for a dry run */
	struct list layout_tags;	/* that the image gets in there */
};
void order_release(struct order *o);

/*
 * Options that need more than to be kept; ERR_INPUT "usage".
 * order_set_arg reads `K` alone from the environment.
 */
int order_set_arg(struct order_opts *opts, const char *value, struct err *e);
int order_set_label(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_annotation(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_context(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_output(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_compression(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_modes(struct order_opts *opts, const char *value,
    struct err *e);

/* Read r.  ERR_INPUT for what makes no sense, also with the options. */
int order_read(struct order *o, const struct order_opts *opts, struct rec *r,
    struct err *e);

#endif
