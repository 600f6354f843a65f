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

static void put_fields(struct buf *out, const struct section *s, const struct leads *l, size_t row)
{
	const struct str *cells = section_row(s, row);

	for (size_t i = 0; i < s->column_count; i++)
		put_value(out, &s->columns[i], l->of[i], cells[i]);
}

static void put_record(struct buf *out, const struct section *s)
{
	struct leads l = {0};

	leads_make(&l, s);
	put_fields(out, s, &l, 0);
	buf_free(&l.text);
}

static void put_rows(struct buf *out, const struct answer *a, const struct section *s)
{
	struct leads l = {0};

	leads_make(&l, s);
	buf_putc(out, '[');
	for (size_t i = 0; i < s->rows; i++) {
		buf_puts(out, i ? ",\n{" : "\n{");
		put_fields(out, s, &l, i);
		buf_putc(out, '}');
		answer_flush(a, out);
	}
	buf_puts(out, s->rows ? "\n]" : "]");
	buf_free(&l.text);
}

static void put_map(struct buf *out, const struct section *s)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < s->rows; i++) {
		buf_puts(out, i ? ",\n" : "\n");
		cell_json(out, 's', section_row(s, i)[0]);
		buf_putc(out, ':');
		cell_json(out, 'n', section_row(s, i)[1]);
	}
	buf_puts(out, "}");
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
		bool is_empty = s->kind == '=' && !s->rows;

		if (is_empty)
			continue;
		buf_puts(out, first ? "" : ",\n");
		first = false;
		if (s->kind == '=') {
			put_record(out, s);
			continue;
		}
		cell_json(out, 's', s->kind == '!' ? STR("message") : s->name);
		buf_putc(out, ':');
		if (s->kind == '!')
			cell_json(out, 's', s->words);
		else if (s->kind == '*')
			put_rows(out, a, s);
		else
			put_map(out, s);
	}
	buf_puts(out, "}\n");
}
