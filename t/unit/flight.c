/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client's first flight, as the admission of handshakes looks at it: is it whole? */
#include "c2s/flight.h"

#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put16(struct buf *b, size_t n)
{
	buf_u8(b, (uint8_t)(n >> 8));
	buf_u8(b, (uint8_t)n);
}

/* A ClientHello with one extension, as a message. */
static struct buf hello_with(unsigned type, size_t size)
{
	struct buf body = {0}, message = {0};

	put16(&body, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		buf_u8(&body, (uint8_t)i);
	buf_u8(&body, 2);
	put16(&body, 0x7777); /* session */
	put16(&body, 2);
	put16(&body, 0x1301);
	buf_u8(&body, 1);
	buf_u8(&body, 0);
	put16(&body, 4 + 3 + 4 + size);
	put16(&body, 16);
	put16(&body, 3);
	buf_puts(&body, "abc");
	put16(&body, type);
	put16(&body, size);
	for (size_t i = 0; i < size; i++)
		buf_u8(&body, 0x5a);
	buf_u8(&message, 1);
	buf_u8(&message, 0);
	put16(&message, body.n);
	buf_put(&message, buf_str(&body));
	buf_free(&body);
	return message;
}

/* In records of `each` bytes of it. */
static struct buf records_of(struct buf *message, size_t each)
{
	struct buf out = {0};

	for (struct str rest = buf_str(message); rest.n; rest = str_skip(rest, each)) {
		struct str piece = str_head(rest, each);

		buf_u8(&out, 22);
		put16(&out, 0x0301);
		put16(&out, piece.n);
		buf_put(&out, piece);
	}
	buf_free(message);
	return out;
}

static struct buf flight_with(unsigned type, size_t size, size_t each)
{
	struct buf message = hello_with(type, size);

	return records_of(&message, each);
}

static bool whole(struct str flight)
{
	char *copy = malloc(flight.n ? flight.n : 1);
	bool is;

	memcpy(copy, flight.p ? flight.p : "", flight.n);
	is = flight_is_whole(str_at(copy, flight.n));
	free(copy);
	return is;
}

static void cut_anywhere(void **state)
{
	static const size_t sizes[] = {16384, 100, 7, 4, 3, 1};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buf flight = flight_with(35, 200, sizes[i]);

		for (size_t n = 0; n < flight.n; n++)
			assert_false(whole(str_head(buf_str(&flight), n)));
		assert_true(whole(buf_str(&flight)));
		buf_puts(&flight, "more");
		assert_true(whole(buf_str(&flight)));
		buf_free(&flight);
	}
}

static void what_is_none_does_not_wait(void **state)
{
	char text[20000];
	struct buf flight = flight_with(35, 200, 16384), spaced = {0};

	(void)state;
	assert_false(whole(STR_NONE));
	assert_false(whole(STR(" \r\n\t")));
	assert_true(whole(STR("<")) && whole(STR(" <")) && whole(STR("\x15\3\1")));
	assert_true(whole(STR("\x16\3\1\0\0")));         /* empty */
	assert_true(whole(STR("\x16\3\1\0\4\2\0\0\5"))); /* no ClientHello */
	memset(text, 0, sizeof text);
	memcpy(text, "\x16\3\1\x40\0\1\xff\xff\xff", 9);
	assert_false(whole(str_at(text, 16383)));
	assert_true(whole(str_at(text, 16384)));
	buf_puts(&spaced, " \n");
	buf_put(&spaced, buf_str(&flight));
	assert_false(whole(str_head(buf_str(&spaced), spaced.n - 1)));
	assert_true(whole(buf_str(&spaced)));
	buf_free(&spaced);
	buf_free(&flight);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"flight: a ClientHello is whole with its last byte, in however many records", cut_anywhere, NULL, NULL,
			NULL},
		{"flight: what can be none is not waited for", what_is_none_does_not_wait, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
