/*
 * Two readers in lock-step: what honest programs write is read, in every
 * format and whatever the locale; what is wrong is refused in the archive's
 * order.
 */
#undef NDEBUG
#include "codec/untar.h"

#include <assert.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/tarhdr.h"
#include "codec/tarout.h"

static char work[] = "untar-XXXXXX";

__attribute__((format(printf, 1, 2)))
static int
run(const char *fmt, ...)
{
	autobuf struct buf line = BUF_INIT;
	va_list ap;

	buf_addf(&line, "exec >/dev/null 2>&1; cd %s && ", work);
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	return system(line.data);
}

/* A tree of 13 entries with what some formats are bad at, under names that
 * all of them can hold; and one of 5 with names that not all can. */
static void
make_trees(void)
{
	assert(run("mkdir -p t/empty t/d && echo hello >t/d/file && "
	    ": >t/none && ln -s file t/d/link && ln -s no/way t/dangling && "
	    "head -c 300000 /dev/zero >t/zeros && echo u >'t/größe é' && "
	    "ln -s 'größe é' t/ü && "
	    "echo n >\"$(printf 't/e\\314\\201')\" && "
	    "echo c >t/Case && echo c >t/case && chmod 750 t/d && "
	    "chmod 600 t/zeros") == 0);
	assert(run("n=$(printf 'n%%.0s' $(seq 120)) && mkdir -p l/$n/$n && "
	    "echo x >l/$n/$n/$n && ln -s $n/$n/$n l/far") == 0);
}

struct seen {
	int entries, judged;
	int64_t bytes;
	int stop;		/* judge refuses the entry of this number */
};

static int
judge(void *ctx, const struct tarscan_entry *n, struct err *e)
{
	struct seen *s = ctx;

	(void)n;
	if (++s->judged == s->stop)
		return err_set(e, ERR_CHECK, "unsafe_entry", "no");
	return 0;
}

/* Read the archive on fd. */
static int
read_fd(int fd, struct seen *s, struct err *e)
{
	struct zin *z = zin_new(fd, 0);
	struct untar *u = untar_new(z, judge, s);
	const struct tarscan_entry *n;
	const uint8_t *data;
	size_t len;
	int status;

	err_init(e);
	s->entries = s->judged = 0;
	s->bytes = 0;
	while ((status = untar_next(u, &n, e)) > 0) {
		s->entries++;
		while ((status = untar_data(u, &data, &len, e)) > 0)
			s->bytes += (int64_t)len;
		if (status < 0)
			break;
	}
	untar_free(u);
	zin_free(z);
	return status;
}

static int
read_file(const char *name, struct seen *s, struct err *e)
{
	autofree char *path = mem_fmt("%s/%s", work, name);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert(fd >= 0);
	return read_fd(fd, s, e);
}

static int
read_buf(const struct buf *tar, struct seen *s, struct err *e)
{
	autofree char *path = mem_fmt("%s/buf", work);
	autofd int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	assert(fd >= 0 && file_write(fd, tar->data, tar->len) == 0);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	return read_fd(fd, s, e);
}

/* a.tar, which what made of a tree of so many entries (0: any), is read. */
static void
accepted(const char *what, int entries)
{
	struct seen s = { 0 };
	struct err e;

	if (read_file("a.tar", &s, &e) < 0 ||
	    (entries > 0 && s.entries != entries)) {
		fprintf(stderr, "not ok: %s: %d entries: %s: %s\n", what,
		    s.entries, e.msg, e.detail);
		assert(0);
	}
	assert(entries != 13 || s.bytes == 300000 + 6 + 2 + 2 + 2 + 2);
}

/* command archives the tree named at its end into a.tar. */
static void
each_format(const char *command, const char *const *formats)
{
	for (; *formats != NULL; formats++) {
		autofree char *what = mem_fmt("%s%s", command, *formats);

		assert(run("%s -cf a.tar t", what) == 0);
		accepted(what, 13);
		assert(run("%s -cf a.tar -C t .", what) == 0);
		accepted(what, 13);
		/* some formats can not hold all of its names */
		if (run("%s -cf a.tar l", what) == 0)
			accepted(what, 0);
	}
}

