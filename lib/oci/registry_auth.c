#include "oci/registry_auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "oci/registry_token.h"

#define SCOPES_MAX 3
#define CHALLENGES_MAX 8	/* fields of one answer */
#define MARGIN 10.0		/* seconds before its end that a token is old */

/* What is known of one repository. */
struct registry_auth_repo {
	char *name;		/* owned */
	bool push;
	bool looked, found;	/* for a credential */
	struct cred cred;
	char *extra;		/* owned: a scope that the registry named when
				   ours was not enough, or NULL */
};

struct registry_auth_token {
	char *scope;		/* owned: what was asked for, in one line */
	char *value;		/* owned: "Bearer …" */
	double end;		/* clock_monotonic when it is old */
};

/* The scopes of a request, in the order they are asked for in: some registries
 * read the first alone. */
struct scopes {
	const char *items[SCOPES_MAX];
	size_t n;
	char *own, *from;	/* owned */
	struct buf line;	/* all, to be found again */
};

static char *
copy(const char *str)
{
	return str != NULL ? mem_str(str) : NULL;
}

static void
wipe(char *str)
{
	if (str != NULL)
		explicit_bzero(str, strlen(str));
	free(str);
}

void
registry_auth_init(struct registry_auth *a, const char *host,
    const struct cred_opts *opts, bool anonymous)
{
	a->host = host;
	a->opts.creds = copy(opts->creds);
	a->opts.authfile = copy(opts->authfile);
	a->anonymous = anonymous;
	pthread_mutex_init(&a->lock, NULL);
}

static void
token_release(struct registry_auth_token *t)
{
	free(t->scope);
	wipe(t->value);
}

void
registry_auth_release(struct registry_auth *a)
{
	for (size_t i = 0; i < a->nrepos; i++) {
		free(a->repos[i].name);
		free(a->repos[i].extra);
		cred_release(&a->repos[i].cred);
	}
	for (size_t i = 0; i < a->ntokens; i++)
		token_release(&a->tokens[i]);
	free(a->repos);
	free(a->tokens);
	registry_challenge_release(&a->challenge);
	wipe((char *)a->opts.creds);
	free((char *)a->opts.authfile);
	pthread_mutex_destroy(&a->lock);
}

static struct registry_auth_repo *
find_repo(struct registry_auth *a, const char *name)
{
	struct registry_auth_repo *repo;

	if (name == NULL)
		name = "";
	for (size_t i = 0; i < a->nrepos; i++)
		if (strcmp(a->repos[i].name, name) == 0)
			return &a->repos[i];
	mem_grow(&a->repos, &a->repos_cap, a->nrepos, sizeof(*a->repos));
	repo = &a->repos[a->nrepos++];
	*repo = (struct registry_auth_repo){ .name = mem_str(name),
		.cred = CRED_INIT };
	return repo;
}

void
registry_auth_will_push(struct registry_auth *a, const char *repo)
{
	pthread_mutex_lock(&a->lock);
	find_repo(a, repo)->push = true;
	pthread_mutex_unlock(&a->lock);
}

bool
registry_auth_has_cred(struct registry_auth *a, const char *repo)
{
	bool found;

	pthread_mutex_lock(&a->lock);
	found = find_repo(a, repo)->found;
	pthread_mutex_unlock(&a->lock);
	return found;
}

/* The repository's credential, looked for when it is first wanted; NULL in
 * *cred where there is none. */
static int
look_up(struct registry_auth *a, struct registry_auth_repo *repo,
    const struct cred **cred, struct err *e)
{
	int rc = 0;

	if (!repo->looked && !a->anonymous) {
		rc = cred_find(&a->opts, a->host,
		    *repo->name != '\0' ? repo->name : NULL, &repo->cred, e);
		if (rc < 0)
			return -1;
		repo->found = rc > 0;
	}
	repo->looked = true;
	*cred = repo->found ? &repo->cred : NULL;
	return 0;
}

static void
add_scope(struct scopes *s, const char *scope)
{
	if (scope == NULL)
		return;
	s->items[s->n++] = scope;
	buf_addf(&s->line, "%s%s", s->line.len > 0 ? " " : "", scope);
}

static void
scopes_fill(struct scopes *s, const struct registry_auth_repo *repo,
    const struct registry_scope *scope)
{
	add_scope(s, repo->extra);
	if (scope->repo != NULL) {
		/* never `delete`: a registry that has no such right gives no
		 * token at all then */
		s->own = mem_fmt("repository:%s:pull%s", scope->repo,
		    repo->push ? ",push" : "");
		add_scope(s, s->own);
	}
	if (scope->from != NULL) {
		s->from = mem_fmt("repository:%s:pull", scope->from);
		add_scope(s, s->from);
	}
}

static void
scopes_release(struct scopes *s)
{
	free(s->own);
	free(s->from);
	buf_release(&s->line);
}

/* A token for all of it that lasts a while yet. */
static const struct registry_auth_token *
find_token(struct registry_auth *a, const char *line)
{
	for (size_t i = 0; i < a->ntokens; i++)
		if (strcmp(a->tokens[i].scope, line) == 0)
			return a->tokens[i].end > clock_monotonic() ?
			    &a->tokens[i] : NULL;
	return NULL;
}

static void
drop_token(struct registry_auth *a, size_t i)
{
	token_release(&a->tokens[i]);
	a->tokens[i] = a->tokens[--a->ntokens];
}

