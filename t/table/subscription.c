/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * subscription.def against RFC 6121 Appendix A, written down a second time row by row as its tables have it: the state
 * before, whether the stanza is to be routed or delivered, the state after. Then what its footnotes and sections 3.1.3,
 * 3.2 and 3.4 say. */
#include "sm/subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
	NONE = 0,
	NONE_OUT = SUB_OUT,
	NONE_IN = SUB_IN,
	NONE_OUT_IN = SUB_OUT | SUB_IN,
	TO = SUB_TO,
	TO_IN = SUB_TO | SUB_IN,
	FROM = SUB_FROM,
	FROM_OUT = SUB_FROM | SUB_OUT,
	BOTH = SUB_TO | SUB_FROM
};

#define MUST true
#define MUST_NOT false

static const struct line {
	const char *table;
	enum sub_way way;
	enum stanza_type type;
	unsigned before;
	bool passes;
	unsigned after;
} lines[] = {
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, NONE, MUST, NONE_OUT},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, NONE_OUT, MUST, NONE_OUT},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, NONE_IN, MUST, NONE_OUT_IN},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, NONE_OUT_IN, MUST, NONE_OUT_IN},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, TO, MUST, TO},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, TO_IN, MUST, TO_IN},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, FROM, MUST, FROM_OUT},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, FROM_OUT, MUST, FROM_OUT},
	{"A.2.1", SUB_WAY_out, TYPE_SUBSCRIBE, BOTH, MUST, BOTH},

	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, NONE, MUST, NONE},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, NONE_OUT, MUST, NONE},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, NONE_IN, MUST, NONE_IN},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, NONE_OUT_IN, MUST, NONE_IN},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, TO, MUST, NONE},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, TO_IN, MUST, NONE_IN},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, FROM, MUST, FROM},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, FROM_OUT, MUST, FROM},
	{"A.2.2", SUB_WAY_out, TYPE_UNSUBSCRIBE, BOTH, MUST, FROM},

	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, NONE, MUST_NOT, NONE},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, NONE_OUT, MUST_NOT, NONE_OUT},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, NONE_IN, MUST, FROM},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, NONE_OUT_IN, MUST, FROM_OUT},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, TO, MUST_NOT, TO},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, TO_IN, MUST, BOTH},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, FROM, MUST_NOT, FROM},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, FROM_OUT, MUST_NOT, FROM_OUT},
	{"A.2.3", SUB_WAY_out, TYPE_SUBSCRIBED, BOTH, MUST_NOT, BOTH},

	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, NONE, MUST_NOT, NONE},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, NONE_OUT, MUST_NOT, NONE_OUT},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, NONE_IN, MUST, NONE},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, NONE_OUT_IN, MUST, NONE_OUT},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, TO, MUST_NOT, TO},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, TO_IN, MUST, TO},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, FROM, MUST, NONE},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, FROM_OUT, MUST, NONE_OUT},
	{"A.2.4", SUB_WAY_out, TYPE_UNSUBSCRIBED, BOTH, MUST, TO},

	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, NONE, MUST, NONE_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, NONE_OUT, MUST, NONE_OUT_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, NONE_IN, MUST_NOT, NONE_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, NONE_OUT_IN, MUST_NOT, NONE_OUT_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, TO, MUST, TO_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, TO_IN, MUST_NOT, TO_IN},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, FROM, MUST_NOT, FROM},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, FROM_OUT, MUST_NOT, FROM_OUT},
	{"A.3.1", SUB_WAY_in, TYPE_SUBSCRIBE, BOTH, MUST_NOT, BOTH},

	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, NONE, MUST_NOT, NONE},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, NONE_OUT, MUST_NOT, NONE_OUT},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, NONE_IN, MUST, NONE},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, NONE_OUT_IN, MUST, NONE_OUT},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, TO, MUST_NOT, TO},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, TO_IN, MUST, TO},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, FROM, MUST, NONE},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, FROM_OUT, MUST, NONE_OUT},
	{"A.3.2", SUB_WAY_in, TYPE_UNSUBSCRIBE, BOTH, MUST, TO},

	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, NONE, MUST_NOT, NONE},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, NONE_OUT, MUST, TO},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, NONE_IN, MUST_NOT, NONE_IN},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, NONE_OUT_IN, MUST, TO_IN},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, TO, MUST_NOT, TO},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, TO_IN, MUST_NOT, TO_IN},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, FROM, MUST_NOT, FROM},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, FROM_OUT, MUST, BOTH},
	{"A.3.3", SUB_WAY_in, TYPE_SUBSCRIBED, BOTH, MUST_NOT, BOTH},

	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, NONE, MUST_NOT, NONE},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, NONE_OUT, MUST, NONE},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, NONE_IN, MUST_NOT, NONE_IN},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, NONE_OUT_IN, MUST, NONE_IN},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, TO, MUST, NONE},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, TO_IN, MUST, NONE_IN},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, FROM, MUST_NOT, FROM},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, FROM_OUT, MUST, FROM},
	{"A.3.4", SUB_WAY_in, TYPE_UNSUBSCRIBED, BOTH, MUST, FROM},
};

