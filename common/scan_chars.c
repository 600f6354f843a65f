/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * XML's alphabet as one table of bytes and a few ranges of code points. */
#include <endian.h>
#include <string.h>

#include "common/scan_chars.h"

#include "common/sixteen.h"

#define PLAIN (CHARS_TEXT | CHARS_VALUE | CHARS_PRINT)
#define LETTER (PLAIN | CHARS_NAME_START | CHARS_NAME)
#define LATER (PLAIN | CHARS_NAME)

const uint8_t chars_class[256] = {
	['\t'] = CHARS_BLANK | CHARS_TEXT | CHARS_PRINT,
	['\n'] = CHARS_BLANK | CHARS_TEXT | CHARS_PRINT,
	['\r'] = CHARS_BLANK | CHARS_PRINT,
	[' '] = CHARS_BLANK | PLAIN,
	['!'] = PLAIN,
	['"'] = CHARS_TEXT | CHARS_PRINT,
	['#' ... '%'] = PLAIN,
	['&'] = CHARS_PRINT,
	['\''] = CHARS_TEXT | CHARS_PRINT,
	['(' ... ','] = PLAIN,
	['-' ... '.'] = LATER,
	['/'] = PLAIN,
	['0' ... '9'] = LATER,
	[':' ... ';'] = PLAIN,
	['<'] = CHARS_PRINT,
	['='] = PLAIN,
	['>'] = CHARS_PRINT,
	['?' ... '@'] = PLAIN,
	['A' ... 'Z'] = LETTER,
	['['] = PLAIN,
	['\\'] = PLAIN,
	[']'] = CHARS_VALUE | CHARS_PRINT,
	['^'] = PLAIN,
	['_'] = LETTER,
	['`'] = PLAIN,
	['a' ... 'z'] = LETTER,
	['{' ... 0x7F] = PLAIN,
};

struct range {
	uint32_t first, last;
};

/* XML 1.0 [4], beyond ASCII. U+FEFF is left out of a range: parsers that take it for a byte
 * order mark drop it, and would see another name. */
static const struct range name_start[] = {
	{0xC0, 0xD6},
	{0xD8, 0xF6},
	{0xF8, 0x2FF},
	{0x370, 0x37D},
	{0x37F, 0x1FFF},
	{0x200C, 0x200D},
	{0x2070, 0x218F},
	{0x2C00, 0x2FEF},
	{0x3001, 0xD7FF},
	{0xF900, 0xFDCF},
	{0xFDF0, 0xFEFE},
	{0xFF00, 0xFFFD},
	{0x10000, 0xEFFFF},
};

/* XML 1.0 [4a]: what NameChar has more, beyond ASCII. */
static const struct range name_later[] = {
	{0xB7, 0xB7},
	{0x300, 0x36F},
	{0x203F, 0x2040},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

bool chars_is_name_start(uint32_t c)
{
	if (c < 0x80)
		return chars_class[c] & CHARS_NAME_START;
	return in_ranges(c, name_start, COUNT(name_start));
}

bool chars_is_name(uint32_t c)
{
	if (c < 0x80)
		return chars_class[c] & CHARS_NAME;
	return in_ranges(c, name_start, COUNT(name_start)) ||
		in_ranges(c, name_later, COUNT(name_later));
}

bool chars_is_char(uint32_t c)
{
	if (c < 0x80)
		return chars_class[c] & CHARS_PRINT;
	return c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF) && c != 0xFFFE && c != 0xFFFF;
}

static unsigned length_by_lead(uint8_t lead)
{
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF)
		return 3;
	if (lead >= 0xF0 && lead <= 0xF4)
		return 4;
	return 0;
}

/* The second byte is where overlong forms, surrogates and numbers above U+10FFFF show (RFC 3629
 * section 4). */
static bool may_follow(uint8_t lead, uint8_t second)
{
	uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

	return second >= low && second <= high;
}

enum chars_step chars_take(struct chars_partial *c, char byte)
{
	uint8_t b = (uint8_t)byte;

	if (c->have == 0) {
		c->need = (uint8_t)length_by_lead(b);
		if (c->need == 0)
			return CHARS_NOT_UTF8;
	} else if (c->have == 1 ? !may_follow((uint8_t)c->bytes[0], b) : (b & 0xC0) != 0x80) {
		return CHARS_NOT_UTF8;
	}
	c->bytes[c->have++] = byte;
	return c->have == c->need ? CHARS_DONE : CHARS_MORE;
}

uint32_t chars_code_point(const char *bytes, unsigned n)
{
	static const uint8_t lead_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t c = (uint8_t)bytes[0] & lead_bits[n];

	for (unsigned i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)bytes[i] & 0x3F);
	return c;
}

