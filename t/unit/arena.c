/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arenas. */
#include "common/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void pieces(void **state)
{
	struct arena a = {0};
	unsigned char *piece[300];

	(void)state;
	for (size_t i = 0; i < COUNT(piece); i++) {
		size_t n = i * i % 1500;

		piece[i] = arena_new(&a, n);
		assert_int_equal((uintptr_t)piece[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(piece[i][k], 0);
		memset(piece[i], (int)i, n);
	}
	for (size_t i = 0; i < COUNT(piece); i++) {
		for (size_t k = 0; k < i * i % 1500; k++)
			assert_int_equal(piece[i][k], i % 256);
	}
	arena_end(&a);
	assert_null(a.blocks);
	arena_end(&a);
}

static void large(void **state)
{
	struct arena a = {0};
	char *small = arena_new(&a, 10), *big = arena_new(&a, 1 << 20), *next = arena_new(&a, 10);

	(void)state;
	memset(big, 1, 1 << 20);
	assert_ptr_equal(next, small + 16); /* the block in use goes on being used */
	arena_end(&a);
	big = arena_new(&a, 1 << 20);
	memset(big, 1, 1 << 20);
	arena_end(&a);
}

static void copies(void **state)
{
	struct arena a = {0};
	char text[] = "abc";
	struct str copy = arena_copy(&a, str_of(text)), none = arena_copy(&a, STR_NONE);

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy.p, "abc");
	assert_int_equal(copy.n, 3);
	assert_string_equal(none.p, "");
	assert_int_equal(none.n, 0);
	arena_end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"arena: pieces are zeroed, aligned and apart from each other", pieces, NULL, NULL,
			NULL},
		{"arena: a large piece does not waste the block in use", large, NULL, NULL, NULL},
		{"arena: a copy ends in NUL and has its own memory", copies, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
