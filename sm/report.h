/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An answer on the control socket. Its first line is an exit status and, when that is not 0, why;
 * its last is a dot alone, so that a cut-off answer shows. Between them each line's first character
 * says what it is:
 *   ! words            for people, as they are
 *   = COLUMN...        a record: one row follows
 *   * NAME COLUMN...   a list: any number of rows follows
 *   % NAME             a map: rows of key and number follow
 *   + VALUE...         a row
 * Blanks divide; values are escaped (command.h) and may be empty. COLUMN is NAME:TYPE (how many and
 * how long: ANSWER_COLUMNS_MOST, ANSWER_NAME_MOST), with the types
 *   s text             n number            t time, seconds since 1970, 0: none
 *   i text, never cut  z size in bytes     d duration in seconds
 *   b flag, 0 or 1
 * The CLI makes text or JSON of it; in a list, what is more to the right is left out first where
 * the terminal is narrow. */
#ifndef SM_REPORT_H
#define SM_REPORT_H

#include "common/buf.h"

void report_head(struct buf *out, int status, const char *why /* or NULL */);
void report_words(struct buf *out, struct str words);
void report_record(struct buf *out, const char *columns);
void report_list(struct buf *out, const char *name, const char *columns);
void report_map(struct buf *out, const char *name);
/* A row: report_row, then its values, then report_row_end. */
void report_row(struct buf *out);
void report_text(struct buf *out, struct str value);
void report_number(struct buf *out, int64_t value);
void report_hex(struct buf *out, uint64_t value); /* 16 digits */
void report_row_end(struct buf *out);
void report_end(struct buf *out);

#endif
