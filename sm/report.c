/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Writing answers. */
#include "sm/report.h"

#include "sm/command.h"

void report_head(struct buf *out, int status, const char *why)
{
	buf_printf(out, why ? "%d %s\n" : "%d\n", status, why);
}

void report_words(struct buf *out, struct str words)
{
	buf_puts(out, "! ");
	word_escape(out, words);
	buf_putc(out, '\n');
}

void report_record(struct buf *out, const char *columns)
{
	buf_printf(out, "= %s\n", columns);
}

void report_list(struct buf *out, const char *name, const char *columns)
{
	buf_printf(out, "* %s %s\n", name, columns);
}

void report_map(struct buf *out, const char *name)
{
	buf_printf(out, "%% %s\n", name);
}

void report_row(struct buf *out)
{
	buf_putc(out, '+');
}

void report_text(struct buf *out, struct str value)
{
	buf_putc(out, ' ');
	word_escape(out, value);
}

/* Digits are laid where they stay: what was written byte by byte is slow to copy. */
void report_number(struct buf *out, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, limit = 10;
	char *to = buf_room(out, 22); /* a blank, a sign, 20 digits */
	size_t n = 1;

	for (; n < 20 && rest >= limit; limit *= 10)
		n++;
	*to++ = ' ';
	if (value < 0)
		*to++ = '-';
	for (size_t i = n; i > 0; rest /= 10)
		to[--i] = (char)('0' + rest % 10);
	buf_grew(out, n + 1 + (value < 0));
}

void report_hex(struct buf *out, uint64_t value)
{
	char *to = buf_room(out, 17);

	to[0] = ' ';
	for (int i = 16; i > 0; i--, value >>= 4)
		to[i] = "0123456789abcdef"[value & 15];
	buf_grew(out, 17);
}

void report_row_end(struct buf *out)
{
	buf_putc(out, '\n');
}

void report_end(struct buf *out)
{
	buf_puts(out, ".\n");
}
