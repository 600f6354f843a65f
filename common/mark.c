/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mark.h. */
#include "common/mark.h"

static const struct {
	struct str element; /* empty: any */
	enum ns ns;
	unsigned mark;
} rows[] = {
#define MARK(name, ns, element) {{element, sizeof(element) - 1}, NS_##ns, MARK_##name},
#include "common/mark.def"
#undef MARK
};

unsigned mark_child(const struct stanza_child *c)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].ns == c->ns && (!rows[i].element.n || str_eq(rows[i].element, c->name)))
			return rows[i].mark;
	}
	return MARK_other;
}

/* The view remembers the first ones. */
static unsigned mark_rest(const struct stanza *s)
{
	const struct str last = s->child[STANZA_CHILDREN - 1].whole;
	struct str rest = str_skip(s->inner, (size_t)(last.p + last.n - s->inner.p));
	struct stanza_child c;
	unsigned marks = 0;

	while (stanza_take_child(s, &rest, &c))
		marks |= mark_child(&c);
	return marks;
}

unsigned mark_message(const struct stanza *s)
{
	unsigned known = s->child_count < STANZA_CHILDREN ? s->child_count : STANZA_CHILDREN;
	unsigned marks = 0;

	for (unsigned i = 0; i < known; i++)
		marks |= mark_child(&s->child[i]);
	return s->child_count > known ? marks | mark_rest(s) : marks;
}
