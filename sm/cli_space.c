/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Regions, of which each but the first is as large and aligned as a huge page. */
#include "sm/cli_space.h"

#include <stdalign.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)
#define FIRST ((size_t)512 * 1024) /* nearly all answers are short */

struct region {
	alignas(max_align_t) struct region *next;
	void *block;       /* what mem_try gave */
	size_t size, used; /* bytes, with this */
};

/* What lies before it is not touched again. */
static char *at_huge_page(char *block)
{
	return block + HUGE_PAGE - (uintptr_t)block % HUGE_PAGE;
}

static void grow(struct space *s, size_t n)
{
	size_t need = sizeof(struct region) + n;
	bool is_first = !s->newest && need <= FIRST;
	size_t size = is_first ? FIRST : (need + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	char *block = mem_try(is_first ? size : size + HUGE_PAGE), *start = block;
	struct region *r;

	CHECK(block); /* nobody is served by a command without memory */
	if (!is_first) {
		start = at_huge_page(block);
		(void)madvise(start, size, MADV_HUGEPAGE); /* a wish */
	}
	r = (struct region *)(void *)start;
	*r = (struct region){.next = s->newest, .block = block, .size = size, .used = sizeof *r};
	s->newest = r;
}

void *space_new(struct space *s, size_t n)
{
	const size_t unit = alignof(max_align_t);
	void *piece;

	CHECK(n <= SIZE_MAX / 2);
	n = (n + unit - 1) / unit * unit;
	if (!s->newest || s->newest->size - s->newest->used < n)
		grow(s, n);
	piece = (char *)s->newest + s->newest->used;
	s->newest->used += n;
	return piece;
}

void space_end(struct space *s)
{
	while (s->newest) {
		struct region *r = s->newest;

		s->newest = r->next;
		mem_free(r->block);
	}
}
