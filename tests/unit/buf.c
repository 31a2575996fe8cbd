/* The string that grows, and the memory under it. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

static void
an_empty_one_is_a_string(void)
{
	autobuf struct buf b = BUF_INIT;
	char *data;

	assert(strcmp(b.data, "") == 0 && b.len == 0);
	buf_reset(&b);
	buf_truncate(&b, 0);
	buf_add(&b, NULL, 0);
	assert(strcmp(b.data, "") == 0);
	data = buf_detach(&b);
	assert(strcmp(data, "") == 0);
	free(data);
	assert(strcmp(buf_empty_, "") == 0);
}

static void
it_grows_and_ends_in_a_nul(void)
{
	autobuf struct buf b = BUF_INIT;

	for (int i = 0; i < 10000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		assert(b.data[b.len] == '\0' && b.len < b.cap);
	}
	assert(b.len == 10000 && b.data[9999] == 'a' + 9999 % 26);
	buf_truncate(&b, 3);
	assert(strcmp(b.data, "abc") == 0);
	buf_addf(&b, "-%d-%s", 42, "x");
	assert(strcmp(b.data, "abc-42-x") == 0);
	buf_add(&b, "\0y", 2);
	assert(b.len == 10 && memcmp(b.data, "abc-42-x\0y", 11) == 0);
	buf_reset(&b);
	assert(b.len == 0 && *b.data == '\0' && b.cap > 0);
}

static void
a_detached_string_is_the_callers(void)
{
	struct buf b = BUF_INIT;
	char *data;

	buf_adds(&b, "mine");
	data = buf_detach(&b);
	assert(strcmp(data, "mine") == 0);
	assert(b.len == 0 && b.cap == 0 && strcmp(b.data, "") == 0);
	free(data);
}

static void
an_array_doubles(void)
{
	size_t cap = 0;
	int *items = NULL;

	for (size_t i = 0; i < 100; i++) {
		mem_grow(&items, &cap, i, sizeof(*items));
		assert(cap > i);
		items[i] = (int)i;
	}
	for (int i = 0; i < 100; i++)
		assert(items[i] == i);
	free(items);
}

/* The exit status of a child that asks for size bytes; its message in err. */
static int
child(size_t size, char err[64])
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert(pipe(fds) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		struct buf b = BUF_INIT;

		dup2(fds[1], 2);
		buf_adds(&b, "x");
		buf_grow(&b, size);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], err, 63);
	err[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
too_much_memory_ends_the_program_with_three(void)
{
	char err[64];

	assert(child(100, err) == 0);
	assert(child((size_t)-1, err) == 3);
	assert(strcmp(err, "slipway: out of memory\n") == 0);
	assert(child((size_t)-1 / 2, err) == 3);
	assert(child((size_t)-1 / 2 - 2, err) == 3);
}

int
main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	an_empty_one_is_a_string();
	puts("ok an empty one is a string");
	it_grows_and_ends_in_a_nul();
	puts("ok it grows and ends in a nul");
	a_detached_string_is_the_callers();
	puts("ok a detached string is the caller's");
	an_array_doubles();
	puts("ok an array doubles");
	too_much_memory_ends_the_program_with_three();
	puts("ok too much memory ends the program with three");
	return 0;
}
