/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Elements that come whole, as clients write them, beside the same byte by byte, which the quick way never gets: it
 * must take what is usual, and whatever it takes must come out as from the gate's steps. */
#include "common/scan_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STREAM "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
#define HEADER STREAM ">"
#define HEADER_LANG STREAM " xml:lang='d\"e'>"

static const struct scan_limits wide = {.bytes = 4000, .elements = 20, .depth = 8, .attributes = 6, .name_bytes = 60};

static const struct {
	const char *given, *canonical;
} usual[] = {
	{"<a/>", "<a/>"},
	{"<a />", "<a/>"},
	{"<a></a>", "<a/>"},
	{"<a b='c'\td=\"e\"\r\n ></a>", "<a b=\"c\" d=\"e\"/>"},
	{"<a b='&apos;&quot;&lt;' c=\"'&apos;'\">&apos;&quot;'\"&amp;</a>",
		"<a b=\"'&quot;&lt;\" c=\"'''\">'\"'\"&amp;</a>"},
	{"<message xmlns=\"jabber:client\" to='b@x/y'><body xmlns='jabber:client'>hi</body></message>",
		"<message to=\"b@x/y\"><body>hi</body></message>"},
	{"<presence id='p1'><c hash='sha-1' xmlns='http://jabber.org/protocol/caps' ver='Q='/></presence>",
		"<presence id=\"p1\"><c xmlns=\"http://jabber.org/protocol/caps\" hash=\"sha-1\" ver=\"Q=\"/></presence>"},
	{"<iq type='get'><q a='1' xmlns='n:1'><i xmlns='n:1' b='2'></i><j xmlns='jabber:client'/></q></iq>",
		"<iq type=\"get\"><q xmlns=\"n:1\" a=\"1\"><i b=\"2\"/><j xmlns=\"jabber:client\"/></q></iq>"},
	{"<auth mechanism='PLAIN' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGEAYg==</auth>",
		"<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" mechanism=\"PLAIN\">AGEAYg==</auth>"},
	{"<message xml:lang='en'><body>\xd0\x94\xd0\xb0, \xd1\x8d\xd1\x82\xd0\xbe \xe6\x97\xa5\xe6\x9c\xac\xf0\x9f\x98\x80"
	 " ]] in a line that is longer</body><x xmlns='a:b'/></message>",
		"<message xml:lang=\"en\"><body>\xd0\x94\xd0\xb0, \xd1\x8d\xd1\x82\xd0\xbe \xe6\x97\xa5\xe6\x9c\xac\xf0\x9f\x98\x80"
		" ]] in a line that is longer</body><x xmlns=\"a:b\"/></message>"},
};

/* What comes of it, as text: the element's bytes, name and namespace, or why not. */
static void tell(struct buf *out, const struct scan *s, enum scan_event e)
{
	if (e == SCAN_ELEMENT) {
		buf_put(out, scan_element(s)->bytes);
		buf_printf(out, "|%d ", (int)scan_element(s)->ns);
		buf_put(out, scan_element(s)->name);
		buf_put(out, scan_element(s)->ns_uri);
	} else if (e == SCAN_ERROR) {
		buf_puts(out, scan_why_text(s));
	} else {
		buf_puts(out, "more");
	}
}

static struct scan *start(const char *header, const struct scan_limits *limits)
{
	struct scan *s = scan_new(&wide);
	size_t used;

	assert_int_equal(scan_feed(s, str_of(header), &used), SCAN_STREAM);
	scan_limit(s, limits);
	return s;
}

/* Quick: did the quick way take it? */
static bool whole(struct buf *out, const char *header, const struct scan_limits *limits, struct str bytes)
{
	struct scan *s = start(header, limits);
	size_t used;
	enum scan_event e = scan_feed(s, bytes, &used);
	bool quick = e == SCAN_ELEMENT && s->work->elements == 0; /* the steps count them there */

	tell(out, s, e);
	buf_printf(out, "|%zu", e == SCAN_ERROR ? 0 : used);
	scan_free(&s);
	return quick;
}

static void single(struct buf *out, const char *header, const struct scan_limits *limits, struct str bytes)
{
	struct scan *s = start(header, limits);
	enum scan_event e = SCAN_MORE;
	size_t n = 0, used;

	while (n < bytes.n && e == SCAN_MORE)
		e = scan_feed(s, str_at(bytes.p + n++, 1), &used);
	tell(out, s, e);
	buf_printf(out, "|%zu", e == SCAN_ERROR ? 0 : n);
	scan_free(&s);
}

static bool compare(const char *header, const struct scan_limits *limits, struct str bytes)
{
	struct buf one = {0}, other = {0};
	bool quick = whole(&one, header, limits, bytes);

	single(&other, header, limits, bytes);
	if (!str_eq(buf_str(&one), buf_str(&other)))
		fail_msg("\"%.*s\" at once: %s; byte by byte: %s", STR_ARG(bytes), buf_cstr(&one), buf_cstr(&other));
	buf_free(&one);
	buf_free(&other);
	return quick;
}