unsigned chars_encode(uint32_t c, char out[4])
{
	static const uint8_t lead_mark[5] = {0, 0, 0xC0, 0xE0, 0xF0};
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (unsigned i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(lead_mark[n] | c);
	return n;
}

static bool follows(uint8_t b)
{
	return (b & 0xC0) == 0x80;
}

/* The length of the whole well-formed Char beyond ASCII at p, or 0. With UTF-8 as it must be
 * only U+FFFE and U+FFFF are none (chars_is_char). */
static unsigned whole_char(const char *p, const char *end)
{
	const uint8_t *b = (const uint8_t *)p;
	size_t left = (size_t)(end - p);

	if (left < 2 || b[0] < 0xC2 || b[0] > 0xF4)
		return 0;
	if (b[0] < 0xE0)
		return follows(b[1]) ? 2 : 0;
	if (left < 3 || !may_follow(b[0], b[1]) || !follows(b[2]))
		return 0;
	if (b[0] < 0xF0)
		return b[0] == 0xEF && b[1] == 0xBF && b[2] >= 0xBE ? 0 : 3;
	return left >= 4 && follows(b[3]) ? 4 : 0;
}

/* Bytes of the plain text of most scripts: four that are two characters of two bytes (not C0 and
 * C1, which only begin overlong forms), or three that are a character of three (but for the
 * leads E0, ED and EF, whose second byte matters). 0: neither. */
static unsigned common_chars(const char *p)
{
	uint32_t four;

	memcpy(&four, p, sizeof four);
	four = htole32(four);
	if ((four & 0xC0E0C0E0) == 0x80C080C0 && four & 0x1E && four & 0x1E0000)
		return 4;
	if ((four & 0xC0C0F0) != 0x8080E0)
		return 0;
	four &= 0xF;
	return four == 0x0 || four == 0xD || four == 0xF ? 0 : 3;
}

const char *chars_beyond(const char *p, const char *end)
{
	unsigned n;

	do {
		while (end - p >= 4 && (n = common_chars(p)) > 0)
			p += n;
		n = p < end && (uint8_t)*p >= 0x80 ? whole_char(p, end) : 0;
		p += n;
	} while (n);
	return p;
}

const char *chars_run(const char *p, const char *end, uint8_t class)
{
	const char *from;

	do {
		while (p < end && chars_class[(uint8_t)*p] & class)
			p++;
		from = p;
		p = chars_beyond(p, end);
	} while (p > from);
	return p;
}

/* For what becomes two functions, one for values and one for text. */
#define ALIKE static inline __attribute__((always_inline))

/* To the first byte of sixteen or more that is markup, control character or beyond ASCII, ']' in
 * text or a quote in a value; or to where fewer than sixteen are left. < and > differ in one
 * bit, and so do & and ". */
ALIKE const char *skip_wide(const char *p, const char *end, bool in_value)
{
	for (; (size_t)(end - p) >= sizeof(sixteen); p += sizeof(sixteen)) {
		sixteen v, mark;
		uint32_t odd;

		memcpy(&v, p, sizeof v);
		mark = in_value ? ((v | EACH(4)) == EACH('&')) | (v == EACH('\''))
				: (v == EACH('&')) | (v == EACH(']'));
		odd = sixteen_bits((v < EACH(' ')) | ((v | EACH(2)) == EACH('>')) | mark);
		if (odd)
			return p + __builtin_ctz(odd);
	}
	return p;
}

/* Characters beyond ASCII, and single bytes of the class between them: blanks, say. */
static const char *skip_beyond(const char *p, const char *end, uint8_t class)
{
	const char *word = NULL;

	while (p != word && p < end && (uint8_t)*p >= 0x80) {
		word = p;
		p = chars_beyond(p, end);
		p += p > word && p < end && chars_class[(uint8_t)*p] & class;
	}
	return p;
}

/* Skips bytes that stand for themselves, and whole characters beyond ASCII. */
ALIKE const char *skip_plain(const char *p, const char *end, bool in_value)
{
	const uint8_t class = in_value ? CHARS_VALUE : CHARS_TEXT;

	for (;;) {
		const char *from;

		from = p = skip_wide(p, end, in_value);
		if ((size_t)(end - p) < sizeof(sixteen))
			return chars_run(p, end, class);
		if ((uint8_t)*p >= 0x80)
			p = skip_beyond(p, end, class);
		else if (chars_class[(uint8_t)*p] & class)
			p++;
		if (p == from)
			return p;
	}
}

const char *chars_value(const char *p, const char *end)
{
	return skip_plain(p, end, true);
}

const char *chars_text(const char *p, const char *end)
{
	return skip_plain(p, end, false);
}
