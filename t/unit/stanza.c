/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The view of a stanza, and what is spliced from it. */
#include "common/stanza.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/scan.h"

static const struct scan_limits limits = {
	.bytes = 10000, .elements = 100, .depth = 20, .attributes = 20, .name_bytes = 100};

static struct stanza view(const char *bytes)
{
	struct stanza s;

	if (!stanza_view(str_of(bytes), &s))
		fail_msg("no view of %s", bytes);
	return s;
}

static void assert_str(struct str got, const char *expected)
{
	if (!str_is(got, expected))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(got), expected);
}

static void sees_a_message(void **state)
{
	struct stanza s = view(
		"<message to=\"b@c\" type=\"chat\" id=\"1\" xml:lang=\"en\" from=\"a@c/d\" "
		"other=\"x\"><body>hi &amp; <b/></body>"
		"<x xmlns=\"urn:x\" to=\"y\"/>text<delay xmlns=\"urn:xmpp:delay\"><delay/>"
		"</delay></message>");

	(void)state;
	assert_int_equal(s.kind, STANZA_MESSAGE);
	assert_int_equal(s.type, TYPE_CHAT);
	assert_str(s.name, "message");
	assert_str(s.to.value, "b@c");
	assert_str(s.to.whole, " to=\"b@c\"");
	assert_str(s.from.value, "a@c/d");
	assert_str(s.id.value, "1");
	assert_str(s.lang.value, "en");
	assert_str(s.type_attr.whole, " type=\"chat\"");
	assert_str(s.start,
		"<message to=\"b@c\" type=\"chat\" id=\"1\" xml:lang=\"en\" from=\"a@c/d\" "
		"other=\"x\">");
	assert_int_equal(s.inner.n, s.bytes.n - s.start.n - strlen("</message>"));
	assert_int_equal(s.child_count, 3);
	assert_str(s.child[0].whole, "<body>hi &amp; <b/></body>");
	assert_int_equal(s.child[0].ns, NS_client);
	assert_int_equal(s.child[0].ns_uri.n, 0);
	assert_str(s.child[1].ns_uri, "urn:x");
	assert_int_equal(s.child[1].ns, NS_other);
	assert_str(s.child[1].whole, "<x xmlns=\"urn:x\" to=\"y\"/>");
	assert_str(s.child[2].whole, "<delay xmlns=\"urn:xmpp:delay\"><delay/></delay>");
	assert_ptr_equal(stanza_child(&s, NS_delay, "delay"), &s.child[2]);
	assert_ptr_equal(stanza_child(&s, NS_client, NULL), &s.child[0]);
	assert_null(stanza_child(&s, NS_client, "delay"));
}

