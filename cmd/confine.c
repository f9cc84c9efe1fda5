#include "cmd/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/steps.h"
#include "state/base/log.h"
#include "state/base/mem.h"

#ifdef __linux__
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#endif

void
confine_to_parent(pid_t parent)
{
#ifdef PR_SET_PDEATHSIG
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	/* It may have ended before. */
	if (getppid() != parent)
		_exit(75);
}

#ifdef __linux__

/* ---- files: Landlock ---- */

/* From linux/landlock.h, whose version here may be older than the kernel. The numbers are the same everywhere. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
enum { LANDLOCK_VERSION = 1, LANDLOCK_PATH = 1 };
enum landlock_right {
	EXECUTE = 1 << 0, WRITE_FILE = 1 << 1, READ_FILE = 1 << 2, READ_DIR = 1 << 3, REMOVE_DIR = 1 << 4, REMOVE_FILE = 1 << 5,
	MAKE_DIR = 1 << 7, MAKE_REG = 1 << 8, REFER = 1 << 13, TRUNCATE = 1 << 14,
	OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE,
	TO_READ = READ_FILE | READ_DIR,
	TO_WRITE = TO_READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE,
	ALL_BEFORE_TRUNCATE = (1 << 14) - 1,
	/* The first kernels let nothing be renamed between two directories, as each delivery is. */
	LEAST_VERSION = 2, WITH_TRUNCATE = 3,
};
struct landlock_rules { uint64_t files; };
struct __attribute__((packed)) landlock_place { uint64_t allowed; int32_t fd; };

static int
landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
}

