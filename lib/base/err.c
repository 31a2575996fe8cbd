#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_init(struct err *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->code = "";
	e->prefix = NULL;
	e->line = 0;
	e->msg[0] = e->path[0] = '\0';
	e->expected[0] = e->actual[0] = e->detail[0] = '\0';
}

static void
copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size) {
		len = size - 1;
		/* never cut a UTF-8 sequence in two */
		while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(to, from, len);
	to[len] = '\0';
}

void
err_set_path(struct err *e, const char *path)
{
	copy(e->path, sizeof(e->path), path);
}

void
err_set_values(struct err *e, const char *expected, const char *actual)
{
	copy(e->expected, sizeof(e->expected), expected);
	copy(e->actual, sizeof(e->actual), actual);
}

void
err_set_detail(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
}

const char *
err_kind_name(enum err_kind kind)
{
	return kind == ERR_INPUT ? "input" :
	    kind == ERR_SYS ? "system" : "check";
}

void
err_set_(struct err *e, enum err_kind kind, const char *code, const char *fmt,
    ...)
{
	va_list ap;

	err_init(e);
	e->kind = kind;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
}

static const char *
sys_code(int sys)
{
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
		return "no_space";
	case ENOMEM:
		return "no_memory";
	case EMFILE:
	case ENFILE:
		return "too_many_files";
	default:
		return "system";
	}
}

void
err_sys_(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	size_t len;
	va_list ap;

	err_init(e);
	e->kind = ERR_SYS;
	e->sys = sys;
	e->code = sys_code(sys);
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(sys));
}

void
err_wrap_(struct err *e, const char *fmt, ...)
{
	char rest[ERR_MSG_MAX];
	size_t len;
	va_list ap;

	memcpy(rest, e->msg, strlen(e->msg) + 1);
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", rest);
}
