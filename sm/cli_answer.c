/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading answers: each line is a section's head, or a row of the section before it. */
#include "sm/cli_answer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sm/command.h"

#define PIECE 32768 /* bytes that are written at once */

struct answer_row {
	/* the first bytes in which first cells differ, so that most are told apart by them */
	uint64_t head;
	const char *first, *cells; /* the first cell in its final form; all of them as they came */
	uint32_t first_n, cells_n;
};

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define LOW_BITS (0x7f * EACH_BYTE)

/* Has the high bit of each of eight bytes that is a blank; the first is the lowest. */
static uint64_t blanks_at(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	word = htole64(word) ^ ' ' * EACH_BYTE;
	return ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
}

/* Where the next blank is, or the end: words are short, so eight bytes at a time and no call. */
static size_t find_blank(struct str s)
{
	size_t n = 0;

	for (; s.n - n >= sizeof(uint64_t); n += sizeof(uint64_t)) {
		uint64_t high = blanks_at(s.p + n);

		if (high)
			return n + (size_t)__builtin_ctzll(high) / 8;
	}
	while (n < s.n && s.p[n] != ' ')
		n++;
	return n;
}

static size_t count_blanks(struct str s)
{
	size_t count = 0;

	for (; s.n >= sizeof(uint64_t); s = str_skip(s, sizeof(uint64_t)))
		count += (blanks_at(s.p) >> 7) * EACH_BYTE >> 56;
	for (size_t i = 0; i < s.n; i++)
		count += s.p[i] == ' ';
	return count;
}

static struct str take_word(struct str *rest)
{
	size_t n = find_blank(*rest);
	struct str word = {rest->p, n};

	*rest = n < rest->n ? (struct str){rest->p + n + 1, rest->n - n - 1} : STR_NONE;
	return word;
}

/* The word as it was before it was escaped. */
static struct str plain_word(struct arena *memory, struct str word, bool *good)
{
	struct buf text = {0};
	struct str plain;

	if (str_find(word, '%') == word.n)
		return word;
	*good = *good && word_unescape(&text, word);
	plain = arena_copy(memory, buf_str(&text));
	buf_free(&text);
	return plain;
}

/* Names are sm's own, unlike values. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] < 'a' || s.p[i] > 'z') && s.p[i] != '_')
			return false;
	}
	return s.n > 0;
}

static bool add_column(struct section *s, struct str word)
{
	struct column *c = &s->columns[s->column_count];
	struct str type;

	if (s->column_count == ANSWER_COLUMNS_MOST || !str_cut(word, ':', &c->name, &type))
		return false;
	if (type.n != 1 || !is_name(c->name))
		return false;
	c->type = type.p[0];
	c->width = c->name.n;
	c->is_itself = cell_is_itself(c->type);
	c->is_number = c->type == 'n' || c->type == 'z' || c->type == 'd';
	s->column_count++;
	return true;
}

static struct section *section_new(struct answer *a, char kind)
{
	struct section *s = arena_new(&a->memory, sizeof *s);

	s->kind = kind;
	*(a->last ? &a->last->next : &a->first) = s;
	a->last = s;
	return s;
}

static bool add_words(struct answer *a, struct str rest)
{
	struct section *s = section_new(a, '!');
	struct buf words = {0};
	bool good = word_unescape(&words, rest);

	s->words = arena_copy(&a->memory, buf_str(&words));
	buf_free(&words);
	if (!a->json)
		s->words = cell_text(&a->memory, NULL, 's', s->words);
	return good;
}

static bool add_section(struct answer *a, char kind, struct str rest)
{
	struct section *s = section_new(a, kind);

	if (kind != '=' && !is_name(s->name = take_word(&rest)))
		return false;
	if (kind == '%')
		return add_column(s, STR("key:i")) && add_column(s, STR("value:n"));
	while (rest.n) {
		if (!add_column(s, take_word(&rest)))
			return false;
	}
	return true;
}

/* The cell as it will be shown. seen: CELL_ bits of its line. */
static struct str final_cell(const struct answer *a, const struct column *c, struct str cell,
	unsigned seen, struct arena *memory, char brief[CELL_SHORT])
{
	if (a->json)
		return cell;
	if (seen & (CELL_ODD | CELL_ESCAPED) || cell.n == 0 || !c->is_itself)
		return cell_text(memory, brief, c->type, cell);
	return cell;
}

/* What a column has to know of a cell. */
static void note_cell(const struct answer *a, struct column *c, struct str cell, unsigned seen)
{
	size_t width;

	if (a->json) {
		if (seen & (CELL_ODD | CELL_QUOTED | CELL_ESCAPED))
			c->is_odd |= (cell_bytes(cell) & (CELL_ODD | CELL_QUOTED)) != 0;
		return;
	}
	width = seen & CELL_ODD ? cell_width(cell) : cell.n;
	c->is_odd |= width != cell.n;
	if (width > c->width)
		c->width = width;
}

/* The first cell is kept for the order, so it does not lie in what is used again. */
static struct str keep_first(struct answer *a, struct str cell, const char *brief)
{
	return cell.p == brief ? arena_copy(&a->memory, cell) : cell;
}

/* Cells that are missing at the end are empty, and a blank may be the last byte. */
static bool has_cells(const struct section *s, struct str rest)
{
	size_t n = count_blanks(rest);

	return n < s->column_count || (n == s->column_count && rest.p[rest.n - 1] == ' ');
}

