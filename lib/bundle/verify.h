/*
 * verify.h - is this tarball the bundle that it says it is?
 */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "bundle/archive.h"
#include "bundle/contract.h"
#include "bundle/finding.h"

#define VERIFY_MAX_BYTES (INT64_C(8) << 30)	/* of payload, by default */

/* Results of an earlier tool that must hold; NULL or -1: not given. */
struct verify_expect {
	const char *sha256;	/* 64 lower-case hex digits */
	int64_t size;
	const char *dir, *name, *version, *architecture, *created_at;
	const char *manifest_sha256, *contract_sha256;
	int64_t files, bytes;
};
#define VERIFY_EXPECT_INIT { .size = -1, .files = -1, .bytes = -1 }

struct verify_opts {
	const struct contract *contract;
	const char *arch;	/* NULL: the manifest's own */
	int64_t max_bytes;
	bool all_errors;
	struct verify_expect expect;
	const struct archive_sink *sink;	/* or NULL */
	void *sink_ctx;
	_Atomic uint64_t *progress;	/* payload bytes done, or NULL */
	FILE *list;		/* every entry as a JSON line, or NULL */
	const char *tarball;	/* for messages and the list */
};

struct verify_result {
	struct finding_list findings;	/* count 0: it is good */
	char *arch;			/* asked for, else the manifest's */
	char sha256[DIGEST_HEX];	/* of the tarball */
	int64_t size;
	char *dir;			/* the bundle's directory */
	char manifest_sha256[DIGEST_HEX];
	int64_t files, bytes;		/* listed paths, bytes of the files */
	char *bundle;			/* the record's `bundle`, JSON text */
};
void verify_result_release(struct verify_result *r);

/*
 * Open the tarball at path and judge it.  0 with *r filled where it is good;
 * -1 with the first refusal in *e (all in r->findings with all_errors; r->arch
 * is set where it is known), or ERR_SYS.  r is released by the caller either
 * way.
 */
int verify_file(const char *path, const struct verify_opts *opts,
    struct verify_result *r, struct err *e);
int verify_fd(int fd, const struct verify_opts *opts, struct verify_result *r,
    struct err *e);
/* ERR_CHECK "tarball_not_found", also for what is no regular file; ERR_SYS. */
int verify_open(const char *path, struct err *e);

#endif
