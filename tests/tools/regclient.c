/*
 * regclient - lib/oci/registry.h by hand, for tests/registry.bats.
 *
 * usage: regclient [OPTION]... HOST COMMAND REPO [ARG]...
 *
 *	put-blob FILE [FROM]	prints how it came to be there
 *	put-stream		the same with standard input, its digest
 *				unknown until the end
 *	put-many FILE...	each by a thread with a session of its own
 *	get-blob DIGEST SIZE	to standard output
 *	head-blob DIGEST	prints its size, or `none`
 *	put-manifest WANTED TYPE FILE
 *	get-manifest WANTED, head-manifest WANTED
 *	referrers DIGEST, add-referrer DIGEST DESCRIPTOR-DIGEST DESCRIPTOR
 *
 * Failures are `CODE: MESSAGE (DETAIL)` on standard error; the exit status is
 * the error's kind.
 */
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "net/http.h"
#include "oci/registry.h"

static const char *const hows[] = { "there", "mounted", "sent" };

struct client {
	struct registry *registry;
	struct registry_session *s;
	const char *repo;
	bool fresh;
	char **args;
	int n;
};

static const char *
arg(const struct client *c, int i)
{
	if (i >= c->n) {
		fputs("regclient: an argument is missing\n", stderr);
		exit(2);
	}
	return c->args[i];
}

static void
describe(int fd, const char *name, struct desc *d)
{
	uint8_t raw[DIGEST_LEN];
	struct err e;

	memset(d, 0, sizeof(*d));
	if (fd < 0 || digest_file(fd, name, raw, &d->size, &e) < 0) {
		fprintf(stderr, "regclient: cannot read '%s'\n", name);
		exit(2);
	}
	digest_format(raw, d->digest);
}

static int
put_file(struct registry_session *s, const char *repo, const char *path,
    const char *from, struct err *e)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct desc d;

	describe(fd, path, &d);
	return registry_blob_push_fd(s, repo, &d, from, fd, e);
}

static int
put_blob(struct client *c, struct err *e)
{
	int how = put_file(c->s, c->repo, arg(c, 0), c->n > 1 ? c->args[1] :
	    NULL, e);

	if (how >= 0)
		puts(hows[how]);
	return how < 0 ? -1 : 0;
}

static int
stream(struct registry_upload *u, struct err *e)
{
	struct digest sum = DIGEST_INIT;
	struct desc d = { .size = 0 };
	uint8_t raw[DIGEST_LEN];
	static char data[100000];
	int rc = 0;
	ssize_t n;

	digest_start(&sum);
	while (rc == 0 && (n = read(STDIN_FILENO, data, sizeof(data))) > 0) {
		digest_add(&sum, data, (size_t)n);
		d.size += n;
		rc = registry_upload_write(u, data, (size_t)n, e);
	}
	digest_end(&sum, raw);
	digest_release(&sum);
	digest_format(raw, d.digest);
	return rc < 0 ? -1 : registry_upload_finish(u, &d, NULL, e);
}

static int
put_stream(struct client *c, struct err *e)
{
	struct registry_upload *u = registry_upload_new(c->s, c->repo);
	int how = stream(u, e);

	registry_upload_free(u);
	if (how >= 0)
		puts(hows[how]);
	return how < 0 ? -1 : 0;
}

struct job {
	pthread_t thread;
	struct client *client;
	const char *path;
	int how;
	struct err e;
};

static void *
put_one(void *arg_)
{
	struct job *j = arg_;
	struct registry_session *s = registry_session_new(
	    j->client->registry, &j->e);

	j->how = s == NULL ? -1 : put_file(s, j->client->repo, j->path, NULL,
	    &j->e);
	registry_session_free(s);
	return NULL;
}

static int
put_many(struct client *c, struct err *e)
{
	struct job *jobs = mem_zero((size_t)c->n, sizeof(*jobs));
	int rc = 0;

	for (int i = 0; i < c->n; i++) {
		jobs[i].client = c;
		jobs[i].path = c->args[i];
		if (pthread_create(&jobs[i].thread, NULL, put_one,
		    &jobs[i]) != 0)
			abort();
	}
	for (int i = 0; i < c->n; i++) {
		pthread_join(jobs[i].thread, NULL);
		if (jobs[i].how >= 0) {
			puts(hows[jobs[i].how]);
		} else {
			*e = jobs[i].e;
			rc = -1;
		}
	}
	free(jobs);
	return rc;
}

static int
to_stdout(void *ctx, const void *bytes, size_t len, struct err *e)
{
	(void)ctx;
	if (fwrite(bytes, 1, len, stdout) != len)
		return err_sys(e, "cannot write");
	return 0;
}

static int
get_blob(struct client *c, struct err *e)
{
	struct desc d = { .size = strtoll(arg(c, 1), NULL, 10) };

	snprintf(d.digest, sizeof(d.digest), "%s", arg(c, 0));
	return registry_blob_get(c->s, c->repo, &d, to_stdout, NULL, e);
}