static const char *
gnu_tar_is_read_in_all_formats(void)
{
	static const char *const formats[] = { "v7", "oldgnu", "gnu",
	    "ustar", "posix", "pax", NULL };

	if (run("tar --version | grep -q GNU") != 0)
		return "no GNU tar";
	each_format("tar --format=", formats);
	assert(run("tar --format=posix --xattrs --acls --owner=:3000000 "
	    "--group=:3000001 -b 200 -cf a.tar t") == 0);
	accepted("tar --xattrs", 13);
	assert(run("tar --format=gnu --owner=:3000000 -cf a.tar t") == 0);
	accepted("tar --format=gnu --owner", 13);
	assert(run("tar --format=gnu --mtime=1960-01-01 -cf a.tar t") == 0);
	accepted("tar --format=gnu --mtime", 13);
	assert(run("tar --format=pax --mtime=1960-01-01 -cf a.tar t") == 0);
	accepted("tar --format=pax --mtime", 13);
	return NULL;
}

static const char *
bsdtar_is_read_in_all_formats(void)
{
	static const char *const formats[] = { "ustar", "gnutar", "pax",
	    "v7", "posix", "paxr", NULL };

	if (run("bsdtar --version") != 0)
		return "no bsdtar";
	/* in the C locale its pax names are marked BINARY */
	each_format("LC_ALL=C bsdtar --format=", formats);
	each_format("LC_ALL=C.UTF-8 bsdtar --format=", formats);
	return NULL;
}

static const char *
python_is_read_in_all_formats(void)
{
	if (run("python3 -c 'import tarfile'") != 0)
		return "no python3";
	for (int format = 0; format < 3; format++) {
		assert(run("python3 -c 'import tarfile\n"
		    "t = tarfile.open(\"a.tar\", \"w\", format=%d)\n"
		    "t.add(\"t\")\nt.close()'", format) == 0);
		accepted("python3", 13);
	}
	return NULL;
}

static const char *
go_is_read_in_all_formats(void)
{
	static const char program[] =
	    "package main\n"
	    "import (\"archive/tar\"; \"io\"; \"os\"; \"path/filepath\")\n"
	    "func main() {\n"
	    "  f := map[string]tar.Format{\"0\": tar.FormatUnknown,\n"
	    "    \"1\": tar.FormatUSTAR, \"2\": tar.FormatPAX,\n"
	    "    \"3\": tar.FormatGNU}\n"
	    "  w := tar.NewWriter(os.Stdout)\n"
	    "  filepath.Walk(\"t\", func(p string, i os.FileInfo, e error)"
	    " error {\n"
	    "    l, _ := os.Readlink(p)\n"
	    "    h, _ := tar.FileInfoHeader(i, l)\n"
	    "    h.Name, h.Format = p, f[os.Args[1]]\n"
	    "    if i.IsDir() { h.Name += \"/\" }\n"
	    "    if os.Args[1] == \"1\" {\n"
	    "      h = &tar.Header{Typeflag: h.Typeflag, Name: h.Name,\n"
	    "        Linkname: h.Linkname, Size: h.Size, Mode: h.Mode,\n"
	    "        Format: h.Format}\n"
	    "    }\n"
	    "    if w.WriteHeader(h) != nil { return nil }\n"
	    "    if i.Mode().IsRegular() {\n"
	    "      r, _ := os.Open(p); io.Copy(w, r) }\n"
	    "    return nil })\n"
	    "  w.Close() }\n";
	autofree char *path = mem_fmt("%s/go.go", work);
	struct err e;

	if (run("go version") != 0)
		return "no go";
	assert(file_replace(AT_FDCWD, path, program, sizeof(program) - 1,
	    &e) == 0);
	if (run("GO111MODULE=off GOCACHE=$PWD/cache GOFLAGS= "
	    "go build -o gotar go.go") != 0)
		return "go does not build";
	assert(run("./gotar 0 >a.tar") == 0);
	accepted("go", 13);
	/* ustar is ASCII for Go: three names are left out */
	assert(run("./gotar 1 >a.tar") == 0);
	accepted("go ustar", 10);
	assert(run("./gotar 2 >a.tar") == 0);
	accepted("go pax", 13);
	assert(run("./gotar 3 >a.tar") == 0);	/* with atime and ctime */
	accepted("go gnu", 13);
	return NULL;
}

