/*
 * fetch_from.h - a download from one place, tried until it is good.
 */
#ifndef FETCH_FROM_H
#define FETCH_FROM_H

#include "net/fetch_get.h"

/* 1: it is delivered.  -1. */
int fetch_from_source(struct fetch_get *g, struct fetch_source *s,
    struct err *e);

#endif
