/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The list follows from what libuv, glibc's allocator and threads, and the TLS library do in a
 * running worker. Threads are started before; so none can be started here, and no signal can be
 * sent to anybody else. */
#include "c2s/confine.h"
#include "c2s/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(COVERAGE)
#define OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define OFF 1
#endif
#endif
#ifndef OFF
#define OFF 0
#endif

/* clang-format off */
static const int allowed[] = {
	/* sockets that are there, or are passed */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(shutdown),
	SCMP_SYS(close), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(dup3),
	/* waiting */
	SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(futex), SCMP_SYS(restart_syscall),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* time and chance */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(getrandom),
	/* oneself */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list), SCMP_SYS(membarrier), SCMP_SYS(exit), SCMP_SYS(exit_group),
};
/* clang-format on */

static bool allow_plain(scmp_filter_ctx f)
{
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0) < 0)
			return false;
	return true;
}

static bool allow_if(scmp_filter_ctx f, int call, struct scmp_arg_cmp so)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, so) >= 0;
}

/* Flags may be looked at and set. F_SETOWN and F_SETSIG would be a way to kill others of our
 * uid. */
static bool allow_flags(scmp_filter_ctx f)
{
	static const scmp_datum_t commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};

	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct scmp_arg_cmp so = {1, SCMP_CMP_EQ, commands[i], 0};

		if (!allow_if(f, SCMP_SYS(fcntl), so) || !allow_if(f, SCMP_SYS(fcntl64), so))
			return false;
	}
	return true;
}

/* Those that depend on what is asked of them. */
static bool allow_some(scmp_filter_ctx f)
{
	const scmp_datum_t us = (scmp_datum_t)getpid();
	const struct scmp_arg_cmp no_code = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
	const struct scmp_arg_cmp non_blocking = {1, SCMP_CMP_EQ, FIONBIO, 0};
	const struct scmp_arg_cmp unacknowledged = {1, SCMP_CMP_EQ, SIOCOUTQ, 0};
	const struct scmp_arg_cmp own_process = {0, SCMP_CMP_EQ, us, 0};
	const struct scmp_arg_cmp only_read = {2, SCMP_CMP_EQ, 0, 0}; /* no new limit */

	return allow_flags(f) && allow_if(f, SCMP_SYS(mmap), no_code) &&
		allow_if(f, SCMP_SYS(mmap2), no_code) && allow_if(f, SCMP_SYS(mprotect), no_code) &&
		allow_if(f, SCMP_SYS(ioctl), non_blocking) &&
		allow_if(f, SCMP_SYS(ioctl), unacknowledged) &&
		allow_if(f, SCMP_SYS(tgkill), own_process) && /* abort */
		allow_if(f, SCMP_SYS(prlimit64), only_read);
}

/* A thread of the pool may take its place behind the loops (derive.h), and no other. */
static bool allow_giving_way(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp behind_the_loops[] = {{0, SCMP_CMP_EQ, PRIO_PROCESS, 0},
		{1, SCMP_CMP_EQ, 0, 0}, {2, SCMP_CMP_EQ, DERIVE_NICE, 0}};

	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 3,
		       behind_the_loops) >= 0;
}

static bool refuse_exec(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execve), 0) >= 0 &&
		seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(execveat), 0) >= 0;
}

enum confine_result confine(void)
{
	scmp_filter_ctx f;
	int loaded;

	if (OFF)
		return CONFINE_OFF;
	f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!f) {
		errno = ENOMEM;
		return CONFINE_FAILED;
	}
	loaded = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (loaded == 0)
		loaded = allow_plain(f) && allow_some(f) && allow_giving_way(f) && refuse_exec(f)
			? seccomp_load(f)
			: -EINVAL;
	seccomp_release(f);
	errno = -loaded;
	return loaded == 0 ? CONFINE_DONE : CONFINE_FAILED;
}
