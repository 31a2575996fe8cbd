#include "oci/assemble.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "oci/inspect.h"
#include "oci/ref.h"
#include "record/tool.h"

void
assemble_release(struct assemble *a)
{
	netopts_release(&a->net);
	group_names_release(&a->refs);
	group_names_release(&a->operands);
	free(a->annotations);
	free(a->require);
	free(a->looks);
}

static int
no_platform(const char *option, const char *value, struct err *e)
{
	if (strstr(value, "{arch}") == NULL &&
	    strstr(value, "{platform}") == NULL)
		return 0;
	return err_set(e, ERR_INPUT, "usage", "%s '%s': an index is for all "
	    "platforms, so its name can not have one's", option, value);
}

int
assemble_set_ref(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	if (places_check_userinfo(value, e) < 0 ||
	    no_platform("-t", value, e) < 0 ||
	    (strchr(value, '{') == NULL && ref_check(value, e) < 0))
		return -1;
	group_names_add(&a->refs, value);
	return 0;
}

int
assemble_set_out(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	if (strncmp(value, "oci:", 4) != 0 || value[4] == '\0' ||
	    value[4] == ':' || !text_utf8_valid(value, strlen(value)))
		return err_set(e, ERR_INPUT, "usage",
		    "-o takes oci:DIR[:TAG], not '%s'", value);
	a->out = value;
	return no_platform("-o", value, e);
}

int
assemble_set_require(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;
	autofree char *list = mem_str(value);
	char *rest = list, *item;

	while ((item = strsep(&rest, ",")) != NULL) {
		mem_grow(&a->require, &a->require_cap, a->nrequire,
		    sizeof(*a->require));
		if (desc_platform_parse(item, &a->require[a->nrequire++],
		    e) < 0)
			return err_wrap(e, "--require");
	}
	return 0;
}

int
assemble_set_annotation(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	if (index_annotate(NULL, value, e) < 0)
		return -1;
	mem_grow(&a->annotations, &a->annotations_cap, a->nannotations,
	    sizeof(*a->annotations));
	a->annotations[a->nannotations++] = value;
	return 0;
}

int
assemble_set_format(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	return indexdoc_format_parse(value, &a->publish.format, e);
}

int
assemble_set_tls_verify(void *opts, const char *value, struct err *e)
{
	return netopts_tls_verify(&((struct assemble *)opts)->net, value, e);
}

int
assemble_set_if_tag_is(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	if (!deliver_expect_valid(value))
		return err_set(e, ERR_INPUT, "usage", "--if-tag-is takes a "
		    "digest (sha256: and 64 hex digits) or absent, not '%s'",
		    value);
	a->publish.if_tag_is = value;
	return 0;
}

static int
add_look(struct assemble *a, const char *value, bool check, struct err *e)
{
	autofree char *location = places_check_userinfo(value, e) < 0 ? NULL :
	    inspect_location(value, e);

	if (location == NULL)
		return err_wrap(e, "%s", check ? "--check" : "--inspect");
	mem_grow(&a->looks, &a->looks_cap, a->nlooks, sizeof(*a->looks));
	a->looks[a->nlooks++] = (struct assemble_look){ value, check };
	return 0;
}

int
assemble_set_check(void *opts, const char *value, struct err *e)
{
	return add_look(opts, value, true, e);
}

int
assemble_set_inspect(void *opts, const char *value, struct err *e)
{
	return add_look(opts, value, false, e);
}

int
assemble_operand(void *opts, const char *value, struct err *e)
{
	struct assemble *a = opts;

	if (places_check_userinfo(value, e) < 0)
		return -1;
	if (!places_is(value) || !text_utf8_valid(value, strlen(value)))
		return err_set(e, ERR_INPUT, "usage", "an operand is "
		    "docker://REF, oci:DIR[:TAG] or another place of an image,"
		    " not '%s'", value);
	group_names_add(&a->operands, value);
	return 0;
}

/* An operand stands for a record that has the place alone. */
static void
record_operand(const char *place)
{
	AUTO(json_out_release) struct json_out o = JSON_OUT_INIT;

	json_out_open(&o, '{');
	json_out_key(&o, "image");
	json_out_open(&o, '{');
	json_out_kstr(&o, "location", place);
	json_out_close(&o, '}');
	json_out_close(&o, '}');
	tool_record(o.buf.data, place);
}

/* What does not go together. */
static int
check_options(struct assemble *a, struct err *e)
{
	autofree char *dir = NULL, *tag = NULL;
	const struct publish_opts *o = &a->publish;

	if (a->nlooks > 0 && (a->refs.n > 0 || a->operands.n > 0 ||
	    a->out != NULL || o->push))
		return err_set(e, ERR_INPUT, "usage", "--inspect and --check "
		    "only look: they take no -t, -o, --push or operand");
	if (a->nlooks > 0)
		return 0;
	if (a->out == NULL && !o->push && !o->dry_run)
		return err_set(e, ERR_INPUT, "usage", "nowhere to put the "
		    "index: give --push, -o oci:DIR[:TAG], or --dry-run to "
		    "see it");
	if (a->out != NULL)
		layout_split(a->out + strlen("oci:"), &dir, &tag);
	if (a->refs.n == 0 && (o->push || (a->out != NULL && tag == NULL)))
		return err_set(e, ERR_INPUT, "usage", "no name for the "
		    "index: give -t REF%s", o->push ? " with --push" :
		    " or -o oci:DIR:TAG");
	if (a->no_clobber && o->if_tag_is != NULL)
		return err_set(e, ERR_INPUT, "usage",
		    "--no-clobber is --if-tag-is absent: give one of them");
	if (o->referrers && !o->push)
		return err_set(e, ERR_INPUT, "usage",
		    "--referrers needs --push");
	if (o->append && a->out == NULL && !o->push)
		return err_set(e, ERR_INPUT, "usage",
		    "--append needs --push or -o");
	return 0;
}

int
assemble_ready(void *opts, struct err *e)
{
	struct assemble *a = opts;

	if (check_options(a, e) < 0)
		return -1;
	if (a->no_clobber)
		a->publish.if_tag_is = "absent";
	a->publish.annotations = a->annotations;
	a->publish.nannotations = a->nannotations;
	a->publish.require = a->require;
	a->publish.nrequire = a->nrequire;
	for (size_t i = 0; a->publish.push && i < a->refs.n; i++)
		netopts_creds_for(&a->net, a->refs.items[i]);
	for (size_t i = 0; i < a->operands.n; i++) {
		netopts_creds_for(&a->net, a->operands.items[i]);
		record_operand(a->operands.items[i]);
	}
	for (size_t i = 0; i < a->nlooks; i++) {
		netopts_creds_for(&a->net, a->looks[i].ref);
		tool_record("{}", a->looks[i].ref);
	}
	return 0;
}
