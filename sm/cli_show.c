/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers for people: columns that fit the terminal. */
#include <string.h>

#include "sm/cli.h"
#include "sm/cli_answer.h"
#include "sm/cli_cell.h"

#define NARROWEST 20 /* what is cut keeps that much */
#define GAP 2

static bool is_cut(const struct column *c)
{
	return c->type == 's' && c->width > NARROWEST;
}

static size_t total(const struct section *s, size_t n, bool narrowest)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (narrowest && is_cut(&s->columns[i]) ? NARROWEST : s->columns[i].width) +
			(i ? GAP : 0);
	return sum;
}

/* How many of the columns are shown; their widths are made to fit. */
static size_t fit(struct section *s, unsigned columns)
{
	size_t n = s->column_count;

	if (columns == 0)
		return n;
	while (n > 1 && total(s, n, true) > columns)
		n--;
	while (total(s, n, false) > columns) {
		struct column *widest = NULL;

		for (size_t i = 0; i < n; i++) {
			if (is_cut(&s->columns[i]) &&
				(!widest || s->columns[i].width > widest->width))
				widest = &s->columns[i];
		}
		if (!widest)
			break;
		widest->width--;
	}
	return n;
}

static void put_spaces(struct buf *out, size_t n)
{
	memset(buf_room(out, n), ' ', n);
	buf_grew(out, n);
}

/* Lays the cell on blanks. Where the next one begins, if one does; *end: behind what was laid. */
static char *lay_cell(char *to, const struct column *c, struct str cell, char **end)
{
	size_t width = c->is_odd ? cell_width(cell) : cell.n;
	size_t pad = width > c->width ? 0 : c->width - width;
	char *from = to + (c->is_number ? pad : 0);

	if (width > c->width)
		cell = cell_head(cell, c->width - 1);
	if (cell.n)
		memcpy(from, cell.p, cell.n);
	*end = from + cell.n;
	if (width > c->width)
		*(*end)++ = '~';
	return *end + (c->is_number ? 0 : pad) + GAP;
}

static void put_name(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		buf_putc(out, name.p[i] == '_' ? '-' : name.p[i]);
}

static void put_line(struct buf *out, const struct section *s, const struct str *cells, size_t n)
{
	size_t most = 1;
	char *start, *to, *end;

	for (size_t i = 0; i < n; i++)
		most += cells[i].n + s->columns[i].width + GAP;
	start = to = end = buf_room(out, most);
	memset(start, ' ', most);
	for (size_t i = 0; i < n; i++)
		to = lay_cell(to, &s->columns[i], cells[i], &end);
	*end++ = '\n';
	buf_grew(out, (size_t)(end - start));
}

static void show_list(struct buf *out, const struct answer *a, struct section *s, unsigned columns)
{
	struct str names[ANSWER_COLUMNS_MOST];
	struct buf name = {0};
	struct cells cells = {0};
	size_t n = fit(s, columns), from = 0;

	for (size_t i = 0; i < n; i++)
		put_name(&name, s->columns[i].name);
	for (size_t i = 0; i < n; i++) {
		names[i] = str_head(str_skip(buf_str(&name), from), s->columns[i].name.n);
		from += names[i].n;
	}
	put_line(out, s, names, n);
	for (size_t i = 0; i < s->row_count; i++) {
		section_cells(a, s, i, &cells);
		put_line(out, s, cells.of, n);
		answer_flush(a, out);
	}
	buf_free(&name);
	arena_end(&cells.memory);
}

static void show_record(struct buf *out, const struct answer *a, const struct section *s)
{
	struct cells cells = {0};
	size_t longest = 0;

	for (size_t i = 0; i < s->column_count; i++) {
		if (s->columns[i].name.n > longest)
			longest = s->columns[i].name.n;
	}
	if (s->row_count)
		section_cells(a, s, 0, &cells);
	for (size_t i = 0; i < s->column_count && s->row_count; i++) {
		put_name(out, s->columns[i].name);
		put_spaces(out, longest - s->columns[i].name.n + GAP);
		buf_put(out, cells.of[i]);
		buf_putc(out, '\n');
	}
	arena_end(&cells.memory);
}

static void show_map(struct buf *out, const struct answer *a, const struct section *s)
{
	struct cells cells = {0};

	for (size_t i = 0; i < s->row_count; i++) {
		section_cells(a, s, i, &cells);
		put_line(out, s, cells.of, s->column_count);
	}
	arena_end(&cells.memory);
}

void answer_text(struct buf *out, const struct answer *a, unsigned columns)
{
	for (struct section *s = a->first; s; s = s->next) {
		bool has_title = s->kind == '%' || (s->kind == '*' && (s != a->first || s->next));

		if (has_title) {
			buf_puts(out, s == a->first ? "" : "\n");
			put_name(out, s->name);
			buf_puts(out, ":\n");
		}
		if (s->kind == '!') {
			buf_put(out, s->words);
			buf_putc(out, '\n');
		} else if (s->kind == '=') {
			show_record(out, a, s);
		} else if (s->kind == '*') {
			show_list(out, a, s, columns);
		} else {
			show_map(out, a, s);
		}
	}
}

bool cli_show(struct buf *out, struct str answer, const struct cli_form *form)
{
	struct answer a = {.json = form->json, .flush = form->flush};
	bool good = answer_read(&a, answer);

	if (good && form->json)
		answer_json(out, &a);
	else if (good)
		answer_text(out, &a, form->columns);
	answer_end(&a);
	return good;
}
