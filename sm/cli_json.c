/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers for scripts: JSON (RFC 8259), whatever the cells hold. */
#include <string.h>

#include "sm/cli_answer.h"
#include "sm/cli_cell.h"

static bool is_string(const struct column *c)
{
	return c->type == 's' || c->type == 'i';
}

/* `lead` is what stands before the value: the comma, the name, the colon. */
static void put_value(struct buf *out, const struct column *c, struct str lead, struct str cell)
{
	char *to;

	if (c->is_odd || !is_string(c)) {
		buf_put(out, lead);
		cell_json(out, c->type, cell);
		return;
	}
	to = buf_room(out, lead.n + cell.n + 2);
	if (lead.n)
		memcpy(to, lead.p, lead.n);
	to[lead.n] = '"';
	if (cell.n)
		memcpy(to + lead.n + 1, cell.p, cell.n);
	to[lead.n + 1 + cell.n] = '"';
	buf_grew(out, lead.n + cell.n + 2);
}

/* The leads of a section's rows, made once. */
struct leads {
	struct buf text;
	struct str of[ANSWER_COLUMNS_MOST];
};

static void leads_make(struct leads *l, const struct section *s)
{
	size_t from = 0;

	for (size_t i = 0; i < s->column_count; i++) {
		buf_puts(&l->text, i ? "," : "");
		cell_json(&l->text, 's', s->columns[i].name);
		buf_putc(&l->text, ':');
		l->of[i].n = l->text.n - from;
		from = l->text.n;
	}
	from = 0;
	for (size_t i = 0; i < s->column_count; i++) {
		l->of[i].p = l->text.p + from;
		from += l->of[i].n;
	}
}

static void put_fields(struct buf *out, const struct section *s, const struct leads *l,
	const struct cells *cells)
{
	for (size_t i = 0; i < s->column_count; i++)
		put_value(out, &s->columns[i], l->of[i], cells->of[i]);
}

static void put_record(struct buf *out, const struct answer *a, const struct section *s)
{
	struct leads l = {0};
	struct cells cells = {0};

	leads_make(&l, s);
	section_cells(a, s, 0, &cells);
	put_fields(out, s, &l, &cells);
	buf_free(&l.text);
	arena_end(&cells.memory);
}

static void put_rows(struct buf *out, const struct answer *a, const struct section *s)
{
	struct leads l = {0};
	struct cells cells = {0};

	leads_make(&l, s);
	buf_putc(out, '[');
	for (size_t i = 0; i < s->row_count; i++) {
		buf_puts(out, i ? ",\n{" : "\n{");
		section_cells(a, s, i, &cells);
		put_fields(out, s, &l, &cells);
		buf_putc(out, '}');
		answer_flush(a, out);
	}
	buf_puts(out, s->row_count ? "\n]" : "]");
	buf_free(&l.text);
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
