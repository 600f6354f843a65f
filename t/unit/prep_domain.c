/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Domainparts. */
#include "common/prep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "t/unit/prep_rows.h"

static void domain_ascii(void **state)
{
	static const struct row rows[] = {
		{"example.com", "example.com"},
		{"Example.COM", "example.com"},
		{"localhost", "localhost"},
		{"example.com.", "example.com"},
		{"a-b.c1.2d", "a-b.c1.2d"},
		{"127.0.0.1", "127.0.0.1"},
		{"", REFUSED},
		{".", REFUSED},
		{"..", REFUSED},
		{".com", REFUSED},
		{"a..b", REFUSED},
		{"a.b..", REFUSED},
		{"-a.com", REFUSED},
		{"a-.com", REFUSED},
		{"a_b.com", REFUSED},
		{"a b", REFUSED},
		{"a\"b", REFUSED},
		{"a/b", REFUSED},
		{"a@b", REFUSED},
		{"a:5222", REFUSED},
		{"a&b", REFUSED},
		{"a\177", REFUSED},
		{"ab--cd.com", REFUSED},
		{"a\tb", REFUSED},
		{"*.example.com", REFUSED},
		{"[::1]", "[::1]"},
		{"[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"},
		{"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"},
		{"[]", REFUSED},
		{"[", REFUSED},
		{"[::1", REFUSED},
		{"::1", REFUSED},
		{"[::1].", REFUSED},
		{"[127.0.0.1]", REFUSED},
		{"[fe80::1%lo]", REFUSED},
		{"[::g]", REFUSED},
		{"[1:2:3]", REFUSED},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_domain, rows);
}

static void domain_international(void **state)
{
	static const struct row rows[] = {
		{"b\u00fccher.example", "b\u00fccher.example"},
		{"B\u00dcCHER.Example.", "b\u00fccher.example"},
		{"xn--bcher-kva.example", "b\u00fccher.example"}, /* an A-label becomes a U-label */
		{"XN--BCHER-KVA.example", "b\u00fccher.example"},
		{"bu\u0308cher.example", "b\u00fccher.example"},
		{"stra\u00dfe.example", "stra\u00dfe.example"}, /* IDNA2008 keeps sharp s */
		{"xn--strae-oqa.example", "stra\u00dfe.example"},
		{"\uff41bc.example", "abc.example"}, /* full-width */
		{"\u4f8b\u3048.\u30c6\u30b9\u30c8", "\u4f8b\u3048.\u30c6\u30b9\u30c8"},
		{"\u4f8b\u3002example", "\u4f8b.example"}, /* an ideographic full stop separates */
		{"\u05d0\u05d1.example", "\u05d0\u05d1.example"},
		{"\u2603.example", REFUSED}, /* a symbol, which only UTS 46 admits */
		{"xn--bceaaaaaaaaaaaaaaaaaaaaaaaaample", REFUSED}, /* Cherokee capitals */
		{"xn--n3h.example", REFUSED},                      /* the same as an A-label */
		{"\U0001f4a9.la", REFUSED},
		{"xn--a", REFUSED},
		{"xn--", REFUSED},
		{"xn--abc-", REFUSED}, /* no A-labels at all */
		{"xn--bcher-kvb.example", REFUSED},
		{"xn--99999999.example", REFUSED},
		{"a\uff0fb.example", REFUSED}, /* full-width '/' */
		{"a\uff20b.example", REFUSED}, /* and '@' */
		{"\u00e4_b.example", REFUSED},
		{"\u00e4 b", REFUSED},
		{"\u00e4..b", REFUSED},
		{"-\u00e4.b", REFUSED},
		{"a\u05d0.example", REFUSED},  /* bidi */
		{"a\u200db.example", REFUSED}, /* joiner without its context */
		{"\u0301a.example", REFUSED},  /* leading mark */
		{"\u0378.example", REFUSED},
		{"\377.example", REFUSED},
	};

	(void)state;
	CHECK_ROWS(prep_domain, rows);
}

static void domain_sizes(void **state)
{
	struct buf in = {0}, out = {0};

	(void)state;
	assert_true(prep_domain(&out, many(&in, "a", 63)));
	assert_false(prep_domain(&out, many(&in, "a", 64)));
	many(&in, "a.", 126);
	buf_puts(&in, "a");
	assert_true(prep_domain(&out, buf_str(&in)));
	buf_puts(&in, "a");
	assert_false(prep_domain(&out, buf_str(&in)));
	assert_false(
		prep_domain(&out, many(&in, "\u00e4", 63))); /* its A-label is longer than 63 */
	assert_false(prep_domain(&out, many(&in, "\u00e4.", 300)));
	assert_false(prep_domain(&out, many(&in, "\u00e4", 5000)));
	buf_free(&in);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"prep: ASCII domains are LDH labels, their final dot cut, or IPv6 in brackets",
			domain_ascii, NULL, NULL, NULL},
		{"prep: other domains are U-labels by IDNA2008, in one form each",
			domain_international, NULL, NULL, NULL},
		{"prep: a label has at most 63 bytes as an A-label, a name 253", domain_sizes, NULL,
			NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
