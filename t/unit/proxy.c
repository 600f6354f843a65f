/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PROXY headers: each kind, every truncation, every byte of them changed, and what is none. */
#include "c2s/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\xc0\0\2\1\xc0\0\2\2\x30\x39\x14\x66"
#define SIX_FROM "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define SIX SIX_FROM "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x30\x39\x14\x66"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7" SIX_FROM "\x30\x39\x14\x66"

static const struct {
	struct str bytes;
	const char *from; /* "": the proxy's own */
	bool tls;
} good[] = {
	{STR("PROXY TCP4 192.0.2.1 192.0.2.2 12345 5222\r\n"), "192.0.2.1", false},
	{STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n"), "255.255.255.255", false},
	{STR("PROXY TCP6 2001:db8::1 2001:db8::2 12345 5222\r\n"), "2001:db8::1", false},
	{STR("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1", false},
	{STR("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "65535 65535\r\n"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
	{STR("PROXY UNKNOWN\r\n"), "", false},
	{STR("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "65535 65535\r\n"), "", false},
	{STR(SIGNATURE "\x21\x11\0\x0c" FOUR), "192.0.2.1", false},
	{STR(SIGNATURE "\x21\x21\0\x24" SIX), "2001:db8::1", false},
	{STR(SIGNATURE "\x21\x21\0\x24" MAPPED), "192.0.2.7", false},
	{STR(SIGNATURE "\x20\0\0\0"), "", false},
	{STR(SIGNATURE "\x20\x11\0\x0c" FOUR), "", false},        /* LOCAL: addresses are skipped */
	{STR(SIGNATURE "\x21\0\0\5abcde"), "", false},            /* UNSPEC */
	{STR(SIGNATURE "\x21\x11\0\x10" FOUR "\4\0\1x"), "192.0.2.1", false}, /* a NOOP */
	{STR(SIGNATURE "\x21\x11\0\x14" FOUR "\x20\0\5\1\0\0\0\0"), "192.0.2.1", true},
	{STR(SIGNATURE "\x21\x11\0\x14" FOUR "\x20\0\5\6\0\0\0\0"), "192.0.2.1", false},
	{STR(SIGNATURE "\x21\x11\0\x1f" FOUR "\1\0\1x\x20\0\x0c\1\0\0\0\0\x21\0\4v1.3"), "192.0.2.1", true},
};

static const struct str bad[] = {
	STR("<?xml version='1.0'?>"), STR("\x16\3\1"), STR("PROXY\t"), STR("proxy TCP4"), STR("PROXY  TCP4 \r\n"),
	STR("PROXY TCP4\r\n"), STR("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"),
	STR("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"),
	STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"), STR("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
	STR("PROXY TCP4 192.0.2.1/8 192.0.2.2 1 2\r\n"), STR("PROXY TCP4 ::1 ::1 1 2\r\n"),
	STR("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), STR("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"),
	STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"), STR("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"),
	STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX"), STR("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n"),
	STR("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n"), STR("PROXY UNKNOWNX\r\n"), STR("PROXY \r\n"),
	STR(SIGNATURE "\x22\x11\0\x0c" FOUR), STR(SIGNATURE "\x11\x11\0\x0c" FOUR),
	STR(SIGNATURE "\x21\x12\0\x0c" FOUR), STR(SIGNATURE "\x21\x22\0\x24" SIX),
	STR(SIGNATURE "\x21\x11\0\x0b" FOUR), STR(SIGNATURE "\x21\x21\0\x0c" FOUR),
	STR(SIGNATURE "\x21\x31\0\x0c" FOUR), STR(SIGNATURE "\x21\x11\0\x0d" FOUR "\4"),
	STR(SIGNATURE "\x21\x11\0\x0f" FOUR "\4\0\1"), STR(SIGNATURE "\x21\x11\0\x10" FOUR "\4\0\2x"),
	STR(SIGNATURE "\x21\x11\0\x10" FOUR "\x20\0\1\1"), /* TLS without its fixed part */
	STR(SIGNATURE "\x21\x11\7\xf1"),                   /* 2033 and 16 */
	STR(SIGNATURE "\x21\x11\xff\xff"),
};

/* From memory of just that size, so that a sanitizer sees a byte too many. */
static enum proxy_outcome read_exact(struct str bytes, struct proxy *out)
{
	char *copy = malloc(bytes.n ? bytes.n : 1);
	enum proxy_outcome o;

	memcpy(copy, bytes.p, bytes.n);
	o = proxy_read(str_at(copy, bytes.n), out);
	free(copy);
	return o;
}

static void good_ones(void **state)
{
	struct proxy p;
	char text[NETWORK_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(read_exact(good[i].bytes, &p), PROXY_DONE);
		network_write(p.from, text);
		assert_string_equal(text, good[i].from);
		assert_int_equal(p.used, good[i].bytes.n);
		assert_int_equal(p.tls, good[i].tls);
	}
}

static void what_follows_is_not_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct buf more = {0};
		struct proxy p;

		buf_put(&more, good[i].bytes);
		buf_puts(&more, "<stream:stream>\r\nPROXY ");
		assert_int_equal(read_exact(buf_str(&more), &p), PROXY_DONE);
		assert_int_equal(p.used, good[i].bytes.n);
		buf_free(&more);
	}
}

static void every_truncation(void **state)
{
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t n = 0; n < good[i].bytes.n; n++) {
			assert_int_equal(read_exact(str_head(good[i].bytes, n), &p), PROXY_MORE);
			assert_int_equal(p.from.family, 0);
		}
	}
}

static void every_change(void **state)
{
	struct proxy p;
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t at = 0; at < good[i].bytes.n; at++) {
			for (unsigned v = 0; v < 256; v++) {
				memcpy(text, good[i].bytes.p, good[i].bytes.n);
				text[at] = (char)v;
				if (read_exact(str_at(text, good[i].bytes.n), &p) == PROXY_DONE)
					assert_true(p.used <= good[i].bytes.n);
			}
		}
	}
}

static void bad_ones(void **state)
{
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		enum proxy_outcome o = PROXY_MORE;

		for (size_t n = 1; n <= bad[i].n && o == PROXY_MORE; n++)
			o = read_exact(str_head(bad[i], n), &p);
		if (o != PROXY_FAULT)
			fail_msg("row %zu is taken", i);
		assert_non_null(p.why);
		assert_int_equal(p.from.family, 0);
	}
}

