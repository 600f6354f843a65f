/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Randomness comes from the kernel (design.md 6), and forks cannot double it. The library's own
 * generator would be made, seeded and tested for each connection, which is more work than all that
 * is then asked of it. */
#include "random.h"

#include <errno.h>
#include <sys/random.h>

int gatehouse_random(unsigned char *out, unsigned n)
{
	while (n) {
		ssize_t got = getrandom(out, n, 0);

		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0) {
			out += got;
			n -= (unsigned)got;
		}
	}
	return 0;
}
