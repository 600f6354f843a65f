/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An answer (report.h) as the CLI has read it: sections of rows of cells. A listing of ten thousand
 * sessions is to be there at once. So lines are read as they come, while sm makes the next ones;
 * what is kept of a row is where it lies, since memory costs more than reading it again; and what
 * is known of a column by then (its width, that nothing in it needs escaping) saves looking. */
#ifndef SM_CLI_ANSWER_H
#define SM_CLI_ANSWER_H

#include "common/arena.h"
#include "common/buf.h"
#include "sm/cli_cell.h"

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

struct section {
	struct section *next;
	char kind; /* as in report.h */
	struct str name;
	struct column columns[ANSWER_COLUMNS_MOST];
	size_t column_count;
	struct buf rows; /* struct answer_row */
	size_t row_count;
	unsigned seen;    /* CELL_ bits of all rows */
	struct str words; /* of kind '!' */
};

struct answer {
	struct arena memory;
	struct section *first, *last;
	bool json;
	void (*flush)(struct buf *out); /* takes what is in `out`; NULL: it is all kept there */
};

/* The cells of one row: as text in their final form, else unescaped. */
struct cells {
	struct str of[ANSWER_COLUMNS_MOST];
	char brief[ANSWER_COLUMNS_MOST][CELL_SHORT];
	struct arena memory; /* for the odd ones, until arena_end */
};

/* One line, without its end. The answer borrows from it. False: malformed. */
MUST_CHECK bool answer_line(struct answer *a, struct str line);
/* Behind the last line: puts the rows of lists into the order of their first column, if that is no
 * number. */
void answer_sort(struct answer *a);
/* All the lines, and their order. answer_end in any case. */
MUST_CHECK bool answer_read(struct answer *a, struct str text);
void answer_end(struct answer *a);
void section_cells(const struct answer *a, const struct section *s, size_t row, struct cells *out);

/* Between the rows of a list, so that memory for all of it is never needed. */
void answer_flush(const struct answer *a, struct buf *out);

/* cli_json.c, cli_show.c */
void answer_json(struct buf *out, const struct answer *a);
void answer_text(struct buf *out, const struct answer *a, unsigned columns);

#endif
