#include "bundle/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "oci/artifact.h"
#include "record/tool.h"

static const char scheme[] = "docker://";

void
mirror_release(struct mirror *m)
{
	deliver_release(&m->to);
	free(m->arch);
	free(m->version);
	*m = (struct mirror)MIRROR_INIT;
}

/* A record that has what placeholders stand for. */
static struct rec *
names_of(const struct mirror *m, struct err *e)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_kstr(&o, "arch", m->arch);
	if (m->version != NULL) {
		json_out_key(&o, "bundle");
		json_out_open(&o, '{');
		json_out_kstr(&o, "version", m->version);
		json_out_close(&o, '}');
	}
	json_out_close(&o, '}');
	return rec_parse(o.buf.data, o.buf.len, "--mirror", e);
}

int
mirror_resolve(struct mirror *m, const struct mirror_opts *opts,
    const char *arch, const char *version, struct err *e)
{
	autobuf struct buf place = BUF_INIT;
	const char *ref;
	struct rec *names;
	int rc;

	m->arch = mem_str(arch);
	m->version = version != NULL ? mem_str(version) : NULL;
	if ((names = names_of(m, e)) == NULL)
		return -1;
	rc = tool_expand(opts->place, names, &place, e);
	rec_free(names);
	if (rc < 0 || places_check_userinfo(place.data, e) < 0)
		return -1;
	if (strncmp(place.data, scheme, strlen(scheme)) != 0)
		return err_set(e, ERR_INPUT, "location_unsupported",
		    "--mirror takes docker://REF, not '%s'", place.data);
	ref = place.data + strlen(scheme);
	deliver_init(&m->to, opts->places, NULL);
	netopts_creds_for(opts->net, ref);
	if (ref_check(ref, e) < 0 ||
	    deliver_add_ref(&m->to, ref, NULL, e) < 0)
		return -1;
	place_will_push(m->to.tags[0].place);
	return deliver_claim(&m->to.tags[0], e);
}

static int
check(const char *path, const char *code, const char *what, const char *want,
    const char *have, struct err *e)
{
	if (strcmp(want, have) == 0)
		return 0;
	err_set(e, ERR_CHECK, code, "%s has the %s %s, not %s", path, what,
	    have, want);
	err_set_path(e, path);
	err_set_values(e, want, have);
	return -1;
}

static int
look_at(struct mirror *m, int fd, const char *path, const char *sha256,
    int64_t size, struct err *e)
{
	char want[24], have[24];
	uint8_t digest[DIGEST_LEN];

	if (digest_file(fd, path, digest, &m->size, e) < 0)
		return -1;
	digest_format_hex(digest, m->sha256);
	snprintf(have, sizeof(have), "%" PRId64, m->size);
	snprintf(want, sizeof(want), "%" PRId64, size >= 0 ? size : m->size);
	return check(path, "size_mismatch", "size", want, have, e) < 0 ||
	    check(path, "checksum_mismatch", "SHA-256", *sha256 != '\0' ?
	    sha256 : m->sha256, m->sha256, e) < 0 ? -1 : 0;
}

int
mirror_run(struct mirror *m, const char *path, const char *sha256,
    int64_t size, struct err *e)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct artifact a = {
		.title = file_base(path), .version = m->version,
		.arch = m->arch,
	};
	int rc;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_CHECK, "not_found", "no such file: %s",
		    path);
	if (fd < 0)
		return err_sys(e, "cannot open '%s'", path);
	if (look_at(m, fd, path, sha256, size, e) < 0)
		return -1;
	snprintf(a.layer.digest, sizeof(a.layer.digest), "sha256:%s",
	    m->sha256);
	a.layer.size = m->size;
	m->to.copy = copy_new(1);
	rc = artifact_push(&a, fd, &m->to, e);
	copy_free(m->to.copy);
	m->to.copy = NULL;
	return rc;
}

void
mirror_record(const struct mirror *m, struct json_out *o)
{
	const struct deliver_tag *t = &m->to.tags[0];
	autofree char *location = deliver_location(&m->to);

	json_out_open(o, '{');
	json_out_kstr(o, "ref", t->ref);
	json_out_kstr(o, "digest", m->to.desc.digest);
	json_out_kstr(o, "media_type", m->to.desc.media_type);
	json_out_kint(o, "size", m->to.desc.size);
	json_out_key(o, "tags");
	deliver_write_tags(&m->to, o);
	json_out_kstr(o, "location", location);
	json_out_close(o, '}');
}
