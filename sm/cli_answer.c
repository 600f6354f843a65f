/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading answers: each line is a section's head, or a row of the section before it. */
#include "sm/cli_answer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "sm/command.h"

#define PIECE 65536 /* bytes that are written at once */

struct answer_row {
	const char *cells; /* as they came */
	const char *first; /* if there is an order: the first cell in its final form */
	uint32_t first_n;
	uint32_t ends[]; /* cells_split */
};

struct answer_place {
	/* the first bytes in which first cells differ, so that most are told apart by them */
	uint64_t head;
	const struct answer_row *row;
};

static struct str take_word(struct str *rest)
{
	struct str word;

	str_cut(*rest, ' ', &word, rest);
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
	if (type.n != 1 || !is_name(c->name) || c->name.n > ANSWER_NAME_MOST)
		return false;
	c->type = type.p[0];
	c->width = c->name.n;
	c->is_itself = cell_is_itself(c->type);
	c->least = cell_most(c->type, 0);
	c->more = cell_most(c->type, c->least) - c->least;
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

/* Cell i as it came. */
static struct str raw_cell(const struct answer_row *row, size_t i)
{
	/* at most one byte behind the last cell: the line's end */
	size_t from = i ? row->ends[i - 1] + 1 : 0, end = row->ends[i];

