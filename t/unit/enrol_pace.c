/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How often an address may make an account. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "sm/enrol_pace.h"

#define ASKER(address, conn) \
	&(const struct enrol_asker) \
	{ \
		STR(address), conn, 1 \
	}

static void one_an_interval(void **state)
{
	struct enrol_pace *p = enrol_pace_new(1);
	(void)state;
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 1), 5, 100));
	enrol_pace_take(p, ASKER("192.0.2.1", 1), 5, 100);
	assert_false(enrol_pace_allows(p, ASKER("192.0.2.1", 2), 104, 100));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 2), 105, 100));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 2), 6, 0));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.2", 2), 6, 100));
	enrol_pace_free(&p);
}

static void the_same_question(void **state)
{
	struct enrol_pace *p = enrol_pace_new(1);
	(void)state;
	enrol_pace_take(p, ASKER("192.0.2.1", 1), 5, 100);
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 1), 6, 100));
	enrol_pace_give_back(p, ASKER("192.0.2.1", 2)); /* not its own */
	assert_false(enrol_pace_allows(p, ASKER("192.0.2.1", 2), 6, 100));
	enrol_pace_give_back(p, ASKER("192.0.2.1", 1));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 2), 6, 100));
	enrol_pace_take(p, ASKER("192.0.2.1", 2), 7, 100);
	assert_false(enrol_pace_allows(p, ASKER("192.0.2.1", 1), 8, 100));
	enrol_pace_free(&p);
}

static void networks(void **state)
{
	struct enrol_pace *p = enrol_pace_new(1);
	(void)state;
	enrol_pace_take(p, ASKER("2001:db8:1:2:3::4", 1), 5, 100);
	assert_false(enrol_pace_allows(p, ASKER("2001:db8:1:2:ffff::", 2), 6, 100));
	assert_true(enrol_pace_allows(p, ASKER("2001:db8:1:3:3::4", 2), 6, 100));
	enrol_pace_take(p, ASKER("192.0.2.1", 1), 5, 100);
	assert_false(enrol_pace_allows(p, ASKER("::ffff:192.0.2.1", 2), 6, 100));
	assert_true(enrol_pace_allows(p, ASKER("::ffff:192.0.2.2", 2), 6, 100));
	enrol_pace_take(p, ASKER("no address", 1), 5, 100); /* a worker that was taken over */
	assert_false(enrol_pace_allows(p, ASKER("neither", 2), 6, 100));
	enrol_pace_free(&p);
}

static void several(void **state)
{
	struct enrol_pace *p = enrol_pace_new(3);
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", i), 5 * i, 100));
		enrol_pace_take(p, ASKER("192.0.2.1", i), 5 * i, 100);
		enrol_pace_take(p, ASKER("192.0.2.1", i), 5 * i, 100); /* repeated */
	}
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 3), 16, 100));
	assert_false(enrol_pace_allows(p, ASKER("192.0.2.1", 4), 104, 100));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.2", 4), 104, 100));
	enrol_pace_give_back(p, ASKER("192.0.2.1", 3));
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 4), 104, 100));
	enrol_pace_take(p, ASKER("192.0.2.1", 4), 104, 100);
	assert_false(enrol_pace_allows(p, ASKER("192.0.2.1", 5), 104, 100));
	enrol_pace_take(p, ASKER("192.0.2.1", 5), 105, 100); /* the next interval */
	assert_true(enrol_pace_allows(p, ASKER("192.0.2.1", 6), 106, 100));
	enrol_pace_free(&p);
}

static void only_so_many(void **state)
{
	struct enrol_pace *p = enrol_pace_new(1);
	char text[32];
	(void)state;
	for (unsigned i = 0; i < 2 * ENROL_PACE_MOST; i++) {
		struct enrol_asker who = {.address = {text, 0}, .conn = i};
		who.address.n = (size_t)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		enrol_pace_take(p, &who, i, 100);
		assert_false(enrol_pace_allows(p, &(struct enrol_asker){who.address, 1u << 30, 1}, i, 1u << 30));
	}
	assert_true(enrol_pace_allows(p, ASKER("10.0.0.1", 2), 6, 1u << 30));
	enrol_pace_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"pace: an address makes one account in an interval", one_an_interval, NULL, NULL, NULL},
		{"pace: a question that is repeated is the same, and a failure gives the place back", the_same_question,
			NULL, NULL, NULL},
		{"pace: an IPv6 /64 is one address, and an IPv4 address is one however it is written", networks, NULL,
			NULL, NULL},
		{"pace: where several are allowed, the last of them is, and no other", several, NULL, NULL, NULL},
		{"pace: only so many are remembered", only_so_many, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
