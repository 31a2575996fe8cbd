/*
 * path.h - paths inside an image or a context, by their text alone.
 */
#ifndef PATH_H
#define PATH_H

/*
 * The shortest form of path as seen from the root, without its leading '/':
 * no empty, "." or ".." part, a ".." at the root is dropped; "" is the root
 * itself.  The caller frees.
 */
char *path_clean(const char *path);

/* path_clean of path, seen from dir unless it is absolute. */
char *path_from(const char *dir, const char *path);

/* As Go's path.Clean: a leading ".." of a relative path stays, "" is ".". */
char *path_shorten(const char *path);

#endif
