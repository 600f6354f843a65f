/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers for scripts: JSON (RFC 8259), whatever the cells hold. */
#include <string.h>

#include "sm/cli_answer.h"
#include "sm/cli_cell.h"

#define LEAD_MOST 32 /* bytes */
_Static_assert(LEAD_MOST == ANSWER_NAME_MOST + sizeof ",\"\":\"" - 1,
	"a lead has room for every name");

/* What stands before the values of a column: the comma, the name, the colon, and the quote if the
 * values are text as they are. */
struct lead {
	char text[LEAD_MOST];
	size_t n;
	bool is_text;
};

static void lead_make(struct lead *l, const struct column *c, bool is_first)
{
	struct buf text = {0};

	l->is_text = (c->type == 's' || c->type == 'i') && !c->is_odd;
	buf_printf(&text, "%s\"%.*s\":%s", is_first ? "" : ",", STR_ARG(c->name),
		l->is_text ? "\"" : "");
	memcpy(l->text, text.p, text.n);
	l->n = text.n;
	buf_free(&text);
}

/* All of a lead's room is copied: a size that is known makes it two instructions. */
static void put_value(struct buf *out, const struct column *c, const struct lead *l,
	struct str cell)
{
	char *to = buf_room(out, LEAD_MOST + cell.n + 1);

	memcpy(to, l->text, LEAD_MOST);
	buf_grew(out, l->n);
	if (!l->is_text) {
		cell_json(out, c->type, cell);
		return;
	}
	to += l->n;
	if (cell.n)
		memcpy(to, cell.p, cell.n);
	to[cell.n] = '"';
	buf_grew(out, cell.n + 1);
}

static void leads_make(struct lead *leads, const struct section *s)
{
	for (size_t i = 0; i < s->column_count; i++)
		lead_make(&leads[i], &s->columns[i], i == 0);
}

static void put_fields(struct buf *out, const struct section *s, const struct lead *leads,
	const struct cells *cells)
{
	for (size_t i = 0; i < s->column_count; i++)
		put_value(out, &s->columns[i], &leads[i], cells->of[i]);
}

static void put_record(struct buf *out, const struct answer *a, const struct section *s)
{
	struct lead leads[ANSWER_COLUMNS_MOST] = {0};
	struct cells cells = {0};

	leads_make(leads, s);
	section_cells(a, s, 0, &cells);
	put_fields(out, s, leads, &cells);
	arena_end(&cells.memory);
}

static void put_rows(struct buf *out, const struct answer *a, const struct section *s)
{
	struct lead leads[ANSWER_COLUMNS_MOST] = {0};
	struct cells cells = {0};

	leads_make(leads, s);
	buf_putc(out, '[');
	for (size_t i = 0; i < s->row_count; i++) {
		buf_puts(out, i ? ",\n{" : "\n{");
		section_cells(a, s, i, &cells);
		put_fields(out, s, leads, &cells);
		buf_putc(out, '}');
		answer_flush(a, out);
	}
	buf_puts(out, s->row_count ? "\n]" : "]");
	arena_end(&cells.memory);
}

static void put_map(struct buf *out, const struct answer *a, const struct section *s)
{
	struct cells cells = {0};

	buf_putc(out, '{');
	for (size_t i = 0; i < s->row_count; i++) {
		section_cells(a, s, i, &cells);
		buf_puts(out, i ? ",\n" : "\n");
		cell_json(out, 's', cells.of[0]);
		buf_putc(out, ':');
		cell_json(out, 'n', cells.of[1]);
	}
	buf_puts(out, "}");
	arena_end(&cells.memory);
}

/* A list alone is an array; anything else an object, of the record's fields and of what has a
 * name. */
void answer_json(struct buf *out, const struct answer *a)
{
	const struct section *s = a->first;
	bool first = true;

	if (s && s->kind == '*' && !s->next) {
		put_rows(out, a, s);
		buf_putc(out, '\n');
		return;
	}
	buf_putc(out, '{');
	for (; s; s = s->next) {
		bool is_empty = s->kind == '=' && !s->row_count;

		if (is_empty)
			continue;
		buf_puts(out, first ? "" : ",\n");
		first = false;
		if (s->kind == '=') {
			put_record(out, a, s);
			continue;
		}
		cell_json(out, 's', s->kind == '!' ? STR("message") : s->name);
		buf_putc(out, ':');
		if (s->kind == '!')
			cell_json(out, 's', s->words);
		else if (s->kind == '*')
			put_rows(out, a, s);
		else
			put_map(out, a, s);
	}
	buf_puts(out, "}\n");
}
