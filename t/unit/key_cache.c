/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a worker remembers of PLAIN passwords. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "c2s/key_cache.h"
#include <stdio.h>

static struct sasl_work work_of(const char *password, const char *salt, uint32_t iterations)
{
	return (struct sasl_work){
		.hash = HASH_SHA1, .password = str_of(password), .salt = str_of(salt), .iterations = iterations};
}

static struct key_tag tag_of(const struct key_cache *k, const char *password)
{
	struct sasl_work w = work_of(password, "salt", 4096);
	return key_cache_tag(k, &w);
}

static void put(struct key_cache *k, const char *password, const char *key)
{
	struct key_tag tag = tag_of(k, password);
	key_cache_put(k, &tag, str_of(key));
}

static bool has(struct key_cache *k, const char *password, const char *key)
{
	struct key_tag tag = tag_of(k, password);
	return str_is(key_cache_get(k, &tag), key);
}

static void comes_back(void **state)
{
	struct key_cache *k = key_cache_new();
	(void)state;
	key_cache_limit(k, 10);
	assert_true(has(k, "pencil", ""));
	put(k, "pencil", "key");
	put(k, "pencil", "key");
	assert_true(has(k, "pencil", "key"));
	assert_int_equal(key_cache_count(k), 1);
	key_cache_free(&k);
	assert_null(k);
	key_cache_free(&k);
}

static bool differ(const struct key_cache *k, struct sasl_work a, struct sasl_work b)
{
	struct key_tag one = key_cache_tag(k, &a), two = key_cache_tag(k, &b);
	return !same_bytes(&one, &two, sizeof one);
}

static void only_the_same(void **state)
{
	struct key_cache *k = key_cache_new(), *other = key_cache_new();
	struct sasl_work a = work_of("pencil", "salt", 4096), sha256 = a;
	struct key_tag here = key_cache_tag(k, &a), there = key_cache_tag(other, &a);
	(void)state;
	sha256.hash = HASH_SHA256;
	assert_false(differ(k, a, a));
	assert_true(differ(k, a, sha256));
	assert_true(differ(k, a, work_of("Pencil", "salt", 4096)));
	assert_true(differ(k, a, work_of("pencil", "Salt", 4096)));
	assert_true(differ(k, a, work_of("pencil", "salt", 4097)));
	assert_true(differ(k, a, work_of("tpencil", "sal", 4096))); /* not by where one ends */
	assert_false(same_bytes(&here, &there, sizeof here));       /* each worker has its own secret */
	key_cache_free(&k);
	key_cache_free(&other);
}

static void the_oldest_goes(void **state)
{
	struct key_cache *k = key_cache_new();
	(void)state;
	key_cache_limit(k, 3);
	put(k, "a", "1");
	put(k, "b", "2");
	put(k, "c", "3");
	assert_true(has(k, "a", "1")); /* used again: b is the oldest now */
	put(k, "d", "4");
	assert_int_equal(key_cache_count(k), 3);
	assert_true(has(k, "b", ""));
	assert_true(has(k, "a", "1") && has(k, "c", "3") && has(k, "d", "4"));
	key_cache_free(&k);
}

static void the_limit_changes(void **state)
{
	struct key_cache *k = key_cache_new();
	char password[16];
	(void)state;
	put(k, "a", "1"); /* none is allowed yet */
	assert_int_equal(key_cache_count(k), 0);
	key_cache_limit(k, 100);
	for (int i = 0; i < 200; i++) {
		snprintf(password, sizeof password, "%d", i);
		put(k, password, "key");
	}
	assert_int_equal(key_cache_count(k), 100);
	assert_true(has(k, "99", "") && has(k, "100", "key"));
	key_cache_limit(k, 1);
	assert_int_equal(key_cache_count(k), 1);
	assert_true(has(k, "100", "key")); /* the one that was used last */
	key_cache_limit(k, 0);
	assert_int_equal(key_cache_count(k), 0);
	put(k, "a", "1");
	assert_int_equal(key_cache_count(k), 0);
	key_cache_free(&k);
}

static void odd_keys(void **state)
{
	struct key_cache *k = key_cache_new();
	struct key_tag tag = tag_of(k, "a");
	char long_key[HASH_MAX + 1] = {1};
	(void)state;
	key_cache_limit(k, 3);
	key_cache_put(k, &tag, STR_NONE);
	key_cache_put(k, &tag, str_at(long_key, sizeof long_key));
	assert_int_equal(key_cache_count(k), 0);
	key_cache_put(k, &tag, str_at(long_key, HASH_MAX));
	assert_int_equal(key_cache_get(k, &tag).n, HASH_MAX);
	key_cache_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"key_cache: what was put comes back", comes_back, NULL, NULL, NULL},
		{"key_cache: another password, salt, number of rounds, hash or worker is another entry", only_the_same,
			NULL, NULL, NULL},
		{"key_cache: when it is full, what was not used for longest goes", the_oldest_goes, NULL, NULL, NULL},
		{"key_cache: a lower limit holds at once, and 0 keeps nothing", the_limit_changes, NULL, NULL, NULL},
		{"key_cache: a key of no length, or too long, is not kept", odd_keys, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("key_cache", tests, NULL, NULL);
}
