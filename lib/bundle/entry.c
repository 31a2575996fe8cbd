#include "bundle/entry.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "bundle/finding.h"

int
entry_unsafe(const char *path, size_t len, const char *why, struct err *e)
{
	autobuf struct buf shown = BUF_INIT;

	text_escape(&shown, path, len);
	err_set(e, ERR_CHECK, "unsafe_entry", "unsafe archive entry: %s: %s",
	    shown.data, why);
	err_set_path(e, shown.data);
	e->prefix = finding_prefix;
	return -1;
}

void
entry_clean(const struct tarscan_entry *entry, struct buf *path)
{
	const char *p = entry->path;
	size_t len = entry->path_len;

	while (len >= 2 && p[0] == '.' && p[1] == '/') {
		p += 2;
		len -= 2;
		/* "./" alone is the directory itself */
		while (len > 0 && *p == '/' && entry->type == '5') {
			p++;
			len--;
		}
	}
	if (entry->type == '5' && len > 1 && p[len - 1] == '/')
		len--;
	buf_reset(path);
	if (!(len == 1 && *p == '.'))
		buf_add(path, p, len);
}

/* Why a name may not stand, NULL if it may. */
static const char *
name_fault(const char *name, size_t len)
{
	if (len == 0)
		return "the name is empty";
	if (memchr(name, '\0', len) != NULL)
		return "a NUL in the name";
	if (text_has_control(name, len))
		return "a control byte in the name";
	if (!text_utf8_valid(name, len))
		return "the name is not UTF-8";
	if (len > PAYLOAD_PATH_MAX)
		return "the path is longer than 4,096 bytes";
	if (*name == '/')
		return "the path is absolute";
	for (;;) {
		size_t n = strcspn(name, "/");

		if (n == 0)
			return "an empty name in the path";
		if (n == 1 && *name == '.')
			return "a '.' in the path";
		if (n == 2 && name[0] == '.' && name[1] == '.')
			return "a '..' in the path";
		if (name[n] == '\0')
			return NULL;
		name += n + 1;
	}
}

static const char *
type_fault(const struct tarscan_entry *entry)
{
	if (entry->sparse)
		return "a sparse file";
	switch (entry->type) {
	case '0':
	case '2':
	case '5':
		break;
	case '1':
		return "a hard link";
	case '3':
	case '4':
		return "a device";
	case '6':
		return "a FIFO";
	case '7':
		return "a contiguous file";
	case 'M':
	case 'V':
		return "a multi-volume archive";
	default:
		return "an unknown type";
	}
	if (entry->mode & 07000)
		return "a setuid, setgid or sticky bit";
	if (entry->capability)
		return "an extended attribute with capabilities";
	return NULL;
}

static const char *
target_fault(const struct tarscan_entry *entry)
{
	const char *target = entry->link;
	size_t len = entry->link_len;

	if (len == 0)
		return "the link's target is empty";
	if (memchr(target, '\0', len) != NULL || text_has_control(target, len))
		return "a control byte in the link's target";
	if (!text_utf8_valid(target, len))
		return "the link's target is not UTF-8";
	if (len > PAYLOAD_PATH_MAX)
		return "the link's target is longer than 4,096 bytes";
	if (*target == '/')
		return "the link's target is absolute";
	return NULL;
}

/* The node of the entry, with the directories on its way; NULL, or why it may
 * not stand there. */
static const char *
place(struct payload *p, const char *path, char type, uint32_t *node)
{
	uint32_t at = PAYLOAD_ROOT;
	struct payload_node *n;

	for (;;) {
		size_t len = strcspn(path, "/");

		at = payload_child(p, at, path, len, true);
		if (at == PAYLOAD_NONE)
			return "too many directories on the way to entries";
		n = &p->nodes[at];
		p->nodes[n->parent].has_seen_child = true;
		if (path[len] == '\0')
			break;
		if (n->type == PAYLOAD_LINK)
			return "it stands below a symlink";
		if (n->type == PAYLOAD_FILE)
			return "it stands below a file";
		n->type = PAYLOAD_DIR;
		path += len + 1;
	}
	*node = at;
	if (n->explicit_entry)
		return "the path is given twice";
	if (type != '5' && (n->type == PAYLOAD_DIR || n->has_seen_child))
		return "the path is a directory of other entries";
	return NULL;
}

static int
too_large(const struct entry_judge *j, struct err *e)
{
	err_set(e, ERR_CHECK, "too_large", "payload exceeds its limit: %s: "
	    "more than %" PRId64 " bytes", j->path.data, j->max_bytes);
	err_set_path(e, j->path.data);
	e->prefix = finding_prefix;
	return -1;
}

int
entry_judge(struct entry_judge *j, const struct tarscan_entry *entry,
    uint32_t *node, struct err *e)
{
	struct payload *p = j->payload;
	struct payload_node *n;
	const char *why;

	entry_clean(entry, &j->path);
	if (j->path.len == 0 && entry->type == '5' && entry->path_len > 0)
		return 0;
	if ((why = name_fault(j->path.data, j->path.len)) != NULL)
		return entry_unsafe(entry->path, entry->path_len, why, e);
	if ((why = type_fault(entry)) != NULL ||
	    (entry->type == '2' && (why = target_fault(entry)) != NULL))
		return entry_unsafe(j->path.data, j->path.len, why, e);
	if (++j->entries > PAYLOAD_ENTRIES_MAX)
		return entry_unsafe(j->path.data, j->path.len,
		    "more than 100,000 entries", e);
	if ((why = place(p, j->path.data, entry->type, node)) != NULL)
		return entry_unsafe(j->path.data, j->path.len, why, e);
	if (p->names.len + entry->link_len > ENTRY_NAMES_MAX)
		return entry_unsafe(j->path.data, j->path.len,
		    "more than 64 MiB of names", e);
	n = &p->nodes[*node];
	n->explicit_entry = true;
	n->order = (uint32_t)j->entries;
	n->type = entry->type == '5' ? PAYLOAD_DIR :
	    entry->type == '2' ? PAYLOAD_LINK : PAYLOAD_FILE;
	n->mode = (uint16_t)(entry->mode & 0777);
	n->size = entry->type == '0' ? entry->size : 0;
	if (entry->type == '2')
		n->target = payload_keep(p, entry->link, entry->link_len);
	if (n->size > j->max_bytes - j->bytes)
		return too_large(j, e);
	j->bytes += n->size;
	return 1;
}
