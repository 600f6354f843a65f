/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * getrandom(2), and nothing kept between calls. */
#include "common/rand.h"

#include <errno.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t n)
{
	char *p = out;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		CHECK(got > 0 || (got < 0 && errno == EINTR));
		if (got < 0)
			continue;
		p += got;
		n -= (size_t)got;
	}
}

uint64_t rand_u64(void)
{
	uint64_t value;

	rand_bytes(&value, sizeof value);
	return value;
}

/* The bytes are drawn into the upper half of `out` and spread from its front: the writer never
 * overtakes the reader. */
void rand_hex(char *out, size_t n_bytes)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *drawn = (unsigned char *)out + n_bytes;

	rand_bytes(drawn, n_bytes);
	for (size_t i = 0; i < n_bytes; i++) {
		unsigned char byte = drawn[i];

		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * n_bytes] = '\0';
}
