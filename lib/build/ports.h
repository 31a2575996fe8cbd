/*
 * ports.h - what EXPOSE takes: 80, 80/udp, 8000-8010/TCP.
 */
#ifndef PORTS_H
#define PORTS_H

#include "base/err.h"
#include "build/list.h"

/* Add "80/tcp" and the like, ranges one by one.  ERR_INPUT "port_invalid". */
int ports_add(const char *spec, struct list *out, struct err *e);

#endif
