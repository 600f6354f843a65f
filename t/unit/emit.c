/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The writer, and the words it writes: namespaces and conditions. */
#include "common/emit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/condition.h"
#include "common/scan.h"

static const struct scan_limits limits = {
	.bytes = 10000, .elements = 100, .depth = 20, .attributes = 20, .name_bytes = 100};

static void assert_wrote(struct buf *b, const char *expected)
{
	assert_string_equal(buf_cstr(b), expected);
	assert_true(scan_is_canonical(buf_str(b), &limits));
	buf_clear(b);
}

static void writes_elements(void **state)
{
	struct buf b = {0};
	struct emit e = emit_to(&b);

	(void)state;
	emit_start(&e, "iq");
	emit_attr(&e, "type", STR("result"));
	emit_attr_opt(&e, "id", STR_NONE);
	emit_start_ns(&e, "bind", NS_bind);
	emit_leaf(&e, "jid", STR("a@b/c"));
	emit_leaf(&e, "empty", STR_NONE);
	emit_end(&e);
	emit_text(&e, STR("x"));
	emit_text(&e, STR("y"));
	emit_raw(&e, STR("<z/>"));
	emit_end(&e);
	assert_wrote(&b,
		"<iq type=\"result\"><bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"><jid>"
		"a@b/c</jid><empty/></bind>xy<z/></iq>");
	buf_free(&b);
}

static void declares_where_needed(void **state)
{
	struct buf b = {0};
	struct emit e = emit_to(&b);

	(void)state;
	emit_start_ns(&e, "iq", NS_client);
	emit_start_ns(&e, "query", NS_version);
	emit_start_ns(&e, "name", NS_version);
	emit_end(&e);
	emit_start_ns(&e, "iq", NS_client);
	emit_end(&e);
	emit_end(&e);
	emit_end(&e);
	assert_wrote(&b,
		"<iq><query xmlns=\"jabber:iq:version\"><name/><iq xmlns=\"jabber:client\"/>"
		"</query></iq>");
	buf_free(&b);
}

static void nothing_stays_empty(void **state)
{
	struct buf b = {0};
	struct emit e = emit_to(&b);

	(void)state;
	emit_start(&e, "a");
	emit_text(&e, STR_NONE);
	emit_text(&e, STR("\x01\x80"));
	emit_raw(&e, STR_NONE);
	emit_attr(&e, "late", STR("1")); /* the tag is still open */
	emit_end(&e);
	assert_wrote(&b, "<a late=\"1\"/>");
	buf_free(&b);
}

static void escapes_everything(void **state)
{
	struct buf b = {0};
	struct emit e = emit_to(&b);

	(void)state;
	emit_start(&e, "a");
	emit_attr(&e, "b", STR("<\"'&>]]>\t\n\r\xC3\xA9"));
	emit_text(&e, STR("<\"'&>]]>\t\n\r\xC3\xA9"));
	emit_end(&e);
	assert_wrote(&b,
		"<a b=\"&lt;&quot;'&amp;&gt;]]&gt;&#9;&#10;&#13;\xC3\xA9\">&lt;\"'&amp;&gt;"
		"]]&gt;\t\n&#13;\xC3\xA9</a>");
	buf_free(&b);
}

static void drops_what_xml_cannot_carry(void **state)
{
	struct buf b = {0};
	struct emit e = emit_to(&b);

	(void)state;
	emit_leaf(&e, "a",
		STR("1\0"
		    "2\x1B"
		    "3\x80"
		    "4\xC0\xBC"
		    "5\xED\xA0\x80"
		    "6\xEF\xBF\xBE"
		    "7\xF4\x90\x80\x80"
		    "8\xFE\xFF"
		    "9\xE2\x82"));
	assert_wrote(&b, "<a>123456789</a>");
	buf_free(&b);
}

static void every_byte_is_safe(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		const char bytes[2] = {(char)(i >> 8), (char)i};
		struct emit e = emit_to(&b);

		emit_start(&e, "a");
		emit_attr(&e, "b", str_at(bytes, 2));
		emit_text(&e, str_at(bytes, 2));
		emit_end(&e);
		assert_true(scan_is_canonical(buf_str(&b), &limits));
		buf_clear(&b);
	}
	buf_free(&b);
}

static void namespaces_have_numbers(void **state)
{
	(void)state;
	for (unsigned i = 1; i < NS_COUNT; i++)
		assert_int_equal(ns_of(ns_uri((enum ns)i)), i);
	assert_int_equal(ns_of(STR_NONE), NS_other);
	assert_int_equal(ns_of(STR("jabber:clien")), NS_other);
	assert_int_equal(ns_uri(NS_other).n, 0);
	assert_int_equal(ns_uri(NS_COUNT).n, 0);
}

static void conditions_have_words(void **state)
{
	(void)state;
	assert_true(str_is(cond_element(STREAM_not_well_formed), "not-well-formed"));
	assert_true(str_is(cond_element(STANZA_item_not_found), "item-not-found"));
	assert_true(str_is(cond_error_type(STANZA_item_not_found), "cancel"));
	assert_true(str_is(cond_element(SASL_not_authorized), "not-authorized"));
	assert_int_equal(cond_error_type(SASL_not_authorized).n, 0);
	assert_int_equal(cond_group(STREAM_reset), COND_OF_STREAM);
	assert_int_equal(cond_group(STANZA_gone), COND_OF_STANZA);
	assert_int_equal(cond_group(SASL_aborted), COND_OF_SASL);
	assert_int_equal(cond_group(COND_none), COND_NO_GROUP);
	assert_int_equal(cond_group((enum cond)100), COND_NO_GROUP);
	assert_int_equal(cond_group((enum cond)100000), COND_NO_GROUP);
	assert_int_equal(cond_element((enum cond) - 1).n, 0);
	assert_int_equal(STREAM_bad_format, 1);
	assert_int_equal(STANZA_bad_request, 64);
	assert_int_equal(SASL_aborted, 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"emit: elements nest and end in the right order", writes_elements, NULL, NULL,
			NULL},
		{"emit: a namespace is declared where it changes", declares_where_needed, NULL,
			NULL, NULL},
		{"emit: an element without content is written as empty", nothing_stays_empty, NULL,
			NULL, NULL},
		{"emit: text and values are escaped", escapes_everything, NULL, NULL, NULL},
		{"emit: what XML cannot carry is dropped", drops_what_xml_cannot_carry, NULL, NULL,
			NULL},
		{"emit: any two bytes leave as canonical XML", every_byte_is_safe, NULL, NULL,
			NULL},
		{"ns: each namespace has its number", namespaces_have_numbers, NULL, NULL, NULL},
		{"condition: each condition has its word, group and fixed number",
			conditions_have_words, NULL, NULL, NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed;
}
