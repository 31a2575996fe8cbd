/*
 * owner.h - USER[:GROUP] of --chown and USER, as numbers.
 *
 * Names are looked up in the image's own /etc/passwd and /etc/group, "root" is
 * 0 without them.  A user's number without a group is the group's number too;
 * a user's name without a group brings the group of its line (BuildKit).
 */
#ifndef OWNER_H
#define OWNER_H

#include <stdint.h>

#include "base/err.h"
#include "build/tree.h"

/* ERR_INPUT "owner_unknown". */
int owner_find(struct tree *t, const char *spec, uint32_t *uid, uint32_t *gid,
    struct err *e);

#endif
