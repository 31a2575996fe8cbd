#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

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
	size_t len = text_prefix(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* Print at most size bytes, and cut no UTF-8 sequence in two. */
__attribute__((format(printf, 3, 0)))
static void
print(char *to, size_t size, const char *fmt, va_list ap)
{
	int len = vsnprintf(to, size, fmt, ap);

	if (len >= 0 && (size_t)len < size)
		return;
	to[size - 1] = '\0';
	size = strlen(to);
	/* back over the last sequence, if it is not whole */
	for (size_t n = 1; n <= 4 && n <= size; n++) {
		if (((unsigned char)to[size - n] & 0xc0) == 0x80)
			continue;
		if (!text_utf8_valid(to + size - n, n))
			to[size - n] = '\0';
		break;
	}
}

/* Put ": " and text behind the message. */
static void
append(struct err *e, const char *text)
{
	size_t len = strlen(e->msg);

	if (len + 2 >= sizeof(e->msg))
		return;
	memcpy(e->msg + len, ": ", 2);
	copy(e->msg + len + 2, sizeof(e->msg) - len - 2, text);
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
	print(e->detail, sizeof(e->detail), fmt, ap);
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
	print(e->msg, sizeof(e->msg), fmt, ap);
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
	va_list ap;

	err_init(e);
	e->kind = ERR_SYS;
	e->sys = sys;
	e->code = sys_code(sys);
	va_start(ap, fmt);
	print(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	append(e, strerror(sys));
}

void
err_wrap_(struct err *e, const char *fmt, ...)
{
	char rest[ERR_MSG_MAX];
	va_list ap;

	memcpy(rest, e->msg, strlen(e->msg) + 1);
	va_start(ap, fmt);
	print(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	append(e, rest);
}
