/*
 * group.h - the records that become one index: those whose names are equal.
 */
#ifndef GROUP_H
#define GROUP_H

#include "base/err.h"
#include "oci/part.h"
#include "record/rec.h"

struct group_names {
	char **items;		/* owned, each too */
	size_t n, cap;
};
/* A name that is there already is not added again. */
void group_names_add(struct group_names *x, const char *name);
void group_names_release(struct group_names *x);

struct group {
	char *key;		/* owned; NULL: one record without a group */
	struct group_names refs;/* what the index is called */
	char **tags;		/* owned: of each ref, its name in the layout */
	char *dir;		/* owned; the layout, absolute, or NULL */
	struct part **parts;	/* owned, in order of arrival */
	size_t n, cap;
};

struct group_list {
	struct group **items;	/* owned, in order of their first records */
	size_t n, cap;
	enum err_kind held;	/* worst failure of what may be in any group */
};
void group_list_release(struct group_list *x);

/*
 * A group with the names that the templates refs and out ("oci:DIR[:TAG]" or
 * NULL) give for r; without TAG it is that of each ref.  The caller frees.
 * NULL: ERR_INPUT "placeholder", "reference_invalid", "tag_invalid".
 */
struct group *group_new(const struct group_names *refs, const char *out,
    struct rec *r, struct err *e);
void group_free(struct group *g);

/*
 * p joins the group that has the key of g, or g becomes one; both are taken.
 * g NULL: p has failed, and no one can tell which group lacks it now; so none
 * of them is whole.
 */
void group_list_add(struct group_list *x, struct group *g, struct part *p);

/* Images that can not be in one index: a failure of the later part. */
void group_compare(struct group *g);

/* The worst failure among the parts: 2 before 1 before 3, so that 3 always
 * means "try again" (records(5)). */
enum err_kind group_failure(const struct group *g);
enum err_kind group_worse(enum err_kind a, enum err_kind b);

#endif
