/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rows of what preparation makes of a text, for the tests of prep*.c. Include it behind cmocka.h. */
#ifndef T_UNIT_PREP_ROWS_H
#define T_UNIT_PREP_ROWS_H

#include "common/prep.h"

#include <string.h>

#define REFUSED NULL

typedef bool prep_function(struct buf *out, struct str in);

struct row {
	const char *in, *out; /* out: REFUSED, or what comes of it */
};

/* Each row comes out as it says, by appending; and what comes out comes out again. */
static inline void check(prep_function *prep, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0}, again = {0};
		bool allowed;

		buf_puts(&b, ">");
		allowed = prep(&b, str_of(rows[i].in));
		if (allowed != (rows[i].out != REFUSED))
			fail_msg("row %zu \"%s\": allowed is %d", i, rows[i].in, allowed);
		assert_string_equal(buf_cstr(&b) + 1, allowed ? rows[i].out : "");
		if (allowed) {
			assert_true(prep(&again, str_of(rows[i].out)));
			assert_string_equal(buf_cstr(&again), rows[i].out);
		}
		buf_free(&b);
		buf_free(&again);
	}
}

#define CHECK_ROWS(prep, rows) check(prep, rows, COUNT(rows))

/* The text `unit`, n times. */
static inline struct str many(struct buf *b, const char *unit, size_t n)
{
	buf_clear(b);
	while (n-- > 0)
		buf_puts(b, unit);
	return buf_str(b);
}

#endif
