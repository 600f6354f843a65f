/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sixteen bytes at a time; every compiler makes of this what the processor has. A comparison has
 * all ones in each place where it is true. Bytes beyond ASCII are negative. */
#ifndef COMMON_SIXTEEN_H
#define COMMON_SIXTEEN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

typedef signed char sixteen __attribute__((vector_size(16)));
#define EACH(c) ((sixteen){c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c})

/* A bit for each place of a comparison, the first byte's the lowest; where the processor has no
 * instruction for it. Mostly there is none. */
static inline uint32_t sixteen_bits_slow(sixteen truth)
{
	uint64_t half[2];

	memcpy(half, &truth, sizeof half);
	if (!(half[0] | half[1]))
		return 0;
	for (int i = 0; i < 2; i++) { /* another bit of each byte, all added in the last */
		half[i] = le64toh(half[i]) & UINT64_C(0x8040201008040201);
		half[i] = half[i] * UINT64_C(0x0101010101010101) >> 56;
	}
	return (uint32_t)(half[0] | half[1] << 8);
}

static inline uint32_t sixteen_bits(sixteen truth)
{
#ifdef __SSE2__
	typedef char chars __attribute__((vector_size(16)));

	return (uint32_t)__builtin_ia32_pmovmskb128((chars)truth);
#else
	return sixteen_bits_slow(truth);
#endif
}

#endif
