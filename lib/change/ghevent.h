/*
 * ghevent.h - which two commits an event of GitHub's is about (GitHub Docs,
 * "Webhook events and payloads").
 */
#ifndef GHEVENT_H
#define GHEVENT_H

#include <stdbool.h>

#include "base/err.h"

struct ghevent {
	bool everything;	/* there is nothing to compare with */
	char why[128];		/* then */
	char base[72], head[72];	/* commits, or "" */
	bool direct;		/* base itself, not the merge base */
	long depth;		/* commits to fetch, so that both are there and
				   what is between; 0: unknown */
};

/* The event that GITHUB_EVENT_NAME and GITHUB_EVENT_PATH tell of: ERR_INPUT
 * "github_event". */
int ghevent_read(struct ghevent *g, struct err *e);

/* A branch that was made or removed has zeros for a commit. */
bool ghevent_is_zero(const char *commit);

#endif
