#include "record/say.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#define PLAIN_SECONDS 5.0

static struct {
	const char *name;
	pthread_mutex_t lock;
	_Atomic enum say_progress mode;	/* a failed write ends it */
	bool terminal, shown, actions;
	double last;		/* when a plain line was written */
} say = { .name = "slipway", .lock = PTHREAD_MUTEX_INITIALIZER };

void
say_start(const char *name)
{
	const char *actions = getenv("GITHUB_ACTIONS");

	say.name = name;
	say.terminal = isatty(STDERR_FILENO) == 1;
	say.actions = actions != NULL && strcmp(actions, "true") == 0;
}

void
say_set_progress(enum say_progress mode)
{
	say.mode = mode;
}

bool
say_is_terminal(void)
{
	return say.terminal && !say.actions;
}

/* Nobody is left to tell where stderr fails. */
static void
put(const struct buf *b)
{
	pthread_mutex_lock(&say.lock);
	if (say.shown && file_write(STDERR_FILENO, "\r\033[K", 4) == 0)
		say.shown = false;
	if (file_write(STDERR_FILENO, b->data, b->len) < 0)
		say.mode = SAY_NONE;
	pthread_mutex_unlock(&say.lock);
}

void
say_line(const char *text)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "%s: ", say.name);
	text_escape(&b, text, strlen(text));
	buf_addc(&b, '\n');
	put(&b);
}

/* A workflow command: https://docs.github.com/actions, "Workflow commands";
 * the data ends at a newline, and % starts an escape. */
static void
annotate(const char *text)
{
	autobuf struct buf b = BUF_INIT;

	buf_addf(&b, "::error title=%s::", say.name);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '%')
			buf_adds(&b, "%25");
		else if (*p == '\r')
			buf_adds(&b, "%0D");
		else if (*p == '\n')
			buf_adds(&b, "%0A");
		else
			buf_addc(&b, *p);
	}
	/* what is left of control bytes */
	autobuf struct buf line = BUF_INIT;

	text_escape(&line, b.data, b.len);
	buf_addc(&line, '\n');
	put(&line);
}

void
say_error(const char *where, const struct err *e)
{
	autobuf struct buf b = BUF_INIT;

	if (*where != '\0')
		buf_addf(&b, "%s: ", where);
	buf_addf(&b, "%s%s", e->prefix != NULL ? e->prefix : "", e->msg);
	if (e->detail[0] != '\0' && strstr(e->msg, e->detail) == NULL)
		buf_addf(&b, " (%s)", e->detail);
	say_line(b.data);
	if (say.actions)
		annotate(b.data);
}

bool
say_wants_progress(void)
{
	return say.mode == SAY_PLAIN || (say.mode == SAY_AUTO && say.terminal);
}

void
say_progress(const char *text)
{
	autobuf struct buf b = BUF_INIT;

	if (!say_wants_progress())
		return;
	pthread_mutex_lock(&say.lock);
	if (say.terminal && say.mode == SAY_AUTO) {
		if (text == NULL && !say.shown)
			goto out;
		buf_adds(&b, "\r\033[K");
		if (text != NULL) {
			buf_addf(&b, "%s: ", say.name);
			text_escape(&b, text, strlen(text));
		}
		say.shown = text != NULL;
	} else if (text != NULL &&
	    clock_monotonic() - say.last >= PLAIN_SECONDS) {
		say.last = clock_monotonic();
		buf_addf(&b, "%s: ", say.name);
		text_escape(&b, text, strlen(text));
		buf_addc(&b, '\n');
	}
	if (b.len > 0 && file_write(STDERR_FILENO, b.data, b.len) < 0)
		say.mode = SAY_NONE;
out:
	pthread_mutex_unlock(&say.lock);
}
