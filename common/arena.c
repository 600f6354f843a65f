/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bump memory in blocks that grow from 1 to 64 KiB. A piece that would leave most of a new block
 * empty gets a block of its own, behind the newest, so that the newest goes on being filled. */
#include "common/arena.h"

#include <stdalign.h>
#include <string.h>

#define BLOCK_LEAST ((size_t)1024)
#define BLOCK_MOST ((size_t)65536)

struct arena_block {
	struct arena_block *next;
	size_t used; /* a multiple of the alignment */
	size_t size;
	alignas(max_align_t) char bytes[];
};

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block = mem_new(sizeof *block + size);

	block->size = size;
	return block;
}

/* The block that has room for n more bytes. */
static struct arena_block *block_for(struct arena *a, size_t n)
{
	struct arena_block *newest = a->blocks, *block;
	size_t size = newest ? newest->size * 2 : BLOCK_LEAST;

	if (newest && newest->size - newest->used >= n)
		return newest;
	if (size > BLOCK_MOST)
		size = BLOCK_MOST;
	if (newest && n > size / 4) {
		block = block_new(n);
		block->next = newest->next;
		newest->next = block;
		return block;
	}
	block = block_new(n > size ? n : size);
	block->next = newest;
	a->blocks = block;
	return block;
}

void *arena_new(struct arena *a, size_t n)
{
	const size_t unit = alignof(max_align_t);
	struct arena_block *block;
	void *piece;

	CHECK(n <= SIZE_MAX / 2);
	n = (n + unit - 1) / unit * unit;
	block = block_for(a, n);
	piece = block->bytes + block->used;
	block->used += n;
	return piece;
}

struct str arena_copy(struct arena *a, struct str s)
{
	char *p = arena_new(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

void arena_end(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *block = a->blocks;

		a->blocks = block->next;
		mem_wipe(block->bytes, block->used);
		mem_free(block);
	}
}