static const char *
git_archive_is_read(void)
{
	if (run("git --version") != 0)
		return "no git";
	assert(run("rm -rf g && mkdir g && cp -a t l g && cd g && "
	    "git init -q . && git add -A && git -c user.name=n "
	    "-c user.email=e commit -qm m && "
	    "git archive --prefix=p/ HEAD >../a.tar") == 0);
	accepted("git archive", 18);	/* it has no empty directory */
	return NULL;
}

static const char *
the_locale_does_not_matter(void)
{
	assert(run("tar --format=posix -cf a.tar t") == 0);
	assert(setlocale(LC_ALL, "C") != NULL);
	accepted("in the C locale", 13);
	if (setlocale(LC_ALL, "C.UTF-8") == NULL)
		return "no C.UTF-8 here";
	accepted("in C.UTF-8", 13);
	setlocale(LC_ALL, "C");
	return NULL;
}

static int
sink(void *ctx, const void *data, size_t len, struct err *e)
{
	(void)e;
	buf_add(ctx, data, len);
	return 0;
}

/* An archive of so many files of 1,000 bytes, f1, f2, ... */
static void
make_files(struct buf *out, int n)
{
	static const char body[1000] = "x";
	struct tarout t = { .sink = sink, .ctx = out };
	struct err e;

	for (int i = 1; i <= n; i++) {
		autofree char *name = mem_fmt("f%d", i);
		struct tarout_entry entry = { .path = name, .type = '0',
		    .mode = 0644, .size = sizeof(body) };

		assert(tarout_entry(&t, &entry, &e) == 0);
		assert(tarout_data(&t, body, sizeof(body), &e) == 0);
	}
	assert(tarout_finish(&t, &e) == 0);
}

/* Whatever is next, the entries before it come out, and nothing behind. */
static const char *
refusals_come_in_the_archives_order(void)
{
	for (int n = 1; n <= 400; n += 57) {
		autobuf struct buf tar = BUF_INIT;
		struct seen s = { .stop = n };
		struct err e;

		make_files(&tar, 400);
		/* a later header is damaged: judge comes first */
		if (n < 400)
			tar.data[(size_t)n * 1536] ^= 1;
		assert(read_buf(&tar, &s, &e) == -1);
		assert(strcmp(e.code, "unsafe_entry") == 0);
		assert(s.entries == n - 1);
		assert(s.bytes == (n - 1) * 1000);
		/* an earlier one is */
		tar.data[(size_t)(n - 1) * 1536] ^= 1;
		assert(read_buf(&tar, &s, &e) == -1);
		assert(strcmp(e.code, "archive_damaged") == 0);
		assert(s.judged == n - 1 && s.entries == n - 1);
	}
	return NULL;
}

static const char *
bodies_need_not_be_read(void)
{
	autobuf struct buf tar = BUF_INIT;
	struct seen s = { 0 };
	const struct tarscan_entry *n;
	struct untar *u;
	struct zin *z;
	struct err e;
	int count = 0, status;

	make_files(&tar, 400);
	assert(read_buf(&tar, &s, &e) == 0);
	assert(s.entries == 400 && s.judged == 400);
	autofree char *path = mem_fmt("%s/buf", work);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	z = zin_new(fd, 0);
	u = untar_new(z, NULL, NULL);
	while ((status = untar_next(u, &n, &e)) > 0)
		count++;
	assert(status == 0 && count == 400);
	untar_free(u);
	zin_free(z);
	return NULL;
}

