/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The record gate: what passes, however it is cut, and what does not. */
#include "c2s/tls_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put_record(struct buf *b, int type, size_t n)
{
	const uint8_t header[] = {(uint8_t)type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

	buf_add(b, header, sizeof header);
	for (size_t i = 0; i < n; i++)
		buf_putc(b, (char)(i * 7 + n));
}

/* Feeds `all` in pieces of `step`; returns the records that passed, joined, and their number. */
static struct buf pass_through(struct tls_gate *g, struct str all, size_t step, unsigned *records,
	bool *fault)
{
	struct buf passed = {0};

	*records = 0;
	*fault = false;
	while (all.n && !*fault) {
		struct str piece = str_head(all, step), record;
		char *copy = malloc(piece.n);
		struct str left = str_at(memcpy(copy, piece.p, piece.n), piece.n);
		enum tls_gate_outcome o;

		while ((o = tls_gate_next(g, &left, &record)) == TLS_GATE_RECORD) {
			assert_true(record.n > TLS_GATE_HEADER);
			buf_put(&passed, record);
			++*records;
		}
		*fault = o == TLS_GATE_FAULT;
		assert_true(*fault || left.n == 0);
		free(copy);
		all = str_skip(all, piece.n);
	}
	return passed;
}

static void however_cut(void **state)
{
	static const size_t steps[] = {1, 2, 3, 4, 5, 6, 7, 100, 1000, 4096, 65536};
	struct buf all = {0};

	(void)state;
	put_record(&all, 22, 1);
	put_record(&all, 23, 17);
	put_record(&all, 20, 1);
	put_record(&all, 23, TLS_GATE_PAYLOAD_MOST);
	put_record(&all, 21, 2);
	put_record(&all, 23, 300);
	for (size_t i = 0; i < COUNT(steps); i++) {
		struct tls_gate g = {0};
		struct buf passed;
		unsigned records;
		bool fault;

		tls_gate_finish(&g);
		passed = pass_through(&g, buf_str(&all), steps[i], &records, &fault);
		assert_false(fault);
		assert_int_equal(records, 6);
		assert_true(str_eq(buf_str(&passed), buf_str(&all)));
		assert_null(g.held.p); /* nothing is cut: nothing is kept */
		buf_free(&passed);
		tls_gate_end(&g);
	}
	buf_free(&all);
}

static void expect_fault(const void *bytes, size_t n, const char *words)
{
	for (size_t step = 1; step <= n; step++) {
		struct tls_gate g = {0};
		struct buf passed;
		struct str none = STR_NONE, record;
		unsigned records;
		bool fault;

		passed = pass_through(&g, str_at(bytes, n), step, &records, &fault);
		assert_true(fault);
		assert_int_equal(records, 0);
		assert_non_null(strstr(g.fault, words));
		assert_int_equal(tls_gate_next(&g, &none, &record), TLS_GATE_FAULT);
		buf_free(&passed);
		tls_gate_end(&g);
	}
}

static void headers(void **state)
{
	(void)state;
	expect_fault("<", 1, "not a TLS record");
	expect_fault("\x13\x03\x03\x00\x11", 5, "not a TLS record");
	expect_fault("\x18\x03\x03\x00\x11", 5, "not a TLS record");
	expect_fault("\x16\x02", 2, "version");
	expect_fault("\x16\x04\x03\x00\x11", 5, "version");
	expect_fault("\x16\x03\x03\x00\x00", 5, "empty");
	expect_fault("\x16\x03\x03\x41\x01", 5, "too long");
	expect_fault("\x17\x03\x03\xff\xff", 5, "too long");
	expect_fault("\x17\x03\x03\x00\x10", 5, "without content");
	expect_fault("\x17\x03\x03\x00\x01", 5, "without content");
}

static void handshake_is_bounded(void **state)
{
	struct tls_gate g = {0};
	struct buf record = {0};
	unsigned records, all = 0;
	bool fault = false;

	(void)state;
	put_record(&record, 22, 1000);
	while (!fault) {
		struct buf passed = pass_through(&g, buf_str(&record), 4096, &records, &fault);

		all += records;
		buf_free(&passed);
	}
	assert_int_equal(all, TLS_GATE_HANDSHAKE_MOST / 1005);
	assert_string_equal(g.fault, "a TLS handshake is too long");
	tls_gate_end(&g);

	tls_gate_finish(&g);
	for (int i = 0; i < 100; i++) {
		struct buf passed = pass_through(&g, buf_str(&record), 4096, &records, &fault);

		assert_false(fault);
		buf_free(&passed);
	}
	tls_gate_end(&g);
	buf_free(&record);
}

static void idle_records(void **state)
{
	struct tls_gate g = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_true(tls_gate_progress(&g, false)); /* the handshake has its own bound */
	tls_gate_finish(&g);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < TLS_GATE_IDLE_MOST; i++)
			assert_true(tls_gate_progress(&g, false));
		assert_true(tls_gate_progress(&g, true));
	}
	for (int i = 0; i < TLS_GATE_IDLE_MOST; i++)
		assert_true(tls_gate_progress(&g, false));
	assert_false(tls_gate_progress(&g, false));
	assert_non_null(g.fault);
	tls_gate_end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"tls_gate: records pass whole and unchanged, however they are cut", however_cut,
			NULL, NULL, NULL},
		{"tls_gate: a header that is not sane is refused as soon as it shows", headers,
			NULL, NULL, NULL},
		{"tls_gate: what comes before the handshake is finished is bounded",
			handshake_is_bounded, NULL, NULL, NULL},
		{"tls_gate: records in a row without data are bounded", idle_records, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
