/*
 * config.h - an image's configuration: read, changed by instructions, written.
 *
 * Source: OCI image-spec, config.md, and Docker's additions (Healthcheck).
 * What a base image has beside what we know is kept as it stands, and its
 * history is never touched.  The text that is written depends on nothing but
 * what is in it: members in a fixed order, sets sorted.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>

#include "base/err.h"
#include "build/list.h"
#include "oci/desc.h"
#include "record/json_out.h"

/* What docker gives an image that is made from scratch. */
#define CONFIG_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:" \
	"/sbin:/bin"

struct config {
	char *user, *workdir, *stopsignal;	/* owned; NULL: not set */
	char *healthcheck;	/* JSON text, or NULL */
	struct list env, labels;		/* KEY=VALUE */
	struct list cmd, entrypoint;
	bool has_cmd, has_entrypoint;
	struct list shell;	/* of a base, for the shell form; kept in extra */
	struct list ports, volumes;		/* sets: "80/tcp", "/data" */
	/* of a base: labels with a '=' in their name; name and value in turn */
	struct list odd_labels;
	/* of a base: "name" and JSON text in turn */
	struct list extra;			/* of the document */
	struct list extra_config;		/* of its `config` */
	struct list history;			/* JSON text of each element */
};
#define CONFIG_INIT { .user = NULL }
void config_release(struct config *c);

void config_scratch(struct config *c);	/* an empty one becomes docker's */
void config_copy(struct config *to, const struct config *from);
/* ERR_CHECK "config_invalid", or "onbuild_unsupported" for a base that has
 * instructions for whoever builds on it. */
int config_read(struct config *c, const char *text, size_t len,
    struct err *e);

void config_set(char **member, const char *value);	/* "": unset */

/* One element of history, as docker writes it. */
void config_history(struct config *c, const char *created_by, bool empty,
    const char *created);

struct config_write {
	const char *created;			/* RFC 3339 */
	const struct desc_platform *platform;
	const char *const *diff_ids;
	size_t ndiff_ids;
};
void config_write(const struct config *c, const struct config_write *w,
    struct json_out *o);

#endif
