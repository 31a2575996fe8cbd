#include "build/path.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

/* Shorten path in place of its own copy; root: ".." stops at its start. */
static char *
shorten(const char *path, bool root)
{
	char *out = mem_alloc(strlen(path) + 2), *end = out;
	size_t floor = 0;	/* bytes of leading ".." that stay */

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && *path == '.')) {
			/* nothing */
		} else if (n == 2 && path[0] == '.' && path[1] == '.' &&
		    (root || (size_t)(end - out) > floor)) {
			while (end > out + floor && *--end != '/')
				;
		} else {
			if (end > out)
				*end++ = '/';
			memcpy(end, path, n);
			end += n;
			if (n == 2 && path[0] == '.' && path[1] == '.')
				floor = (size_t)(end - out);
		}
		path += n;
		if (*path == '/')
			path++;
	}
	*end = '\0';
	return out;
}

char *
path_clean(const char *path)
{
	return shorten(path, true);
}

char *
path_from(const char *dir, const char *path)
{
	autofree char *joined = NULL;

	if (*path == '/')
		return path_clean(path);
	joined = mem_fmt("%s/%s", dir, path);
	return path_clean(joined);
}

char *
path_shorten(const char *path)
{
	autofree char *rest = shorten(path, *path == '/');

	if (*path == '/')
		return mem_fmt("/%s", rest);
	return mem_str(*rest != '\0' ? rest : ".");
}
