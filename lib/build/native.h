/*
 * native.h - the engine of our own: a Dockerfile without RUN to an image.
 *
 * Only the stages that the target needs are looked at; the instructions are
 * run on trees in memory first, and only when all of them are good is anything
 * written.  The same inputs give the same bytes.
 */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "build/list.h"
#include "codec/zout.h"
#include "oci/desc.h"
#include "oci/family.h"
#include "oci/image.h"
#include "oci/layout.h"
#include "oci/places.h"

struct base;

/* Who wants layers while the others are still being made.  Called by the
 * building thread, in their order; -1 ends the build. */
struct native_sink {
	/* it is complete in fd, which is lent for the call */
	int (*layer)(void *ctx, const struct desc *d, int fd, struct err *e);
	/* layer i of a base, which lives no longer than the build */
	int (*base)(void *ctx, struct base *b, size_t i, struct err *e);
	void *ctx;
	bool leave;			/* layers of bases need not be in the
					   layout */
};

struct native {
	/* all borrowed */
	const char *file;		/* absolute; NULL: Dockerfile in context */
	const char *context;		/* absolute */
	const char *dir;		/* that images' places count from */
	const char *target;		/* or NULL: the last stage */
	struct desc_platform platform;
	struct list args;		/* K=V */
	struct list labels, annotations;/* K=V */
	struct list contexts;		/* NAME=DIR or NAME=PLACE, plan.h */
	const char *staged;		/* absolute, or NULL */
	const char *manifest_sha256;	/* of its manifest.json */
	bool keep_modes;
	enum zout_method method;
	int level, threads;
	int64_t epoch;			/* unix seconds of all times */
	enum family family;		/* of the media types; Docker's has no
					   annotations */
	const char *layout;		/* directory; NULL: write nothing */
	bool scratch;			/* it lives no longer than the run */
	const char *output;		/* what no context holds, absolute, or
					   NULL: what is written in the end */
	struct places *places;		/* where registries are found */
	struct netopts *net;		/* NULL: --creds is not for them */
	const struct native_sink *sink;	/* or NULL */
	_Atomic uint64_t *done, *total;	/* bytes, for progress; or NULL */
};

struct native_result {
	struct desc manifest;
	char config_digest[DIGEST_STR];
	struct image_layer *layers;	/* owned */
	size_t nlayers;
	int64_t bytes;			/* of the files in new layers */
	struct list warnings;
};
#define NATIVE_RESULT_INIT { .layers = NULL }
void native_result_release(struct native_result *r);

/*
 * Build.  All blobs are in the layout afterwards, and no name: that is the
 * caller's to set.  Errors of the Dockerfile are ERR_INPUT with "NAME:LINE: "
 * and err.line.
 */
int native_build(const struct native *n, struct native_result *r,
    struct err *e);

#endif
