/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See latin1.h. */
#include "common/latin1.h"

/* U+0080 to U+00FF are C2 80 to C3 BF in UTF-8. */
bool latin1_from_utf8(struct buf *out, struct str utf8)
{
	size_t before = out->n;

	if (!str_utf8(utf8))
		return false;
	for (size_t i = 0; i < utf8.n; i++) {
		unsigned char c = (unsigned char)utf8.p[i];

		if (c > 0xc3) {
			out->n = before;
			return false;
		}
		if (c >= 0xc2)
			c = (unsigned char)((c & 3) << 6 | (utf8.p[++i] & 0x3f));
		buf_putc(out, (char)c);
	}
	return true;
}

void latin1_to_utf8(struct buf *out, struct str latin1)
{
	for (size_t i = 0; i < latin1.n; i++) {
		unsigned char c = (unsigned char)latin1.p[i];

		if (c >= 0x80)
			buf_putc(out, (char)(0xc0 | c >> 6));
		buf_putc(out, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
}
