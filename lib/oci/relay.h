/*
 * relay.h - a blob from one repository to another, without being stored.
 *
 * Within a registry it is mounted where the registry does that; else it is read
 * from the one by a thread of its own while it is sent to the other, some
 * kilobytes in between.
 */
#ifndef RELAY_H
#define RELAY_H

#include "base/err.h"
#include "oci/place.h"

/* An enum registry_how, or -1.  Both places are repositories. */
int relay_push(struct place *from, struct place *to, const struct desc *d,
    struct err *e);

#endif
