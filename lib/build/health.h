/*
 * health.h - HEALTHCHECK and STOPSIGNAL: how a container is watched and ended.
 */
#ifndef HEALTH_H
#define HEALTH_H

#include "base/err.h"
#include "build/dockerfile.h"

/*
 * The config's Healthcheck as JSON text (durations in nanoseconds, as Docker
 * has them), for the caller to free; NULL with ERR_INPUT.
 */
char *health_check(const struct dockerfile_cmd *c, struct err *e);

/* A signal's number or name, with or without SIG.  ERR_INPUT
 * "signal_invalid". */
int health_signal(const char *name, struct err *e);

#endif
