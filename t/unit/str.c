/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Slices. */
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR("abc"), str_of("abc")));
	assert_true(str_eq(STR_NONE, STR("")));
	assert_true(str_eq(str_of(NULL), STR_NONE));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("abcd")));
	assert_true(str_is(STR("a"), "a"));
	assert_false(str_is(STR("a\0"), "a"));
	assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_true(str_cmp(STR_NONE, STR("a")) < 0);
}

static void begins_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_true(str_starts(STR("abc"), STR_NONE));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_true(str_ends(STR_NONE, STR_NONE));
	assert_false(str_ends(STR("c"), STR("bc")));
}

static void cuts(void **state)
{
	struct str head, tail;

	(void)state;
	assert_true(str_cut(STR("a=b=c"), '=', &head, &tail));
	assert_true(str_is(head, "a"));
	assert_true(str_is(tail, "b=c"));
	assert_true(str_cut(STR("a="), '=', &head, &tail));
	assert_true(str_is(head, "a"));
	assert_int_equal(tail.n, 0);
	assert_false(str_cut(STR("abc"), '=', &head, &tail));
	assert_true(str_is(head, "abc"));
	assert_int_equal(tail.n, 0);
	assert_false(str_cut(STR_NONE, '=', &head, &tail));
	assert_int_equal(str_find(STR("abc"), 'c'), 2);
	assert_int_equal(str_find(STR("abc"), 'x'), 3);
	assert_true(str_is(str_skip(STR("abc"), 2), "c"));
	assert_int_equal(str_skip(STR("abc"), 9).n, 0);
	assert_int_equal(str_skip(STR_NONE, 1).n, 0);
	assert_true(str_is(str_head(STR("abc"), 2), "ab"));
	assert_true(str_is(str_head(STR("abc"), 9), "abc"));
}

static void numbers(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1a",
		"18446744073709551616", "99999999999999999999"};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(str_u64(str_of(bad[i]), &v));
	assert_int_equal(v, 7);
	assert_true(str_u64(STR("0"), &v));
	assert_int_equal(v, 0);
	assert_true(str_u64(STR("007"), &v));
	assert_int_equal(v, 7);
	assert_true(str_u64(STR("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
}

static void utf8(void **state)
{
	static const char *const good[] = {
		"",
		"plain ascii that is longer than a word",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"1234567\u00e412345678",
	};
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xc2\xc2",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xe1\x80",
		"\xe1\x80\x41",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf1\x80\x80",
		"\xf1\x80\x80\x41",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"12345678\xff",
		"1234567\xc3",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(str_utf8(str_of(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(str_utf8(str_of(bad[i])));
	assert_true(str_utf8(STR("a\0b")));
	assert_true(str_ascii(STR("12345678\x7f")));
	assert_false(str_ascii(STR("12345678\x80")));
	assert_true(str_ascii(STR_NONE));
}

/* Every two-byte and the borders of the longer sequences, against the definition in words. */
static void utf8_leads(void **state)
{
	(void)state;
	for (unsigned lead = 0x80; lead < 0x100; lead++) {
		for (unsigned next = 0; next < 0x100; next++) {
			char two[2] = {(char)lead, (char)next};
			char four[4] = {(char)lead, (char)next, '\x80', '\x80'};
			bool continues = next >= 0x80 && next <= 0xbf;

			assert_int_equal(str_utf8(str_at(two, 2)),
				lead >= 0xc2 && lead <= 0xdf && continues);
			if (lead < 0xf0)
				continue;
			assert_int_equal(str_utf8(str_at(four, 4)),
				lead <= 0xf4 && continues && (lead != 0xf0 || next >= 0x90) &&
					(lead != 0xf4 || next <= 0x8f));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"str: slices compare by bytes, the shorter one first", compares, NULL, NULL, NULL},
		{"str: a slice knows how it begins and ends", begins_and_ends, NULL, NULL, NULL},
		{"str: cutting finds the first separator, and nothing beyond the end", cuts, NULL,
			NULL, NULL},
		{"str: a number has digits only and does not overflow", numbers, NULL, NULL, NULL},
		{"str: UTF-8 has no surrogate, no overlong form, nothing cut short", utf8, NULL,
			NULL, NULL},
		{"str: every pair of first bytes is judged as RFC 3629 says", utf8_leads, NULL,
			NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