static const struct registry_auth_token *
add_token(struct registry_auth *a, const char *line, const struct buf *value,
    double start, double life)
{
	struct registry_auth_token *t;

	for (size_t i = 0; i < a->ntokens; i++)
		if (strcmp(a->tokens[i].scope, line) == 0) {
			drop_token(a, i);
			break;
		}
	mem_grow(&a->tokens, &a->tokens_cap, a->ntokens, sizeof(*a->tokens));
	t = &a->tokens[a->ntokens++];
	t->scope = mem_str(line);
	t->value = mem_fmt("Bearer %s", value->data);
	t->end = start + (life > 4 * MARGIN ? life - MARGIN : life * 3 / 4);
	return t;
}

/* The lock is held meanwhile: the others would ask for the same. */
static int
bearer(struct registry_auth *a, struct http *h, const struct url *base,
    struct registry_auth_repo *repo, const struct scopes *s, struct buf *out,
    double *wait, struct err *e)
{
	const struct registry_auth_token *t = find_token(a, s->line.data);
	struct registry_token_request q = { .base = base, .host = a->host,
		.realm = a->challenge.realm, .service = a->challenge.service,
		.scopes = s->items, .n = s->n };
	double start = clock_monotonic(), life = 0;

	if (t == NULL) {
		struct buf token = BUF_INIT;
		int rc = look_up(a, repo, &q.cred, e);

		if (rc == 0)
			rc = registry_token_fetch(h, &q, &token, &life, wait,
			    e);
		if (rc == 0)
			t = add_token(a, s->line.data, &token, start, life);
		explicit_bzero(token.data, token.len);
		buf_release(&token);
		if (t == NULL)
			return -1;
	}
	buf_adds(out, t->value);
	return 0;
}

static int
basic(struct registry_auth *a, struct registry_auth_repo *repo,
    struct buf *out, struct err *e)
{
	const struct cred *cred;
	char *value;

	if (look_up(a, repo, &cred, e) < 0)
		return -1;
	if (cred == NULL)
		return 0;
	value = cred_basic(cred);
	buf_adds(out, value);
	wipe(value);
	return 0;
}

int
registry_auth_value(struct registry_auth *a, struct http *h,
    const struct url *base, const struct registry_scope *scope,
    struct buf *out, double *wait, struct err *e)
{
	struct scopes s = { .line = BUF_INIT };
	struct registry_auth_repo *repo;
	int rc = 0;

	pthread_mutex_lock(&a->lock);
	repo = find_repo(a, scope->repo);
	if (a->asked && a->challenge.bearer) {
		scopes_fill(&s, repo, scope);
		rc = bearer(a, h, base, repo, &s, out, wait, e);
		scopes_release(&s);
	} else if (a->asked) {
		rc = basic(a, repo, out, e);
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

/* Of several challenges the first that we can meet. */
static bool
find_challenge(const struct http_answer *answer, struct registry_challenge *c)
{
	for (unsigned i = 0; i < CHALLENGES_MAX; i++) {
		const char *field = http_field(answer, "WWW-Authenticate", i);

		if (field == NULL)
			return false;
		if (registry_challenge_parse(field, c))
			return true;
	}
	return false;
}

/* Each of the words of want is one of the words of have. */
static bool
has_words(const char *have, const char *want)
{
	while (*(want += strspn(want, " ")) != '\0') {
		size_t n = strcspn(want, " ");
		const char *p = have;

		while ((p += strspn(p, " "), *p != '\0') &&
		    (strcspn(p, " ") != n || strncmp(p, want, n) != 0))
			p += strcspn(p, " ");
		if (*p == '\0')
			return false;
		want += n;
	}
	return true;
}

/* What we asked for was not enough, and the registry says what would be. */
static bool
widen(struct registry_auth_repo *repo, const struct registry_scope *scope,
    const struct registry_challenge *c)
{
	struct scopes s = { .line = BUF_INIT };
	bool wider;

	if (c->scope == NULL || repo->extra != NULL)
		return false;
	scopes_fill(&s, repo, scope);
	wider = !has_words(s.line.data, c->scope);
	scopes_release(&s);
	if (wider)
		repo->extra = mem_str(c->scope);
	return wider;
}

/* Whoever has a newer one in the meantime keeps it. */
static void
forget(struct registry_auth *a, const char *value)
{
	for (size_t i = a->ntokens; i-- > 0;)
		if (strcmp(a->tokens[i].value, value) == 0)
			drop_token(a, i);
}

bool
registry_auth_challenged(struct registry_auth *a,
    const struct http_answer *answer, const struct registry_scope *scope,
    const char *used, int tries)
{
	struct registry_challenge c = REGISTRY_CHALLENGE_INIT;
	struct registry_auth_repo *repo;
	bool again = false;

	if (!find_challenge(answer, &c))
		return false;
	pthread_mutex_lock(&a->lock);
	repo = find_repo(a, scope->repo);
	/* a token that was good once may have come to its end */
	again = tries == 0 && (*used == '\0' || c.bearer);
	if (c.bearer && *used != '\0') {
		forget(a, used);
		again = widen(repo, scope, &c) || again;
	}
	registry_challenge_release(&a->challenge);
	a->challenge = c;
	a->asked = true;
	pthread_mutex_unlock(&a->lock);
	return again;
}
