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
#include "build/dest.h"
#include "build/engine.h"
#include "build/list.h"
#include "build/native.h"
#include "record/rec.h"

/* What the options say, for all records.  Strings are lent: argv. */
struct order_opts {
	const char *file, *context, *target;
	struct dest_opts dest;
	struct engine_opts engine;
	struct list args, labels, annotations, contexts, tags;
	enum family family;		/* of the media types */
	bool keep_modes;
	enum zout_method method;
	int level;
};

struct order {
	char *file, *context, *target;		/* owned, as all here */
	char *staged, *manifest_sha256;
	struct list args, contexts;
	struct list annotations;		/* K=V; the record's fingerprint
						   is one */
	struct desc_platform platform;
	char platform_name[104];
	struct list refs;		/* the names; in these, in contexts and
					   in dest placeholders are replaced */
	struct dest dest;
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
int order_set_format(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_compression(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_modes(struct order_opts *opts, const char *value,
    struct err *e);
int order_set_engine(struct order_opts *opts, const char *value,
    struct err *e);

/* After the options: there is a place, and they go together.  ERR_INPUT
 * "usage", "format_conflict". */
int order_check(const struct order_opts *opts, struct err *e);

/* Read r.  ERR_INPUT for what makes no sense, also with the options. */
int order_read(struct order *o, const struct order_opts *opts, struct rec *r,
    struct err *e);

#endif