static void tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		const struct line *l = &lines[i];
		struct sub_step step = subscription_cell(l->way, l->type, l->before);

		if (step.passes == l->passes && step.after == l->after && str_is(str_of(step.section), l->table))
			continue;
		print_message("%s, state %u: passes %d, %u after; the RFC has %d and %u\n", l->table, l->before,
			step.passes, step.after, l->passes, l->after);
		fail();
	}
	assert_int_equal(COUNT(lines), 2 * 4 * 9);
}

/* The nine states, and which of the items have which. */
static const unsigned states[] = {NONE, NONE_OUT, NONE_IN, NONE_OUT_IN, TO, TO_IN, FROM, FROM_OUT, BOTH};
static const enum stanza_type types[] = {TYPE_SUBSCRIBE, TYPE_SUBSCRIBED, TYPE_UNSUBSCRIBE, TYPE_UNSUBSCRIBED};

/* A.1: only these nine exist, whatever is begun with; and nothing that passes twice is another state the second
 * time. */
static void closed(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 128; bits++) {
		for (size_t i = 0; i < COUNT(types); i++) {
			struct sub_step sent = subscription_sent(types[i], bits),
					got = subscription_received(types[i], bits);
			bool sent_is_state = false, got_is_state = false;

			for (size_t n = 0; n < COUNT(states); n++) {
				sent_is_state = sent_is_state || (sent.after & SUB_STATE) == states[n];
				got_is_state = got_is_state || (got.after & SUB_STATE) == states[n];
			}
			assert_true(sent_is_state && got_is_state);
			assert_int_equal(subscription_sent(types[i], sent.after).after, sent.after);
			assert_int_equal(subscription_received(types[i], got.after).after, got.after);
		}
	}
	assert_false(subscription_cell(SUB_WAY_out, TYPE_PROBE, NONE).passes);
}

/* 3.1.2 and 3.1.5: asking and approving make an item; being asked (3.1.3, A.1) and being answered do not. */
static void listed(void **state)
{
	(void)state;
	assert_int_equal(subscription_sent(TYPE_SUBSCRIBE, NONE).after, NONE_OUT | SUB_LISTED);
	assert_int_equal(subscription_sent(TYPE_SUBSCRIBE, NONE | SUB_GONE).after, NONE_OUT | SUB_LISTED);
	assert_int_equal(subscription_received(TYPE_SUBSCRIBE, NONE).after, NONE_IN);
	assert_int_equal(subscription_sent(TYPE_SUBSCRIBED, NONE_IN).after, FROM | SUB_LISTED);
	assert_int_equal(subscription_sent(TYPE_UNSUBSCRIBED, NONE_IN).after, NONE);
	assert_int_equal(subscription_received(TYPE_UNSUBSCRIBE, NONE_IN).after, NONE);
	assert_int_equal(subscription_sent(TYPE_UNSUBSCRIBE, TO | SUB_LISTED).after, NONE | SUB_LISTED);
	assert_int_equal(subscription_sent(TYPE_UNSUBSCRIBE, NONE).after, NONE);
	assert_true(subscription_is_kept(NONE | SUB_LISTED) && subscription_is_kept(NONE_IN) &&
		subscription_is_kept(SUB_GONE));
	assert_false(subscription_is_kept(NONE));
}