static void takes_the_usual(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		struct str given = str_of(usual[i].given);
		struct buf told = {0};

		if (!compare(HEADER, &wide, given) || !compare(HEADER_LANG, &wide, given))
			fail_msg("not taken at once: %s", usual[i].given);
		whole(&told, HEADER, &wide, given);
		if (!str_starts(buf_str(&told), str_of(usual[i].canonical)))
			fail_msg("%s became %s", usual[i].given, buf_cstr(&told));
		buf_free(&told);
	}
}

/* Every byte as every one that means something and some that do not, left out, doubled, and cut everywhere. */
static void no_neighbour_differs(void **state)
{
	static const char others[] = "<>&'\"/=: \t\r\n]!?;ax-1\x01\x7f\x80\xbf\xc1\xc2\xe0\xed\xef\xf0\xf4\xff";
	char bytes[400];

	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		const char *given = usual[i].given;
		size_t n = strlen(given);

		for (size_t at = 0; at < n; at++) {
			memcpy(bytes, given, n);
			for (size_t c = 0; c < sizeof others; c++) { /* NUL, too */
				bytes[at] = others[c];
				compare(HEADER, &wide, str_at(bytes, n));
			}
			memcpy(bytes + at, given + at + 1, n - at - 1);
			compare(HEADER_LANG, &wide, str_at(bytes, n - 1));
			compare(HEADER, &wide, str_at(given, at));
			memcpy(bytes, given, at + 1);
			memcpy(bytes + at + 1, given + at, n - at);
			compare(HEADER, &wide, str_at(bytes, n + 1));
		}
	}
}

static void limits_are_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usual); i++) {
		struct str s = str_of(usual[i].given);

		for (unsigned k = 1; k < 70; k++) {
			struct scan_limits l[] = {wide, wide, wide, wide, wide};

			l[0].bytes = s.n + 35 > k ? s.n + 35 - k : 1;
			l[1].elements = l[2].depth = l[4].name_bytes = k;
			l[3].attributes = k - 1;
			for (size_t j = 0; j < COUNT(l); j++) {
				compare(HEADER, &l[j], s);
				compare(HEADER_LANG, &l[j], s);
			}
		}
	}
}

/* Each of these headers means something that the quick way does not know. */
static void knows_its_place(void **state)
{
	static const char component[] =
		"<stream:stream xmlns='n:1' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
	const struct scan_limits much = {
		.bytes = 9000, .elements = 20, .depth = 20, .attributes = 80, .name_bytes = 60};
	struct buf header = {0}, nested = {0};
	struct scan *s = scan_new(&much);
	size_t used;

	(void)state;
	assert_false(compare(component, &wide, STR("<a/>")));
	buf_puts(&header, STREAM);
	for (int i = 0; i < 60; i++)
		buf_printf(&header, " xmlns:p%d='u:%d'", i, i);
	buf_puts(&header, ">");
	for (int i = 0; i < 8; i++)
		buf_printf(&nested, "<a xmlns='n:%d'>", i);
	for (int i = 0; i < 8; i++)
		buf_puts(&nested, "</a>");
	assert_int_equal(scan_feed(s, buf_str(&header), &used), SCAN_STREAM);
	assert_int_equal(scan_feed(s, buf_str(&nested), &used), SCAN_ERROR);
	assert_string_equal(scan_why_text(s), "too many namespaces");
	scan_free(&s);
	buf_free(&header);
	buf_free(&nested);
}

/* The bytes of one that is put together from pieces grow beyond what a work area begins with. */
static void grows(void **state)
{
	struct buf bytes = {0};

	(void)state;
	buf_puts(&bytes, "<a>");
	for (int i = 0; i < 300; i++)
		buf_puts(&bytes, "<b c='d'/>");
	buf_puts(&bytes, "</a>");
	for (int i = 0; i < 2; i++) {
		const struct scan_limits l = {.bytes = i ? bytes.n : bytes.n - 1,
			.elements = 400,
			.depth = 2,
			.attributes = 1,
			.name_bytes = 9};

		assert_int_equal(compare(HEADER, &l, buf_str(&bytes)), i);
		scan_thread_end();
	}
	buf_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"scan: an element that comes whole and as clients write it is taken at once", takes_the_usual, NULL,
			NULL, NULL},
		{"scan: none that differs in a byte comes out otherwise at once than byte by byte",
			no_neighbour_differs, NULL, NULL, NULL},
		{"scan: the limits are the same at once, each to the last one", limits_are_the_same, NULL, NULL, NULL},
		{"scan: streams of another namespace, or of very many, go the slow way", knows_its_place, NULL, NULL,
			NULL},
		{"scan: an element that is taken at once finds room for its bytes, up to the limit", grows, NULL, NULL,
			NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	scan_thread_end();
	return failed ? 1 : 0;
}
