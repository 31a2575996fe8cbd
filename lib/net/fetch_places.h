/*
 * fetch_places.h - where a record's file may be had, and what it has to be.
 *
 * Whatever becomes of the record, the addresses in what goes out are without
 * secrets: `url` and `urls` are cut, and `url_redacted` is set.
 */
#ifndef FETCH_PLACES_H
#define FETCH_PLACES_H

#include "net/fetch.h"
#include "net/github.h"
#include "record/rec.h"

struct fetch_places;

struct fetch_places_opts {	/* all borrowed */
	const struct github *hub;
	/* Records without an address are for the asset PREFIX_VERSION_ARCH
	 * .tar.gz of this release; repo NULL: they are malformed. */
	const char *repo, *tag, *prefix, *version;
	/* Add what a location that is no URL ("docker:...") stands for. */
	int (*other)(struct fetch_places *p, const char *location,
	    struct err *e);
};

struct fetch_places {
	const struct fetch_places_opts *o;
	struct fetch_job job;
	struct github_asset asset[FETCH_SOURCES_MAX];
	int nassets;
	char *url;		/* owned: the first address, secrets and all */
};
void fetch_places_init(struct fetch_places *p,
    const struct fetch_places_opts *o);
void fetch_places_release(struct fetch_places *p);

/* ERR_INPUT: of url_parse, and "field_invalid" for too many. */
int fetch_places_add(struct fetch_places *p, const char *location,
    struct err *e);

/* url, urls, github, arch, sha256 and size of the record. */
int fetch_places_read(struct fetch_places *p, struct rec *r, struct err *e);

/* The file name <arch>-<sha256 of url>-<basename>: two addresses that end alike
 * are two files.  arch may be NULL.  The caller frees; NULL: no URL. */
char *fetch_places_name(const struct fetch_places *p, const char *arch,
    struct err *e);

#endif