static void an_end_that_never_comes(void **state)
{
	char text[4096];
	struct proxy p;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, "PROXY UNKNOWN ", 14);
	assert_int_equal(read_exact(str_at(text, PROXY_LINE_MOST - 1), &p), PROXY_MORE);
	assert_int_equal(read_exact(str_at(text, PROXY_LINE_MOST), &p), PROXY_FAULT);
	assert_int_equal(read_exact(str_at(text, sizeof text), &p), PROXY_FAULT);
	memcpy(text, SIGNATURE "\x20\0\7\xf0", 16); /* 2032: the longest */
	assert_int_equal(read_exact(str_at(text, PROXY_MOST - 1), &p), PROXY_MORE);
	assert_int_equal(read_exact(str_at(text, sizeof text), &p), PROXY_DONE);
	assert_int_equal(p.used, PROXY_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"proxy: headers of both versions say whose connection it is", good_ones, NULL, NULL, NULL},
		{"proxy: what follows the header is left alone", what_follows_is_not_of_it, NULL, NULL, NULL},
		{"proxy: a header that is cut anywhere wants more", every_truncation, NULL, NULL, NULL},
		{"proxy: any byte of it may be any other, and nothing is read beyond the end", every_change,
			NULL, NULL, NULL},
		{"proxy: what is no header, or out of shape, is a fault at once", bad_ones, NULL, NULL, NULL},
		{"proxy: a header that never ends is a fault at its bound", an_end_that_never_comes, NULL,
			NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
