/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One value of an answer, by its type (report.h), as text for a terminal or as JSON. Whatever came
 * from outside leaves here without control characters. */
#ifndef SM_CLI_CELL_H
#define SM_CLI_CELL_H

#include "common/arena.h"
#include "common/buf.h"

#define CELL_SHORT 32 /* bytes: room for a time, a duration or a size */

/* What a byte is to whoever shows it. */
#define CELL_ESCAPED 1 /* '%': the cell is not yet what it was before it came over the socket */
#define CELL_ODD 2     /* a control character, or not ASCII */
#define CELL_QUOTED 4  /* JSON puts a backslash before it */
unsigned cell_bytes(struct str cells); /* all of them together */

#define CELLS_LONGEST (UINT32_MAX / 2) /* bytes of a row */
/* Where each of `count` (not 0) cells ends: at a blank, or with the row; the next begins one byte
 * behind. Cells that are missing at the end are empty; a blank may be the last byte. *bytes: CELL_
 * bits of all. False: there are more cells, or the row is too long. */
MUST_CHECK bool cells_split(struct str row, uint32_t *ends, size_t count, unsigned *bytes);

/* Is a value of this type, when nothing in it is CELL_ODD, shown as it is? */
bool cell_is_itself(char type);
/* Borrows from `cell`, or lies in `brief` (which text of type s does not need) if it is short, or
 * in `memory` if some of it is CELL_ODD. */
struct str cell_text(struct arena *memory, char brief[CELL_SHORT], char type, struct str cell);
/* So wide at most is the text of a value of so many bytes, none of them CELL_ODD. */
size_t cell_most(char type, size_t n);
void cell_json(struct buf *out, char type, struct str cell);
size_t cell_width(struct str text);                  /* characters */
struct str cell_head(struct str text, size_t width); /* as many characters, or all */

#endif
