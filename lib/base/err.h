/*
 * err.h - why a call failed.
 *
 * A struct err lives on the caller's stack and owns no memory: there is
 * nothing to free, and setting one cannot fail.  A function that can fail
 * takes `struct err *e` last, returns 0 (or a count, or a pointer) on success
 * and -1 (or NULL) on failure, and writes *e on failure only.
 */
#ifndef ERR_H
#define ERR_H

#include <stddef.h>

enum err_kind {		/* and the exit status that main() makes of it */
	ERR_NONE,
	ERR_CHECK,	/* a definite no: refused, not there, not allowed */
	ERR_INPUT,	/* a record, a file or an option is malformed */
	ERR_SYS,	/* the system or the network failed: try again */
};

#define ERR_MSG_MAX 4608	/* holds a message around a path of 4,096 bytes */
#define ERR_PATH_MAX 4224

struct err {
	enum err_kind kind;
	int sys;		/* errno, or 0 */
	const char *code;	/* static; stable name of the failure */
	const char *prefix;	/* static or NULL; before msg on stderr only */
	long line;		/* of the input file that msg names, or 0 */
	char msg[ERR_MSG_MAX];	/* one line; cut short if longer */
	char path[ERR_PATH_MAX];/* "" or what the failure is about */
	char expected[256];	/* "" or the value wanted */
	char actual[256];	/* "" or the value found */
	char detail[512];	/* "" or place and cause, for people */
};

/* Make *e empty without clearing its buffers. */
void err_init(struct err *e);

/*
 * Each of these is -1, so that callers can `return err_set(...)`.  They are
 * macros so that the compiler sees the -1 and can tell what is initialised.
 *
 * err_set   a code and a message of the caller's own; clears the other fields
 * err_sys   ERR_SYS from errno: ": " and its text are added to the message;
 *           the code is no_space, no_memory, too_many_files or system
 * err_wrap  put context in front of the message that *e has; the rest stays
 */
#define err_set(e, kind, code, ...) \
	(err_set_(e, kind, code, __VA_ARGS__), err_is_())
#define err_sys(e, ...)	 (err_sys_(e, __VA_ARGS__), err_is_())
#define err_wrap(e, ...) (err_wrap_(e, __VA_ARGS__), err_is_())

static inline int
err_is_(void)
{
	return -1;
}

/* Add to an error that is set.  Values are cut to their field. */
void err_set_path(struct err *e, const char *path);
void err_set_values(struct err *e, const char *expected, const char *actual);
__attribute__((format(printf, 2, 3)))
void err_set_detail(struct err *e, const char *fmt, ...);

/* "check", "input" or "system". */
const char *err_kind_name(enum err_kind kind);

__attribute__((format(printf, 4, 5)))
void err_set_(struct err *e, enum err_kind kind, const char *code,
    const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void err_sys_(struct err *e, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void err_wrap_(struct err *e, const char *fmt, ...);

#endif
