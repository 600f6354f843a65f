/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is next among jobs that wait: by lane, and nobody for ever. */
#include "sm/desk.h"

#include "t/lib/sm_try.h"

static struct lanes lanes;
static struct job jobs[3000];
static size_t used;

static struct job *give(enum lane lane)
{
	struct job *j = &jobs[used++];

	*j = (struct job){.lane = (uint8_t)lane};
	lanes_put(&lanes, j);
	return j;
}

static void start(void)
{
	lanes_start(&lanes);
	used = 0;
}

static enum lane next(void)
{
	const struct job *j = lanes_take(&lanes);

	assert_non_null(j);
	return (enum lane)j->lane;
}

static void nobody_is_next_when_nobody_waits(void **state)
{
	(void)state;
	start();
	assert_true(lanes_empty(&lanes));
	assert_null(lanes_take(&lanes));
	give(LANE_DEAR);
	assert_false(lanes_empty(&lanes));
	assert_int_equal(next(), LANE_DEAR);
	assert_true(lanes_empty(&lanes));
	assert_null(lanes_take(&lanes));
}

static void within_a_lane_the_first_come_is_first(void **state)
{
	(void)state;
	for (unsigned lane = 0; lane < LANES; lane++) {
		start();
		for (unsigned i = 0; i < 100; i++)
			give((enum lane)lane);
		for (unsigned i = 0; i < 100; i++)
			assert_ptr_equal(lanes_take(&lanes), &jobs[i]);
	}
}

/* However they have come: three tokens, then one of the others; among those three of SCRAM, then one of PLAIN. */
static void tokens_go_before_scram_and_scram_before_plain(void **state)
{
	static const enum lane wanted[16] = {LANE_PROMPT, LANE_PROMPT, LANE_PROMPT, LANE_LOGIN, LANE_PROMPT,
		LANE_PROMPT, LANE_PROMPT, LANE_LOGIN, LANE_PROMPT, LANE_PROMPT, LANE_PROMPT, LANE_LOGIN, LANE_PROMPT,
		LANE_PROMPT, LANE_PROMPT, LANE_DEAR};

	(void)state;
	start();
	for (unsigned lane = LANES; lane-- > 0;) {
		for (unsigned i = 0; i < 100; i++)
			give((enum lane)lane);
	}
	for (unsigned i = 0; i < 6 * COUNT(wanted); i++)
		assert_int_equal(next(), wanted[i % COUNT(wanted)]);
}

static void a_lane_that_nobody_is_behind_has_every_turn(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 40; i++) {
		give(LANE_DEAR);
		give(LANE_LOGIN);
	}
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(next(), i % LANE_FAIR == LANE_FAIR - 1 ? LANE_DEAR : LANE_LOGIN);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(next(), LANE_LOGIN + (unsigned)(i % LANE_FAIR == LANE_FAIR - 1));
}

/* A flood in front, for as long as it likes: who is behind is served within so many turns. */
static void nobody_waits_for_ever(void **state)
{
	unsigned turns = 0;
	const struct job *last;

	(void)state;
	start();
	last = give(LANE_DEAR);
	for (;; turns++) {
		give(LANE_PROMPT);
		give(LANE_LOGIN);
		if (lanes_take(&lanes) == last)
			break;
		assert_true(turns < LANE_FAIR * LANE_FAIR);
	}
}

static void the_last_lane_is_shed_first(void **state)
{
	(void)state;
	assert_int_equal(lane_most(LANE_PROMPT, 4096), 4096);
	assert_int_equal(lane_most(LANE_LOGIN, 4096), 3072);
	assert_int_equal(lane_most(LANE_DEAR, 4096), 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("lane: nobody is next when nobody waits", nobody_is_next_when_nobody_waits),
		TITLED("lane: within a lane the first come is served first", within_a_lane_the_first_come_is_first),
		TITLED("lane: tokens go before SCRAM, and SCRAM before PLAIN, in a fixed share",
			tokens_go_before_scram_and_scram_before_plain),
		TITLED("lane: a lane that nobody is behind has every turn",
			a_lane_that_nobody_is_behind_has_every_turn),
		TITLED("lane: behind a flood nobody waits for ever", nobody_waits_for_ever),
		TITLED("lane: of the last lane the fewest may wait", the_last_lane_is_shed_first),
	};

	try_start();
	try_end();
	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
