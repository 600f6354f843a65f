/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * XML's alphabet as one table of bytes and a few ranges of code points. */
#include "common/scan_chars.h"

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

/* The length of the whole well-formed Char beyond ASCII at p, or 0. */
static unsigned whole_char(const char *p, const char *end)
{
	uint8_t lead = (uint8_t)*p;
	unsigned n = length_by_lead(lead);

	if (n == 0 || (size_t)(end - p) < n || !may_follow(lead, (uint8_t)p[1]))
		return 0;
	for (unsigned i = 2; i < n; i++)
		if (((uint8_t)p[i] & 0xC0) != 0x80)
			return 0;
	return chars_is_char(chars_code_point(p, n)) ? n : 0;
}

const char *chars_run(const char *p, const char *end, uint8_t class)
{
	while (p < end) {
		if (chars_class[(uint8_t)*p] & class) {
			p++;
			continue;
		}
		if ((uint8_t)*p < 0x80)
			break;
		unsigned n = whole_char(p, end);
		if (n == 0)
			break;
		p += n;
	}
	return p;
}
