/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: streams, framing, limits and memory. What is XML is in scan_xml.c, namespaces are in
 * scan_ns.c. */
#include "t/unit/scan_try.h"

#include <stdlib.h>

static struct scan *in_stream(const struct scan_limits *limits)
{
	struct scan *s = scan_new(limits);
	size_t used;

	assert_int_equal(scan_feed(s, STR(HEADER), &used), SCAN_STREAM);
	assert_int_equal(used, strlen(HEADER));
	return s;
}

static void assert_str(struct str got, const char *expected)
{
	if (!str_is(got, expected))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), expected);
}

static void header_is_told(void **state)
{
	struct scan *s = scan_new(&try_limits);
	const struct scan_header *h;
	size_t used;

	(void)state;
	assert_int_equal(
		scan_feed(s,
			STR("<?xml version='1.0'?> <stream:stream to='a&amp;b' "
			"from=\"x'y&quot;\" version='1.0' "
			    "xml:lang='de' xmlns='jabber:client' id='&lt;' "
			"xmlns:stream='http://etherx.jabber.org/streams' >"),
			&used),
		SCAN_STREAM);
	h = scan_header(s);
	assert_int_equal(h->ns, NS_streams);
	assert_int_equal(h->content_ns, NS_client);
	assert_str(h->name, "stream");
	assert_str(h->to, "a&b");
	assert_str(h->from, "x'y\"");
	assert_str(h->version, "1.0");
	assert_str(h->lang, "de");
	assert_true(h->has_to && h->has_version);
	scan_reset(s);
	assert_int_equal(scan_feed(s, STR("<flash:stream to='' xmlns:flash='urn:flash'>"), &used),
		SCAN_STREAM);
	h = scan_header(s);
	assert_int_equal(h->ns, NS_other);
	assert_int_equal(h->content_ns, NS_other);
	assert_int_equal(h->to.n, 0);
	assert_true(h->has_to);
	assert_false(h->has_version);
	scan_free(&s);
}

static void any_root_is_told(void **state)
{
	struct scan *s = scan_new(&try_limits);
	size_t used;

	(void)state;
	assert_int_equal(scan_feed(s, STR("<html>"), &used), SCAN_STREAM);
	assert_str(scan_header(s)->name, "html");
	assert_int_equal(scan_header(s)->ns, NS_other);
	scan_reset(s);
	assert_int_equal(scan_feed(s, STR("<open xmlns='jabber:client'>"), &used), SCAN_STREAM);
	assert_int_equal(scan_header(s)->ns, NS_client);
	scan_free(&s);
	WHOLE("<stream/>", FORMAT);
	WHOLE("</stream>", NWF);
}

static void declaration_at_the_start_only(void **state)
{
	(void)state;
	WHOLE("<?xml version='1.0'?>" HEADER "<a/>", "<a/>");
	WHOLE("<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes' ?>\r\n" HEADER "<a/>",
		"<a/>");
	WHOLE("<?xml\tversion = '1.0'\nencoding='UTF-8'?>" HEADER "<a/>", "<a/>");
	WHOLE(" <?xml version='1.0'?>" HEADER, RESTRICTED);
	WHOLE("<?xml version='1.0'?><?xml version='1.0'?>" HEADER, RESTRICTED);
	GIVES("<?xml version='1.0'?>", RESTRICTED);
	GIVES("<a><?xml version='1.0'?></a>", RESTRICTED);
	WHOLE("<?xml-stylesheet href='x'?>", RESTRICTED);
	WHOLE("<?php?>", RESTRICTED);
}

static void declaration_is_read_strictly(void **state)
{
	(void)state;
	WHOLE("<?xml version='1.0' encoding='ISO-8859-1'?>", "!unsupported-encoding");
	WHOLE("<?xml version='1.0' encoding='UTF-16'?>", "!unsupported-encoding");
	WHOLE("<?xml version='1.1'?>", FORMAT);
	WHOLE("<?xml encoding='UTF-8'?>", NWF);
	WHOLE("<?xml version='1.0'encoding='UTF-8'?>", NWF);
	WHOLE("<?xml encoding='UTF-8' version='1.0'?>", NWF);
	WHOLE("<?xml version='1.0' standalone='maybe'?>", NWF);
	WHOLE("<?xml version='1.0' encoding=''?>", NWF);
	WHOLE("<?xml version='1.0' extra='1'?>", NWF);
	WHOLE("<?xml version=1.0?>", NWF);
	WHOLE("<?xml version='1.0\"?>", NWF);
	WHOLE("<?xml ?>", NWF);
	WHOLE("<?xml version='1.0' \x01?>", NWF);
	WHOLE("<?xml version='1.0'                                                          "
		"                                 "
	      "                                                                             "
		"                 ?>",
		POLICY);
}

