/*
 * bar.h - how far a transfer is, for people.
 */
#ifndef BAR_H
#define BAR_H

#include <stdint.h>

#include "base/buf.h"

struct bar {			/* zeroed at the start */
	double since;		/* clock_monotonic of the first look */
	uint64_t had;		/* bytes that were there then */
};

/* Add "[####----] 45% 12.3 MB/s 17s": the rate since the first look and the
 * time that is left at that rate.  total 0 is unknown. */
void bar_print(struct bar *b, uint64_t done, uint64_t total, struct buf *out);

#endif
