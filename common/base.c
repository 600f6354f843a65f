/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Invariants, memory and fault injection. */
#include "common/base.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#ifdef FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* Does GATEHOUSE_FAULT name this point, and is this the time? One counter is enough: a process
 * has one fault. */
static bool fault_is_due(const char *name)
{
	static _Atomic uint64_t passed;
	struct str point, when;
	uint64_t due;

	if (!str_cut(str_of(getenv("GATEHOUSE_FAULT")), ':', &point, &when))
		return false;
	if (!str_is(point, name) || !str_u64(when, &due))
		return false;
	return atomic_fetch_add(&passed, 1) + 1 == due;
}

void fault_point(const char *name)
{
	if (fault_is_due(name))
		kill(getpid(), SIGKILL);
}
#else
#define fault_is_due(name) false
#endif

/* log_write neither allocates nor checks anything of its own caller's, so this cannot come round
 * again. */
void check_failed(const char *truth, const char *file, int line)
{
	log_event(internal, LOG_TEXT("check", truth), LOG_TEXT("file", file),
		LOG_I64("line", line));
	abort();
}

void *mem_new(size_t n)
{
	void *block = calloc(1, n ? n : 1);

	if (!block) {
		log_event(internal, LOG_TEXT("what", "out of memory"), LOG_U64("bytes", n));
		abort();
	}
	return block;
}

void *mem_try(size_t n)
{
	if (n > PTRDIFF_MAX || fault_is_due("alloc"))
		return NULL;
	return calloc(1, n ? n : 1);
}

void *mem_resize(void *block, size_t n)
{
	if (n > PTRDIFF_MAX || fault_is_due("alloc"))
		return NULL;
	return realloc(block, n ? n : 1);
}

void mem_free(void *block)
{
	free(block);
}

void mem_wipe(void *block, size_t n)
{
	if (n)
		explicit_bzero(block, n);
}