static void other_encodings_are_named(void **state)
{
	(void)state;
	WHOLE("\xFE\xFF\0<\0s", "!unsupported-encoding");
	WHOLE("\xFF\xFE<\0s\0", "!unsupported-encoding");
	WHOLE("\0<\0s", "!unsupported-encoding");
	WHOLE("\xEF\xBB\xBF" HEADER,
		NWF); /* RFC 6120 11.6: no byte order mark, but a character before the root */
	WHOLE("GET / HTTP/1.1\r\n", NWF);
	WHOLE(" x", NWF);
	WHOLE("\x16\x03\x01", NWF);
}

static void blanks_between_are_silent(void **state)
{
	(void)state;
	GIVES(" \r\n\t<a/> \n <b/> ", "<a/><b/>");
	WHOLE("\n " HEADER "<a/>", "<a/>");
	GIVES("x<a/>", FORMAT);
	GIVES("<a/>x", "<a/>" FORMAT);
	GIVES("&amp;", FORMAT);
	GIVES("<![CDATA[x]]>", RESTRICTED);
	GIVES("\xEF\xBB\xBF", FORMAT);
	GIVES("\x80", FORMAT);
	GIVES("\x01", NWF);
	GIVES("", "");
}

static void close_ends_it(void **state)
{
	(void)state;
	GIVES("<a/></stream:stream>", "<a/></>");
	GIVES("</stream:stream \n> \n", "</>");
	GIVES("</stream:stream>x", "</>" NWF);
	GIVES("</stream:stream><a/>", "</>" NWF);
	GIVES("</stream>", NWF);
	GIVES("</stream:strean>", NWF);
	GIVES("</stream:streamx>", NWF);
	GIVES("</stream:stream x='1'>", NWF);
	GIVES("<a></stream:stream>", NWF);
}

static void used_ends_behind_the_bracket(void **state)
{
	struct scan *s = in_stream(&try_limits);
	size_t used;

	(void)state;
	assert_int_equal(scan_feed(s, STR("<starttls/>\x16\x03\x01"), &used), SCAN_ELEMENT);
	assert_int_equal(used, 11);
	assert_int_equal(scan_feed(s, STR(" <a></a> "), &used), SCAN_ELEMENT);
	assert_int_equal(used, 8);
	assert_true(scan_idle(s));
	assert_int_equal(scan_feed(s, STR("  "), &used), SCAN_MORE);
	assert_true(scan_idle(s));
	assert_int_equal(scan_feed(s, STR("<"), &used), SCAN_MORE);
	assert_false(scan_idle(s));
	scan_free(&s);
}

