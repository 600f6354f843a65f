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

void report_number(struct buf *out, int64_t value)
{
	char text[24], *p = text + sizeof text;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--p = '-';
	*--p = ' ';
	buf_add(out, p, (size_t)(text + sizeof text - p));
}

void report_hex(struct buf *out, uint64_t value)
{
	char text[17] = " ";

	for (int i = 16; i > 0; i--, value >>= 4)
		text[i] = "0123456789abcdef"[value & 15];
	buf_add(out, text, sizeof text);
}

void report_row_end(struct buf *out)
{
	buf_putc(out, '\n');
}

void report_end(struct buf *out)
{
	buf_puts(out, ".\n");
}
