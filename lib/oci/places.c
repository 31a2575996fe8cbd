#include "oci/places.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "oci/source.h"

#define PLACES_DOCKER "docker://"

struct item {
	char *key;		/* owned: where it is, or "" */
	struct place place;
	struct source source;	/* of a layout or an archive */
};

struct places {
	const struct netopts *net;	/* borrowed */
	pthread_mutex_t lock;		/* guards what follows */
	struct place_host **hosts;	/* owned */
	size_t nhosts, hosts_cap;
	struct item **items;		/* owned */
	size_t n, cap;
};

struct places *
places_new(const struct netopts *net)
{
	struct places *x = mem_zero(1, sizeof(*x));

	x->net = net;
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void
places_free(struct places *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->n; i++) {
		place_release(&x->items[i]->place);
		source_release(&x->items[i]->source);
		free(x->items[i]->key);
		free(x->items[i]);
	}
	for (size_t i = 0; i < x->nhosts; i++)
		place_host_free(x->hosts[i]);
	free(x->hosts);
	free(x->items);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

static struct place_host *
host(struct places *x, const char *name, struct err *e)
{
	struct registry_opts opts = netopts_registry(x->net, name);
	struct place_host *h;

	for (size_t i = 0; i < x->nhosts; i++)
		if (strcmp(place_host_name(x->hosts[i]), name) == 0)
			return x->hosts[i];
	if ((h = place_host_new(name, &opts, e)) == NULL)
		return NULL;
	mem_grow(&x->hosts, &x->hosts_cap, x->nhosts, sizeof(*x->hosts));
	return x->hosts[x->nhosts++] = h;
}

/* A place that stays; key is taken. */
static struct item *
add(struct places *x, char *key)
{
	struct item *i = mem_zero(1, sizeof(*i));

	i->key = key;
	i->source = (struct source)SOURCE_INIT;
	mem_grow(&x->items, &x->cap, x->n, sizeof(*x->items));
	return x->items[x->n++] = i;
}

static struct item *
find(struct places *x, const char *key)
{
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->items[i]->key, key) == 0)
			return x->items[i];
	return NULL;
}

static struct place *
repo(struct places *x, const struct ref *ref, bool fresh, struct err *e)
{
	autofree char *key = mem_fmt("%s%s/%s %d", PLACES_DOCKER, ref->host,
	    ref->repo, fresh);
	struct item *i = find(x, key);
	struct place_host *h;

	if (i == NULL) {
		if ((h = host(x, ref->host, e)) == NULL)
			return NULL;
		i = add(x, mem_str(key));
		place_init(&i->place, h, ref->repo);
		i->place.fresh = fresh;
	}
	return &i->place;
}

static struct place *
open_repo(struct places *x, const char *text, bool fresh, char **wanted,
    struct err *e)
{
	AUTO(ref_release) struct ref ref = REF_INIT;

	if (ref_parse(&ref, text, e) < 0)
		return NULL;
	*wanted = mem_str(ref_wanted(&ref));
	return repo(x, &ref, fresh, e);
}

static struct place *
layout(struct places *x, const char *path, bool create, struct err *e)
{
	autofree char *absolute = file_absolute(NULL, path);
	autofree char *key = mem_fmt("oci:%s", absolute);
	struct item *i = find(x, key);
	struct layout l;

	/* one that was found may not be complete yet */
	if (i != NULL && !create)
		return &i->place;
	if (layout_open(&l, absolute, create, e) < 0)
		return NULL;
	if (i == NULL) {
		i = add(x, mem_str(key));
		i->place.layout = &i->source.layout;
	} else {
		layout_release(&i->source.layout);
	}
	i->source.layout = l;
	return &i->place;
}

/* oci:DIR[:TAG] and oci:DIR@sha256:…: one place for each DIR. */
static struct place *
open_layout(struct places *x, const char *text, char **wanted, struct err *e)
{
	autofree char *place = mem_str(text), *dir = NULL, *tag = NULL;
	char *at = strstr(place, "@sha256:");
	uint8_t raw[DIGEST_LEN];

	if (at != NULL && !digest_parse(at + 1, raw)) {
		err_set(e, ERR_INPUT, "location_unsupported", "'%s' is no "
		    "digest (sha256: and 64 lower-case hex digits)", at + 1);
		return NULL;
	}
	if (at != NULL)
		*at = '\0';
	layout_split(place, &dir, &tag);
	*wanted = at != NULL ? mem_str(at + 1) : tag != NULL ? mem_str(tag) :
	    NULL;
	return layout(x, dir, false, e);
}

/* An archive or an engine: unpacked, with one image. */
static struct place *
open_other(struct places *x, const char *location, char **wanted,
    struct err *e)
{
	autofree char *absolute = source_absolute(NULL, location);
	struct item *i = find(x, absolute);
	struct desc d;

	if (i == NULL) {
		i = add(x, mem_str(""));
		if (source_open(&i->source, absolute, e) < 0)
			return NULL;
		free(i->key);
		i->key = mem_str(absolute);
		i->place.layout = &i->source.layout;
		i->place.unpacked = i->key;
	}
	if (source_find(&i->source, &d, e) < 0)
		return NULL;
	*wanted = mem_str(d.digest);
	return &i->place;
}

bool
places_is(const char *location)
{
	return source_is(location) || (strncmp(location, PLACES_DOCKER,
	    strlen(PLACES_DOCKER)) == 0 &&
	    location[strlen(PLACES_DOCKER)] != '\0');
}

int
places_check_userinfo(const char *text, struct err *e)
{
	const char *at = strchr(text, '@');

	if (strncmp(text, PLACES_DOCKER, strlen(PLACES_DOCKER)) != 0 &&
	    places_is(text))
		return 0;	/* a path may have one */
	if (at == NULL || strncmp(at, "@sha256:", 8) == 0)
		return 0;
	return err_set(e, ERR_INPUT, "credentials_in_url", "a reference with "
	    "something before an @ that is no digest: credentials are for "
	    "`skopeo login`, --authfile or --creds");
}

static struct place *
open_any(struct places *x, const char *location, bool fresh, char **wanted,
    struct err *e)
{
	if (places_check_userinfo(location, e) < 0)
		return NULL;
	if (!places_is(location)) {
		err_set(e, ERR_INPUT, "location_unsupported", "'%.300s' is no "
		    "place that an image is read from (docker://REF, "
		    "oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:"
		    "FILE[:REF], docker-daemon:REF)", location);
		return NULL;
	}
	if (strncmp(location, "oci:", 4) == 0)
		return open_layout(x, location + 4, wanted, e);
	if (source_is(location))
		return open_other(x, location, wanted, e);
	return open_repo(x, location + strlen(PLACES_DOCKER), fresh, wanted,
	    e);
}

struct place *
places_open(struct places *x, const char *location, bool fresh,
    char **wanted, struct err *e)
{
	struct place *p;

	*wanted = NULL;
	pthread_mutex_lock(&x->lock);
	p = open_any(x, location, fresh, wanted, e);
	pthread_mutex_unlock(&x->lock);
	return p;
}

struct place *
places_repo(struct places *x, const struct ref *ref, bool fresh,
    struct err *e)
{
	struct place *p;

	pthread_mutex_lock(&x->lock);
	p = repo(x, ref, fresh, e);
	pthread_mutex_unlock(&x->lock);
	return p;
}

struct place *
places_layout(struct places *x, const char *path, bool create, struct err *e)
{
	struct place *p;

	pthread_mutex_lock(&x->lock);
	p = layout(x, path, create, e);
	pthread_mutex_unlock(&x->lock);
	return p;
}
