/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Randomness from the kernel only: getrandom(2), never a generator that a fork could copy
 * (libraries.md 1.4). */
#ifndef COMMON_RAND_H
#define COMMON_RAND_H

#include "common/str.h"

void rand_bytes(void *out, size_t n); /* never fails: waits for the kernel's pool at boot */
uint64_t rand_u64(void);
/* n_bytes of randomness as lower-case hex into out, which has room for 2 * n_bytes + 1. */
void rand_hex(char *out, size_t n_bytes);

#endif
