/*
 * clock.h - times as RFC 3339 writes them, and the reproducible one.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Seconds since some start; never goes back. */
double clock_monotonic(void);

/* Now, as 2026-01-02T03:04:05.678Z. */
void clock_now(char out[32]);

/* unix seconds as 2026-01-02T03:04:05Z, years 0 to 9999. */
void clock_format(int64_t seconds, char out[32]);

/* RFC 3339, section 5.6: `t` and `z` may be lower case, a leap second is a
 * time, a space for the T is not. */
bool clock_valid(const char *str, size_t len);

/*
 * SOURCE_DATE_EPOCH, 0 where it is unset.  ERR_INPUT "source_date_epoch" for
 * anything but a whole number up to the end of the year 9999.
 */
int clock_epoch(int64_t *seconds, struct err *e);

#endif
