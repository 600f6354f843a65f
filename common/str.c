/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Slices: comparing, cutting, numbers, and the check for UTF-8 that everything from outside
 * passes. */
#include "common/str.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

int str_cmp(struct str a, struct str b)
{
	size_t shared = a.n < b.n ? a.n : b.n;
	int order = shared ? memcmp(a.p, b.p, shared) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

size_t str_find(struct str s, char byte)
{
	const char *found = s.n ? memchr(s.p, byte, s.n) : NULL;

	return found ? (size_t)(found - s.p) : s.n;
}

bool str_cut(struct str s, char byte, struct str *head, struct str *tail)
{
	size_t at = str_find(s, byte);
	bool found = at < s.n;

	*head = str_head(s, at);
	*tail = str_skip(s, found ? at + 1 : at);
	return found;
}

bool str_u64(struct str s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

/* How many bytes of ASCII are at the front: eight at a time. */
static size_t ascii_run(struct str s)
{
	size_t i = 0;
	uint64_t word;

	for (; s.n - i >= sizeof word; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		if (word & HIGH_BITS)
			break;
	}
	while (i < s.n && !(s.p[i] & 0x80))
		i++;
	return i;
}

/* Bytes of the well-formed sequence that begins at the lead byte p[0] >= 0x80 (Unicode 3.9, table
 * 3-7); 0: none does. */
static size_t sequence_length(const unsigned char *p, size_t n)
{
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	unsigned low = 0x80, high = 0xbf; /* of the second byte */

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

bool str_utf8(struct str s)
{
	for (;;) {
		size_t length;

		s = str_skip(s, ascii_run(s));
		if (s.n == 0)
			return true;
		length = sequence_length((const unsigned char *)s.p, s.n);
		if (length == 0)
			return false;
		s = str_skip(s, length);
	}
}

bool str_ascii(struct str s)
{
	return ascii_run(s) == s.n;
}
