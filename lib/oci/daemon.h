/*
 * daemon.h - a Docker engine, by its HTTP interface: images in and out.
 *
 * No docker client is needed; podman's service speaks the same.  Where the
 * engine is, daemon_host.h says.
 *
 * Source: Docker Engine API v1.41, /_ping, /images/load, /images/{name}/get
 * and /images/{name}/json.
 *
 * Failures: ERR_SYS "engine_unreachable" where none answers, ERR_CHECK
 * "engine_forbidden" where its socket may not be used, ERR_CHECK
 * "engine_refused" with the engine's own words, and those of http.h.  err.path
 * is the engine's address.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "base/err.h"
#include "oci/imgtar.h"

struct daemon;

/* Find the engine and see it answer.  NULL with *e.  One thread uses it. */
struct daemon *daemon_open(struct err *e);
void daemon_free(struct daemon *d);

/* Send t, from its start.  What the engine says goes to tool_note. */
int daemon_load(struct daemon *d, struct imgtar *t, struct err *e);

/*
 * The engine's image of that name is ours: its id is the config's digest, or,
 * where containerd stores images, the manifest's.  ERR_CHECK
 * "engine_image_mismatch".
 */
int daemon_verify(struct daemon *d, const char *ref,
    const char *config_digest, const char *manifest_digest, struct err *e);

/* Write the image that ref (a reference, or sha256:… of the engine's) names to
 * fd, as `docker save` does.  ERR_CHECK "not_found". */
int daemon_save(struct daemon *d, const char *ref, int fd, struct err *e);

#endif
