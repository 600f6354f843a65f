/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Buffers, and the integers in frames. */
#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void grows(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.n, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	buf_drop(&b, 9999);
	assert_true(str_is(buf_str(&b), "p"));
	buf_trim(&b);
	assert_true(b.cap < 64 && str_is(buf_str(&b), "p"));
	buf_drop(&b, 1);
	buf_trim(&b);
	assert_null(b.p);
	assert_int_equal(b.cap, 0);
}

static struct {
	const void *at;
	size_t n;
	unsigned times;
} wiped;

/* In place of the C library's, for mem_wipe; the other is what hardened builds call. */
void explicit_bzero(void *block, size_t n)
{
	wiped.at = block;
	wiped.n = n;
	wiped.times++;
	memset(block, 0, n);
}

void __explicit_bzero_chk(void *block, size_t n, size_t room);

void __explicit_bzero_chk(void *block, size_t n, size_t room)
{
	assert_true(n <= room);
	explicit_bzero(block, n);
}

/* What it had, it has had wiped where it was, all of it. */
static void leaves_nothing_behind(void **state)
{
	struct buf b = {0};
	const void *was;
	size_t cap;

	(void)state;
	memset(&wiped, 0, sizeof wiped);
	buf_puts(&b, "secret");
	assert_int_equal(wiped.times, 0);
	while (b.cap <= BUF_WIPED_MOST) {
		was = b.p;
		cap = b.cap;
		wiped.times = 0;
		buf_clear(&b);
		buf_puts(&b, "again");
		(void)buf_room(&b, cap);
		assert_true(wiped.times == 1 && wiped.at == was && wiped.n == cap);
		assert_true(b.cap > cap && str_is(buf_str(&b), "again"));
	}
	wiped.times = 0;
	(void)buf_room(&b, b.cap);
	assert_int_equal(wiped.times, 0); /* no secret is so long */
	buf_free(&b);
	buf_puts(&b, "a little of what was much");
	(void)buf_room(&b, 1000);
	cap = b.cap;
	wiped.times = 0;
	buf_drop(&b, 8);
	buf_trim(&b);
	assert_true(wiped.times == 1 && wiped.n == cap && str_is(buf_str(&b), " of what was much"));
	buf_free(&b);
}

static void writes(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	buf_add(&b, NULL, 0);
	buf_put(&b, STR_NONE);
	buf_puts(&b, NULL);
	assert_int_equal(b.n, 0);
	buf_put(&b, STR("a\0b"));
	buf_puts(&b, "cd");
	buf_printf(&b, "%d-%s", 12, "a text that is longer than the least size of a buffer, which is 64 bytes");
	assert_int_equal(b.n, 5 + 3 + 72);
	assert_memory_equal(b.p, "a\0bcd12-a text", 14);
	assert_int_equal(strlen(buf_cstr(&b) + 2), b.n - 2);
	buf_clear(&b);
	assert_true(b.n == 0 && b.cap > 0);
	memcpy(buf_room(&b, 3), "xyz", 3);
	buf_grew(&b, 3);
	assert_string_equal(buf_cstr(&b), "xyz");
	buf_wipe(&b);
	assert_null(b.p);
}

static void takes(void **state)
{
	struct buf a = {0}, b = {0};

	(void)state;
	buf_puts(&a, "old");
	buf_puts(&b, "new");
	buf_take(&a, &b);
	assert_string_equal(buf_cstr(&a), "new");
	assert_true(b.p == NULL && b.n == 0 && b.cap == 0);
	buf_take(&a, &a);
	assert_string_equal(buf_cstr(&a), "new");
	buf_free(&a);
	buf_free(&b);
}

static void refuses(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_puts(&b, "abc");
	assert_false(buf_try_room(&b, SIZE_MAX));
	assert_false(buf_try_room(&b, SIZE_MAX - 3));
	assert_true(buf_try_room(&b, 100));
	assert_string_equal(buf_cstr(&b), "abc");
	buf_free(&b);
}

static void integers(void **state)
{
	struct buf b = {0};
	struct str s, bytes;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	(void)state;
	buf_u8(&b, 0xfe);
	buf_u16(&b, 0xfedc);
	buf_u32(&b, 0xfedcba98);
	buf_u64(&b, UINT64_C(0xfedcba9876543210));
	buf_puts(&b, "xyz");
	assert_memory_equal(b.p, "\xfe\xdc\xfe\x98\xba\xdc\xfe\x10\x32\x54\x76\x98\xba\xdc\xfe", 15);
	s = buf_str(&b);
	assert_true(str_take_u8(&s, &u8) && u8 == 0xfe);
	assert_true(str_take_u16(&s, &u16) && u16 == 0xfedc);
	assert_true(str_take_u32(&s, &u32) && u32 == 0xfedcba98);
	assert_true(str_take_u64(&s, &u64) && u64 == UINT64_C(0xfedcba9876543210));
	assert_true(str_take_bytes(&s, 2, &bytes) && str_is(bytes, "xy"));
	assert_true(str_is(s, "z"));
	assert_false(str_take_u16(&s, &u16));
	assert_false(str_take_u32(&s, &u32));
	assert_false(str_take_u64(&s, &u64));
	assert_false(str_take_bytes(&s, 2, &bytes));
	assert_true(str_is(s, "z"));
	assert_true(str_take_bytes(&s, 1, &bytes) && s.n == 0);
	assert_false(str_take_u8(&s, &u8));
	assert_true(str_take_bytes(&s, 0, &bytes) && bytes.n == 0);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"buf: it grows, loses its front and shrinks", grows, NULL, NULL, NULL},
		{"buf: what it moves away from is wiped, but for what is too long for a secret", leaves_nothing_behind,
			NULL, NULL, NULL},
		{"buf: all ways of writing append", writes, NULL, NULL, NULL},
		{"buf: taking moves the memory and frees what was there", takes, NULL, NULL, NULL},
		{"buf: a size that cannot be is refused and nothing is lost", refuses, NULL, NULL, NULL},
		{"buf: integers are little-endian and never read past the end", integers, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