/* 3.1.3, A.3.1 note 2: who sees already, and asks again, is told so. */
static void agrees(void **state)
{
	static const unsigned seen[] = {FROM, FROM_OUT, BOTH};

	(void)state;
	for (size_t i = 0; i < COUNT(seen); i++) {
		struct sub_step step = subscription_received(TYPE_SUBSCRIBE, seen[i] | SUB_LISTED);

		assert_true(step.agrees && !step.passes);
		assert_int_equal(step.after, seen[i] | SUB_LISTED);
	}
	assert_false(subscription_received(TYPE_SUBSCRIBE, NONE_IN).agrees);
	assert_false(subscription_received(TYPE_SUBSCRIBED, FROM_OUT).agrees);
}

/* 3.4.2: noted where nobody has asked; a normal approval where somebody has; nothing where there is a subscription. */
static void pre_approval(void **state)
{
	static const struct {
		unsigned before;
		bool passes;
		unsigned after;
	} rows[] = {
		{NONE, false, NONE | SUB_LISTED | SUB_APPROVED},
		{NONE | SUB_GONE, false, NONE | SUB_LISTED | SUB_APPROVED},
		{NONE | SUB_LISTED, false, NONE | SUB_LISTED | SUB_APPROVED},
		{NONE_OUT | SUB_LISTED, false, NONE_OUT | SUB_LISTED | SUB_APPROVED},
		{TO | SUB_LISTED, false, TO | SUB_LISTED | SUB_APPROVED},
		{NONE_IN, true, FROM | SUB_LISTED},
		{NONE_OUT_IN | SUB_LISTED, true, FROM_OUT | SUB_LISTED},
		{TO_IN | SUB_LISTED, true, BOTH | SUB_LISTED},
		{FROM | SUB_LISTED, false, FROM | SUB_LISTED},
		{FROM_OUT | SUB_LISTED, false, FROM_OUT | SUB_LISTED},
		{BOTH | SUB_LISTED, false, BOTH | SUB_LISTED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sub_step step = subscription_sent(TYPE_SUBSCRIBED, rows[i].before);

		assert_int_equal(step.passes, rows[i].passes);
		assert_int_equal(step.after, rows[i].after);
	}
}

/* A.3.1 note 1: the request is answered, not delivered, and what was approved is spent. */
static void pre_approved(void **state)
{
	static const struct {
		unsigned before, after;
	} rows[] = {{NONE, FROM}, {NONE_OUT, FROM_OUT}, {TO, BOTH}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sub_step step = subscription_received(TYPE_SUBSCRIBE,
			rows[i].before | SUB_LISTED | SUB_APPROVED);

		assert_true(step.agrees && !step.passes);
		assert_int_equal(step.after, rows[i].after | SUB_LISTED);
		/* and 3.2.2: taking it back beforehand is told nobody */
		step = subscription_sent(TYPE_UNSUBSCRIBED, rows[i].before | SUB_LISTED | SUB_APPROVED);
		assert_false(step.passes);
		assert_int_equal(step.after, rows[i].before | SUB_LISTED);
	}
}

static void words(void **state)
{
	(void)state;
	assert_true(str_is(subscription_word(NONE_OUT_IN), "none") && str_is(subscription_word(TO_IN), "to"));
	assert_true(str_is(subscription_word(FROM_OUT), "from") &&
		str_is(subscription_word(BOTH | SUB_LISTED), "both"));
}

#define TITLED(title, function) \
	{ \
		title, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("subscriptions: all 72 rows of RFC 6121 A.2 and A.3 are as its tables have them", tables),
		TITLED("subscriptions: whatever comes, a state is one of the nine, and the same stanza again changes nothing",
			closed),
		TITLED("subscriptions: who asks or approves gets a roster item, who is asked does not (3.1.2, 3.1.3, 3.1.5)",
			listed),
		TITLED("subscriptions: a request for what is granted already is answered with subscribed (3.1.3)",
			agrees),
		TITLED("subscriptions: an approval before its request is noted in the roster and goes nowhere (3.4.2)",
			pre_approval),
		TITLED("subscriptions: a request that was approved before is granted at once, and once (3.4, A.3.1)",
			pre_approved),
		TITLED("subscriptions: an item says none, to, from or both (2.1.2.5)", words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}
