/*
 * dest.h - where a built image goes: a layout, an archive, an engine,
 * registries.
 *
 * An image is always built into an OCI layout: that of -o oci:DIR, else one
 * that lives as long as the build (scratch.h).  From there, when it is
 * complete, it goes on to the other places, and names move last.
 *
 *	dest_resolve	main thread: the record's places, checked and taken
 *	dest_open	a worker, before the build: a layout to build into
 *	dest_finish	a worker, after it: on to all places
 */
#ifndef DEST_H
#define DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "build/dest_push.h"
#include "build/list.h"
#include "oci/daemon.h"
#include "oci/desc.h"
#include "oci/scratch.h"
#include "record/rec.h"

enum dest_kind {
	DEST_NONE,		/* --load alone, or a dry run */
	DEST_LAYOUT,		/* oci:DIR[:TAG] */
	DEST_OCI_ARCHIVE,	/* oci-archive:FILE[:TAG] */
	DEST_DOCKER_ARCHIVE,	/* docker-archive:FILE[:REF] */
	DEST_DAEMON,		/* docker-daemon:REF */
	DEST_REGISTRY,		/* docker://REF */
};

/* What the options say, for all records.  Strings are lent: argv. */
struct dest_opts {
	enum dest_kind kind;
	const char *place;	/* behind the colon, or NULL */
	const char *digestfile;
	bool load;
	bool push;		/* to what -t names */
	bool by_digest;		/* the same without tags */
	struct places *places;	/* borrowed, as the next */
	struct netopts *net;
	bool dry_run;		/* there is no place at all */
};

/* -o PLACE; ERR_INPUT "usage". */
int dest_set_output(struct dest_opts *opts, const char *value, struct err *e);

/* The image goes somewhere; else ERR_INPUT "usage". */
int dest_check(const struct dest_opts *opts, struct err *e);

struct dest {
	enum dest_kind kind;
	char *path;		/* owned: DIR or FILE, absolute, or NULL */
	struct list tags;	/* names in the layout; an archive's own name */
	struct list refs;	/* references in an archive */
	struct list loads;	/* names in the engine, as docker shows them */
	char *digestfile;	/* owned, or NULL */
	struct dest_push push;

	const char *layout;	/* to build into; NULL: a dry run */
	struct scratch scratch;
	struct daemon *engine;	/* owned, or NULL */
};
#define DEST_INIT { .push = DEST_PUSH_INIT, .scratch = SCRATCH_INIT }
/* d is DEST_INIT, and stays where it is from dest_resolve on. */
void dest_release(struct dest *d);

/*
 * The places of one record.  refs are its names (-t), placeholders replaced;
 * names is a record that has what placeholders stand for.  ERR_INPUT
 * "tag_invalid", "tag_missing", "tag_unwanted", "reference_invalid",
 * "placeholder", "destination_conflict".
 */
int dest_resolve(struct dest *d, const struct dest_opts *opts,
    const struct list *refs, struct rec *names, struct err *e);

/* A Docker engine is the only place: what that engine has built may stay in it,
 * and needs no layout. */
bool dest_is_engine(const struct dest *d);

/* Fill in layout.  An engine or a registry that is wanted must answer, and a
 * file's folder be there: a build is too long to find that out afterwards. */
int dest_open(struct dest *d, struct err *e);

/* Who wants layers before all are there, or NULL. */
const struct native_sink *dest_sink(struct dest *d);

/* image is in the layout: its manifest, with a platform.  mtime is that of an
 * archive's files.  An engine that has it by all its names is sent nothing. */
int dest_finish(struct dest *d, const struct desc *image,
    const char *config_digest, int64_t mtime, struct err *e);

/* "oci:DIR:TAG", …: where it can be found, as records(5) has it.  The caller
 * frees; NULL after a dry run. */
char *dest_location(const struct dest *d);

#endif