	return str_at(row->cells + from, end > from ? end - from : 0);
}

/* Is it shown as it is, unless there are bytes in it to look at? */
static bool is_final(const struct answer *a, const struct column *c, struct str cell)
{
	return a->json || (c->is_itself && cell.n);
}

/* The cell as it will be shown. seen: CELL_ bits of its line. */
static struct str final_cell(const struct answer *a, const struct column *c, struct str cell,
	unsigned seen, struct arena *memory, char brief[CELL_SHORT], bool *good)
{
	if (seen & CELL_ESCAPED) {
		cell = plain_word(memory, cell, good);
		seen |= cell_bytes(cell);
	}
	if (is_final(a, c, cell) && (a->json || !(seen & CELL_ODD)))
		return cell;
	return cell_text(memory, brief, c->type, cell);
}

/* What the columns have to know of a row that has bytes to look at. */
static bool note_odd(const struct answer *a, struct section *s, const struct answer_row *row,
	unsigned seen)
{
	struct arena memory = {0};
	bool good = true;

	for (size_t i = 0; i < s->column_count; i++) {
		struct column *c = &s->columns[i];
		char brief[CELL_SHORT];
		struct str cell = final_cell(a, c, raw_cell(row, i), seen, &memory, brief, &good);
		size_t width = a->json ? 0 : cell_width(cell);

		c->is_odd |= a->json ? (cell_bytes(cell) & (CELL_ODD | CELL_QUOTED)) != 0
				     : width != cell.n;
		c->width = width > c->width ? width : c->width;
	}
	arena_end(&memory);
	return good;
}

/* The same of a row that has none. Few cells are looked at: most are for certain no wider. */
static void note_widths(struct section *s, const struct answer_row *row)
{
	for (size_t i = 0; i < s->column_count; i++) {
		struct column *c = &s->columns[i];
		struct str cell = raw_cell(row, i);
		char brief[CELL_SHORT];

		if (c->width >= c->least && c->width >= cell.n + c->more)
			continue;
		cell = cell_text(NULL, brief, c->type, cell);
		c->width = cell.n > c->width ? cell.n : c->width;
	}
}

/* Does the first column say where its rows stand? */
static bool is_in_order(const struct section *s)
{
	return s->kind == '*' && !s->columns[0].is_number;
}

/* The first cell is kept for the order, so it does not lie in what is used again. */
static void keep_first(struct answer *a, const struct section *s, struct answer_row *row,
	unsigned seen)
{
	char brief[CELL_SHORT];
	bool good = true;
	struct str cell = final_cell(a, &s->columns[0], raw_cell(row, 0), seen, &a->memory, brief,
		&good);

	if (cell.p == brief)
		cell = arena_copy(&a->memory, cell);
	row->first = cell.p;
	row->first_n = (uint32_t)cell.n;
}

static bool add_row(struct answer *a, struct section *s, struct str cells)
{
	struct answer_place place = {0};
	struct answer_row *row;
	unsigned seen;
	bool good = true;

	if (!s->column_count)
		return false;
	row = space_new(&a->space, sizeof *row + s->column_count * sizeof *row->ends);
	row->cells = cells.p;
	if (!cells_split(cells, row->ends, s->column_count, &seen))
		return false;
	if (seen & (CELL_ODD | CELL_ESCAPED | (a->json ? CELL_QUOTED : 0)))
		good = note_odd(a, s, row, seen);
	else if (!a->json)
		note_widths(s, row);
	if (is_in_order(s))
		keep_first(a, s, row, seen);
	place.row = row;
	buf_add(&s->order, &place, sizeof place);
	s->seen |= seen;
	s->row_count++;
	return good;
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

static struct answer_place *places_of(const struct section *s)
{
	return (struct answer_place *)(void *)s->order.p;
}

static struct str first_of(const struct answer_place *place)
{
	return str_at(place->row->first, place->row->first_n);
}

#define LINE 64 /* bytes of memory that come together */

/* In their order rows lie all over the memory: most of the time would go to waiting for it. Always
 * inline: gcc 12 leaves a call out that does nothing else. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct section *s, size_t place)
{
	const struct answer_place *all = places_of(s);

	if (place + 12 >= s->row_count)
		return;
	__builtin_prefetch(all[place + 12].row);
	__builtin_prefetch((const char *)all[place + 12].row + LINE);
	for (size_t i = 0; i < 4; i++)
		__builtin_prefetch(all[place + 6].row->cells + i * LINE);
}

void section_cells(const struct answer *a, const struct section *s, size_t place, struct cells *out)
{
	const struct answer_row *row = places_of(s)[place].row;
	unsigned seen = 0;
	bool good = true; /* it was, when the row was read */

	fetch_ahead(s, place);
	if (s->seen & (CELL_ODD | CELL_ESCAPED))
		seen = cell_bytes(str_at(row->cells, row->ends[s->column_count - 1]));
	for (size_t i = 0; i < s->column_count; i++) {
		const struct column *c = &s->columns[i];
		struct str cell = raw_cell(row, i);

		if (seen)
			cell = final_cell(a, c, cell, seen, &out->memory, out->brief[i], &good);
		else if (!is_final(a, c, cell))
			cell = cell_text(&out->memory, out->brief[i], c->type, cell);
		out->of[i] = cell;
	}
}

/* How many bytes all first cells begin with: accounts of one house are often called alike. */
static size_t shared_head(const struct section *s)
{
	const struct answer_place *places = places_of(s);
	struct str head = first_of(&places[0]);

	for (size_t i = 1; i < s->row_count; i++) {
		struct str cell = first_of(&places[i]);
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
	return str_cmp(first_of(a), first_of(b));
}

/* By one byte of their heads; places in which it is the same stay as they are. False: it is the
 * same in all. */
static bool sort_by_byte(const struct answer_place *places, size_t n, unsigned shift,
	struct answer_place *to)
{
	size_t from[257] = {0};

	for (size_t i = 0; i < n; i++)
		from[(places[i].head >> shift & 0xff) + 1]++;
	if (from[(places[0].head >> shift & 0xff) + 1] == n)
		return false;
	for (size_t i = 1; i < 256; i++)
		from[i] += from[i - 1];
	for (size_t i = 0; i < n; i++)
		to[from[places[i].head >> shift & 0xff]++] = places[i];
	return true;
}

/* From the last byte to the first: no comparison to guess at. */
static void sort_by_heads(struct section *s)
{
	struct buf other = {0};

	buf_room(&other, s->order.n);
	buf_grew(&other, s->order.n);
	for (unsigned shift = 0; shift < 64; shift += 8) {
		struct buf order = s->order;

		if (!sort_by_byte(places_of(s), s->row_count, shift,
			    (struct answer_place *)(void *)other.p))
			continue;
		s->order = other;
		other = order;
	}
	buf_free(&other);
}

static void sort_rows(struct section *s)
{
	struct answer_place *places = places_of(s);
	size_t skip, from = 0;

	if (s->row_count < 2 || !is_in_order(s))
		return;
	skip = shared_head(s);
	for (size_t i = 0; i < s->row_count; i++)
		places[i].head = big_endian(str_skip(first_of(&places[i]), skip));
	sort_by_heads(s);
	places = places_of(s);
	for (size_t i = 1; i <= s->row_count; i++) {
		if (i < s->row_count && places[i].head == places[from].head)
			continue;
		if (i - from > 1)
			qsort(&places[from], i - from, sizeof *places, by_first_cell);
		from = i;
	}
}

/* --- all ------------------------------------------------------------------------------------- */

void answer_sort(struct answer *a)
{
	for (struct section *s = a->first; s; s = s->next)
		sort_rows(s);
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
		buf_free(&s->order);
	space_end(&a->space);
	arena_end(&a->memory);
}
