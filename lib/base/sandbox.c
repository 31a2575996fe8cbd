/*
 * Landlock is used by number, because the headers of older systems end before
 * the rights of newer kernels (kernel documentation, "Landlock: unprivileged
 * access control"; seccomp(2)).
 */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define LANDLOCK_VERSION 1	/* flag of LANDLOCK_CREATE */
#define LANDLOCK_PATH 1		/* rule type */

enum {	/* LANDLOCK_ACCESS_FS_* */
	FS_WRITE = 1 << 1, FS_READ = 1 << 2, FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4, FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7, FS_MAKE_REG = 1 << 8, FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14,
};

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

#if defined(__x86_64__)
#define AUDIT_ARCH_ AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_ AUDIT_ARCH_AARCH64
#endif

static void
allow(int ruleset, int fd, uint64_t access)
{
	struct path_attr rule = { access, fd };

	syscall(LANDLOCK_ADD, ruleset, LANDLOCK_PATH, &rule, 0);
}

static void
landlock(enum sandbox_mode mode, const int dirfds[], int count)
{
	/* rights on files, by version of the interface from 1 */
	static const int bits[] = { 13, 14, 15, 15, 16, 16 };
	long abi = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_VERSION);
	struct ruleset_attr attr = { 0, 0, 0 };
	size_t size;
	int ruleset, root;

	if (abi < 1)
		return;
	if (abi > 6)
		abi = 6;
	attr.fs = (UINT64_C(1) << bits[abi - 1]) - 1;
	attr.net = abi >= 4 ? 3 : 0;	/* bind and connect */
	attr.scoped = abi >= 6 ? 3 : 0;	/* abstract sockets and signals */
	size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	ruleset = (int)syscall(LANDLOCK_CREATE, &attr, size, 0);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ruleset >= 0 && root >= 0) {
		allow(ruleset, root, FS_READ | FS_READ_DIR);
		for (int i = 0; mode == SANDBOX_WRITE && i < count; i++)
			allow(ruleset, dirfds[i], attr.fs & (FS_WRITE |
			    FS_READ | FS_READ_DIR | FS_REMOVE_DIR |
			    FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
			    FS_MAKE_SYM | FS_REFER | FS_TRUNCATE));
		syscall(LANDLOCK_RESTRICT, ruleset, 0);
	}
	if (root >= 0)
		close(root);
	if (ruleset >= 0)
		close(ruleset);
}

#ifdef AUDIT_ARCH_
static void
seccomp(void)
{
	static const int refused[] = {
		SYS_execve, SYS_execveat, SYS_socket, SYS_socketpair,
		SYS_connect, SYS_bind, SYS_ptrace, SYS_process_vm_readv,
		SYS_process_vm_writev, SYS_bpf, SYS_perf_event_open,
		SYS_userfaultfd, SYS_mount, SYS_umount2, SYS_pivot_root,
		SYS_chroot, SYS_unshare, SYS_setns, SYS_init_module,
		SYS_finit_module, SYS_delete_module, SYS_kexec_load,
		SYS_add_key, SYS_request_key, SYS_keyctl,
		SYS_open_by_handle_at, 425, 426, 427,	/* io_uring_* */
		428, 429, 430, 431, 432, 433, 442,	/* mounts, since 5.2 */
	};
	enum { COUNT = sizeof(refused) / sizeof(*refused) };
	struct sock_filter code[COUNT + 8];
	struct sock_fprog prog = { 0, code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	    AUDIT_ARCH_, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	/* x32 calls have numbers of their own from 2^30 */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
	    0x40000000, COUNT + 1, 0);
	for (int i = 0; i < COUNT; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i],
		    (unsigned char)(COUNT - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ERRNO | EPERM);
	prog.len = n;
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}
#else
static void
seccomp(void)
{
}
#endif

void
sandbox_enter_dirs(enum sandbox_mode mode, const int dirfds[], int count)
{
	const char *off = getenv("SLIPWAY_SANDBOX");
	const struct rlimit none = { 0, 0 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return;		/* the leak checker traces its own process */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return;
#endif
#endif
	if (off != NULL && strcmp(off, "off") == 0)
		return;
	setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return;
	landlock(mode, dirfds, count);
	seccomp();
}

void
sandbox_enter(enum sandbox_mode mode, int dirfd)
{
	sandbox_enter_dirs(mode, &dirfd, dirfd >= 0);
}
