#include "oci/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/daemon.h"
#include "oci/imgtar_in.h"
#include "oci/ref.h"

enum kind { LAYOUT, OCI_ARCHIVE, DOCKER_ARCHIVE, DAEMON, NONE };

static const char *const schemes[] = {
	[LAYOUT] = "oci:", [OCI_ARCHIVE] = "oci-archive:",
	[DOCKER_ARCHIVE] = "docker-archive:", [DAEMON] = "docker-daemon:",
};

/* Which one, and what stands behind its colon. */
static enum kind
kind_of(const char *place, const char **rest)
{
	for (int i = 0; i < NONE; i++) {
		size_t len = strlen(schemes[i]);

		if (strncmp(place, schemes[i], len) != 0 ||
		    place[len] == '\0' || place[len] == ':')
			continue;
		*rest = place + len;
		return (enum kind)i;
	}
	return NONE;
}

bool
source_is(const char *place)
{
	const char *rest;

	return kind_of(place, &rest) != NONE;
}

char *
source_absolute(const char *dir, const char *place)
{
	const char *rest = NULL;
	enum kind kind = kind_of(place, &rest);
	autofree char *path = NULL;

	if (kind == NONE || kind == DAEMON)
		return mem_str(place);
	path = file_absolute(dir, rest);
	return mem_fmt("%s%s", schemes[kind], path);
}

void
source_release(struct source *s)
{
	layout_release(&s->layout);
	scratch_release(&s->scratch);
	free(s->tag);
	free(s->digest);
	*s = (struct source)SOURCE_INIT;
}

static int
open_layout(struct source *s, const char *rest, struct err *e)
{
	autofree char *place = mem_str(rest), *dir = NULL;
	char *at = strstr(place, "@sha256:");
	uint8_t raw[DIGEST_LEN];

	if (at != NULL) {
		if (!digest_parse(at + 1, raw))
			return err_set(e, ERR_INPUT, "location_unsupported",
			    "'%s' is no digest (sha256: and 64 lower-case hex "
			    "digits)", at + 1);
		s->digest = mem_str(at + 1);
		*at = '\0';
	}
	layout_split(place, &dir, &s->tag);
	return layout_open(&s->layout, dir, false, e);
}

/* Read the archive that fd is at the start of into a layout of its own. */
static int
unpack(struct source *s, int fd, const char *archive,
    enum imgtar_in_kind kind, const char *wanted, struct err *e)
{
	if (layout_open_scratch(&s->layout, s->scratch.layout, e) < 0 ||
	    imgtar_in_read(fd, archive, kind, wanted, &s->layout, &s->desc,
	    e) < 0)
		return -1;
	/* nobody knows the layout by its path, which is for messages */
	free(s->layout.path);
	s->layout.path = mem_str(archive);
	return 0;
}

static int
open_archive(struct source *s, const char *rest, enum imgtar_in_kind kind,
    struct err *e)
{
	autofree char *path = NULL, *wanted = NULL;

	layout_split(rest, &path, &wanted);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_CHECK, "not_found", "no such file: %s",
		    path);
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	return scratch_open(&s->scratch, e) < 0 ? -1 :
	    unpack(s, fd, path, kind, wanted, e);
}

static int
save(const char *ref, int fd, struct err *e)
{
	struct daemon *d = daemon_open(e);
	int rc = d == NULL ? -1 : daemon_save(d, ref, fd, e);

	daemon_free(d);
	return rc;
}

static int
open_daemon(struct source *s, const char *place, const char *ref,
    struct err *e)
{
	uint8_t raw[DIGEST_LEN];

	if (!digest_parse(ref, raw) && ref_check(ref, e) < 0)
		return -1;
	if (scratch_open(&s->scratch, e) < 0)
		return -1;
	autofd int fd = openat(s->scratch.fd, "saved.tar",
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "cannot make a temporary file");
	if (save(ref, fd, e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "cannot read a temporary file");
	unlinkat(s->scratch.fd, "saved.tar", 0);
	/* it has what was asked for alone, by whatever names it likes */
	return unpack(s, fd, place, IMGTAR_IN_DOCKER, NULL, e);
}

int
source_open(struct source *s, const char *place, struct err *e)
{
	const char *rest = NULL;

	switch (kind_of(place, &rest)) {
	case LAYOUT:
		return open_layout(s, rest, e);
	case OCI_ARCHIVE:
		return open_archive(s, rest, IMGTAR_IN_OCI, e);
	case DOCKER_ARCHIVE:
		return open_archive(s, rest, IMGTAR_IN_DOCKER, e);
	case DAEMON:
		return open_daemon(s, place, rest, e);
	default:
		return err_set(e, ERR_INPUT, "location_unsupported",
		    "'%.300s' is no place that an image is read from "
		    "(oci:DIR[:TAG], oci-archive:FILE[:TAG], "
		    "docker-archive:FILE[:REF], docker-daemon:REF)", place);
	}
}

int
source_find(struct source *s, struct desc *d, struct err *e)
{
	if (s->scratch.path != NULL) {
		*d = s->desc;
		return 0;
	}
	return s->digest != NULL ?
	    layout_find_digest(&s->layout, s->digest, d, e) :
	    layout_find(&s->layout, s->tag, d, e);
}