static void sees_kinds_and_types(void **state)
{
	static const struct {
		const char *bytes;
		enum stanza_kind kind;
		enum stanza_type type;
	} rows[] = {
		{"<presence/>", STANZA_PRESENCE, TYPE_NONE},
		{"<presence type=\"unavailable\"/>", STANZA_PRESENCE, TYPE_UNAVAILABLE},
		{"<presence type=\"subscribe\"/>", STANZA_PRESENCE, TYPE_SUBSCRIBE},
		{"<presence type=\"unsubscribed\"/>", STANZA_PRESENCE, TYPE_UNSUBSCRIBED},
		{"<presence type=\"chat\"/>", STANZA_PRESENCE, TYPE_UNKNOWN},
		{"<presence type=\"\"/>", STANZA_PRESENCE, TYPE_UNKNOWN},
		{"<iq type=\"get\"/>", STANZA_IQ, TYPE_GET},
		{"<iq type=\"result\"/>", STANZA_IQ, TYPE_RESULT},
		{"<iq type=\"error\"/>", STANZA_IQ, TYPE_ERROR},
		{"<iq type=\"Get\"/>", STANZA_IQ, TYPE_UNKNOWN},
		{"<iq/>", STANZA_IQ, TYPE_NONE},
		{"<message/>", STANZA_MESSAGE, TYPE_NONE},
		{"<message type=\"headline\"/>", STANZA_MESSAGE, TYPE_HEADLINE},
		{"<message type=\"get\"/>", STANZA_MESSAGE, TYPE_UNKNOWN},
		{"<message xmlns=\"jabber:server\" type=\"chat\"/>", STANZA_OTHER, TYPE_UNKNOWN},
		{"<message xmlns=\"\"/>", STANZA_OTHER, TYPE_NONE},
		{"<messages/>", STANZA_OTHER, TYPE_NONE},
		{"<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>", STANZA_OTHER, TYPE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stanza s = view(rows[i].bytes);

		assert_int_equal(s.kind, rows[i].kind);
		assert_int_equal(s.type, rows[i].type);
		assert_int_equal(s.inner.n, 0);
	}
	assert_string_equal(stanza_type_word(TYPE_UNSUBSCRIBE), "unsubscribe");
	assert_string_equal(stanza_type_word(TYPE_NONE), "");
	assert_string_equal(stanza_type_word((enum stanza_type)99), "");
}

static void children_take_their_parents_namespace(void **state)
{
	struct stanza s = view(
		"<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"><a/><b "
		"xmlns=\"jabber:client\"/><c xmlns=\"\"/></auth>");

	(void)state;
	assert_int_equal(s.child[0].ns, NS_sasl);
	assert_int_equal(s.child[1].ns, NS_client);
	assert_int_equal(s.child[2].ns, NS_other);
	assert_int_equal(s.child[2].ns_uri.n, 0);
}

static void counts_more_children_than_it_remembers(void **state)
{
	struct stanza s = view("<iq><a/><a/><a/><a/><a/><a/><a/><a>x</a><b/><b>y</b></iq>");

	(void)state;
	assert_int_equal(s.child_count, 10);
	assert_str(s.child[7].whole, "<a>x</a>");
	assert_null(stanza_child(&s, NS_client, "b"));
}

static void takes_any_number_of_children(void **state)
{
	struct stanza s = view("<a xmlns=\"urn:xmpp:sasl:2\">x<b/><b><b>&gt;</b></b><c xmlns=\"urn:xmpp:bind:0\"/>"
		"<b/><b/><b/><b/><b/><d>y</d>z</a>");
	struct str rest = s.inner;
	struct stanza_child child;
	unsigned n = 0;

	(void)state;
	while (stanza_take_child(&s, &rest, &child)) {
		if (n < STANZA_CHILDREN) {
			assert_true(str_eq(child.whole, s.child[n].whole) && str_eq(child.name, s.child[n].name));
			assert_int_equal(child.ns, s.child[n].ns);
		}
		n++;
	}
	assert_int_equal(n, s.child_count);
	assert_str(child.whole, "<d>y</d>");
	assert_int_equal(child.ns, NS_sasl2);
	s = view("<a/>");
	rest = s.inner;
	assert_false(stanza_take_child(&s, &rest, &child));
	rest = STR("<b><c></b>"); /* whatever it is given, it stays within */
	assert_false(stanza_take_child(&s, &rest, &child));
}

/* 10,000 children behind a start tag of 200 kB must not cost 2 GB of reading. */
static void takes_children_without_the_start(void **state)
{
	struct stanza s = view("<a xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"><b/></a>");
	struct str rest = s.inner;
	struct stanza_child child;

	(void)state;
	s.bytes = s.start = STR_NONE;
	assert_true(stanza_take_child(&s, &rest, &child));
	assert_int_equal(child.ns, NS_tls);
}

static void refuses_what_is_not_canonical(void **state)
{
	static const char *const bad[] = {
		"",
		"<",
		">",
		"<>",
		"</a>",
		"a",
		"<a",
		"<a>",
		"<a></b>",
		"<a/>x",
		"<a/><b/>",
		"<a></a><b/>",
		"<a><b></a>",
		"<a b/>",
		"<a b=>",
		"<a b=\"/>",
		"<a b='1'/>",
		"<a =\"1\"/>",
		"<a  b=\"1\"/>",
		"<a b=\"1\"c=\"2\"/>",
		"<a></a b=\"1\">",
		"<a></a/>",
		"< a/>",
		"<a><b xmlns=/></a>",
		"<a><b xmlns=\"/></a>",
		"<//>",
		"<a>>",
		"</",
	};
	struct stanza s;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		size_t n = strlen(bad[i]);
		char *copy = malloc(n + 1); /* of its own, so that reading beyond is seen */

		memcpy(copy, bad[i], n);
		if (stanza_view(str_at(copy, n), &s))
			fail_msg("a view of %s", bad[i]);
		free(copy);
	}
	assert_false(stanza_view(STR_NONE, &s));
}

static void undoes_references(void **state)
{
	struct buf b = {0};

	(void)state;
	stanza_value(&b, STR("a&amp;&lt;&gt;&quot;&apos;&#9;&#10;&#13;&#x1F600;&#233;z"));
	assert_string_equal(buf_cstr(&b), "a&<>\"'\t\n\r\xF0\x9F\x98\x80\xC3\xA9z");
	buf_clear(&b);
	stanza_value(&b, STR("&;&amp&bogus;&#;&#x;&#0;&#xD800;&#x110000;&#99999999999;& &#12"));
	assert_string_equal(
		buf_cstr(&b), "&;&amp&bogus;&#;&#x;&#0;&#xD800;&#x110000;&#99999999999;& &#12");
	buf_clear(&b);
	stanza_value(&b, STR("&amp;amp;"));
	assert_string_equal(buf_cstr(&b), "&amp;");
	buf_free(&b);
}

static void assert_stamped(const char *bytes, struct str from, struct str to, const char *expected)
{
	struct stanza s = view(bytes);
	struct buf b = {0};

	stanza_stamp(&b, &s, from, to);
	assert_string_equal(buf_cstr(&b), expected);
	assert_true(scan_is_canonical(buf_str(&b), &limits));
	buf_free(&b);
}

static void stamps(void **state)
{
	(void)state;
	assert_stamped("<message to=\"b\" id=\"1\" from=\"evil\"><body/></message>",
		STR("a@c/'\"&<"), STR("b@c"),
		"<message id=\"1\" from=\"a@c/'&quot;&amp;&lt;\" to=\"b@c\"><body/></message>");
	assert_stamped("<message from=\"evil\" to=\"b\"/>", STR("a"), STR("b"),
		"<message from=\"a\" to=\"b\"/>");
	assert_stamped("<presence/>", STR("a"), STR_NONE, "<presence from=\"a\"/>");
	assert_stamped("<presence from=\"x\" to=\"y\" a=\"b\"/>", STR_NONE, STR_NONE,
		"<presence a=\"b\"/>");
	assert_stamped("<presence xmlns:p=\"u\" p:to=\"1\">x</presence>", STR("a"), STR_NONE,
		"<presence xmlns:p=\"u\" p:to=\"1\" from=\"a\">x</presence>");
}

static void assert_error(const char *bytes, const char *expected)
{
	struct stanza s = view(bytes);
	struct buf b = {0};

	stanza_error(
		&b, &s, STR("b@c"), STR("a@c/d"), STANZA_service_unavailable, STR("not <here>"));
	assert_string_equal(buf_cstr(&b), expected);
	assert_true(b.n == 0 || scan_is_canonical(buf_str(&b), &limits));
	buf_free(&b);
}

#define ERROR_ELEMENT \
	"<error type=\"cancel\">" \
	"<service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>" \
	"<text xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\">not &lt;here&gt;</text></error>"

static void answers_errors(void **state)
{
	struct stanza s = view("<message/>");
	struct buf b = {0};

	(void)state;
	assert_error(
		"<message to=\"b@c\" id=\"&amp;1\" type=\"chat\"><body>secret</body></message>",
		"<message type=\"error\" id=\"&amp;1\" from=\"b@c\" to=\"a@c/d\">" ERROR_ELEMENT
		"</message>");
	assert_error("<iq type=\"get\" id=\"1\"><query xmlns=\"u\"/></iq>",
		"<iq type=\"error\" id=\"1\" from=\"b@c\" to=\"a@c/d\"><query xmlns=\"u\"/>"
		"" ERROR_ELEMENT
		"</iq>");
	assert_error(
		"<iq/>", "<iq type=\"error\" from=\"b@c\" to=\"a@c/d\">" ERROR_ELEMENT "</iq>");
	stanza_error(&b, &s, STR_NONE, STR_NONE, STANZA_forbidden, STR_NONE);
	assert_string_equal(buf_cstr(&b),
		"<message type=\"error\"><error type=\"auth\">"
		"<forbidden xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></message>");
	buf_free(&b);
}

static void does_not_answer_errors(void **state)
{
	(void)state;
	assert_error("<message type=\"error\"/>", "");
	assert_error("<presence type=\"error\"/>", "");
	assert_error("<iq type=\"error\"/>", "");
	assert_error("<iq type=\"result\"/>", "");
	assert_error("<auth xmlns=\"u\"/>", "");
}

static void sees_the_start(void **state)
{
	struct str bytes = STR("<iq id=\"1\" to=\"a\" type=\"set\"><q xmlns=\"b\"><c/></q></iq>");
	struct stanza s;

	(void)state;
	assert_true(stanza_view_start(bytes, &s));
	assert_int_equal(s.kind, STANZA_IQ);
	assert_int_equal(s.type, TYPE_SET);
	assert_true(str_is(s.to.value, "a") && str_is(s.id.value, "1"));
	assert_true(str_eq(s.bytes, bytes) && s.child_count == 0 && s.inner.n == 0);
	assert_true(stanza_view_start(STR("<auth xmlns=\"u\"/>"), &s));
	assert_int_equal(s.kind, STANZA_OTHER);
	assert_false(stanza_view_start(STR("</a>"), &s));
	assert_false(stanza_view_start(STR("<a b=c>"), &s));
}

static bool is_delay(void *ctx, const struct stanza_child *c)
{
	(void)ctx;
	return c->ns == NS_delay;
}

static void edits(const char *in, const char *wanted)
{
	struct stanza s = view(in);
	struct buf out = {0};

	stanza_edit(&out, &s, is_delay, NULL, STR("<n/>"));
	assert_str(buf_str(&out), wanted);
	buf_free(&out);
}

static void children_are_cut_and_added(void **state)
{
	(void)state;
	edits("<message id=\"1\"><body>x</body></message>", "<message id=\"1\"><body>x</body><n/></message>");
	edits("<message id=\"1\"/>", "<message id=\"1\"><n/></message>");
	edits("<message><delay xmlns=\"urn:xmpp:delay\"/></message>", "<message><n/></message>");
	edits("<message> <a><delay xmlns=\"urn:xmpp:delay\"><a/></delay></a>t<delay xmlns=\"urn:xmpp:delay\"><b>x</b></delay>"
	      "<c/><delay xmlns=\"urn:xmpp:delay\"/> </message>",
		"<message> <a><delay xmlns=\"urn:xmpp:delay\"><a/></delay></a>t<c/> <n/></message>");
	edits("<message><a/><a/><a/><a/><a/><a/><a/><a/><a/><delay xmlns=\"urn:xmpp:delay\"/><delay/></message>",
		"<message><a/><a/><a/><a/><a/><a/><a/><a/><a/><delay/><n/></message>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"stanza: a message is seen with its attributes and children", sees_a_message, NULL,
			NULL, NULL},
		{"stanza: the start tag alone is seen without the content", sees_the_start, NULL, NULL, NULL},
		{"stanza: each kind has its types", sees_kinds_and_types, NULL, NULL, NULL},
		{"stanza: a child without a namespace has its parent's",
			children_take_their_parents_namespace, NULL, NULL, NULL},
		{"stanza: more children are counted than remembered",
			counts_more_children_than_it_remembers, NULL, NULL, NULL},
		{"stanza: children are taken one by one, however many there are",
			takes_any_number_of_children, NULL, NULL, NULL},
		{"stanza: for its children the start tag is not read again", takes_children_without_the_start, NULL, NULL, NULL},
		{"stanza: what is not canonical has no view", refuses_what_is_not_canonical, NULL,
			NULL, NULL},
		{"stanza: references are undone once", undoes_references, NULL, NULL, NULL},
		{"stanza: a stamp takes the place of from and to", stamps, NULL, NULL, NULL},
		{"stanza: an error answer says what is wrong, and to whom", answers_errors, NULL,
			NULL, NULL},
		{"stanza: an error is never answered", does_not_answer_errors, NULL, NULL, NULL},
		{"stanza: children are cut and added, and nothing else changes", children_are_cut_and_added, NULL, NULL, NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