static int
head_blob(struct client *c, struct err *e)
{
	int64_t size;
	int rc = registry_blob_head(c->s, c->repo, arg(c, 0), &size, e);

	if (rc == 0)
		puts("none");
	else if (rc > 0)
		printf("%lld\n", (long long)size);
	return rc < 0 ? -1 : 0;
}

static int
put_manifest(struct client *c, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	struct desc d = { .size = 0 };
	uint8_t raw[DIGEST_LEN];
	bool subject;

	if (file_slurp(AT_FDCWD, arg(c, 2), c->args[2], 1 << 30, &text,
	    e) < 0)
		return -1;
	digest_bytes(text.data, text.len, raw);
	digest_format(raw, d.digest);
	snprintf(d.media_type, sizeof(d.media_type), "%s", c->args[1]);
	if (registry_manifest_put(c->s, c->repo, c->args[0], &d, text.data,
	    text.len, &subject, e) < 0)
		return -1;
	printf("%s%s\n", d.digest, subject ? " subject" : "");
	return 0;
}

static int
get_manifest(struct client *c, struct err *e)
{
	autobuf struct buf text = BUF_INIT;
	struct desc d;

	if (registry_manifest_get(c->s, c->repo, arg(c, 0), c->fresh, &d,
	    &text, e) < 0)
		return -1;
	fwrite(text.data, 1, text.len, stdout);
	fprintf(stderr, "%s %s %lld\n", d.media_type, d.digest,
	    (long long)d.size);
	return 0;
}

static int
head_manifest(struct client *c, struct err *e)
{
	struct desc d;
	int rc = registry_manifest_head(c->s, c->repo, arg(c, 0), c->fresh,
	    &d, e);

	if (rc == 0)
		puts("none");
	else if (rc > 0)
		printf("%s %s %lld\n", d.media_type, d.digest,
		    (long long)d.size);
	return rc < 0 ? -1 : 0;
}

static int
print_line(void *ctx, const char *text, size_t len, struct err *e)
{
	(void)ctx;
	(void)e;
	printf("%.*s\n", (int)len, text);
	return 0;
}

static int
referrers(struct client *c, struct err *e)
{
	return registry_referrers_each(c->s, c->repo, arg(c, 0), print_line,
	    NULL, e);
}

static int
add_referrer(struct client *c, struct err *e)
{
	return registry_referrers_add(c->s, c->repo, arg(c, 0), arg(c, 2),
	    arg(c, 1), e);
}

static const struct command {
	const char *name;
	int (*run)(struct client *c, struct err *e);
} commands[] = {
	{ "put-blob", put_blob }, { "put-stream", put_stream },
	{ "put-many", put_many }, { "get-blob", get_blob },
	{ "head-blob", head_blob }, { "put-manifest", put_manifest },
	{ "get-manifest", get_manifest }, { "head-manifest", head_manifest },
	{ "referrers", referrers }, { "add-referrer", add_referrer },
};

static int
fail(const struct err *e)
{
	fprintf(stderr, "%s: %s%s%s%s\n", e->code, e->msg,
	    *e->detail != '\0' ? " (" : "", e->detail,
	    *e->detail != '\0' ? ")" : "");
	return (int)e->kind;
}

static int
run(struct client *c, const char *host, const char *name,
    const struct registry_opts *opts)
{
	const struct command *found = NULL;
	struct err e;
	int rc;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			found = &commands[i];
	if (found == NULL)
		return 2;
	if ((c->registry = registry_new(host, opts, &e)) == NULL)
		return fail(&e);
	c->s = registry_session_new(c->registry, &e);
	rc = c->s == NULL ? -1 : found->run(c, &e);
	registry_session_free(c->s);
	registry_free(c->registry);
	if (rc < 0)
		return fail(&e);
	return fflush(stdout) == 0 ? 0 : 3;
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "anonymous", no_argument, NULL, 'a' },
		{ "authfile", required_argument, NULL, 'f' },
		{ "cert-dir", required_argument, NULL, 'c' },
		{ "creds", required_argument, NULL, 'u' },
		{ "fresh", no_argument, NULL, 'F' },
		{ "insecure", no_argument, NULL, 'k' },
		{ "tries", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct registry_opts opts = { .tries = 0 };
	struct client c = { .fresh = false };
	int ch;

	while ((ch = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (ch) {
		case 'a':
			opts.anonymous = true;
			break;
		case 'f':
			opts.cred.authfile = optarg;
			break;
		case 'c':
			opts.cert_dir = optarg;
			break;
		case 'u':
			opts.cred.creds = optarg;
			break;
		case 'F':
			c.fresh = true;
			break;
		case 'k':
			opts.insecure = true;
			break;
		case 't':
			opts.tries = (int)strtol(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 3)
		return 2;
	http_setup();
	c.repo = argv[optind + 2];
	c.args = argv + optind + 3;
	c.n = argc - optind - 3;
	return run(&c, argv[optind], argv[optind + 1], &opts);
}
