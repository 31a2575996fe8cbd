#include "oci/digestfile.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "record/tool.h"

char *
digestfile_path(const char *value, struct rec *r, struct err *e)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	char *absolute;

	if (tool_expand(value, r, &path, e) < 0) {
		err_wrap(e, "--digestfile");
		return NULL;
	}
	absolute = tool_path(path.data);
	if (tool_claim(absolute, e) == 0)
		return absolute;
	free(absolute);
	return NULL;
}

int
digestfile_write(const char *path, const char *digest, struct err *e)
{
	return file_replace(AT_FDCWD, path, digest, strlen(digest), e);
}
