/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The layers under one client: what is kept, what is cut, and when memory is given back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "t/lib/c2s_world.h"

static const struct scan_limits limits = {8192, 32, 16, 32, 256};

static void one_thing_at_a_time(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	assert_int_equal(pipe_take(&p, STR(WORLD_HEADER "<a/><b/> <c")), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_STREAM);
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	assert_true(str_eq(p.in, STR("<b/> <c")));
	pipe_keep(&p); /* held here; the bytes were borrowed */
	assert_true(str_eq(buf_str(&p.rest), STR("<b/> <c")));
	assert_int_equal(pipe_take(&p, STR(">text</c>")), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	assert_true(str_is(scan_element(p.scan)->name, "b"));
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	assert_true(str_is(scan_element(p.scan)->name, "c"));
	assert_int_equal(pipe_next(&p), SCAN_MORE);
	pipe_keep(&p);
	assert_null(p.rest.p);
	pipe_end(&p);
}

static void held_again_and_again(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	assert_int_equal(pipe_take(&p, STR(WORLD_HEADER "<a/><b/><c/>")), TLS_MORE);
	for (enum scan_event e = SCAN_STREAM; e != SCAN_MORE; e = pipe_has_rest(&p) ? SCAN_ELEMENT : SCAN_MORE) {
		assert_int_equal(pipe_next(&p), e);
		pipe_keep(&p);
	}
	pipe_end(&p);
}

static void into_tls(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	pipe_say(&p, STR("<proceed/>"));
	assert_true(pipe_secure(&p, NULL, false));
	assert_true(str_is(buf_str(&p.wire), "<proceed/>"));
	assert_false(pipe_is_secure(&p));
	assert_int_equal(pipe_take(&p, STR("hello\n" WORLD_HEADER "<a/>")), TLS_READY);
	assert_int_equal(pipe_next(&p), SCAN_STREAM);
	pipe_keep(&p);
	assert_int_equal(pipe_take(&p, STR("<b/>")), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	pipe_say(&p, STR("one"));
	pipe_say(&p, STR("two"));
	assert_true(pipe_flush(&p));
	assert_true(str_is(buf_str(&p.wire), "<proceed/>\x17onetwo"));
	assert_null(p.out.p);
	pipe_finish(&p);
	assert_true(pipe_flush(&p));
	assert_true(str_ends(buf_str(&p.wire), STR("\x15")));
	pipe_end(&p);
}

static void no_smuggling(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	assert_int_equal(pipe_take(&p, STR(WORLD_HEADER " ")), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_STREAM);
	assert_false(pipe_secure(&p, NULL, false));
	assert_null(p.tls);
	pipe_turn(&p);
	assert_false(pipe_has_rest(&p));
	assert_true(pipe_secure(&p, NULL, false));
	pipe_end(&p);
}

static void chunks(void **state)
{
	struct pipe p;
	size_t total = 0;
	struct buf big = {0};
	(void)state;
	for (size_t i = 0; i < 3 * PIPE_CHUNK + 7; i++)
		buf_putc(&big, 'z');
	pipe_start(&p, &limits);
	assert_true(pipe_try_say(&p, buf_str(&big)));
	assert_int_equal(pipe_queued(&p), big.n);
	while (pipe_queued(&p)) {
		assert_true(pipe_flush(&p));
		assert_in_range(p.wire.n, 1, PIPE_CHUNK);
		total += p.wire.n;
		buf_free(&p.wire);
	}
	assert_int_equal(total, big.n);
	assert_null(p.out.p);
	buf_free(&big);
	pipe_end(&p);
}

static void never_empty(void **state)
{
	static const char piece[1000] = "";
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	pipe_say(&p, str_at(piece, sizeof piece));
	for (size_t i = 0; i < 20 * PIPE_CHUNK / sizeof piece; i++) {
		while (pipe_queued(&p) < 2 * PIPE_CHUNK)
			pipe_say(&p, str_at(piece, sizeof piece));
		assert_true(pipe_flush(&p));
		buf_free(&p.wire);
		assert_true(p.out.n > p.out_at);
		assert_true(p.out.cap <= 8 * PIPE_CHUNK);
	}
	pipe_end(&p);
}

static void broken(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	assert_true(pipe_secure(&p, NULL, true));
	pipe_say(&p, STR("too early"));
	assert_false(pipe_flush(&p));
	assert_int_equal(pipe_take(&p, STR("\xff")), TLS_FAILED);
	pipe_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"pipe: things come one at a time, and what is not scanned is kept", one_thing_at_a_time, NULL, NULL,
			NULL},
		{"pipe: it may be held after each thing", held_again_and_again, NULL, NULL, NULL},
		{"pipe: what was said before TLS leaves in plain, the rest sealed, once a turn", into_tls, NULL, NULL,
			NULL},
		{"pipe: waiting plaintext forbids TLS", no_smuggling, NULL, NULL, NULL},
		{"pipe: much leaves in chunks, and the memory goes with it", chunks, NULL, NULL, NULL},
		{"pipe: a queue that never runs empty does not grow by what has left it", never_empty, NULL, NULL,
			NULL},
		{"pipe: nothing is said in the midst of a handshake", broken, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
