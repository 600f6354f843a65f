/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words of every error condition, expanded from condition.def. */
#include "common/condition.h"

struct row {
	enum cond_group group;
	struct str element;
	struct str type;
};

#define WORD(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}

static const struct row rows[] = {
#define STREAM_CONDITION(name, element) \
	[STREAM_##name] = {COND_OF_STREAM, WORD(element), {NULL, 0}},
#define STANZA_CONDITION(name, element, type) \
	[STANZA_##name] = {COND_OF_STANZA, WORD(element), WORD(type)},
#define SASL_CONDITION(name, element) [SASL_##name] = {COND_OF_SASL, WORD(element), {NULL, 0}},
#include "common/condition.def"
#undef STREAM_CONDITION
#undef STANZA_CONDITION
#undef SASL_CONDITION
};

/* Numbers come over the channel too, so any number must do. */
static const struct row *row_of(enum cond c)
{
	static const struct row none;

	return (unsigned)c < COUNT(rows) ? &rows[c] : &none;
}

struct str cond_element(enum cond c)
{
	return row_of(c)->element;
}

struct str cond_error_type(enum cond c)
{
	return row_of(c)->type;
}

enum cond_group cond_group(enum cond c)
{
	return row_of(c)->group;
}
