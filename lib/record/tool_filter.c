/*
 * tool_filter.c - one record in, one out, in order, with work in between.
 *
 * The main thread reads, parses and prints; workers get plain structs.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/text.h"
#include "record/say.h"
#include "record/tool.h"
#include "record/tool_run.h"

#define OUT_MAX 65536		/* bytes held back from stdout while busy */
#define PROGRESS_MS 200

struct item {
	struct rec *rec;
	struct tool_job *job;
	struct err *e;		/* NULL once it is known to be good */
	enum err_kind kind;	/* of its failure; ERR_NONE while good */
	bool passed;		/* arrived failed */
	bool submitted, done;
	struct tool_clock clock;
	struct item *next;
};

struct filter {
	const struct tool *tool;
	void *ctx;
	struct pool *pool;
	struct item *head, **tail;	/* in order, not yet emitted */
	struct item *held, **held_tail;	/* --gate */
	size_t pending;
	bool end;		/* of the input */
	bool starved;		/* no more input without reading */
};

static void
run_item(void *ctx, void *arg)
{
	struct filter *f = ctx;
	struct item *item = arg;

	if (f->tool->work(f->ctx, item->job, item->e) < 0)
		item->kind = item->e->kind;
}

static void
subject_of(struct rec *r, struct tool_job *job)
{
	static const char *const keys[] = { "component", "arch", "platform" };
	const char *value;
	struct err e;

	for (size_t i = 0; i < 3 && job->subject[0] == '\0'; i++)
		if (rec_str(r, keys[i], &value, &e) == 1) {
			size_t len = text_prefix(value,
			    sizeof(job->subject) - 1);

			memcpy(job->subject, value, len);
			job->subject[len] = '\0';
		}
}

static void
accept_record(struct filter *f, struct rec *r)
{
	struct item *item = mem_zero(1, sizeof(*item));

	item->rec = r;
	item->kind = rec_failed(r);
	*f->tail = item;
	f->tail = &item->next;
	f->pending++;
	if (item->kind != ERR_NONE) {
		item->passed = item->done = true;
		if (f->tool->passed != NULL)
			f->tool->passed(f->ctx, r);
		return;
	}
	item->e = mem_alloc(sizeof(*item->e));
	err_init(item->e);
	item->job = mem_zero(1, f->tool->job_size);
	item->job->cached = -1;
	subject_of(r, item->job);
	tool_clock_start(&item->clock);
	if (f->tool->read(f->ctx, r, item->job, item->e) < 0) {
		item->kind = item->e->kind;
		item->done = true;
		return;
	}
	item->submitted = true;
	pool_submit(f->pool, item);
}

/* The results of an item go into its record. */
static void
complete(struct filter *f, struct item *item)
{
	if (item->passed) {
		tool_run.failed[item->kind] = true;
		return;
	}
	if (item->kind == ERR_NONE && f->tool->write(f->ctx, item->rec,
	    item->job, item->e) < 0) {
		rec_undo(item->rec);
		item->kind = item->e->kind;
	}
	if (item->kind == ERR_NONE) {
		tool_trace(item->rec, &item->clock, item->job);
		/* the gate wants to know now */
		if (!tool_common.gate || tool_common.text ||
		    tool_run_fits(item->rec, item->e) == 0) {
			free(item->e);
			item->e = NULL;
			return;
		}
		rec_undo(item->rec);
		item->kind = item->e->kind;
	}
	tool_run.failed[item->kind] = true;
	tool_run_say(rec_where(item->rec), item->e);
	tool_run_put_error(item->rec, item->e, f->ctx, item->job);
	tool_trace(item->rec, &item->clock, item->job);
}

static void
emit(struct filter *f, struct item *item)
{
	bool good = item->kind == ERR_NONE;

	if (!tool_common.text) {
		good = tool_run_record(item->rec) && good;
	} else if (item->passed) {
		tool_run_passed_text(item->rec);
	} else if (!good) {
		tool_run_failed_text(rec_where(item->rec), item->e);
	} else if (f->tool->text != NULL) {
		autobuf struct buf b = BUF_INIT;

		f->tool->text(f->ctx, item->rec, item->job, &b);
		tool_run_text(b.data);
	}
	if (good && f->tool->outputs != NULL &&
	    tool_common.github_output != NULL)
		f->tool->outputs(f->ctx, item->rec, item->job);
	if (tool_run.out.len > OUT_MAX)
		tool_run_flush();
	if (item->job != NULL && f->tool->job_free != NULL)
		f->tool->job_free(item->job);
	free(item->job);
	free(item->e);
	rec_free(item->rec);
	free(item);
}

