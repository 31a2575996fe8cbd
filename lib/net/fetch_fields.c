#include "net/fetch_fields.h"

#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX (64 << 10)	/* bytes */

void
fetch_fields_release(struct fetch_fields *f)
{
	for (size_t i = 0; i < f->count; i++) {
		explicit_bzero(f->field[i], strlen(f->field[i]));
		free(f->field[i]);
	}
	free(f->field);
	*f = (struct fetch_fields)FETCH_FIELDS_INIT;
}

static int
add_line(struct fetch_fields *f, const char *line, size_t len, struct err *e)
{
	const char *colon = memchr(line, ':', len);

	if (colon == NULL || colon == line || text_has_control(line, len))
		return err_set(e, ERR_INPUT, "usage", "--header takes "
		    "'NAME: VALUE' or @FILE with such lines");
	mem_grow(&f->field, &f->cap, f->count + 1, sizeof(*f->field));
	f->field[f->count++] = mem_dup(line, len);
	f->field[f->count] = NULL;
	return 0;
}

static int
add_file(struct fetch_fields *f, const char *path, struct err *e)
{
	autobuf struct buf b = BUF_INIT;
	int rc = file_slurp(AT_FDCWD, path, path, FILE_MAX, &b, e);

	for (const char *p = b.data; rc == 0 && *p != '\0';) {
		size_t n = strcspn(p, "\n"), len = n;

		if (len > 0 && p[len - 1] == '\r')
			len--;
		if (len > 0)
			rc = add_line(f, p, len, e);
		p += n + (p[n] == '\n');
	}
	explicit_bzero(b.data, b.len);
	return rc;
}

int
fetch_fields_add(struct fetch_fields *f, const char *value, struct err *e)
{
	return *value == '@' ? add_file(f, value + 1, e) :
	    add_line(f, value, strlen(value), e);
}