static void
grant(int rules, const struct grant *g, uint64_t handled)
{
	static const uint64_t rights[] = { [GRANT_NAMES] = READ_DIR, [GRANT_READ] = TO_READ, [GRANT_WRITE] = TO_WRITE };
	struct landlock_place place = { .allowed = rights[g->right] & handled };
	struct stat st;

	place.fd = open(g->path, O_PATH | O_CLOEXEC);
	if (place.fd < 0)
		return;
	if (fstat(place.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		place.allowed &= OF_FILES;
	(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_PATH, &place, 0);
	close(place.fd);
}

static void
confine_files(const struct grants *g)
{
	const int version = landlock_version();
	struct landlock_rules rules = { .files = ALL_BEFORE_TRUNCATE | (version >= WITH_TRUNCATE ? TRUNCATE : 0) };
	int fd;

	if (version < LEAST_VERSION)
		return;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
	if (fd < 0)
		return;
	for (size_t i = 0; i < g->all.n; i++)
		grant(fd, &g->all.at[i], rules.files);
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		log_line(LOG_RUN, "files are not confined: %s", strerror(errno));
	close(fd);
}

/* ---- system calls: seccomp ---- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef ARCH

#define FIELD(name) ((unsigned)offsetof(struct seccomp_data, name))
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* The lower half of an argument, little end first: none of those looked at has another. */
#define ARGUMENT(n) LOAD(FIELD(args[n]))
/* Skips so many statements unless the number, or the argument, is this one. */
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define UNLESS_ANY_OF(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, (skip))
#define ALLOW(call) UNLESS(SYS_##call, 1), ANSWER(SECCOMP_RET_ALLOW)
#define NOT_ALLOWED (SECCOMP_RET_ERRNO | EPERM)
/* What is not listed is answered as by an older kernel, for which libraries have another way. */
#define NOT_KNOWN (SECCOMP_RET_ERRNO | ENOSYS)

enum { X32 = 0x40000000, OWN_THREAD = 0x00010000 /* CLONE_THREAD */ };

static void
confine_calls(void)
{
	const uint32_t self = (uint32_t)getpid();
	struct sock_filter program[] = {
		LOAD(FIELD(arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		ANSWER(NOT_ALLOWED),
		LOAD(FIELD(nr)),
#ifdef __x86_64__
		UNLESS_ANY_OF(X32, 1), ANSWER(NOT_KNOWN),
#endif
		/* What a run does most comes first. */
		ALLOW(read), ALLOW(write), ALLOW(futex), ALLOW(openat), ALLOW(close), ALLOW(fstat), ALLOW(newfstatat), ALLOW(pread64),
		ALLOW(pwrite64), ALLOW(getdents64), ALLOW(recvfrom), ALLOW(sendto), ALLOW(renameat2), ALLOW(unlinkat), ALLOW(fsync),
		ALLOW(fdatasync), ALLOW(ppoll), ALLOW(clock_gettime), ALLOW(fcntl), ALLOW(lseek), ALLOW(mmap), ALLOW(munmap),
		ALLOW(madvise), ALLOW(brk), ALLOW(statx), ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(getrandom), ALLOW(renameat),
#ifdef SYS_open			/* architectures that still have the old ones */
		ALLOW(open), ALLOW(stat), ALLOW(lstat), ALLOW(poll), ALLOW(rename), ALLOW(unlink), ALLOW(link), ALLOW(mkdir), ALLOW(rmdir),
		ALLOW(access), ALLOW(readlink), ALLOW(getdents), ALLOW(utimes), ALLOW(utime), ALLOW(chmod), ALLOW(dup2), ALLOW(pipe),
		ALLOW(select), ALLOW(epoll_wait), ALLOW(alarm), ALLOW(pause), ALLOW(time), ALLOW(getpgrp), ALLOW(arch_prctl),
#endif
		ALLOW(readv), ALLOW(writev), ALLOW(preadv), ALLOW(pwritev), ALLOW(readlinkat), ALLOW(faccessat),
#ifdef SYS_faccessat2
		ALLOW(faccessat2),
#endif
		ALLOW(mkdirat), ALLOW(linkat), ALLOW(ftruncate), ALLOW(truncate), ALLOW(fallocate), ALLOW(sync_file_range), ALLOW(msync),
		ALLOW(utimensat), ALLOW(fchmod), ALLOW(fchmodat), ALLOW(fchown), ALLOW(fchownat), ALLOW(umask), ALLOW(statfs), ALLOW(fstatfs), ALLOW(fadvise64),
		ALLOW(readahead), ALLOW(copy_file_range), ALLOW(sendfile), ALLOW(flock), ALLOW(dup), ALLOW(dup3), ALLOW(pipe2),
		ALLOW(eventfd2), ALLOW(getcwd), ALLOW(memfd_create), ALLOW(mprotect), ALLOW(mremap), ALLOW(mincore), ALLOW(mlock), ALLOW(munlock),
		ALLOW(membarrier), ALLOW(set_robust_list), ALLOW(set_tid_address),
#ifdef SYS_rseq
		ALLOW(rseq),
#endif
		ALLOW(exit), ALLOW(exit_group), ALLOW(gettid), ALLOW(getpid), ALLOW(getppid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid),
		ALLOW(getegid), ALLOW(getgroups), ALLOW(getresuid), ALLOW(getresgid), ALLOW(getpgid), ALLOW(rt_sigaction),
		ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(rt_sigtimedwait), ALLOW(rt_sigpending), ALLOW(rt_sigsuspend),
		ALLOW(sigaltstack), ALLOW(setitimer), ALLOW(getitimer), ALLOW(nanosleep), ALLOW(clock_nanosleep), ALLOW(clock_getres),
		ALLOW(gettimeofday), ALLOW(times), ALLOW(pselect6), ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_pwait),
		ALLOW(socketpair), ALLOW(connect), ALLOW(bind), ALLOW(getsockname), ALLOW(getpeername), ALLOW(setsockopt),
		ALLOW(getsockopt), ALLOW(sendmmsg), ALLOW(recvmmsg), ALLOW(shutdown), ALLOW(inotify_init1), ALLOW(inotify_add_watch),
		ALLOW(inotify_rm_watch), ALLOW(uname), ALLOW(sysinfo), ALLOW(prlimit64), ALLOW(getrusage), ALLOW(sched_yield),
		ALLOW(sched_getaffinity), ALLOW(getcpu), ALLOW(prctl), ALLOW(restart_syscall), ALLOW(wait4), ALLOW(keyctl), ALLOW(add_key),
		ALLOW(request_key),
		/* A thread of ours, and no process. */
		UNLESS(SYS_clone, 4), ARGUMENT(0), UNLESS_ANY_OF(OWN_THREAD, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(NOT_ALLOWED),
		UNLESS(SYS_tgkill, 4), ARGUMENT(0), UNLESS(self, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(NOT_ALLOWED),
		/* To another process only to see whether it is there (signal 0). */
		UNLESS(SYS_kill, 6), ARGUMENT(0), UNLESS(self, 1), ANSWER(SECCOMP_RET_ALLOW), ARGUMENT(1), UNLESS(0, 1),
		ANSWER(SECCOMP_RET_ALLOW),
		LOAD(FIELD(nr)), UNLESS(SYS_kill, 1), ANSWER(NOT_ALLOWED),
		UNLESS(SYS_socket, 7), ARGUMENT(0), UNLESS(AF_INET, 1), ANSWER(SECCOMP_RET_ALLOW), UNLESS(AF_INET6, 1),
		ANSWER(SECCOMP_RET_ALLOW), UNLESS(AF_UNIX, 1), ANSWER(SECCOMP_RET_ALLOW),
		LOAD(FIELD(nr)), UNLESS(SYS_socket, 4), ARGUMENT(0), UNLESS(AF_NETLINK, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(NOT_ALLOWED),
		/* Nothing is typed for a person. */
		UNLESS(SYS_ioctl, 4), ARGUMENT(1), UNLESS(TIOCSTI, 1), ANSWER(NOT_ALLOWED), ANSWER(SECCOMP_RET_ALLOW),
		ANSWER(NOT_KNOWN),
	};
	const struct sock_fprog all = { .len = sizeof program / sizeof *program, .filter = program };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all, 0, 0) < 0)
		log_line(LOG_RUN, "system calls are not confined: %s", strerror(errno));
}

static bool
has_seccomp(void)
{
	/* Asked without a program: a kernel that has it finds the address wrong. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
}

#else
static void confine_calls(void) { }
static bool has_seccomp(void) { return false; }
#endif

void
confine_close(const struct grants *g)
{
	if (!steps_is_confined() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	confine_files(g);
	confine_calls();
}

char *
confine_words(void)
{
	const bool has_files = landlock_version() >= LEAST_VERSION, has_calls = has_seccomp();

	if (has_files && has_calls)
		return mem_strdup("Landlock and seccomp");
	if (has_files)
		return mem_strdup("Landlock");
	return mem_strdup(has_calls ? "seccomp (this kernel has no Landlock of version 2)" : "none (this kernel has neither Landlock nor seccomp)");
}

#else

void
confine_close(const struct grants *g)
{
	(void)g;
}

char *
confine_words(void)
{
	return mem_strdup("none (this system has no Landlock)");
}

#endif
