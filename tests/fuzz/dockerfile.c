/*
 * Any bytes as a Dockerfile and as an ignore file: parsed or refused with a
 * message, never more.  What is parsed is also planned and run on trees, with
 * an empty context and nothing to write to.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "build/dockerfile.h"
#include "build/ignore.h"
#include "build/native.h"
#include "codec/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-dockerfile-XXXXXX";

static void
clean(void)
{
	autofree char *file = mem_fmt("%s/Dockerfile", dir);

	unlink(file);
	rmdir(dir);
}

static void
build(const uint8_t *data, size_t size)
{
	struct native_result r = NATIVE_RESULT_INIT;
	autofree char *file = mem_fmt("%s/Dockerfile", dir);
	struct native n = {
		.context = dir, .dir = dir, .method = ZOUT_NONE, .threads = 1,
		.platform = { "linux", "amd64", "" },
	};
	struct err e;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	err_init(&e);
	if (native_build(&n, &r, &e) < 0 && (e.msg[0] == '\0' ||
	    e.kind == ERR_NONE || e.code == NULL))
		abort();
	native_result_release(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct dockerfile d = DOCKERFILE_INIT;
	struct err e;

	if (!ready) {
		if (mkdtemp(dir) == NULL)
			abort();
		atexit(clean);
		digest_setup();
		ready = true;
	}
	autofree char *text = mem_dup((const char *)data, size);
	err_init(&e);
	if (dockerfile_parse(&d, "Dockerfile", text, size, &e) < 0 &&
	    (e.kind != ERR_INPUT || e.line < 1))
		abort();
	dockerfile_release(&d);
	ignore_free(ignore_parse("x", text, size, &e));
	build(data, size);
	return 0;
}
