/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table, and its footnotes. */
#include "sm/subscription.h"

/* The states of A.1, in the order of the table's columns. */
#define STATE_none 0
#define STATE_none_out SUB_OUT
#define STATE_none_in SUB_IN
#define STATE_none_out_in (SUB_OUT | SUB_IN)
#define STATE_to SUB_TO
#define STATE_to_in (SUB_TO | SUB_IN)
#define STATE_from SUB_FROM
#define STATE_from_out (SUB_FROM | SUB_OUT)
#define STATE_both (SUB_TO | SUB_FROM)
#define STATE_same 254 /* passes, unchanged */
#define STATE_drop 255

#define STATES 9

static const uint8_t columns[STATES] = {STATE_none, STATE_none_out, STATE_none_in,
	STATE_none_out_in, STATE_to, STATE_to_in, STATE_from, STATE_from_out, STATE_both};

static const struct row {
	enum sub_way way;
	enum stanza_type type;
	const char *section;
	uint8_t cells[STATES];
} rows[] = {
#define ON(way, type, section, a, b, c, d, e, f, g, h, i) \
	{SUB_WAY_##way, TYPE_##type, section, \
		{STATE_##a, STATE_##b, STATE_##c, STATE_##d, STATE_##e, STATE_##f, STATE_##g, \
			STATE_##h, STATE_##i}},
#include "sm/subscription.def"
#undef ON
};

/* Who sees somebody has not asked, and who is seen was not. */
static unsigned nearest(unsigned state)
{
	state &= SUB_STATE;
	if (state & SUB_TO)
		state &= ~(unsigned)SUB_OUT;
	if (state & SUB_FROM)
		state &= ~(unsigned)SUB_IN;
	return state;
}

struct sub_step subscription_cell(enum sub_way way, enum stanza_type type, unsigned state)
{
	struct sub_step step = {.after = nearest(state), .section = ""};
	const struct row *r = rows;
	size_t column = 0;

	while (r < rows + COUNT(rows) && (r->way != way || r->type != type))
		r++;
	if (r == rows + COUNT(rows)) /* not a subscription stanza */
		return step;
	while (columns[column] != step.after)
		column++;
	step.section = r->section;
	step.passes = r->cells[column] != STATE_drop;
	if (step.passes && r->cells[column] != STATE_same)
		step.after = r->cells[column];
	return step;
}

static unsigned listed_if(unsigned state, bool yes)
{
	return yes ? (state | SUB_LISTED) & ~(unsigned)SUB_GONE : state;
}

/* An approval before its request is only noted, and so is its end (3.4.2, 3.2.2). */
static void pre_approve(struct sub_step *step, enum stanza_type type, unsigned state)
{
	if (type == TYPE_SUBSCRIBED && !(state & SUB_FROM))
		step->after = listed_if(step->after | SUB_APPROVED, true);
	else if (type == TYPE_UNSUBSCRIBED)
		step->after &= ~(unsigned)SUB_APPROVED;
}

struct sub_step subscription_sent(enum stanza_type type, unsigned state)
{
	struct sub_step step = subscription_cell(SUB_WAY_out, type, state);

	step.after |= state & ~(unsigned)SUB_STATE;
	if (!step.passes) {
		pre_approve(&step, type, state);
		return step;
	}
	if (type == TYPE_SUBSCRIBED || type == TYPE_UNSUBSCRIBED)
		step.after &= ~(unsigned)SUB_APPROVED;
	/* 3.1.2, 3.1.5: both make an item of whom they are for */
	step.after = listed_if(step.after, type == TYPE_SUBSCRIBE || type == TYPE_SUBSCRIBED);
	return step;
}

struct sub_step subscription_received(enum stanza_type type, unsigned state)
{
	struct sub_step step = subscription_cell(SUB_WAY_in, type, state);

	step.after |= state & ~(unsigned)SUB_STATE;
	if (type != TYPE_SUBSCRIBE)
		return step;
	if (state & SUB_FROM) { /* A.3.1, note 2 */
		step.agrees = true;
	} else if ((state & SUB_APPROVED) && step.passes) { /* A.3.1, note 1 */
		step = subscription_sent(TYPE_SUBSCRIBED, step.after);
		step.passes = false;
		step.agrees = true;
	}
	return step;
}

bool subscription_is_kept(unsigned state)
{
	return state & (SUB_LISTED | SUB_IN | SUB_GONE);
}

struct str subscription_word(unsigned state)
{
	switch (state & (SUB_TO | SUB_FROM)) {
	case SUB_TO:
		return STR("to");
	case SUB_FROM:
		return STR("from");
	case SUB_TO | SUB_FROM:
		return STR("both");
	default:
		return STR("none");
	}
}
