/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Times, durations, sizes, and text that may hold anything. Without printf where a listing has ten
 * thousand of a kind. */
#include "sm/cli_cell.h"

#include <stdio.h>
#include <string.h>

#include "common/sixteen.h"

/* All ones in each place where some byte was so. */
struct seen {
	sixteen odd, quoted, escaped;
};

/* The first 64 bytes, or all. Where the blanks are. */
static uint64_t see(struct seen *seen, struct str s)
{
	uint64_t blanks = 0;

	for (size_t at = 0; at < 64 && at < s.n; at += sizeof(sixteen)) {
		sixteen v = EACH('x');

		if (s.n - at >= sizeof v)
			memcpy(&v, s.p + at, sizeof v);
		else
			memcpy(&v, s.p + at, s.n - at);
		seen->odd |= (v < EACH(' ')) | (v == EACH(0x7f)); /* not ASCII: negative */
		seen->quoted |= (v == EACH('"')) | (v == EACH('\\'));
		seen->escaped |= v == EACH('%');
		blanks |= (uint64_t)sixteen_bits(v == EACH(' ')) << at;
	}
	return blanks;
}

static unsigned seen_bytes(const struct seen *s)
{
	return (sixteen_bits(s->odd) ? CELL_ODD : 0) | (sixteen_bits(s->quoted) ? CELL_QUOTED : 0) |
		(sixteen_bits(s->escaped) ? CELL_ESCAPED : 0);
}

unsigned cell_bytes(struct str s)
{
	struct seen seen = {0};

	for (size_t at = 0; at < s.n; at += 64)
		see(&seen, str_skip(s, at));
	return seen_bytes(&seen);
}

bool cells_split(struct str row, uint32_t *ends, size_t count, unsigned *bytes)
{
	struct seen seen = {0};
	size_t found = 0;

	if (row.n > CELLS_LONGEST)
		return false;
	for (size_t at = 0; at < row.n; at += 64) {
		uint64_t blanks = see(&seen, str_skip(row, at));

		for (; blanks && found < count; blanks &= blanks - 1)
			ends[found++] = (uint32_t)at + (uint32_t)__builtin_ctzll(blanks);
	}
	if (found == count && ends[count - 1] + 1 < row.n)
		return false;
	*bytes = seen_bytes(&seen);
	while (found < count)
		ends[found++] = (uint32_t)row.n;
	return true;
}

/* Up to so many digits nothing overflows. */
#define DIGITS_SAFE 18

static bool number_of(struct str cell, int64_t *out)
{
	bool negative = cell.n && cell.p[0] == '-';
	uint64_t value = 0;
	size_t i = 0;

	while (i < cell.n && i < DIGITS_SAFE && cell.p[i] >= '0' && cell.p[i] <= '9')
		value = value * 10 + (uint64_t)(cell.p[i++] - '0');
	*out = (int64_t)value;
	if (i == cell.n && i)
		return true;
	if (!str_u64(str_skip(cell, negative), &value) || value > INT64_MAX)
		return false;
	*out = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

/* Nearly all of them are short, and none of those needs reading. */
static bool is_number(struct str cell)
{
	int64_t number;
	size_t i = cell.n && cell.p[0] == '-';

	if (cell.n == i || cell.n > DIGITS_SAFE)
		return number_of(cell, &number);
	while (i < cell.n && cell.p[i] >= '0' && cell.p[i] <= '9')
		i++;
	return i == cell.n;
}

static char *lay_number(char *to, int64_t value)
{
	char digits[20], *p = digits + sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--p = '-';
	while (p < digits + sizeof digits)
		*to++ = *p++;
	return to;
}

static char *lay_two(char *to, unsigned value, char behind)
{
	to[0] = (char)('0' + value / 10);
	to[1] = (char)('0' + value % 10);
	to[2] = behind;
	return to + 3;
}

/* The civil date of a day (0: 1970-01-01), with years that begin in March, so that the day that
 * some have more is their last. In 400 years there are 146097 days. */
static char *lay_date(char *to, unsigned day)
{
	unsigned since = day + 719468; /* 0000-03-01 */
	unsigned era = since / 146097, of_era = since % 146097;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * of_year + 2) / 153; /* 0: March */

	year += era * 400 + (month >= 10);
	to = lay_two(to, year / 100, '0') - 1;
	to = lay_two(to, year % 100, '-');
	to = lay_two(to, month < 10 ? month + 3 : month - 9, '-');
	return lay_two(to, of_year - (153 * month + 2) / 5 + 1, 'T');
}

/* ISO 8601, 0 is none; by hand because gmtime_r takes most of the time of a long listing
 * otherwise. */
static char *lay_time(char *to, int64_t seconds)
{
	unsigned rest;

	if (seconds <= 0 || seconds >= INT64_C(253402300800)) { /* up to the year 9999 */
		*to = seconds ? '?' : '-';
		return to + 1;
	}
	rest = (unsigned)(seconds % 86400);
	to = lay_date(to, (unsigned)(seconds / 86400));
	to = lay_two(to, rest / 3600, ':');
	to = lay_two(to, rest / 60 % 60, ':');
	return lay_two(to, rest % 60, 'Z');
}

/* The two greatest units: "3d4h", "5m12s". */
static char *lay_duration(char *to, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		char name, next_name;
		int64_t next;
	} units[] = {{86400, 'd', 'h', 3600}, {3600, 'h', 'm', 60}, {60, 'm', 's', 1}};

	for (size_t i = 0; i < COUNT(units); i++) {
		if (seconds < units[i].seconds)
			continue;
		to = lay_number(to, seconds / units[i].seconds);
		*to++ = units[i].name;
		return lay_two(to, (unsigned)(seconds % units[i].seconds / units[i].next),
			units[i].next_name);
	}
	to = lay_number(to, seconds);
	*to = 's';
	return to + 1;
}

