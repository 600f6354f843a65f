/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The quick look at canonical bytes beside the whole gate: it must say yes to what is usually said, or it is of no use,
 * and never to what the gate would not. */
#include "common/scan_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct scan_limits wide = {.bytes = 10000, .elements = 20, .depth = 8, .attributes = 6, .name_bytes = 60};

static const char *const usual[] = {
	"<a/>",
	"<presence/>",
	"<message to=\"b@x/y\" type=\"chat\" id=\"m1\" xml:lang=\"en\"><body>the quick brown fox, jumps over it</body></message>",
	"<message><body>it's \"so\" ]] &amp; &lt;b&gt; &#13;\n\t.</body><x xmlns=\"a:b\"/></message>",
	"<iq type=\"get\" id=\"&quot;&#9;&#10;&#13;&lt;&gt;&amp;'\"><query xmlns=\"jabber:iq:roster\"><item jid=\"a\"/></query></iq>",
	"<iq><q xmlns=\"n:1\"><i a=\"1\"/><j xmlns=\"n:2\"><k xmlns=\"jabber:client\"/></j>\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80</q></iq>",
	"<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" mechanism=\"PLAIN\">AGEAYg==</auth>",
	"<a><b><c><d><e><f><g><h>12345678901234567]890123456789</h></g></f></e></d></c></b></a>",
	"<a b=\"\xc2\xa0\xef\xbf\xbd]\" c=\"\" d=\"1234567890123456789012345678901234567890\" e=\"5\" f=\"6\" g=\"7\"/>",
};

/* The gate may say yes where the quick look does not know, and only there. */
static const char *const seldom[] = {
	"<a xmlns:p=\"n:1\" p:b=\"c\"/>",
	"<\xc3\xa4/>",
	"<a xmlns=\"\"/>",
	"<a xml:space=\"x\"/>",
};

static const char *const never[] = {
	"", "<", "<a", "<a>", "<a/", "<a/>b", "<a/> ", " <a/>", "<a></a>", "<a >b</a>", "<a>b</a >",
	"<a>b</b>", "<a>b</ab>", "<ab>b</a>", "<a  b=\"c\"/>", "<a b='c'/>", "<a b = \"c\"/>", "<a b=\"c\"/ >",
	"<a b=\"c\" b=\"d\"/>", "<a b=\"c\"d=\"e\"/>", "<a b=\"<\"/>", "<a b=\">\"/>", "<a b=\"&\"/>",
	"<a b=\"&apos;\"/>", "<a b=\"&#x9;\"/>", "<a b=\"\t\"/>", "<a b=\"\n\"/>", "<a>&quot;</a>",
	"<a>&#9;</a>", "<a>></a>", "<a>]]></a>", "<a>\r</a>", "<a>\x01</a>", "<a>\xff</a>", "<a>\xc3</a>",
	"<a>\xed\xa0\x80</a>", "<a>\xef\xbf\xbe</a>", "<a><!----></a>", "<a><![CDATA[b]]></a>", "<a><?b?></a>",
	"<a:b/>", "<1/>", "<-a/>", "<a 1=\"\"/>", "<a xmlns=\"jabber:client\"/>", "<a b=\"c\" xmlns=\"d:e\"/>",
	"<a xmlns=\"d:e\" xmlns=\"d:f\"/>", "<a xmlns=\"http://www.w3.org/XML/1998/namespace\"/>",
	"<a xmlns=\"http://www.w3.org/2000/xmlns/\"/>", "<a xmlns=\"d:e\"><b xmlns=\"d:e\"/></a>",
	"<a xml:lang=\"a\" xml:lang=\"b\"/>", "<a><b></a></b>", "</a>", "<a/><b/>",
	"<a b=\"c\" c=\"d\" d=\"e\" e=\"f\" f=\"g\" g=\"h\" h=\"i\"/>",
	"<a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a>",
	"<a xmlns=\"1234567890123456789012345678901234567890123456789012345678901\"/>",
	"<a1234567890123456789012345678901234567890123456789012345678901/>",
};

static void says_yes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		if (!scan_canonical_full(str_of(usual[i]), &wide))
			fail_msg("not canonical: %s", usual[i]);
		if (!scan_canonical_quick(str_of(usual[i]), &wide))
			fail_msg("not seen at once: %s", usual[i]);
	}
	for (size_t i = 0; i < COUNT(seldom); i++) {
		if (scan_is_canonical(str_of(seldom[i]), &wide) != scan_canonical_full(str_of(seldom[i]), &wide))
			fail_msg("the gate is not asked: %s", seldom[i]);
	}
	assert_true(scan_is_canonical(str_of(seldom[0]), &wide));
}

static void says_no(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(never); i++) {
		if (scan_canonical_full(str_of(never[i]), &wide) || scan_canonical_quick(str_of(never[i]), &wide))
			fail_msg("taken: %s", never[i]);
	}
	assert_false(scan_canonical_quick(STR("<a>\0</a>"), &wide));
	assert_false(scan_canonical_quick(STR_NONE, &wide));
}

static void compare(const char *bytes, size_t n, const struct scan_limits *limits)
{
	struct str s = str_at(bytes, n);

	if (scan_canonical_quick(s, limits) && !scan_canonical_full(s, limits))
		fail_msg("only the quick look takes: %.*s", STR_ARG(s));
}

/* Every byte as every other, every byte left out, every byte doubled, and cut everywhere. */
static void no_neighbour_slips_through(void **state)
{
	char bytes[400];

	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		size_t n = strlen(usual[i]);

		for (size_t at = 0; at < n; at++) {
			memcpy(bytes, usual[i], n);
			for (int c = 0; c < 256; c++) {
				bytes[at] = (char)c;
				compare(bytes, n, &wide);
			}
			memcpy(bytes, usual[i], at);
			memcpy(bytes + at, usual[i] + at + 1, n - at - 1);
			compare(bytes, n - 1, &wide);
			compare(bytes, at, &wide);
			memcpy(bytes, usual[i], at + 1);
			memcpy(bytes + at + 1, usual[i] + at, n - at);
			compare(bytes, n + 1, &wide);
		}
	}
}

static void limits_are_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		struct str s = str_of(usual[i]);

		for (unsigned k = 1; k < 70; k++) {
			struct scan_limits l[] = {wide, wide, wide, wide, wide};

			l[0].bytes = s.n + 35 > k ? s.n + 35 - k : 1;
			l[1].elements = l[2].depth = l[4].name_bytes = k;
			l[3].attributes = k - 1;
			for (size_t j = 0; j < COUNT(l); j++)
				assert_true(scan_canonical_quick(s, &l[j]) == scan_canonical_full(s, &l[j]));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"scan: what is usually said is canonical at first sight", says_yes, NULL, NULL, NULL},
		{"scan: what is not canonical is not so at first sight either", says_no, NULL, NULL, NULL},
		{"scan: no byte of it can be another without the gate's consent", no_neighbour_slips_through, NULL, NULL, NULL},
		{"scan: the first look holds to the gate's limits, each to the last one", limits_are_the_same, NULL, NULL, NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("scan_canonical", tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
