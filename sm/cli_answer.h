/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An answer (report.h) as the CLI has read it: sections of rows of cells. A listing of ten thousand
 * sessions is to be there at once. So lines are read as they come, while sm makes the next ones;
 * each byte is looked at once, and what is kept of a row is where its cells lie; and what is known
 * of a column by then (its width, that nothing in it needs escaping) saves looking again, unless
 * some row of the section is odd. */
#ifndef SM_CLI_ANSWER_H
#define SM_CLI_ANSWER_H

#include "common/arena.h"
#include "common/buf.h"
#include "sm/cli_cell.h"
#include "sm/cli_space.h"

#define ANSWER_COLUMNS_MOST 32
#define ANSWER_NAME_MOST 27 /* bytes of the name of a column */

struct column {
	struct str name;
	char type;
	bool is_itself; /* cell_is_itself */
	bool is_number;
	size_t least, more; /* cell_most: the greater of `least`, and the cell's bytes and `more` */
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
	struct buf order; /* struct answer_place */
	size_t row_count;
	unsigned seen;    /* CELL_ bits of all rows */
	struct str words; /* of kind '!' */
};

struct answer {
	struct space space; /* rows; and whoever reads the answer keeps its bytes there */
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

/* One line, without its end, which must be there all the same. The answer borrows from it. False:
 * malformed. */
MUST_CHECK bool answer_line(struct answer *a, struct str line);
/* Behind the last line: puts the rows of lists into the order of their first column, if that is no
 * number. */
void answer_sort(struct answer *a);
/* All the lines, and their order. answer_end in any case. */
MUST_CHECK bool answer_read(struct answer *a, struct str text);
void answer_end(struct answer *a);
void section_cells(const struct answer *a, const struct section *s, size_t place,
	struct cells *out);

/* Between the rows of a list, so that memory for all of it is never needed. */
void answer_flush(const struct answer *a, struct buf *out);

/* cli_json.c, cli_show.c */
void answer_json(struct buf *out, const struct answer *a);
void answer_text(struct buf *out, const struct answer *a, unsigned columns);

#endif
