#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

_Noreturn void
mem_die(void)
{
	static const char msg[] = "slipway: out of memory\n";

	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0) {
		/* nobody is left to tell */
	}
	_exit(3);
}

void *
mem_alloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		mem_die();
	return p;
}

void *
mem_zero(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		mem_die();
	return p;
}

void *
mem_realloc(void *old, size_t count, size_t size)
{
	void *p;

	if (size != 0 && count > SIZE_MAX / size)
		mem_die();
	p = realloc(old, count * size > 0 ? count * size : 1);
	if (p == NULL)
		mem_die();
	return p;
}

char *
mem_dup(const char *data, size_t len)
{
	char *p = mem_alloc(len + 1);

	if (len > 0)
		memcpy(p, data, len);
	p[len] = '\0';
	return p;
}

char *
mem_str(const char *str)
{
	return mem_dup(str, strlen(str));
}

char *
mem_fmt(const char *fmt, ...)
{
	char *p;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		mem_die();
	va_end(ap);
	return p;
}

void
mem_grow(void *items, size_t *cap, size_t used, size_t size)
{
	void **array = items;

	if (used < *cap)
		return;
	*cap = *cap > 0 ? *cap * 2 : 8;
	*array = mem_realloc(*array, *cap, size);
}

void
mem_autoclose_(const int *fd)
{
	int keep = errno;

	if (*fd >= 0)
		close(*fd);
	errno = keep;
}
