#include "change/ghevent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "record/json.h"
#include "record/rec.h"

#define EVENT_MAX (64 << 20)

bool
ghevent_is_zero(const char *commit)
{
	size_t len = strlen(commit);

	return (len == 40 || len == 64) && strspn(commit, "0") == len;
}

/* Hex digits, so that no revision syntax comes in. */
static int
take(struct rec *r, const char *key, char out[72], struct err *e)
{
	const char *value;

	if (rec_need_str(r, key, &value, e) < 0)
		return err_wrap(e, "the event");
	if ((strlen(value) != 40 && strlen(value) != 64) ||
	    value[strspn(value, "0123456789abcdef")] != '\0')
		return err_set(e, ERR_INPUT, "github_event",
		    "the event's '%s' is no commit: '%s'", key, value);
	snprintf(out, 72, "%s", value);
	return 0;
}

static int
count(void *ctx, const struct rec_member *m, struct err *e)
{
	long *n = ctx;

	(void)m;
	(void)e;
	++*n;
	return 0;
}

static void
everything(struct ghevent *g, const char *why, const char *name)
{
	g->everything = true;
	snprintf(g->why, sizeof(g->why), "%s%.60s", why, name);
}

/* The commits of a push, and the one before them. */
static int
push(struct ghevent *g, struct rec *r, struct err *e)
{
	if (take(r, "before", g->base, e) < 0 ||
	    take(r, "after", g->head, e) < 0 ||
	    rec_each(r, "commits", count, &g->depth, e) < 0)
		return -1;
	g->depth++;
	g->direct = true;
	if (ghevent_is_zero(g->head)) {
		g->head[0] = '\0';
		everything(g, "the branch is gone", "");
	} else if (ghevent_is_zero(g->base)) {
		everything(g, "the branch is new", "");
	}
	return 0;
}

/* The merge commit that is checked out, those of the branch, and the base. */
static int
pull_request(struct ghevent *g, struct rec *r, struct err *e)
{
	int64_t n = 0;

	if (take(r, "pull_request.base.sha", g->base, e) < 0 ||
	    take(r, "pull_request.head.sha", g->head, e) < 0 ||
	    rec_int(r, "pull_request.commits", 0, JSON_INT_MAX, &n, e) < 0)
		return -1;
	g->depth = n > 0 ? (long)n + 2 : 0;
	return 0;
}

static int
read_event(struct ghevent *g, const char *name, struct rec *r, struct err *e)
{
	if (strcmp(name, "push") == 0)
		return push(g, r, e);
	if (strcmp(name, "pull_request") == 0 ||
	    strcmp(name, "pull_request_target") == 0)
		return pull_request(g, r, e);
	if (strcmp(name, "merge_group") == 0) {
		g->direct = true;
		return take(r, "merge_group.base_sha", g->base, e) < 0 ? -1 :
		    take(r, "merge_group.head_sha", g->head, e);
	}
	everything(g, "the event is ", name);
	return 0;
}

int
ghevent_read(struct ghevent *g, struct err *e)
{
	const char *name = getenv("GITHUB_EVENT_NAME");
	const char *path = getenv("GITHUB_EVENT_PATH");
	autobuf struct buf text = BUF_INIT;
	struct rec *r;
	int rc;

	*g = (struct ghevent){ .depth = 0 };
	if (name == NULL || *name == '\0' || path == NULL || *path == '\0')
		return err_set(e, ERR_INPUT, "usage", "--github-event needs "
		    "the variables GITHUB_EVENT_NAME and GITHUB_EVENT_PATH");
	if (file_slurp(AT_FDCWD, path, path, EVENT_MAX, &text, e) < 0)
		return -1;
	if ((r = rec_parse(text.data, text.len, path, e)) == NULL) {
		e->code = "github_event";
		return err_wrap(e, "%s", path);
	}
	rc = read_event(g, name, r, e);
	rec_free(r);
	return rc;
}
