/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Base64, where each sequence of bytes has one spelling and no other is accepted. What is decoded
 * may be a secret, so a refused text leaves nothing behind. */
#include "common/b64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void b64_encode(struct buf *out, struct str bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	size_t i, length = (bytes.n + 2) / 3 * 4;
	char *to = buf_room(out, length);

	for (i = 0; i + 3 <= bytes.n; i += 3) {
		uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = alphabet[group >> 6 & 63];
		*to++ = alphabet[group & 63];
	}
	if (i < bytes.n) {
		bool two = bytes.n - i == 2;
		uint32_t group = (uint32_t)in[i] << 16 | (two ? (uint32_t)in[i + 1] << 8 : 0);

		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = two ? alphabet[group >> 6 & 63] : '=';
		*to++ = '=';
	}
	buf_grew(out, length);
}

/* The six bits that a character stands for, or 64 and more. Without a table, whose cache lines
 * would depend on a secret. */
static uint32_t sextet(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - (uint32_t)'A';
	if (c >= 'a' && c <= 'z')
		return c - (uint32_t)'a' + 26;
	if (c >= '0' && c <= '9')
		return c - (uint32_t)'0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four characters, the last `padding` of which are '=', to 3 - padding bytes. */
static bool decode_group(const unsigned char *in, size_t padding, unsigned char *out)
{
	uint32_t group = 0, faults = 0;

	for (size_t i = 0; i < 4; i++) {
		uint32_t bits = i < 4 - padding ? sextet(in[i]) : 0;

		faults |= bits & 64;
		group = group << 6 | (bits & 63);
	}
	for (size_t i = 0; i < 3; i++) {
		unsigned char byte = (unsigned char)(group >> (16 - 8 * i));

		if (i < 3 - padding)
			out[i] = byte;
		else
			faults |= byte; /* trailing bits must be zero */
	}
	return faults == 0;
}

bool b64_decode(struct buf *out, struct str text)
{
	const unsigned char *in = (const unsigned char *)text.p;
	size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
	size_t length = text.n / 4 * 3;
	unsigned char *to;

	if (text.n % 4 != 0 || !buf_try_room(out, length))
		return false;
	to = (unsigned char *)out->p + out->n;
	for (size_t i = 0; i < text.n; i += 4) {
		if (!decode_group(in + i, i + 4 == text.n ? padding : 0, to + i / 4 * 3)) {
			mem_wipe(to, length);
			return false;
		}
	}
	buf_grew(out, length - padding);
	return true;
}
