/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The conflict policy alone: names first, then numbers, and loops are parted. */
#include "sm/conflict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct conf_domain domain(int policy, int limit_policy)
{
	return (struct conf_domain){.resource_conflict = policy, .sessions_per_account = 3,
				    .session_limit = limit_policy};
}

static struct conflict_ruling rule(int policy, int limit_policy, struct conflict_case c)
{
	struct conf_domain d = domain(policy, limit_policy);

	c.domain = &d;
	return conflict_rule(&c);
}

static void free_name(void **state)
{
	struct conflict_ruling r;

	(void)state;
	for (int policy = CONFLICT_SETRESOURCE; policy <= CONFLICT_ACCEPTNEW; policy++) {
		r = rule(policy, SESSION_LIMIT_CLOSEOLD, (struct conflict_case){.sessions = 2});
		assert_int_equal(r.refuse, COND_none);
		assert_false(r.rename || r.replace || r.damped || r.evict);
	}
}

static void taken_name(void **state)
{
	const struct conflict_case c = {.taken = true, .sessions = 1};

	(void)state;
	assert_true(rule(CONFLICT_SETRESOURCE, 0, c).rename);
	assert_false(rule(CONFLICT_SETRESOURCE, 0, c).replace);
	assert_true(rule(CONFLICT_CLOSEOLD, 0, c).replace);
	assert_false(rule(CONFLICT_CLOSEOLD, 0, c).rename);
	assert_true(rule(CONFLICT_ACCEPTNEW, 0, c).replace);
	assert_int_equal(rule(CONFLICT_CLOSENEW, 0, c).refuse, STANZA_conflict);
	assert_false(rule(CONFLICT_CLOSENEW, 0, c).replace);
}

static void loop(void **state)
{
	struct conflict_case c = {.taken = true, .sessions = 1, .swaps = CONFLICT_SWAPS_MOST - 1,
		.swap_since = 1000,
				  .now = 1000 + CONFLICT_SWAP_MS - 1};
	struct conflict_ruling r;

	(void)state;
	assert_true(rule(CONFLICT_CLOSEOLD, 0, c).replace);
	c.swaps = CONFLICT_SWAPS_MOST;
	r = rule(CONFLICT_CLOSEOLD, 0, c);
	assert_true(r.damped && r.rename);
	assert_false(r.replace);
	c.now++;
	assert_true(rule(CONFLICT_CLOSEOLD, 0, c).replace);
}

static void number(void **state)
{
	struct conflict_case c = {.sessions = 3};

	(void)state;
	assert_int_equal(rule(CONFLICT_CLOSEOLD, SESSION_LIMIT_CLOSEOLD, c).evict, 1);
	assert_int_equal(rule(CONFLICT_CLOSEOLD, SESSION_LIMIT_CLOSENEW, c).refuse,
		STANZA_resource_constraint);
	c.sessions = 5; /* the limit was lowered meanwhile */
	assert_int_equal(rule(CONFLICT_CLOSEOLD, SESSION_LIMIT_CLOSEOLD, c).evict, 3);
}

static void number_of_the_replaced(void **state)
{
	const struct conflict_case c = {.taken = true, .sessions = 3};
	struct conflict_ruling r;

	(void)state;
	r = rule(CONFLICT_CLOSEOLD, SESSION_LIMIT_CLOSENEW, c);
	assert_int_equal(r.refuse, COND_none);
	assert_true(r.replace);
	assert_int_equal(r.evict, 0);
	r = rule(CONFLICT_SETRESOURCE, SESSION_LIMIT_CLOSENEW, c);
	assert_int_equal(r.refuse, STANZA_resource_constraint);
	assert_false(r.rename || r.replace);
}

static void own_session(void **state)
{
	struct conflict_case c = {.taken = true, .own = true, .same = 2, .sessions = 5,
		.swap_since = 1000, .now = 1001};
	struct conflict_ruling r;

	(void)state;
	for (int policy = CONFLICT_SETRESOURCE; policy <= CONFLICT_ACCEPTNEW; policy++) {
		c.swaps = 0;
		r = rule(policy, SESSION_LIMIT_CLOSENEW, c); /* the two others make it three */
		assert_int_equal(r.refuse, COND_none);
		assert_true(r.replace && !r.rename && r.evict == 0);
		c.swaps = CONFLICT_SWAPS_MOST;
		r = rule(policy, SESSION_LIMIT_CLOSEOLD, c);
		assert_true(r.damped && r.rename && !r.replace);
		assert_int_equal(r.evict, 3); /* they stay */
	}
}

/* Nobody tells it another name. */
static void a_name_that_must_be(void **state)
{
	struct conflict_case c = {.taken = true, .sessions = 1, .fixed = true};
	struct conflict_ruling r;

	(void)state;
	for (int policy = CONFLICT_SETRESOURCE; policy <= CONFLICT_ACCEPTNEW; policy++) {
		c.swaps = 0;
		r = rule(policy, SESSION_LIMIT_CLOSEOLD, c);
		assert_true(r.replace && !r.rename && !r.refuse);
		c.swaps = CONFLICT_SWAPS_MOST;
		r = rule(policy, SESSION_LIMIT_CLOSEOLD, c);
		assert_int_equal(r.refuse, STANZA_conflict);
		assert_false(r.replace || r.rename);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"conflict: a free name is given under every policy", free_name, NULL, NULL, NULL},
		{"conflict: a taken name goes by the domain's policy", taken_name, NULL, NULL,
			NULL},
		{"conflict: the sixth replacement within 30 s parts the two", loop, NULL, NULL,
			NULL},
		{"conflict: over the limit the oldest end, or the new one is refused", number, NULL,
			NULL, NULL},
		{"conflict: a session that is replaced makes room for its successor",
			number_of_the_replaced, NULL, NULL,
		 NULL},
		{"conflict: a client's own older sessions make room for it under every policy, but not in a loop",
			own_session, NULL, NULL, NULL},
		{"conflict: a client that is told no name replaces, or is refused", a_name_that_must_be, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conflict", tests, NULL, NULL);
}
