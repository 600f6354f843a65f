/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is next of those that wait for a handshake, and who is turned away. */
#include "c2s/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAST 400

static struct admission *a;
static struct waiter cast[CAST];

static int set_up(void **state)
{
	(void)state;
	a = admission_new();
	memset(cast, 0, sizeof cast);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	while (admission_next(a))
		;
	admission_free(&a);
	assert_null(a);
	return 0;
}

static struct door_key from(unsigned prefix)
{
	struct door_key key = {{4}};

	memcpy(key.bytes + 1, &prefix, sizeof prefix);
	return key;
}

static void put(unsigned who, unsigned prefix, bool resumes)
{
	assert_null(admission_put(a, &cast[who], from(prefix), resumes, CAST));
}

static long next(void)
{
	struct waiter *w = admission_next(a);

	assert_true(!w || !w->crowd);
	return w ? w - cast : -1;
}

static void one_address_waits_for_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++)
		put(i, 1, false);
	put(300, 2, false);
	put(301, 3, false);
	put(302, 2, false);
	assert_int_equal(next(), 0);
	assert_int_equal(next(), 300);
	assert_int_equal(next(), 301);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), 302);
	put(303, 4, false); /* a newcomer waits for one of the crowd at most */
	assert_int_equal(next(), 2);
	assert_int_equal(next(), 303);
	for (unsigned i = 3; i < 300; i++)
		assert_int_equal(next(), i);
	assert_int_equal(next(), -1);
	assert_int_equal(admission_count(a), 0);
}

static void who_resumes_goes_first(void **state)
{
	unsigned full = 0, until_last = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		put(i, 1, false);
	for (unsigned i = 100; i < 200; i++)
		put(i, 1 + i % 3, true);
	for (unsigned i = 0; i < 200; i++) {
		long w = next();

		full += w < 100;
		if (w >= 100)
			until_last = full;
	}
	assert_int_equal(full, 100);
	assert_true(until_last > 20 && until_last < 40); /* a quarter, so that a pretence starves nobody */
}

static void the_largest_crowd_gives_way(void **state)
{
	struct waiter *victim;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_null(admission_put(a, &cast[i], from(1), false, 10));
	assert_null(admission_put(a, &cast[8], from(2), true, 10));
	assert_null(admission_put(a, &cast[9], from(3), false, 10));
	victim = admission_put(a, &cast[10], from(4), false, 10);
	assert_ptr_equal(victim, &cast[7]); /* the newest of those who have the most */
	assert_null(victim->crowd);
	victim = admission_put(a, &cast[11], from(1), false, 10);
	assert_ptr_equal(victim, &cast[11]);
	assert_int_equal(admission_count(a), 10);
}

static void who_leaves_is_not_next(void **state)
{
	(void)state;
	put(0, 1, false);
	put(1, 1, false);
	put(2, 2, false);
	admission_remove(a, &cast[0]);
	admission_remove(a, &cast[0]); /* harmless */
	admission_remove(a, &cast[2]);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -1);
	put(0, 1, false);
	assert_int_equal(next(), 0);
}

/* Against a list, with every order of coming, going and leaving that a seed makes. */
static void nobody_is_lost(void **state)
{
	bool waits[CAST] = {false};
	unsigned seed = 7, count = 0;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		unsigned who = (seed = seed * 1103515245 + 12345) >> 8, what = who >> 16 & 3;
		long w;

		who %= CAST;
		if (what == 0) {
			w = next();
			assert_int_equal(w >= 0, count > 0);
			who = w >= 0 ? (unsigned)w : who;
			assert_true(w < 0 || waits[w]);
			count -= w >= 0;
			waits[who] = w >= 0 ? false : waits[who];
		} else if (what == 1) {
			admission_remove(a, &cast[who]);
			count -= waits[who];
			waits[who] = false;
		} else if (!waits[who]) {
			put(who, who % 37, who % 5 == 0);
			waits[who] = true;
			count++;
		}
		assert_int_equal(admission_count(a), count);
	}
}

#define WITH(words, function) \
	{ \
		words, function, set_up, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH("admission: three hundred of one address do not keep one of another waiting",
			one_address_waits_for_itself),
		WITH("admission: who resumes goes first, but not all the time", who_resumes_goes_first),
		WITH("admission: when too many wait, the largest crowd gives way", the_largest_crowd_gives_way),
		WITH("admission: who has left is not next", who_leaves_is_not_next),
		WITH("admission: nobody is lost, and nobody comes twice", nobody_is_lost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
