/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table at the door: what counts as one address, limits, several processes at once, and dead
 * workers. */
#include "c2s/door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct door_key key_of(const char *text)
{
	struct network a;

	assert_true(network_parse(str_of(text), &a));
	return door_key(a);
}

static bool same(const char *a, const char *b)
{
	struct door_key x = key_of(a), y = key_of(b);

	return memcmp(&x, &y, sizeof x) == 0;
}

static void keys(void **state)
{
	(void)state;
	assert_true(same("192.0.2.1", "192.0.2.1"));
	assert_false(same("192.0.2.1", "192.0.2.2"));
	assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::2"));
	assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
	assert_true(same("::ffff:192.0.2.1", "192.0.2.1"));
	assert_false(same("c000:201::", "192.0.2.1"));
}

static void limit(void **state)
{
	struct door *d = door_new(2);
	struct door_key a = key_of("192.0.2.1"), b = key_of("192.0.2.2");

	(void)state;
	assert_true(door_enter(d, 0, a, 2));
	assert_true(door_enter(d, 1, a, 2));
	assert_false(door_enter(d, 0, a, 2));
	assert_true(door_enter(d, 0, b, 2));
	assert_int_equal(door_count(d, a), 2);
	door_leave(d, 0, a);
	assert_int_equal(door_count(d, a), 1);
	assert_true(door_enter(d, 1, a, 2));
	for (int i = 0; i < 1000; i++)
		assert_true(door_enter(d, 0, b, 0)); /* no limit */
	assert_int_equal(door_count(d, b), 1001);
	door_free(&d);
	assert_null(d);
}

static void leaving_what_was_not_entered(void **state)
{
	struct door *d = door_new(2);
	struct door_key a = key_of("192.0.2.1");

	(void)state;
	door_leave(d, 0, a);
	assert_true(door_enter(d, 1, a, 1));
	door_leave(d, 0, a);
	assert_int_equal(door_count(d, a), 1);
	door_free(&d);
}

static void dead_worker(void **state)
{
	struct door *d = door_new(3);
	struct door_key a = key_of("192.0.2.1");

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(door_enter(d, 1, a, 0));
	assert_true(door_enter(d, 2, a, 0));
	door_forget(d, 1);
	assert_int_equal(door_count(d, a), 1);
	door_free(&d);
}

/* The table has 65536 places: far more addresses than that, one after the other, and then at once. */
static void more_addresses_than_places(void **state)
{
	struct door *d = door_new(1);
	struct door_key key = {{4}};
	unsigned counted = 0;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		memcpy(key.bytes + 1, &i, sizeof i);
		assert_true(door_enter(d, 0, key, 1));
		assert_int_equal(door_count(d, key), 1);
		door_leave(d, 0, key);
	}
	for (uint32_t i = 0; i < 200000; i++) {
		memcpy(key.bytes + 1, &i, sizeof i);
		assert_true(door_enter(d, 0, key, 1)); /* full: let in */
		counted += door_count(d, key);
	}
	assert_true(counted > 32768 && counted <= 65536);
	door_forget(d, 0);
	assert_int_equal(door_count(d, key), 0);
	door_free(&d);
}

/* Enters and leaves as a worker would: a few addresses that stay, and so many others that places
 * change hands all the time, the same ones in every process. Then takes what it can get of one. */
static unsigned be_worker(struct door *d, unsigned slot)
{
	struct door_key key = {{4}};
	unsigned held = 0;

	for (uint32_t i = 0; i < 300000; i++) {
		uint32_t address = i & 3 ? i | 0x10000000 : i % 7;

		memcpy(key.bytes + 1, &address, sizeof address);
		if (door_enter(d, slot, key, 3))
			door_leave(d, slot, key);
	}
	key = (struct door_key){{4, 99}};
	for (unsigned i = 0; i < 100; i++)
		held += door_enter(d, slot, key, 50);
	return held;
}

static void several_processes(void **state)
{
	struct door *d = door_new(4);
	struct door_key key = {{4}};
	unsigned held = 0;
	pid_t pids[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit((int)be_worker(d, i));
	}
	for (unsigned i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		held += (unsigned)WEXITSTATUS(status);
	}
	key.bytes[1] = 99;
	assert_int_equal(door_count(d, key), held);
	assert_true(held <= 50 && held > 0);
	for (unsigned i = 0; i < 7; i++) {
		key.bytes[1] = (uint8_t)i;
		assert_int_equal(door_count(d, key), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		door_forget(d, i);
	key.bytes[1] = 99;
	assert_int_equal(door_count(d, key), 0);
	door_free(&d);
}

static void bans(void **state)
{
	struct door *d = door_new(1);
	struct door_key a = key_of("192.0.2.1"), b = key_of("2001:db8::1");
	struct door_key key = {{4}};

	(void)state;
	assert_false(door_banned(d, a, 1000));
	door_ban(d, a, 0); /* nobody's */
	door_ban(d, a, 2000);
	door_ban(d, b, 3000);
	assert_true(door_banned(d, a, 1999) && door_banned(d, key_of("2001:db8::2"), 1999));
	assert_false(door_banned(d, a, 2000) || door_banned(d, key_of("192.0.2.2"), 1999));
	door_ban(d, b, 0);
	assert_false(door_banned(d, b, 1000));
	for (uint32_t i = 0; i < 100000; i++) { /* more than it has places: the newest stay */
		memcpy(key.bytes + 1, &i, sizeof i);
		door_ban(d, key, 100000 + i);
		assert_true(door_banned(d, key, 1000));
	}
	door_unban_all(d);
	assert_false(door_banned(d, key, 1000) || door_banned(d, a, 1000));
	door_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"door: an IPv4 address, or an IPv6 /64, is one; mapped IPv4 is IPv4", keys, NULL,
			NULL, NULL},
		{"door: the limit holds over all workers, for each address", limit, NULL, NULL,
			NULL},
		{"door: leaving without having entered takes nobody else's place",
			leaving_what_was_not_entered, NULL, NULL, NULL},
		{"door: a dead worker's count goes, the others' stay", dead_worker, NULL, NULL,
			NULL},
		{"door: places are used again, and a full table lets in",
			more_addresses_than_places, NULL, NULL, NULL},
		{"door: whom sm bans is refused until then, and a full table keeps the longest", bans,
			NULL, NULL, NULL},
		{"door: several processes at once never pass the limit, and leave nothing behind",
			several_processes, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
