/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Base64: one spelling for everything. */
#include "common/b64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void vectors(void **state)
{
	static const char *const pairs[][2] = {
		/* RFC 4648 10 */
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xff\xfe", "///+"},
	};
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		buf_clear(&b);
		buf_puts(&b, ">");
		b64_encode(&b, str_of(pairs[i][0]));
		assert_string_equal(buf_cstr(&b) + 1, pairs[i][1]);
		buf_clear(&b);
		buf_puts(&b, ">");
		assert_true(b64_decode(&b, str_of(pairs[i][1])));
		assert_string_equal(buf_cstr(&b) + 1, pairs[i][0]);
	}
	buf_free(&b);
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"=",
		"==",
		"===",
		"====",
		"A",
		"AA",
		"AAA",
		"A===",
		"AA=",
		"AA==A",
		"AA==AAAA",
		"AAA=AAAA",
		"AAAAA",
		"AAAA=",
		"AAAA==",
		"AAAA====",
		"AA=A",
		"=AAA",
		"A=AA",
		" AAAA",
		"AAAA ",
		"AA AA",
		"AAAA\n",
		"AA\nAA=",
		"AA-_",
		"AB==",
		"A/==",
		"AAB=",
		"AAA\xc3",
		"AA\xc3=",
		"QUJD.",
		"QUI",
		"*AAA",
		"AA*=",
		"A*==",
	};
	struct buf b = {0};

	(void)state;
	buf_puts(&b, "kept");
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(b64_decode(&b, str_of(bad[i])));
		assert_string_equal(buf_cstr(&b), "kept");
	}
	assert_false(b64_decode(&b, STR("AA\0A")));
	buf_free(&b);
}

/* Each byte in each place, there and back; and each character that is not of the alphabet, in
 * each place. */
static void exhaustive(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf text = {0}, back = {0};

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t place = 0; place < 4; place++) {
			char in[4] = {'x', 'y', 'z', 'x'}, group[4] = {'A', 'A', 'A', 'A'};

			in[place] = (char)c;
			buf_clear(&text);
			buf_clear(&back);
			b64_encode(&text, str_at(in, place + 1));
			assert_true(b64_decode(&back, buf_str(&text)));
			assert_true(str_eq(buf_str(&back), str_at(in, place + 1)));
			group[place] = (char)c;
			buf_clear(&back);
			assert_int_equal(b64_decode(&back, str_at(group, 4)),
				(c && strchr(alphabet, c)) || (c == '=' && place == 3));
		}
	}
	buf_free(&text);
	buf_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"b64: the vectors of RFC 4648 go both ways and append", vectors, NULL, NULL, NULL},
		{"b64: blanks, wrong padding, trailing bits and foreign characters are refused",
			malformed, NULL, NULL, NULL},
		{"b64: every byte in every place survives, and no character outside the alphabet does",
			exhaustive, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
