/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keys of session tickets: when they change, and how they are passed on. */
#include "c2s/tickets.h"
#include "c2s/sealed.h"
#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { HOUR = 3600, HOUR_MS = HOUR * 1000 };

static bool same_key(const struct ticket_key *a, const struct ticket_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool knows(const struct tickets *t, const struct ticket_key *k)
{
	const struct ticket_key *found = tickets_find(t, str_at(k->name, TICKET_NAME));

	return found && same_key(found, k);
}

static void turns(void **state)
{
	struct tickets t = {0};
	struct ticket_key first, second;

	(void)state;
	assert_true(tickets_turn(&t, HOUR, 5));
	first = t.now;
	assert_false(tickets_turn(&t, HOUR, 5));
	assert_false(tickets_turn(&t, HOUR, 4 + HOUR_MS));
	assert_true(same_key(&t.now, &first));
	assert_int_equal(t.rotate_at, 5 + HOUR_MS);
	assert_true(tickets_turn(&t, HOUR, 5 + HOUR_MS));
	second = t.now;
	assert_false(same_key(&first, &second));
	assert_true(knows(&t, &first) && knows(&t, &second));
	assert_true(tickets_turn(&t, HOUR, 5 + 2 * HOUR_MS));
	assert_false(knows(&t, &first));
	assert_true(knows(&t, &second));
}

static void sleeps(void **state)
{
	struct tickets t = {0};
	struct ticket_key first;

	(void)state;
	assert_true(tickets_turn(&t, HOUR, 0));
	first = t.now;
	assert_true(tickets_turn(&t, HOUR, 2 * HOUR_MS));
	assert_false(knows(&t, &first));
}

static void settings(void **state)
{
	struct tickets t = {0};
	struct ticket_key first;
	static const struct tickets none = {.rotate_at = UINT64_MAX};

	(void)state;
	assert_false(tickets_turn(&t, 0, 0));
	assert_int_equal(t.rotate_at, UINT64_MAX);
	assert_null(tickets_find(&t, str_at(t.now.name, TICKET_NAME)));
	assert_true(tickets_turn(&t, HOUR, 0));
	first = t.now;
	assert_true(tickets_turn(&t, 2 * HOUR, 1));
	assert_false(knows(&t, &first));
	assert_true(tickets_turn(&t, 0, 2));
	assert_memory_equal(&t, &none, sizeof t);
	assert_false(tickets_turn(&t, 0, UINT64_MAX));
}

static void passed_on(void **state)
{
	struct tickets here = {0}, there = {0};
	int fd;

	(void)state;
	assert_true(tickets_turn(&here, HOUR, 7));
	fd = tickets_seal(&here);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_true(tickets_unseal(&there, fd));
	assert_true(tickets_unseal(&there, fd));
	assert_true(same_key(&here.now, &there.now) && same_key(&here.before, &there.before));
	assert_int_equal(there.rotate_at, here.rotate_at);
	assert_int_equal(there.lifetime, HOUR);
	assert_false(tickets_turn(&there, HOUR, 8));
	close(fd);
}

static void not_passed_on(void **state)
{
	struct tickets t = {0};
	struct ticket_key key;
	struct buf bytes = {0};
	int fd, pair[2];

	(void)state;
	assert_true(tickets_turn(&t, HOUR, 7));
	key = t.now;
	for (size_t n = 0; n < 2 * sizeof key + 12; n += 9) {
		buf_clear(&bytes);
		memset(buf_room(&bytes, n + 1), 0, n + 1);
		buf_grew(&bytes, n);
		fd = sealed_make("short", buf_str(&bytes));
		assert_false(tickets_unseal(&t, fd));
		close(fd);
	}
	assert_int_equal(pipe(pair), 0);
	assert_false(tickets_unseal(&t, pair[0]));
	assert_false(tickets_unseal(&t, -1));
	assert_true(knows(&t, &key));
	close(pair[0]);
	close(pair[1]);
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"tickets: keys change after a lifetime, and are known for one more", turns, NULL, NULL, NULL},
		{"tickets: a machine that slept through two changes knows none of the old ones", sleeps, NULL, NULL,
			NULL},
		{"tickets: another lifetime brings other keys, and none leaves none", settings, NULL, NULL, NULL},
		{"tickets: keys are passed on in memory that nobody can change", passed_on, NULL, NULL, NULL},
		{"tickets: what is no such memory changes nothing", not_passed_on, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
