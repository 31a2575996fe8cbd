/*
 * pusher.h - layers on their way to registries while the next are being made.
 *
 * What is on its way holds on to nothing of the build: files are duplicated,
 * repositories stay.  One thread starts and waits.
 */
#ifndef PUSHER_H
#define PUSHER_H

#include "base/err.h"
#include "build/native.h"
#include "oci/deliver.h"

struct pusher;

/* To the repositories of to, which is borrowed and has all its tags. */
struct pusher *pusher_new(const struct deliver *to);
void pusher_free(struct pusher *p);	/* waits */

/* What the build is given; lent.  leave: nobody needs the bases' layers. */
const struct native_sink *pusher_sink(struct pusher *p, bool leave);

/* Wait; then the repositories know what they have (place_know).  The first
 * failure, or 0. */
int pusher_wait(struct pusher *p, struct err *e);

#endif
