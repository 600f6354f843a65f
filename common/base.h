/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every file may lean on: result checking, invariants, and memory that is never silently
 * absent. CHECK is about us and stays on in production; nothing that a peer can send may reach one.
 */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(template, first) __attribute__((format(printf, template, first)))
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* An invariant of ours: when it does not hold, say where and abort; the parent restarts the
 * process. */
#define CHECK(truth) ((truth) ? (void)0 : check_failed(#truth, __FILE__, __LINE__))
noreturn void check_failed(const char *truth, const char *file, int line);

/* Zeroed memory of n bytes; out of memory ends the process (for small things whose size we choose).
 * Free with mem_free. */
void *mem_new(size_t n) __attribute__((malloc, returns_nonnull));
/* The same, but NULL when there is none: for whatever a peer chooses the size of. */
MUST_CHECK void *mem_try(size_t n) __attribute__((malloc));
/* Grows or shrinks a block; NULL (and the old block untouched) when there is no memory. */
MUST_CHECK void *mem_resize(void *block, size_t n);
void mem_free(void *block);
/* Overwrites n bytes so that the compiler cannot leave it out. */
void mem_wipe(void *block, size_t n);

/* Fault injection for t/fault: fault_point("name") does nothing unless the program was built with
 * -DFAULTS. With it, the environment variable GATEHOUSE_FAULT="name:N" kills the process (SIGKILL)
 * the Nth time that point is passed; GATEHOUSE_FAULT="alloc:N" makes the Nth mem_try or mem_resize
 * of the process fail. */
#ifdef FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