/* Emit (or hold) what is done at the head of the line. */
static void
settle(struct filter *f)
{
	struct item *item;

	while ((item = f->head) != NULL) {
		if (item->submitted && !item->done) {
			/* without a descriptor to poll, wait for it here */
			if (!pool_ready(f->pool) && pool_fd(f->pool) >= 0)
				return;
			pool_take(f->pool);	/* it is this one */
			item->done = true;
		}
		if ((f->head = item->next) == NULL)
			f->tail = &f->head;
		f->pending--;
		complete(f, item);
		if (tool_common.gate) {
			item->next = NULL;
			*f->held_tail = item;
			f->held_tail = &item->next;
		} else {
			emit(f, item);
		}
	}
}

/* --gate: all or none.  The kind is that of the failure that held them. */
static void
open_gate(struct filter *f)
{
	enum err_kind worst;
	struct item *item;

	if (tool_run.broken)
		tool_run.failed[tool_run.broken_error.kind] = true;
	worst = tool_run_worst();

	while ((item = f->held) != NULL) {
		f->held = item->next;
		if (worst != ERR_NONE && item->kind == ERR_NONE) {
			item->e = mem_alloc(sizeof(*item->e));
			err_set(item->e, worst, "held_back",
			    "held back: another record of this run failed");
			item->kind = worst;
			tool_run_say(rec_where(item->rec), item->e);
			tool_run_put_error(item->rec, item->e, f->ctx, NULL);
		}
		emit(f, item);
	}
}

static void
show_progress(const struct filter *f)
{
	autobuf struct buf b = BUF_INIT;

	for (const struct item *i = f->head; i != NULL && b.len < 60;
	    i = i->next) {
		uint64_t done, total;
		char size[32];

		if (!i->submitted || i->done)
			continue;
		done = atomic_load(&i->job->done);
		total = atomic_load(&i->job->total);
		if (done == 0)
			continue;
		buf_addf(&b, "%s%s ", b.len > 0 ? "  " : "", i->job->subject);
		if (f->tool->progress != NULL)
			f->tool->progress(f->ctx, i->job, &b);
		else if (total > 0)
			buf_addf(&b, "%d%% of %s", (int)(done * 100 / total),
			    text_size(total, size));
		else
			buf_adds(&b, text_size(done, size));
	}
	if (b.len > 0)
		say_progress(b.data);
}

/* Wait until there is input to take or a result to emit. */
static void
wait_for_news(struct filter *f, bool input)
{
	struct pollfd fds[2] = {
		{ .fd = f->head != NULL ? pool_fd(f->pool) : -1,
		    .events = POLLIN },
		{ .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
	};

	tool_run_flush();
	if (poll(fds, 2, say_wants_progress() ? PROGRESS_MS : -1) == 0)
		show_progress(f);
	if (fds[1].revents != 0 && tool_run_fill() < 0)
		f->end = true;
}

static void
take_input(struct filter *f, size_t most)
{
	struct rec *r;

	f->starved = false;
	while (!f->end && f->pending < most) {
		enum tool_run_source s = tool_run_next(&r);

		if (s == TOOL_RUN_WAIT) {
			f->starved = true;
			return;
		}
		if (s == TOOL_RUN_RECORD) {
			accept_record(f, r);
			settle(f);
		} else {
			f->end = true;
		}
	}
}

int
tool_filter(const struct tool *t, void *ctx)
{
	struct filter f = { .tool = t, .ctx = ctx };
	size_t most = (size_t)tool_common.jobs * 4;

	f.tail = &f.head;
	f.held_tail = &f.held;
	f.pool = pool_new(tool_common.jobs, run_item, &f);
	for (;;) {
		take_input(&f, most);
		settle(&f);
		if (f.head == NULL && (f.end || tool_run.out_failed))
			break;
		if (tool_run.out_failed)
			f.end = true;
		if (f.head != NULL && pool_ready(f.pool))
			continue;
		/* settling made room for lines that are here already */
		if (!f.end && !f.starved && f.pending < most)
			continue;
		wait_for_news(&f, !f.end && f.starved);
	}
	say_progress(NULL);
	open_gate(&f);
	pool_free(f.pool);
	return tool_finish();
}
