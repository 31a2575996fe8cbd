#include "build/health.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "build/lines.h"
#include "build/words.h"
#include "record/json_out.h"

#define MILLISECOND 1000000	/* in nanoseconds */

static int64_t
unit(const char *p, size_t len)
{
	static const struct { const char *name; int64_t ns; } units[] = {
		{ "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 },
		{ "ms", MILLISECOND }, { "s", INT64_C(1000000000) },
		{ "m", INT64_C(60000000000) }, { "h", INT64_C(3600000000000) },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strlen(units[i].name) == len &&
		    memcmp(units[i].name, p, len) == 0)
			return units[i].ns;
	return 0;
}

/* A duration as Go writes one: 1h30m, 1.5s, 500ms, 0. */
static bool
read_duration(const char *p, int64_t *ns)
{
	double sum = 0;

	*ns = 0;
	if (strcmp(p, "0") == 0)
		return true;
	do {
		double value = 0, scale = 1;
		const char *start = p;
		size_t len;
		int64_t factor;

		for (; *p >= '0' && *p <= '9'; p++)
			value = value * 10 + (*p - '0');
		if (*p == '.')
			for (p++; *p >= '0' && *p <= '9'; p++) {
				scale /= 10;
				value += scale * (*p - '0');
			}
		len = strcspn(p, "0123456789.");
		factor = unit(p, len);
		if (p == start || (*start == '.' && p == start + 1) ||
		    factor == 0)
			return false;
		sum += value * (double)factor;
		p += len;
	} while (*p != '\0');
	if (sum > 9e18)
		return false;
	*ns = (int64_t)(sum + 0.5);
	return true;
}

struct flags {
	int64_t interval, timeout, start_period, start_interval, retries;
};

static int
read_flag(struct flags *f, const char *flag, struct err *e)
{
	const char *value = strchr(flag, '=') + 1;
	int64_t *to = strncmp(flag, "--interval=", 11) == 0 ? &f->interval :
	    strncmp(flag, "--timeout=", 10) == 0 ? &f->timeout :
	    strncmp(flag, "--start-period=", 15) == 0 ? &f->start_period :
	    strncmp(flag, "--start-interval=", 17) == 0 ? &f->start_interval :
	    &f->retries;

	if (to == &f->retries) {
		if (!text_number(value, false, to) || *to > INT32_MAX)
			return err_set(e, ERR_INPUT, "health_invalid",
			    "--retries needs a whole number, not '%s'", value);
		return 0;
	}
	if (!read_duration(value, to))
		return err_set(e, ERR_INPUT, "health_invalid",
		    "not a duration (like 30s or 1m30s): '%s'", flag);
	if (*to > 0 && *to < MILLISECOND)
		return err_set(e, ERR_INPUT, "health_invalid",
		    "a duration under 1ms: '%s'", flag);
	return 0;
}

/* ["NONE"], ["CMD", ...] or ["CMD-SHELL", "..."] */
static int
write_test(const struct dockerfile_cmd *c, struct json_out *o, struct err *e)
{
	AUTO(list_release) struct list words = LIST_INIT;
	const char *p = c->text;
	size_t len = 0;
	int rc;

	while (p[len] != '\0' && !lines_blank(p[len]))
		len++;
	p = lines_skip(p + len);
	if (len == 4 && strncasecmp(c->text, "NONE", 4) == 0) {
		if (*p != '\0' || c->flags.n > 0)
			return err_set(e, ERR_INPUT, "syntax",
			    "HEALTHCHECK NONE takes no arguments");
		json_out_str(o, "NONE");
		return 0;
	}
	if (len != 3 || strncasecmp(c->text, "CMD", 3) != 0)
		return err_set(e, ERR_INPUT, "syntax",
		    "HEALTHCHECK takes CMD or NONE, not '%.*s'", (int)len,
		    c->text);
	if ((rc = words_json(p, &words, e)) < 0)
		return -1;
	if (*p == '\0' || (rc > 0 && words.n == 0))
		return err_set(e, ERR_INPUT, "syntax",
		    "HEALTHCHECK CMD needs a command");
	json_out_str(o, rc > 0 ? "CMD" : "CMD-SHELL");
	if (rc == 0)
		json_out_str(o, p);
	for (size_t i = 0; i < words.n; i++)
		json_out_str(o, words.items[i]);
	return 0;
}

char *
health_check(const struct dockerfile_cmd *c, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;
	struct flags f = { 0 };

	for (size_t i = 0; i < c->flags.n; i++)
		if (read_flag(&f, c->flags.items[i], e) < 0)
			return NULL;
	json_out_open(&o, '{');
	json_out_key(&o, "Test");
	json_out_open(&o, '[');
	if (write_test(c, &o, e) < 0)
		return NULL;
	json_out_close(&o, ']');
	if (f.interval > 0)
		json_out_kint(&o, "Interval", f.interval);
	if (f.timeout > 0)
		json_out_kint(&o, "Timeout", f.timeout);
	if (f.start_period > 0)
		json_out_kint(&o, "StartPeriod", f.start_period);
	if (f.start_interval > 0)
		json_out_kint(&o, "StartInterval", f.start_interval);
	if (f.retries > 0)
		json_out_kint(&o, "Retries", f.retries);
	json_out_close(&o, '}');
	return mem_dup(o.buf.data, o.buf.len);
}

int
health_signal(const char *name, struct err *e)
{
	const char *bare = strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;
	int64_t n;

	if (text_number(name, false, &n) && n >= 1 && n <= 64)
		return 0;
	/* Linux has 1 to 31 with names, and RTMIN (34) to RTMAX (64) */
	for (int i = 1; i < 32; i++) {
		const char *known = sigabbrev_np(i);

		if (known != NULL && strcasecmp(known, bare) == 0)
			return 0;
	}
	if ((strncasecmp(bare, "RTMIN+", 6) == 0 ||
	    strncasecmp(bare, "RTMAX-", 6) == 0) &&
	    text_number(bare + 6, false, &n) && n <= 30)
		return 0;
	if (strcasecmp(bare, "RTMIN") == 0 || strcasecmp(bare, "RTMAX") == 0 ||
	    strcasecmp(bare, "CLD") == 0 || strcasecmp(bare, "IOT") == 0)
		return 0;
	return err_set(e, ERR_INPUT, "signal_invalid", "not a signal: '%s'",
	    name);
}
