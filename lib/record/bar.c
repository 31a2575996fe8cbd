#include "record/bar.h"

#include "base/clock.h"
#include "base/text.h"

#define COLUMNS 8

void
bar_print(struct bar *b, uint64_t done, uint64_t total, struct buf *out)
{
	double now = clock_monotonic(), rate;
	char size[32];

	if (b->since <= 0)
		*b = (struct bar){ now, done };
	if (total < done || total == 0) {
		buf_adds(out, text_size(done, size));
	} else {
		int full = (int)(done * COLUMNS / total);

		buf_addf(out, "[%.*s%.*s] %d%%", full, "########",
		    COLUMNS - full, "--------", (int)(done * 100 / total));
	}
	if (done <= b->had || now <= b->since)
		return;
	rate = (double)(done - b->had) / (now - b->since);
	buf_addf(out, " %s/s", text_size((uint64_t)rate, size));
	if (total >= done)
		buf_addf(out, " %.0fs", (double)(total - done) / rate);
}
