/*
 * registry_upload.h - an upload in pieces of what can be read again.
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include "oci/registry.h"

/* As registry_upload_new, but nothing of it is kept: where the registry can't
 * go on, write and finish fail with ERR_SYS "upload_lost", and it is the
 * caller who begins anew. */
struct registry_upload *registry_upload_again(struct registry_session *s,
    const char *repo);

#endif