/* One digit behind the point where there is but one before it: "1.5K", "10K". */
static char *lay_size(char *to, int64_t bytes)
{
	static const char units[] = "KMGT";
	double shown = (double)bytes;
	int unit = -1;

	while (shown >= 1024 && unit < (int)sizeof units - 2) {
		shown /= 1024;
		unit++;
	}
	if (unit < 0)
		return lay_number(to, bytes);
	to += snprintf(to, CELL_SHORT, shown < 10 ? "%.1f%c" : "%.0f%c", shown, units[unit]);
	return to;
}

size_t cell_most(char type, size_t n)
{
	size_t least = 1;

	if (type == 't')
		least = strlen("9999-12-31T23:59:59Z");
	else if (type == 'b')
		least = strlen("yes");
	else if (type == 'd')
		n += strlen("1m39s") - strlen("99");
	return n > least ? n : least;
}

/* Bytes of the character there, where it is no harmless one: controls, and what turns the order of
 * the characters around it (Unicode's Bidi_Control), or breaks lines. */
static size_t harmful_at(struct str s, size_t i)
{
	const unsigned char *c = (const unsigned char *)s.p + i;
	size_t n = s.n - i;

	if (*c < ' ' || *c == 0x7f)
		return 1;
	if (*c == 0xc2 && n >= 2 && c[1] < 0xa0) /* U+0080 to U+009F */
		return 2;
	if (*c == 0xd8 && n >= 2 && c[1] == 0x9c) /* U+061C */
		return 2;
	if (*c != 0xe2 || n < 3)
		return 0;
	if (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae)))
		return 3; /* U+200E, U+200F, U+2028 to U+202E */
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9 ? 3 : 0; /* U+2066 to U+2069 */
}

static bool is_printable(struct str s)
{
	if (!(cell_bytes(s) & CELL_ODD))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		if (harmful_at(s, i))
			return false;
	}
	return str_utf8(s);
}

/* Bytes that are no harmless character are spelt \xNN. */
static void put_spelt(struct buf *out, struct str s)
{
	bool is_text = str_utf8(s);
	size_t spelt = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!spelt)
			spelt = harmful_at(s, i);
		if (spelt || (c >= 0x80 && !is_text))
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
		spelt -= spelt > 0;
	}
}

bool cell_is_itself(char type)
{
	return type == 's' || type == 'i' || type == 'n';
}

/* Nothing: it is no number, so no value of this type. */
static struct str brief_text(char brief[CELL_SHORT], char type, struct str cell)
{
	char *end = brief;
	int64_t number;

	if (!number_of(cell, &number))
		return STR_NONE;
	if (type == 't')
		end = lay_time(brief, number);
	else if (type == 'd')
		end = lay_duration(brief, number);
	else
		end = lay_size(brief, number);
	return str_at(brief, (size_t)(end - brief));
}

static bool is_digit(struct str cell, char digit)
{
	return cell.n == 1 && cell.p[0] == digit;
}

struct str cell_text(struct arena *memory, char brief[CELL_SHORT], char type, struct str cell)
{
	struct buf text = {0};
	struct str kept;

	if (cell.n == 0)
		return STR("-");
	if (type == 'b')
		return is_digit(cell, '1') ? STR("yes") : STR("no");
	if (type == 't' || type == 'd' || type == 'z') {
		kept = brief_text(brief, type, cell);
		if (kept.n)
			return kept;
	}
	if (is_printable(cell))
		return cell;
	put_spelt(&text, cell);
	kept = arena_copy(memory, buf_str(&text));
	buf_free(&text);
	return kept;
}

/* Of two or three bytes of UTF-8. */
static unsigned code_point(const char *p, size_t n)
{
	unsigned code = (unsigned char)p[0] & (n == 2 ? 0x1f : 0x0f);

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

static void put_json_string(struct buf *out, struct str s)
{
	bool is_text = str_utf8(s);

	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		size_t harmful = harmful_at(s, i);

		if (c == '"' || c == '\\') {
			buf_printf(out, "\\%c", c);
		} else if (is_text && harmful > 1) {
			buf_printf(out, "\\u%04x", code_point(s.p + i, harmful));
			i += harmful - 1;
		} else if (harmful || (c >= 0x80 && !is_text)) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_putc(out, (char)c);
		}
	}
	buf_putc(out, '"');
}

static void put_json_time(struct buf *out, struct str cell)
{
	char *to = buf_room(out, CELL_SHORT);
	int64_t number;

	if (!number_of(cell, &number) || !number) {
		buf_puts(out, "null");
		return;
	}
	to[0] = '"';
	to = lay_time(to + 1, number);
	*to++ = '"';
	buf_grew(out, (size_t)(to - (out->p + out->n)));
}

void cell_json(struct buf *out, char type, struct str cell)
{
	switch (type) {
	case 'n':
	case 'd':
	case 'z':
		buf_put(out, is_number(cell) ? cell : STR("null"));
		return;
	case 'b':
		buf_put(out, is_digit(cell, '1') ? STR("true") : STR("false"));
		return;
	case 't':
		put_json_time(out, cell);
		return;
	default:
		put_json_string(out, cell);
	}
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t cell_width(struct str text)
{
	size_t width = 0;

	if (str_ascii(text))
		return text.n;
	for (size_t i = 0; i < text.n; i++)
		width += !is_continuation(text.p[i]);
	return width;
}

struct str cell_head(struct str text, size_t width)
{
	size_t n = 0;

	while (n < text.n && (width || is_continuation(text.p[n])))
		width -= !is_continuation(text.p[n++]);
	return str_head(text, n);
}
