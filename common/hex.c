/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See hex.h. */
#include "common/hex.h"

static const struct str digits_of = {"0123456789abcdef", 16};

void hex_put(struct buf *out, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		buf_putc(out, digits_of.p[c >> 4]);
		buf_putc(out, digits_of.p[c & 15]);
	}
}

bool hex_take(struct str digits, uint8_t *out, size_t n)
{
	if (digits.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t high = str_find(digits_of, digits.p[2 * i]);
		size_t low = str_find(digits_of, digits.p[2 * i + 1]);

		if (high == digits_of.n || low == digits_of.n)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
