#include "net/fetch_sums.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/sums.h"
#include "net/url.h"

void
fetch_sums_release(struct fetch_sums *s)
{
	buf_release(&s->text);
}

/* A file that is gone afterwards: the cache is for what is kept. */
static int
in_passing(struct fetch_job *job, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	job->dest = mem_fmt("%s/slipway-sums-XXXXXX",
	    dir != NULL && *dir == '/' ? dir : "/tmp");
	if ((fd = mkostemp(job->dest, O_CLOEXEC)) < 0)
		return err_sys(e, "cannot make '%s'", job->dest);
	close(fd);
	return 0;
}

static int
download(const struct fetch_opts *o, struct fetch_job *job, struct buf *out,
    struct err *e)
{
	struct cache none = CACHE_INIT;
	struct fetch_result r = FETCH_RESULT_INIT;
	struct fetch_opts own = *o;
	int rc;

	own.cache = &none;
	own.max_bytes = SUMS_MAX;
	if (in_passing(job, e) < 0)
		return -1;
	if ((rc = fetch_get(&own, job, &r, e)) == 0)
		rc = file_slurp(AT_FDCWD, r.path, r.url, SUMS_MAX, out, e);
	unlink(job->dest);
	fetch_result_release(&r);
	return rc;
}

static int
load(struct fetch_sums *s, const struct fetch_opts *o,
    const struct fetch_places_opts *places, struct err *e)
{
	AUTO(fetch_places_release) struct fetch_places p;
	_Atomic uint64_t done = 0, total = 0;

	fetch_places_init(&p, places);
	if (strstr(s->where, "://") == NULL)
		return file_slurp(AT_FDCWD, s->where, s->where, SUMS_MAX,
		    &s->text, e);
	if (strncasecmp(s->where, "docker:", 7) == 0)
		return err_set(e, ERR_INPUT, "location_unsupported",
		    "a checksum file is not read from a registry");
	p.job.done = &done;
	p.job.total = &total;
	if (fetch_places_add(&p, s->where, e) < 0)
		return -1;
	return download(o, &p.job, &s->text, e);
}

int
fetch_sums_find(struct fetch_sums *s, const struct fetch_opts *o,
    const struct fetch_places_opts *places, const char *url,
    char sha256[DIGEST_HEX], struct err *e)
{
	AUTO(url_release) struct url u = URL_INIT;
	autofree char *name = NULL, *shown = url_redact(s->where, NULL);

	if (url_parse(&u, url, e) < 0)
		return -1;
	name = url_basename(&u);
	pthread_mutex_lock(&s->lock);
	if (!s->read) {
		err_init(&s->error);
		load(s, o, places, &s->error);
		s->read = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (s->error.kind != ERR_NONE) {
		*e = s->error;
		return err_wrap(e, "checksums");
	}
	return sums_find(s->text.data, s->text.len, shown, name, sha256, e);
}
