#include "net/fetch_kind.h"

#include <string.h>
#include <strings.h>

struct fetch_kind {
	const char *suffix, *name;
	size_t at;
	const char *magic;
	size_t len;
};

static const struct fetch_kind kinds[] = {
	{ ".gz", "gzip", 0, "\x1f\x8b", 2 },
	{ ".tgz", "gzip", 0, "\x1f\x8b", 2 },
	{ ".zst", "zstd", 0, "\x28\xb5\x2f\xfd", 4 },
	{ ".tzst", "zstd", 0, "\x28\xb5\x2f\xfd", 4 },
	{ ".xz", "xz", 0, "\xfd" "7zXZ", 5 },
	{ ".txz", "xz", 0, "\xfd" "7zXZ", 5 },
	{ ".bz2", "bzip2", 0, "BZh", 3 },
	{ ".tbz2", "bzip2", 0, "BZh", 3 },
	{ ".tar", "tar", 257, "ustar", 5 },
	{ ".zip", "zip", 0, "PK", 2 },
};

const struct fetch_kind *
fetch_kind_of(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].suffix);

		if (len > n && strcasecmp(name + len - n,
		    kinds[i].suffix) == 0)
			return &kinds[i];
	}
	return NULL;
}

const char *
fetch_kind_name(const struct fetch_kind *k)
{
	return k->name;
}

bool
fetch_kind_begins(const struct fetch_kind *k, const void *data, size_t len)
{
	return len >= k->at + k->len &&
	    memcmp((const char *)data + k->at, k->magic, k->len) == 0;
}

void
fetch_kind_show(const void *data, size_t len, char out[64])
{
	const unsigned char *p = data;
	size_t n = 0;

	for (size_t i = 0; i < len && n < 40; i++)
		out[n++] = p[i] >= ' ' && p[i] < 0x7f ? (char)p[i] : '.';
	out[n] = '\0';
}