static void element_is_told(void **state)
{
	struct scan *s = in_stream(&try_limits);
	const struct scan_element *e;
	size_t used;

	(void)state;
	assert_int_equal(
		scan_feed(s,
			STR("<x:auth xmlns:x='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</x:auth>"),
			&used),
		SCAN_ELEMENT);
	e = scan_element(s);
	assert_str(e->bytes, "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">AA==</auth>");
	assert_str(e->name, "auth");
	assert_str(e->ns_uri, "urn:ietf:params:xml:ns:xmpp-sasl");
	assert_int_equal(e->ns, NS_sasl);
	assert_int_equal(
		scan_feed(s, STR("<a xmlns='urn:unknown'><b xmlns='urn:other'/></a>"), &used),
		SCAN_ELEMENT);
	assert_str(scan_element(s)->ns_uri, "urn:unknown");
	assert_int_equal(scan_element(s)->ns, NS_other);
	assert_int_equal(scan_feed(s, STR("<stream:error/>"), &used), SCAN_ELEMENT);
	assert_int_equal(scan_element(s)->ns, NS_streams);
	assert_int_equal(scan_feed(s, STR("<iq/>"), &used), SCAN_ELEMENT);
	assert_str(scan_element(s)->ns_uri, "jabber:client");
	scan_rest(s);
	scan_free(&s);
}

static void limits_hold(void **state)
{
	(void)state;
	GIVES("<a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>",
		"<a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a>");
	GIVES("<a><a><a><a><a><a><a><a><a><a><a/>", POLICY);
	GIVES("<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j=''/>",
		"<a a=\"\" b=\"\" c=\"\" d=\"\" e=\"\" f=\"\" g=\"\" h=\"\" i=\"\" j=\"\"/>");
	GIVES("<a a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k=''/>", POLICY);
	GIVES("<a a='' b='' c='' d='' e='' f='' g='' h='' i='' stream:j=''/>",
		POLICY); /* its xmlns:stream is the eleventh */
	GIVES("<abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij/>",
		"<abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij/>");
	GIVES("<abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijx/>", POLICY);
	GIVES("<abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghi\xC3\xA9/>", POLICY);
	GIVES("<a xmlns='abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijx'/>", POLICY);
}

static void repeat(struct buf *b, const char *what, unsigned times)
{
	while (times--)
		buf_puts(b, what);
}

static void bytes_are_limited(void **state)
{
	struct buf b = {0};

	(void)state;
	/* of the input: 2000 bytes pass, 2001 do not, however little comes of them */
	buf_puts(&b, "<a");
	repeat(&b, " ", 1996);
	buf_puts(&b, "/>");
	try_stream(buf_str(&b), "<a/>");
	buf_clear(&b);
	buf_puts(&b, "<a");
	repeat(&b, " ", 1997);
	buf_puts(&b, "/>");
	try_stream(buf_str(&b), POLICY);
	/* of the output: "'" in quotes of its own kind becomes six bytes */
	buf_clear(&b);
	buf_puts(&b, "<a b='");
	repeat(&b, "\"", 400);
	buf_puts(&b, "'/>");
	try_stream(buf_str(&b), POLICY);
	/* before any element */
	buf_clear(&b);
	buf_puts(&b, "<stream to='");
	repeat(&b, "x", 3000);
	try_bytes(buf_str(&b), POLICY);
	buf_free(&b);
}

static void elements_are_limited(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_puts(&b, "<a>");
	repeat(&b, "<b/>", 49);
	buf_puts(&b, "</a>");
	try_stream(buf_str(&b), buf_cstr(&b));
	buf_clear(&b);
	buf_puts(&b, "<a>");
	repeat(&b, "<b/>", 50);
	try_stream(buf_str(&b), POLICY);
	buf_free(&b);
}

static void namespaces_are_limited(void **state)
{
	const struct scan_limits wide = {.bytes = 100000,
		.elements = 1000,
		.depth = 200,
		.attributes = 100,
		.name_bytes = 60};
	struct scan *s = in_stream(&wide);
	struct buf b = {0};
	size_t used;

	(void)state;
	for (unsigned i = 0; i < 63; i++) /* the header has one */
		buf_printf(&b, "<a xmlns:p%u='jabber:client'>", i);
	repeat(&b, "</a>", 63);
	assert_int_equal(scan_feed(s, buf_str(&b), &used), SCAN_ELEMENT);
	buf_clear(&b);
	for (unsigned i = 0; i < 64; i++)
		buf_printf(&b, "<a xmlns:p%u='jabber:client'>", i);
	assert_int_equal(scan_feed(s, buf_str(&b), &used), SCAN_ERROR);
	assert_int_equal(scan_why(s), STREAM_policy_violation);
	scan_free(&s);
	s = in_stream(&wide);
	buf_clear(&b);
	for (unsigned i = 0; i < 65; i++)
		buf_printf(&b, "<a xmlns='urn:%u'>", i);
	assert_int_equal(scan_feed(s, buf_str(&b), &used), SCAN_ERROR);
	assert_int_equal(scan_why(s), STREAM_policy_violation);
	/* The same prefix again and again does not count: canonical bytes are like that. */
	scan_free(&s);
	s = in_stream(&wide);
	buf_clear(&b);
	repeat(&b, "<a stream:x='1' xmlns:q='urn:q' q:y='2'>", 150);
	repeat(&b, "</a>", 150);
	assert_int_equal(scan_feed(s, buf_str(&b), &used), SCAN_ELEMENT);
	assert_true(scan_is_canonical(scan_element(s)->bytes, &wide));
	buf_free(&b);
	scan_free(&s);
}

static void a_million_of_anything_is_refused(void **state)
{
	static const char *const floods[] = {
		"<a>", " a='1'", "<b/>", "x", "&#x00000000000000000000000041;", "]", "\xC3\xA9"};
	size_t used;

	(void)state;
	for (size_t i = 0; i < COUNT(floods); i++) {
		struct scan *s = in_stream(&try_limits);
		enum scan_event event = SCAN_MORE;
		unsigned n = 0;

		scan_feed(s, i == 1 ? STR("<a ") : STR("<a>"), &used);
		while (event == SCAN_MORE && n++ < 1000000)
			event = scan_feed(s, str_of(floods[i]), &used);
		assert_int_equal(event, SCAN_ERROR);
		assert_true(n <= 2001);
		scan_free(&s);
	}
}

static void new_limits_wait(void **state)
{
	static const struct scan_limits narrow = {
		.bytes = 20, .elements = 50, .depth = 10, .attributes = 10, .name_bytes = 60};
	static const struct str element = {"<a>12345678901234567890</a>", 27};
	struct scan *s = in_stream(&try_limits);
	size_t used;

	(void)state;
	assert_int_equal(scan_feed(s, str_head(element, 5), &used), SCAN_MORE);
	scan_limit(s, &narrow);
	assert_int_equal(scan_feed(s, str_skip(element, 5), &used), SCAN_ELEMENT);
	assert_int_equal(scan_feed(s, str_head(element, 5), &used), SCAN_MORE);
	scan_limit(s, &try_limits);
	assert_int_equal(scan_feed(s, str_skip(element, 5), &used), SCAN_ERROR);
	assert_int_equal(scan_why(s), STREAM_policy_violation);
	scan_reset(s);
	assert_int_equal(scan_feed(s, STR(HEADER), &used), SCAN_STREAM);
	assert_int_equal(scan_feed(s, element, &used), SCAN_ELEMENT);
	scan_free(&s);
}

static void reset_forgets(void **state)
{
	struct scan *s = in_stream(&try_limits);
	size_t used;

	(void)state;
	assert_int_equal(scan_feed(s, STR("<a><b"), &used), SCAN_MORE);
	scan_reset(s);
	assert_true(scan_idle(s));
	assert_int_equal(scan_feed(s, STR("<?xml version='1.0'?>"), &used), SCAN_MORE);
	assert_int_equal(scan_feed(s, STR(HEADER), &used), SCAN_STREAM);
	assert_int_equal(scan_feed(s, STR("\x80"), &used), SCAN_ERROR);
	scan_reset(s);
	assert_int_equal(scan_feed(s, STR("<s xmlns='jabber:server'>"), &used), SCAN_STREAM);
	assert_int_equal(scan_feed(s, STR("<stream:a/>"), &used),
		SCAN_ERROR); /* that prefix went with the old stream */
	assert_int_equal(scan_why(s), STREAM_bad_namespace_prefix);
	scan_free(&s);
	scan_free(&s);
}

static void two_at_once(void **state)
{
	struct scan *a = in_stream(&try_limits);
	struct scan *b = in_stream(&try_limits);
	size_t used;

	(void)state;
	assert_int_equal(scan_feed(a, STR("<a><c>one"), &used), SCAN_MORE);
	assert_int_equal(scan_feed(b, STR("<b>two</b>"), &used), SCAN_ELEMENT);
	assert_int_equal(scan_feed(a, STR("</c></a>"), &used), SCAN_ELEMENT);
	assert_true(scan_is_canonical(STR("<d><e/></d>"), &try_limits));
	assert_str(scan_element(a)->bytes, "<a><c>one</c></a>");
	assert_str(scan_element(b)->bytes, "<b>two</b>");
	scan_free(&a);
	scan_free(&b);
}

static void canonical_is_recognised(void **state)
{
	static const char *const good[] = {
		"<a/>",
		"<a b=\"'\"/>",
		"<a>&amp;&lt;&gt;\"'&#13;\n\t]]&gt;</a>",
		"<a b=\"&quot;&#9;&#10;&#13;&gt;\"/>",
		"<a xmlns=\"\"/>",
		"<a xmlns=\"\"><b xmlns=\"jabber:client\"/></a>",
		"<a xmlns:p=\"u\" p:b=\"\"/>",
		"<a xml:lang=\"en\"/>",
		"<message to=\"b@c\"><body>x</body><x xmlns=\"u\"><y/></x></message>",
	};
	static const char *const bad[] = {
		"",
		" <a/>",
		"<a/> ",
		"<a></a>",
		"<a />",
		"<a b='1'/>",
		"<a  b=\"1\"/>",
		"<a b=\"1\" />",
		"<a>&apos;</a>",
		"<a>&#39;</a>",
		"<a>></a>",
		"<a>\r</a>",
		"<a xmlns=\"jabber:client\"/>",
		"<a xmlns:p=\"u\"/>",
		"<p:a xmlns:p=\"u\"/>",
		"<a b=\"1\" xmlns=\"u\"/>",
		"<a/><b/>",
		"<a",
		"<a>",
		"</a>",
		"x",
		"<a><![CDATA[x]]></a>",
		"<a b=\"\t\"/>",
		"<a xmlns=\"u\"><b xmlns=\"u\"/></a>",
		"<a p:b=\"\" xmlns:p=\"u\"/>",
		"<a b=\"&#x9;\"/>",
		"<a>&quot;</a>",
		"<a></b>",
		"<?xml version='1.0'?><a/>",
		"<a>\x80</a>",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!scan_is_canonical(str_of(good[i]), &try_limits))
			fail_msg("canonical, but not taken: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (scan_is_canonical(str_of(bad[i]), &try_limits))
			fail_msg("not canonical, but taken: %s", bad[i]);
	assert_false(scan_is_canonical(STR("<a>\0</a>"), &try_limits));
	assert_true(scan_is_canonical(STR("<a/>"), &(const struct scan_limits){4, 1, 1, 0, 1}));
	assert_false(scan_is_canonical(STR("<ab/>"), &(const struct scan_limits){4, 1, 1, 0, 2}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"scan: the stream header is told with its attributes unescaped", header_is_told,
			NULL, NULL, NULL},
		{"scan: any root element is told, an empty one is no stream", any_root_is_told,
			NULL, NULL, NULL},
		{"scan: an XML declaration stands at the very start or nowhere",
			declaration_at_the_start_only, NULL, NULL, NULL},
		{"scan: an XML declaration is read strictly", declaration_is_read_strictly, NULL,
			NULL, NULL},
		{"scan: other encodings and a byte order mark are refused",
			other_encodings_are_named, NULL, NULL, NULL},
		{"scan: white space between elements is silent, other text is not",
			blanks_between_are_silent, NULL, NULL, NULL},
		{"scan: behind the end of the stream comes nothing", close_ends_it, NULL, NULL,
			NULL},
		{"scan: what was used ends exactly behind the bracket",
			used_ends_behind_the_bracket, NULL, NULL, NULL},
		{"scan: an element is told with its name and namespace", element_is_told, NULL,
			NULL, NULL},
		{"scan: depth, attributes and names are limited", limits_hold, NULL, NULL, NULL},
		{"scan: bytes are limited, of the input and of the output", bytes_are_limited, NULL,
			NULL, NULL},
		{"scan: elements are limited", elements_are_limited, NULL, NULL, NULL},
		{"scan: namespaces in scope are limited", namespaces_are_limited, NULL, NULL, NULL},
		{"scan: a million of anything is refused early", a_million_of_anything_is_refused,
			NULL, NULL, NULL},
		{"scan: new limits hold from the next element on", new_limits_wait, NULL, NULL,
			NULL},
		{"scan: a reset forgets the stream", reset_forgets, NULL, NULL, NULL},
		{"scan: two scanners do not share what they hand out", two_at_once, NULL, NULL,
			NULL},
		{"scan: canonical bytes are recognised", canonical_is_recognised, NULL, NULL, NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