/* Looks at each cell of a row. */
static bool read_cells(struct answer *a, struct section *s, struct str rest, unsigned seen,
	struct answer_row *row)
{
	char brief[CELL_SHORT];
	bool good = true;

	for (size_t i = 0; i < s->column_count; i++) {
		struct str cell = take_word(&rest);

		if (seen & CELL_ESCAPED) {
			cell = plain_word(&a->memory, cell, &good);
			seen |= cell_bytes(cell);
		}
		if (i && !a->json && cell_fits(s->columns[i].type, cell, s->columns[i].width))
			continue;
		cell = final_cell(a, &s->columns[i], cell, seen, &a->memory, brief);
		note_cell(a, &s->columns[i], cell, seen);
		if (i)
			continue;
		cell = keep_first(a, cell, brief);
		row->first = cell.p;
		row->first_n = (uint32_t)cell.n;
	}
	return good && rest.n == 0;
}

static bool add_row(struct answer *a, struct section *s, struct str rest)
{
	struct answer_row row = {.first = rest.p, .cells = rest.p, .cells_n = (uint32_t)rest.n};
	unsigned seen = cell_bytes(rest);
	bool good;

	if (a->json && !seen) { /* nothing needs to be known of a column */
		row.first_n = (uint32_t)find_blank(rest);
		good = has_cells(s, rest);
	} else {
		good = read_cells(a, s, rest, seen, &row);
	}
	buf_add(&s->rows, &row, sizeof row);
	s->seen |= seen;
	s->row_count++;
	return good && s->column_count && rest.n <= UINT32_MAX;
}

bool answer_line(struct answer *a, struct str line)
{
	struct str rest = str_skip(line, 2);

	if (line.n < 2 || line.p[1] != ' ')
		return false;
	switch (line.p[0]) {
	case '+':
		return a->last && a->last->kind != '!' && add_row(a, a->last, rest);
	case '!':
		return add_words(a, rest);
	case '=':
	case '*':
	case '%':
		return add_section(a, line.p[0], rest);
	default:
		return false;
	}
}

/* --- order ----------------------------------------------------------------------------------- */

static struct answer_row *rows_of(const struct section *s)
{
	return (struct answer_row *)(void *)s->rows.p;
}

static struct str first_of(const struct answer_row *row)
{
	return str_at(row->first, row->first_n);
}

void section_cells(const struct answer *a, const struct section *s, size_t row, struct cells *out)
{
	const struct answer_row *r = &rows_of(s)[row];
	struct str rest = str_at(r->cells, r->cells_n);
	unsigned seen = s->seen & (CELL_ODD | CELL_ESCAPED) ? cell_bytes(rest) : 0;
	bool good = true; /* it was, when the row was read */

	for (size_t i = 0; i < s->column_count; i++) {
		struct str cell = take_word(&rest);

		if (seen & CELL_ESCAPED) {
			cell = plain_word(&out->memory, cell, &good);
			seen |= cell_bytes(cell);
		}
		out->of[i] = final_cell(a, &s->columns[i], cell, seen, &out->memory, out->brief[i]);
	}
}

/* How many bytes all first cells begin with: accounts of one house are often called alike. */
static size_t shared_head(const struct section *s)
{
	const struct answer_row *rows = rows_of(s);
	struct str head = first_of(&rows[0]);

	for (size_t row = 1; row < s->row_count; row++) {
		struct str cell = first_of(&rows[row]);
		size_t n = 0;

		while (n < head.n && n < cell.n && cell.p[n] == head.p[n])
			n++;
		head = str_head(head, n);
	}
	return head.n;
}

static uint64_t big_endian(struct str s)
{
	uint64_t head = 0;

	if (s.n >= sizeof head) {
		memcpy(&head, s.p, sizeof head);
		return be64toh(head);
	}
	for (size_t i = 0; i < sizeof head; i++)
		head = head << 8 | (i < s.n ? (unsigned char)s.p[i] : 0);
	return head;
}

static int by_first_cell(const void *a, const void *b)
{
	const struct answer_row *one = a, *other = b;

	if (one->head != other->head)
		return one->head < other->head ? -1 : 1;
	return str_cmp(first_of(one), first_of(other));
}

static void sort_rows(struct section *s)
{
	struct answer_row *rows = rows_of(s);
	size_t skip;

	if (s->row_count < 2 || s->columns[0].is_number)
		return;
	skip = shared_head(s);
	for (size_t row = 0; row < s->row_count; row++)
		rows[row].head = big_endian(str_skip(first_of(&rows[row]), skip));
	qsort(rows, s->row_count, sizeof *rows, by_first_cell);
}

/* --- all ------------------------------------------------------------------------------------- */

void answer_sort(struct answer *a)
{
	for (struct section *s = a->first; s; s = s->next) {
		if (s->kind == '*')
			sort_rows(s);
	}
}

bool answer_read(struct answer *a, struct str text)
{
	while (text.n) {
		struct str line;

		if (!str_cut(text, '\n', &line, &text) || !answer_line(a, line))
			return false;
	}
	answer_sort(a);
	return true;
}

void answer_flush(const struct answer *a, struct buf *out)
{
	if (a->flush && out->n >= PIECE)
		a->flush(out);
}

void answer_end(struct answer *a)
{
	for (struct section *s = a->first; s; s = s->next)
		buf_free(&s->rows);
	arena_end(&a->memory);
}
