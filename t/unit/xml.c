/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree, and that mxml is not believed. */
#include "common/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/log.h"

static void assert_str(struct str got, const char *expected)
{
	if (!str_is(got, expected))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), expected);
}

static void builds_a_tree(void **state)
{
	struct xml *x = xml_parse(STR(
		"<iq type=\"get\" id=\"a&amp;&lt;&quot;&#10;\" xml:lang=\"en\"><query "
		"xmlns=\"jabber:iq:version\"><name/>"
		"<os>1</os></query>one<b/>two<b c=\"\"/>three</iq>"));
	const struct xml_node *root, *query, *b;

	(void)state;
	assert_non_null(x);
	root = xml_root(x);
	assert_str(xml_name(root), "iq");
	assert_int_equal(xml_ns(root), NS_client);
	assert_str(xml_ns_uri(root), "jabber:client");
	assert_str(xml_attr(root, "id"), "a&<\"\n");
	assert_str(xml_attr(root, "xml:lang"), "en");
	assert_str(xml_text(root), "onetwothree");
	assert_true(xml_has_attr(root, "type"));
	assert_false(xml_has_attr(root, "typ"));
	assert_int_equal(xml_attr(root, "typ").n, 0);
	query = xml_child(root, NS_version, "query");
	assert_non_null(query);
	assert_ptr_equal(query, xml_child(root, NS_other, NULL));
	assert_null(xml_child(root, NS_client, "query"));
	assert_int_equal(xml_ns(xml_child(query, NS_version, "name")), NS_version); /* inherited */
	assert_str(xml_text(xml_child(query, NS_other, "os")), "1");
	assert_null(xml_next(query, NS_version, NULL));
	b = xml_child(root, NS_client, "b");
	assert_false(xml_has_attr(b, "c"));
	b = xml_next(b, NS_client, "b");
	assert_true(xml_has_attr(b, "c"));
	assert_null(xml_next(b, NS_other, NULL));
	xml_free(&x);
	assert_null(x);
}

static void namespaces_resolve(void **state)
{
	struct xml *x = xml_parse(STR(
		"<a xmlns=\"\"><b/><c xmlns=\"urn:&amp;\"><d/><e xmlns=\"jabber:client\"/>"
		"</c></a>"));
	const struct xml_node *a = xml_root(x), *c;

	(void)state;
	assert_int_equal(xml_ns_uri(a).n, 0);
	assert_int_equal(xml_ns(a), NS_other);
	assert_int_equal(xml_ns(xml_child(a, NS_other, "b")), NS_other);
	c = xml_child(a, NS_other, "c");
	assert_str(xml_ns_uri(xml_child(c, NS_other, "d")), "urn:&");
	assert_int_equal(xml_ns(xml_child(c, NS_other, "e")), NS_client);
	xml_free(&x);
}

/* What mxml has been seen to change or drop, and canonical bytes may hold. */
static void mxml_reads_canonical_bytes_right(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{"<a>\xEF\xBB\xBF</a>", "\xEF\xBB\xBF"},
		{"<a>x\xEF\xBB\xBFy\xEF\xBB\xBF</a>", "x\xEF\xBB\xBFy\xEF\xBB\xBF"},
		{"<a>&#13; \t\n </a>", "\r \t\n "},
		{"<a> </a>", " "},
		{"<a>\n<b/>\n</a>", "\n\n"},
		{"<a>&amp;nbsp;&amp;amp;</a>", "&nbsp;&amp;"},
		{"<a>\x7F\xC2\x85\xC2\xA0\xE2\x80\xA8</a>", "\x7F\xC2\x85\xC2\xA0\xE2\x80\xA8"},
		{"<a>\xF4\x8F\xBF\xBF\xF0\xAF\xBF\xBE</a>", "\xF4\x8F\xBF\xBF\xF0\xAF\xBF\xBE"},
		{"<a>]]&gt; ![CDATA[ %x; \\ {}</a>", "]]> ![CDATA[ %x; \\ {}"},
		{"<a b=\"/\" c=\"=\" d=\" \" e=\"'&gt;\">/</a>", "/"},
		{"<a.b-c:d xmlns=\"u\">1</a.b-c:d>", "1"},
		{"<\xC3\xA9 \xC3\xA9=\"1\">1</\xC3\xA9>", "1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xml *x = xml_parse(str_of(rows[i].bytes));

		if (!x)
			fail_msg("no tree of %s", rows[i].bytes);
		assert_str(xml_text(xml_root(x)), rows[i].text);
		xml_free(&x);
	}
}

static void large_and_deep(void **state)
{
	struct buf b = {0};
	struct xml *x;
	const struct xml_node *n;
	unsigned depth = 0, i;

	(void)state;
	for (i = 0; i < 5000; i++)
		buf_puts(&b, "<a b=\"1\"><c/>");
	for (i = 0; i < 5000; i++)
		buf_puts(&b, "</a>");
	x = xml_parse(buf_str(&b));
	assert_non_null(x);
	for (n = xml_root(x); n; n = xml_child(n, NS_client, "a"))
		depth++;
	assert_int_equal(depth, 5000);
	xml_free(&x);
	buf_free(&b);
}

static void refuses_the_rest(void **state)
{
	static const char *const bad[] = {
		"",
		"a",
		"<a",
		"<a>",
		"<a></a></a>",
		"<a/><b/>",
		"<a/>x",
		" <a/>",
		"<a>\x80</a>",
		"<a>\xFE\xFF</a>",
		"<a>\xFF\xFE",
		"</a>",
		"<a b></a>",
		"<a b=\"></a>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (xml_parse(str_of(bad[i])))
			fail_msg("a tree of %s", bad[i]);
	assert_null(xml_parse(STR("<a>\0</a>")));
	assert_null(xml_parse(STR_NONE));
}

/* Not canonical, and mxml builds something else than the bytes say: that is found out. */
static void a_mismatch_is_no_tree(void **state)
{
	static const char *const bad[] = {
		"<a><![CDATA[x]]></a>",
		"<a><!--x--></a>",
		"<a><?x?></a>",
		"<?x?><a/>",
		"<a>&nbsp;</a>",
		"<a&#98;/>",
		"<a></a junk=\"1\">",
		"<a>&#65zz;</a>",
		"<a b=\"&eacute;\"/>",
	};
	uint64_t before = log_count(EVENT_parser_mismatch);

	(void)state;
	log_level_set(LOG_ERROR);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (xml_parse(str_of(bad[i])))
			fail_msg("a tree of %s", bad[i]);
	assert_true(log_count(EVENT_parser_mismatch) > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"xml: a tree has names, attributes, text and children", builds_a_tree, NULL, NULL,
			NULL},
		{"xml: namespaces are resolved", namespaces_resolve, NULL, NULL, NULL},
		{"xml: mxml reads canonical bytes right", mxml_reads_canonical_bytes_right, NULL,
			NULL, NULL},
		{"xml: five thousand levels are no trouble", large_and_deep, NULL, NULL, NULL},
		{"xml: what is not canonical is no tree", refuses_the_rest, NULL, NULL, NULL},
		{"xml: a tree that is not what the bytes say is found out", a_mismatch_is_no_tree,
			NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	xml_thread_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
