/*
 * mem.h - memory that is there, or the end of the program.
 *
 * A failed allocation ends the process with status 3 and one line on stderr:
 * what was half done on disk is litter that the next run sweeps.  Sizes that
 * come from input meet a named limit before they come here.
 */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* Returned memory is the caller's, to free(). */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_realloc(void *old, size_t count, size_t size);
char *mem_dup(const char *data, size_t len);	/* a NUL is added */
char *mem_str(const char *str);
__attribute__((format(printf, 1, 2)))
char *mem_fmt(const char *fmt, ...);

/*
 * Room for one more element in the array at *items with *cap places, *used of
 * them taken: doubles where there is none.
 */
void mem_grow(void *items, size_t *cap, size_t used, size_t size);

/* Say so on stderr and _exit(3). */
_Noreturn void mem_die(void);

/* Release by scope; errno is kept. */
static inline void
mem_autofree_(void *p)
{
	free(*(void **)p);
}
void mem_autoclose_(const int *fd);
#define autofree __attribute__((cleanup(mem_autofree_)))
#define autofd __attribute__((cleanup(mem_autoclose_)))
#define AUTO(release) __attribute__((cleanup(release)))

#endif
