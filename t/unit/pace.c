/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When a loop pauses between its turns. */
#include "common/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#define PACE_NS (UINT64_C(1000) * PACE_US)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Begins a time that is not over for a while, whatever else this machine does. */
static struct pace long_time(unsigned inputs)
{
	return (struct pace){.since = now_ns() + 50 * PACE_NS, .inputs = inputs};
}

static void much_at_once_is_taken_at_once(void **state)
{
	struct pace p = {.inputs = 1000};
	uint64_t before = now_ns();

	(void)state;
	pace_turn(&p); /* the first in a long time: it begins a new one */
	assert_true(p.since >= before && p.since <= now_ns());
	assert_int_equal(p.inputs, 1);
}

static void several_make_a_pause(void **state)
{
	struct pace p = long_time(PACE_INPUTS);
	uint64_t end = p.since + PACE_NS;

	(void)state;
	pace_turn(&p);
	assert_true(now_ns() >= end); /* the whole rest of the time, and a new one begins behind it */
	assert_true(p.since == end);
	assert_int_equal(p.inputs, 0);
}

static void few_never_wait(void **state)
{
	struct pace p = long_time(PACE_INPUTS - 1);
	const struct pace before = p;

	(void)state;
	pace_turn(&p);
	assert_true(p.since == before.since && p.inputs == before.inputs); /* what came counts on */
	p.inputs = 0;
	pace_turn(&p);
	assert_true(p.since == before.since);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"pace: what comes after a quiet time is taken at once", much_at_once_is_taken_at_once, NULL, NULL, NULL},
		{"pace: several inputs in a short time make a pause for the rest of it", several_make_a_pause, NULL, NULL, NULL},
		{"pace: two who speak by turns never wait", few_never_wait, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
