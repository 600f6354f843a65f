/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An answer (report.h) as the CLI has read it: sections of rows of cells. A listing of ten thousand
 * sessions is to be there at once, so each byte is looked at once while it is read, and what is
 * known of a column then (its width, that nothing in it needs escaping) saves looking again. */
#ifndef SM_CLI_ANSWER_H
#define SM_CLI_ANSWER_H

#include "common/arena.h"
#include "common/buf.h"

#define ANSWER_COLUMNS_MOST 32

struct column {
	struct str name;
	char type;
	bool is_itself; /* cell_is_itself */
	bool is_number;
	/* Some cell has bytes that JSON spells; as text: characters that are more than a byte. */
	bool is_odd;
	size_t width; /* as text: characters of the widest cell, or of the name */
};

struct section_key; /* a row's place in the order */

struct section {
	struct section *next;
	char kind; /* as in report.h */
	struct str name;
	struct column columns[ANSWER_COLUMNS_MOST];
	size_t column_count;
	struct buf cells; /* struct str, row by row: as text in their final form, else unescaped */
	struct buf order; /* struct section_key, row by row; empty: as they came */
	size_t rows;
	struct str words; /* of kind '!' */
};

struct answer {
	struct arena memory;
	struct section *first, *last;
	bool json;
	void (*flush)(struct buf *out); /* takes what is in `out`; NULL: it is all kept there */
};

/* Cells borrow from `text`. The rows of a list are in the order of their first column, if that is
 * no number. False: malformed. answer_end in any case. */
MUST_CHECK bool answer_read(struct answer *a, struct str text);
void answer_end(struct answer *a);
const struct str *section_row(const struct section *s, size_t row);

/* Between the rows of a list, so that memory for all of it is never needed. */
void answer_flush(const struct answer *a, struct buf *out);

/* cli_json.c */
void answer_json(struct buf *out, const struct answer *a);

#endif
