/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bump memory: many small pieces with one lifetime (a turn, a tree, a login). {0} is an empty
 * arena. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/str.h"

struct arena {
	struct arena_block *blocks; /* newest first */
};

void *arena_new(struct arena *a, size_t n); /* zeroed, aligned for any type; dies without memory */
struct str arena_copy(struct arena *a, struct str s); /* NUL behind it, not counted */
void arena_end(struct arena *a);                      /* wipes and frees everything, leaves {0} */

#endif
