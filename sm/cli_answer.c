/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading answers: each line is a section's head, or a row of the section before it. */
#include "sm/cli_answer.h"

#include <stdlib.h>

#include "sm/cli_cell.h"
#include "sm/command.h"

#define PIECE 32768 /* bytes that are written at once */

struct section_key {
	/* the first bytes in which cells differ, so that most are told apart by them */
	uint64_t head;
	size_t row;
};

static struct str take_word(struct str *rest)
{
	const char *p = rest->p;
	size_t n = 0, all = rest->n;

	while (n < all && p[n] != ' ')
		n++;
	*rest = n < all ? (struct str){p + n + 1, all - n - 1} : STR_NONE;
	return (struct str){p, n};
}

/* The word as it was before it was escaped. */
static struct str plain_word(struct answer *a, struct str word, bool *good)
{
	struct buf text = {0};
	struct str plain;

	if (str_find(word, '%') == word.n)
		return word;
	*good = *good && word_unescape(&text, word);
	plain = arena_copy(&a->memory, buf_str(&text));
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
		s->words = cell_text(&a->memory, 's', s->words);
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

/* As text a cell is put into its final form at once, so that widths are known when all are read.
 * seen: CELL_ bits of its line. */
static struct str read_cell(struct answer *a, struct column *c, struct str cell, unsigned seen)
{
	size_t width;

	if (a->json) {
		if (seen & (CELL_ODD | CELL_QUOTED | CELL_ESCAPED))
			c->is_odd |= (cell_bytes(cell) & (CELL_ODD | CELL_QUOTED)) != 0;
		return cell;
	}
	if (seen & (CELL_ODD | CELL_ESCAPED) || cell.n == 0 || !c->is_itself)
		cell = cell_text(&a->memory, c->type, cell);
	width = seen & CELL_ODD ? cell_width(cell) : cell.n;
	c->is_odd |= width != cell.n;
	if (width > c->width)
		c->width = width;
	return cell;
}

static bool add_row(struct answer *a, struct section *s, struct str rest)
{
	size_t size = s->column_count * sizeof(struct str);
	struct str *cells = (struct str *)(void *)buf_room(&s->cells, size);
	unsigned seen = cell_bytes(rest);
	bool good = true;

	for (size_t i = 0; i < s->column_count; i++) {
		struct str cell = take_word(&rest);

		if (seen & CELL_ESCAPED) {
			cell = plain_word(a, cell, &good);
			seen |= cell_bytes(cell);
		}
		cells[i] = read_cell(a, &s->columns[i], cell, seen);
	}
	buf_grew(&s->cells, size);
	s->rows++;
	return good && s->column_count && rest.n == 0;
}

static bool read_line(struct answer *a, struct str line)
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

static const struct str *row_at(const struct section *s, size_t row)
{
	return (const struct str *)(const void *)s->cells.p + row * s->column_count;
}

static const struct section_key *keys_of(const struct section *s)
{
	return (const struct section_key *)(const void *)s->order.p;
}

const struct str *section_row(const struct section *s, size_t row)
{
	return row_at(s, s->order.n ? keys_of(s)[row].row : row);
}

/* How many bytes all first cells begin with: accounts of one house are often called alike. */
static size_t shared_head(const struct section *s)
{
	struct str head = *row_at(s, 0);

	for (size_t row = 1; row < s->rows; row++) {
		struct str cell = *row_at(s, row);
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

	for (size_t i = 0; i < sizeof head; i++)
		head = head << 8 | (i < s.n ? (unsigned char)s.p[i] : 0);
	return head;
}

static int by_first_cell(const void *a, const void *b, void *section)
{
	const struct section_key *one = a, *other = b;

	if (one->head != other->head)
		return one->head < other->head ? -1 : 1;
	return str_cmp(*row_at(section, one->row), *row_at(section, other->row));
}

static void sort_rows(struct section *s)
{
	size_t skip;

	if (s->rows < 2 || s->columns[0].is_number)
		return;
	skip = shared_head(s);
	for (size_t row = 0; row < s->rows; row++) {
		struct section_key key = {big_endian(str_skip(*row_at(s, row), skip)), row};

		buf_add(&s->order, &key, sizeof key);
	}
	qsort_r(s->order.p, s->rows, sizeof(struct section_key), by_first_cell, s);
}

/* --- all ------------------------------------------------------------------------------------- */

bool answer_read(struct answer *a, struct str text)
{
	while (text.n) {
		struct str line;

		if (!str_cut(text, '\n', &line, &text) || !read_line(a, line))
			return false;
	}
	for (struct section *s = a->first; s; s = s->next) {
		if (s->kind == '*')
			sort_rows(s);
	}
	return true;
}

void answer_flush(const struct answer *a, struct buf *out)
{
	if (a->flush && out->n >= PIECE)
		a->flush(out);
}

void answer_end(struct answer *a)
{
	for (struct section *s = a->first; s; s = s->next) {
		buf_free(&s->cells);
		buf_free(&s->order);
	}
	arena_end(&a->memory);
}
