/*
 * engine_job.h - what a build by another engine has, whichever it is.
 *
 * docker and buildah spell most options alike.  Each is one argument, so that
 * a value may hold anything; a build argument that the environment has too is
 * named alone, so that its value is in no list of processes.
 */
#ifndef ENGINE_JOB_H
#define ENGINE_JOB_H

#include <stdbool.h>

#include "base/err.h"
#include "build/engine_run.h"
#include "build/list.h"
#include "build/native.h"
#include "oci/imgtar_in.h"
#include "oci/scratch.h"

enum engine_kind {
	ENGINE_AUTO, ENGINE_NATIVE, ENGINE_DOCKER, ENGINE_BUILDAH,
};

/* What the options say, for all records. */
struct engine_opts {
	enum engine_kind kind;
	const char *builder;	/* of buildx; lent: argv */
	struct list secrets, ssh, cache_to, cache_from;	/* owned */
	bool no_cache, pull;
};

struct engine_job {
	const struct native *n;		/* borrowed, as all these */
	const struct engine_opts *opts;
	const struct list *names;	/* docker: the image goes by these into
					   its engine and nowhere else; NULL:
					   it goes elsewhere */
	bool staged;			/* the Dockerfile has a place for the
					   staged bundle */
	bool clean;			/* the config is to be cleaned
					   (engine_config.h) */
	struct scratch scratch;		/* open */
};

/* Options that are the same for all. */
void engine_job_args(const struct engine_job *j, struct list *argv);

/* The id that an engine wrote into a file of the job's: "sha256:…". */
int engine_job_id(const struct engine_job *j, const char *name,
    char id[DIGEST_STR], struct err *e);

#define ENGINE_JOB_TAR "image.tar"

/* The job's own file of this name, empty; the descriptor belongs to the caller;
 * -1 with *e. */
int engine_job_archive(const struct engine_job *j, struct err *e);

/* engine_run_good with what it says shown, and no build argument's value in
 * *e. */
int engine_job_run(const struct engine_job *j, struct engine_run *r,
    struct err *e);

/*
 * The image in the archive fd into n's layout, blobs verified, with a manifest
 * in n's family and with n's annotations.  ERR_CHECK "platform_mismatch" and
 * what imgtar_in.h says.
 */
int engine_job_take(const struct engine_job *j, int fd,
    enum imgtar_in_kind kind, struct native_result *r, struct err *e);

#endif
