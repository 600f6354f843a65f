/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hash tables, and the hash and randomness under them. */
#include "common/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/rand.h"

#define MANY 20000

struct thing {
	uint64_t id;
	char name[24];
	bool seen;
};

/* Key 00..0f, input 00, 00 01, ...: SipHash-2-4 by some of the authors' vectors; SipHash-1-3 as CPython's hash of bytes
 * has it, where the key is all zero, and by the same code with this one. */
static void siphash_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t hash_24, hash_13;
	} vectors[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0xabac0158050fc4dc)},
		{1, UINT64_C(0x74f839c593dc67fd), UINT64_C(0xc9f49bf37d57ca93)},
		{7, UINT64_C(0xab0200f58b01d137), UINT64_C(0xd3927d989bb11140)},
		{8, UINT64_C(0x93f5f5799a932462), UINT64_C(0x369095118d299a8e)},
		{15, UINT64_C(0xa129ca6149be45e5), UINT64_C(0xd320d86d2a519956)},
		{63, UINT64_C(0x958a324ceb064572), UINT64_C(0x9d199062b7bbb3a8)},
	};
	uint8_t key[16], input[64];

	(void)state;
	for (size_t i = 0; i < sizeof input; i++)
		input[i] = (uint8_t)i;
	memcpy(key, input, sizeof key);
	for (size_t i = 0; i < COUNT(vectors); i++) {
		assert_true(siphash_24(key, str_at(input, vectors[i].n)) == vectors[i].hash_24);
		assert_true(siphash(key, str_at(input, vectors[i].n)) == vectors[i].hash_13);
	}
}

static void keeps(void **state)
{
	struct table *t = table_new();
	int a, b;

	(void)state;
	assert_null(table_get(t, STR("a")));
	assert_null(table_remove(t, STR("a")));
	assert_true(table_put(t, STR("a"), &a));
	assert_false(table_put(t, STR("a"), &b));
	assert_true(table_put(t, STR(""), &b));
	assert_ptr_equal(table_get(t, STR("a")), &a);
	assert_ptr_equal(table_get(t, STR_NONE), &b);
	assert_null(table_get(t, STR("a\0")));
	assert_int_equal(table_count(t), 2);
	assert_ptr_equal(table_remove(t, STR("a")), &a);
	assert_null(table_get(t, STR("a")));
	assert_ptr_equal(table_remove(t, STR("")), &b);
	assert_int_equal(table_count(t), 0);
	assert_true(table_put(t, STR("a"), &b));
	table_free(&t);
	assert_null(t);
	table_free(&t);
}

static void visit(void *ctx, void *value)
{
	struct thing *thing = value;

	assert_false(thing->seen);
	thing->seen = true;
	if (ctx && thing->id % 2)
		assert_ptr_equal(table_remove(ctx, KEY(thing->id)), thing);
}

static void integers(void **state)
{
	static struct thing things[MANY];
	struct table *t = table_new();

	(void)state;
	for (uint64_t i = 0; i < MANY; i++) {
		things[i] = (struct thing){.id = i << 40};
		things[i].id |= i;
		assert_true(table_put(t, KEY(things[i].id), &things[i]));
	}
	assert_int_equal(table_count(t), MANY);
	table_each(t, visit, t);
	assert_int_equal(table_count(t), MANY / 2);
	for (uint64_t i = 0; i < MANY; i++) {
		assert_true(things[i].seen);
		assert_ptr_equal(table_get(t, KEY(things[i].id)), i % 2 ? NULL : &things[i]);
	}
	table_free(&t);
}

/* What a look-up costs is the length of its chain. Keys that differ in one place only, as a peer
 * would choose them to collide under a weak hash, must not make a long one; with SipHash the
 * longest of n random chains stays about ten. */
static void flat(void **state)
{
	static struct thing things[MANY];
	struct table *t = table_new();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		int n = snprintf(things[i].name, sizeof things[i].name, "user%08x@h", i << 12);

		assert_true(table_put(t, str_at(things[i].name, (size_t)n), &things[i]));
	}
	assert_true(table_longest(t) >= 1 && table_longest(t) <= 24);
	table_free(&t);
	t = table_new();
	assert_int_equal(table_longest(t), 0);
	table_free(&t);
}

static void random_bytes(void **state)
{
	uint64_t a = rand_u64(), b = rand_u64();
	char hex[2 * 33 + 1], other[2 * 33 + 1];
	unsigned char bytes[1000] = {0};
	size_t zeros = 0;

	(void)state;
	assert_true(a != b);
	memset(hex, 'x', sizeof hex);
	rand_hex(hex, 33);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 66);
	assert_int_equal(strlen(hex), 66);
	rand_hex(other, 33);
	assert_string_not_equal(hex, other);
	rand_hex(other, 0);
	assert_string_equal(other, "");
	rand_bytes(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		zeros += bytes[i] == 0;
	assert_true(zeros < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"table: SipHash gives the reference vectors", siphash_vectors, NULL, NULL, NULL},
		{"table: what is put is found until it is removed, and put once only", keeps, NULL, NULL, NULL},
		{"table: each entry is visited once and may be removed meanwhile", integers, NULL, NULL, NULL},
		{"table: chosen keys make no long chain", flat, NULL, NULL, NULL},
		{"rand: bytes and hex are random and as long as asked", random_bytes, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