/* What libarchive alone would take. */
static const char *
what_libarchive_overlooks_is_refused(void)
{
	autobuf struct buf tar = BUF_INIT, two = BUF_INIT;
	struct seen s = { 0 };
	struct err e;

	make_files(&tar, 3);
	buf_add(&two, tar.data, tar.len);
	buf_add(&two, tar.data, tar.len);
	assert(read_buf(&two, &s, &e) == -1 && s.entries == 3);
	assert(strstr(e.detail, "not zero behind it") != NULL);
	buf_truncate(&two, tar.len - 1024);
	assert(read_buf(&two, &s, &e) == -1 && s.entries == 3);
	assert(strstr(e.detail, "without an end") != NULL);
	buf_truncate(&two, tar.len - 512);
	assert(read_buf(&two, &s, &e) == -1 && s.entries == 3);
	assert(strstr(e.detail, "one zero block") != NULL);
	buf_truncate(&two, 4 * 512 + 100);
	assert(read_buf(&two, &s, &e) == -1);
	assert(strstr(e.detail, "within a header") != NULL ||
	    strstr(e.detail, "within a body") != NULL);
	return NULL;
}

/* In no place of it is there a bit that does not count. */
static const char *
a_changed_byte_in_a_header_is_refused(void)
{
	autobuf struct buf tar = BUF_INIT;
	struct seen s = { 0 };
	struct err e;

	make_files(&tar, 2);
	for (size_t i = 1536; i < 1536 + 512; i++) {
		tar.data[i] ^= 1;
		assert(read_buf(&tar, &s, &e) == -1);
		assert(e.kind == ERR_CHECK && s.entries == 1);
		tar.data[i] ^= 1;
	}
	return NULL;
}

static const char *
a_damaged_stream_is_told_first(void)
{
	struct seen s = { 0 };
	struct err e;

	if (run("tar -czf a.tar t && dd if=/dev/zero of=a.tar bs=1 count=4 "
	    "conv=notrunc seek=$(($(wc -c <a.tar) - 8))") != 0)
		return "no tar or gzip";
	assert(read_file("a.tar", &s, &e) == -1);
	assert(strstr(e.detail, "gzip stream: wrong CRC") != NULL);
	assert(run("tar -czf a.tar t && head -c 300 a.tar >b.tar") == 0);
	assert(read_file("b.tar", &s, &e) == -1);
	assert(strstr(e.detail, "gzip stream: truncated") != NULL);
	return NULL;
}

static const char *
another_container_is_refused(void)
{
	autobuf struct buf zip = BUF_INIT;
	struct seen s = { 0 };
	struct err e;

	buf_add(&zip, "PK\3\4", 4);
	while (zip.len < 4096)
		buf_addc(&zip, 'z');
	assert(read_buf(&zip, &s, &e) == -1);
	assert(strstr(e.detail, "no tar archive") != NULL);
	return NULL;
}

int
main(void)
{
	static const struct {
		const char *name;
		const char *(*run)(void);	/* why it was skipped */
	} tests[] = {
#define T(name) { #name, name }
		T(gnu_tar_is_read_in_all_formats),
		T(bsdtar_is_read_in_all_formats),
		T(python_is_read_in_all_formats),
		T(go_is_read_in_all_formats),
		T(git_archive_is_read),
		T(the_locale_does_not_matter),
		T(refusals_come_in_the_archives_order),
		T(bodies_need_not_be_read),
		T(what_libarchive_overlooks_is_refused),
		T(a_changed_byte_in_a_header_is_refused),
		T(a_damaged_stream_is_told_first),
		T(another_container_is_refused),
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	assert(mkdtemp(work) != NULL);
	untar_setup();
	make_trees();
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		const char *why = tests[i].run();

		printf("%s %s%s%s\n", why != NULL ? "skip" : "ok",
		    tests[i].name, why != NULL ? ": " : "",
		    why != NULL ? why : "");
		fflush(stdout);
	}
	return file_remove_tree(AT_FDCWD, work) == 0 ? 0 : 1;
}
