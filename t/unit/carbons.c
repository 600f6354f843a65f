/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Copies of messages (XEP-0280), ids (XEP-0359), and what nobody but us may say, through routing as a whole. */
#include "t/lib/sm_scene.h"

#include "sm/module.h"

#define TO_A "alice@d/a"
#define SAID(from, to) "<message from=\"" from "\" to=\"" to "\" type=\"chat\">"
#define CARBON(way, account, type, original) \
	"<message" type " from=\"" account "\"><" way \
	" xmlns=\"urn:xmpp:carbons:2\"><forwarded xmlns=\"urn:xmpp:forward:0\">" original "</forwarded></" way "></message>\n"
#define INNER(attributes, content) "<message xmlns=\"jabber:client\"" attributes ">" content "</message>"

static void wants(struct scene *s, struct session *who)
{
	say(s, who, "<iq type=\"set\" id=\"c\"><enable xmlns=\"urn:xmpp:carbons:2\"/></iq>");
	assert_true(session_has_carbons(who));
	again(s);
}

static void shown(struct scene *s, struct session *who, const char *priority)
{
	char xml[100];

	snprintf(xml, sizeof xml, "<presence><priority>%s</priority></presence>", priority);
	say(s, who, xml);
	again(s);
}

static void switching(void **state)
{
	static const char result[] = "<iq type=\"result\" id=\"c\" from=\"alice@d\" to=\"alice@d/a\"/>\n";
	struct scene *s = *state;

	for (int i = 0; i < 2; i++) {
		say(s, s->a, "<iq type=\"set\" id=\"c\"><enable xmlns=\"urn:xmpp:carbons:2\"/></iq>");
		got(s->a, result);
		again(s);
		assert_int_equal(s->a->account->carbons, 1);
	}
	for (int i = 0; i < 2; i++) {
		say(s, s->a, "<iq type=\"set\" id=\"c\"><disable xmlns=\"urn:xmpp:carbons:2\"/></iq>");
		got(s->a, result);
		again(s);
		assert_int_equal(s->a->account->carbons, 0);
	}
	say(s, s->a, "<iq type=\"set\" id=\"c\" to=\"bob@d\"><enable xmlns=\"urn:xmpp:carbons:2\"/></iq>");
	assert_false(session_has_carbons(s->a) || session_has_carbons(s->bob));
	wants(s, s->a);
	wants(s, s->b);
	session_forget(s->h.sessions, s->a);
	assert_int_equal(s->b->account->carbons, 1);
}

static void received(void **state)
{
	struct scene *s = *state;

	shown(s, s->a, "1");
	wants(s, s->a);
	wants(s, s->b);
	say(s, s->bob, "<message to=\"alice@d\" type=\"chat\"><body>1</body></message>");
	got(s->a, "<message type=\"chat\" from=\"bob@d/x\" to=\"alice@d\"><body>1</body></message>\n");
	got(s->b, CARBON("received", "alice@d", " type=\"chat\"",
		INNER(" type=\"chat\" from=\"bob@d/x\" to=\"alice@d\"", "<body>1</body>")));
	again(s);
	say(s, s->bob, "<message to=\"alice@d/b\"><body>2</body></message>");
	got(s->b, "<message from=\"bob@d/x\" to=\"alice@d/b\"><body>2</body></message>\n");
	got(s->a, CARBON("received", "alice@d", "", INNER(" from=\"bob@d/x\" to=\"alice@d/b\"", "<body>2</body>")));
	got(s->bob, "");
}

static void sent(void **state)
{
	struct scene *s = *state;

	shown(s, s->bob, "0");
	wants(s, s->b);
	say(s, s->a, "<message to=\"bob@d\" type=\"chat\" xml:lang=\"de\"><body>1</body></message>");
	got(s->bob, "<message type=\"chat\" xml:lang=\"de\" from=\"alice@d/a\" to=\"bob@d\"><body>1</body></message>\n");
	got(s->a, "");
	got(s->b, CARBON("sent", "alice@d", " type=\"chat\"",
		INNER(" type=\"chat\" xml:lang=\"de\" from=\"alice@d/a\" to=\"bob@d\"", "<body>1</body>")));
}

/* To oneself: each other session has it once, by whatever way. */
static void to_oneself(void **state)
{
	struct scene *s = *state;
	struct session *c = enter(s, 1, 4, "alice@d/c");

	shown(s, s->a, "0");
	shown(s, s->b, "5");
	wants(s, s->a);
	wants(s, s->b);
	wants(s, c);
	say(s, s->a, "<message to=\"alice@d\" type=\"chat\"><body>note</body></message>");
	got(s->a, "");
	got(s->b, "<message type=\"chat\" from=\"alice@d/a\" to=\"alice@d\"><body>note</body></message>\n");
	got(c, CARBON("sent", "alice@d", " type=\"chat\"",
		INNER(" type=\"chat\" from=\"alice@d/a\" to=\"alice@d\"", "<body>note</body>")));
}

/* 6.1, 7.1: every row both ways. */
static void eligible(void **state)
{
#define MUC "<x xmlns=\"http://jabber.org/protocol/muc#user\">"
	static const struct {
		const char *type, *content;
		bool received, sent;
	} rows[] = {
		{" type=\"chat\"", "<body/>", true, true},
		{" type=\"chat\"", "", true, true},
		{"", "<body>x</body>", true, true},
		{" type=\"normal\"", "<body>x</body>", true, true},
		{" type=\"odd\"", "<body>x</body>", true, true},
		{"", "", false, false},
		{"", "<x xmlns=\"urn:x\"/>", false, false},
		{"", "<subject>x</subject>", false, false},
		{"", "<received xmlns=\"urn:xmpp:receipts\" id=\"1\"/>", true, true},
		{"", "<displayed xmlns=\"urn:xmpp:chat-markers:0\" id=\"1\"/>", true, true},
		{"", "<gone xmlns=\"http://jabber.org/protocol/chatstates\"/>", true, true},
		{"", "<x xmlns=\"jabber:x:conference\" jid=\"r@m\"/>", true, true},
		{"", MUC "<invite to=\"bob@d\"/></x>", true, true},
		{" type=\"chat\"", MUC "</x><body>x</body>", false, true},
		{" type=\"groupchat\"", "<body>x</body>", false, false},
		{" type=\"headline\"", "<body>x</body>", false, false},
		{" type=\"error\"", "<body>x</body>", false, false},
		{" type=\"error\"", "<active xmlns=\"http://jabber.org/protocol/chatstates\"/>", false, false},
		{" type=\"chat\"", "<body>x</body><private xmlns=\"urn:xmpp:carbons:2\"/>", false, false},
		{" type=\"chat\"", "<body>x</body><no-copy xmlns=\"urn:xmpp:hints\"/>", false, false},
		{" type=\"chat\"", "<a/><a/><a/><a/><a/><a/><a/><a/><no-copy xmlns=\"urn:xmpp:hints\"/>", false, false},
		{" type=\"chat\"", "<body>x</body><no-store xmlns=\"urn:xmpp:hints\"/>", true, true},
		{"", "<a/><a/><a/><a/><a/><a/><a/><a/><a/><body>x</body>", true, true},
	};
	struct scene *s = *state;
	struct session *more = enter(s, 2, 4, "bob@d/more");

	wants(s, s->b);
	wants(s, more);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard at_b = {.conn = s->b->row.conn}, at_more = {.conn = more->row.conn};
		char xml[500];

		again(s);
		snprintf(xml, sizeof xml, "<message to=\"bob@d/x\"%s>%s</message>", rows[i].type, rows[i].content);
		say(s, s->a, xml);
		assert_true(channel_read_frames(channel_since(&s->b->peer->channel, 0), hear, &at_b));
		assert_true(channel_read_frames(channel_since(&more->peer->channel, 0), hear, &at_more));
		if ((at_b.text.n > 0) != rows[i].sent || (at_more.text.n > 0) != rows[i].received)
			fail_msg("%s: sent %d, received %d", xml, at_b.text.n > 0, at_more.text.n > 0);
		buf_free(&at_b.text);
		buf_free(&at_more.text);
	}
}

/* The sender sees no copy of a message that came back, its other sessions see both. */
static void bounced(void **state)
{
	struct scene *s = *state;

	wants(s, s->a);
	wants(s, s->b);
	say(s, s->a, "<message to=\"nobody@elsewhere\" id=\"m\" type=\"chat\"><body>x</body></message>");
	got(s->a,
		"<message type=\"error\" id=\"m\" from=\"nobody@elsewhere\" to=\"alice@d/a\"><error type=\"cancel\">"
		"<remote-server-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></message>\n");
	got(s->b,
		CARBON("sent", "alice@d", " type=\"chat\"",
			INNER(" id=\"m\" type=\"chat\" from=\"alice@d/a\" to=\"nobody@elsewhere\"", "<body>x</body>"))
		CARBON("received", "alice@d", " type=\"error\"",
			INNER(" type=\"error\" id=\"m\" from=\"nobody@elsewhere\" to=\"alice@d/a\"",
				"<error type=\"cancel\"><remote-server-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
				"</error>")));
	again(s);
	say(s, s->bob, "<message to=\"alice@d/gone\"><body>x</body></message>"); /* nobody gets it */
	got(s->b, "");
	again(s);
	/* what a client answers to a copy goes nowhere */
	say(s, s->b, "<message type=\"error\" to=\"alice@d\"><body>x</body></message>");
	got(s->a, "");
	got(s->bob, "");
}

struct frames {
	unsigned copies, conns;
	bool own;
};

static bool count(void *ctx, const struct message *m)
{
	struct frames *f = ctx;

	if (m->code == MSG_deliver && m->as.deliver.own) {
		f->copies++;
		f->conns += (unsigned)m->as.deliver.conns.n;
	}
	return true;
}

static void one_frame_a_worker(void **state)
{
	struct scene *s = *state;
	struct session *c = enter(s, 2, 4, "alice@d/c"), *d = enter(s, 2, 5, "alice@d/e");
	struct frames f = {0};

	wants(s, s->b);
	wants(s, c);
	wants(s, d);
	say(s, s->bob, "<message to=\"alice@d/a\" type=\"chat\"><body>x</body></message>");
	assert_true(channel_read_frames(channel_since(&s->b->peer->channel, 0), count, &f));
	assert_int_equal(f.copies, 1);
	assert_int_equal(f.conns, 3);
}

/* XEP-0359 3, XEP-0203 4 */
static void forged(void **state)
{
#define ID(by) "<stanza-id xmlns=\"urn:xmpp:sid:0\" by=\"" by "\" id=\"1\"/>"
#define DELAY(from) "<delay xmlns=\"urn:xmpp:delay\" from=\"" from "\" stamp=\"x\"/>"
	static const struct {
		const char *said, *heard;
	} rows[] = {
		{"<body>x</body>" ID("bob@d"), "<body>x</body>"},
		{ID("BOB@D") "<body>x</body>", "<body>x</body>"},
		{ID("bob@d") ID("alice@d") ID("d") ID("x@d/y") ID("elsewhere"), ID("elsewhere")},
		{ID("&#98;ob@d") "t" ID("") ID("@"), "t" ID("") ID("@")},
		{"<stanza-id xmlns=\"urn:xmpp:sid:0\"/>", "<stanza-id xmlns=\"urn:xmpp:sid:0\"/>"},
		{"<origin-id xmlns=\"urn:xmpp:sid:0\" id=\"1\"/>", "<origin-id xmlns=\"urn:xmpp:sid:0\" id=\"1\"/>"},
		{DELAY("d") DELAY("D") DELAY("alice@d") DELAY("e"), DELAY("alice@d") DELAY("e")},
		{"<received xmlns=\"urn:xmpp:carbons:2\"><a/></received><sent xmlns=\"urn:xmpp:carbons:2\"/><b/>", "<b/>"},
		{"<a/><a/><a/><a/><a/><a/><a/><a/><a/>" ID("bob@d") ID("bob@d"), "<a/><a/><a/><a/><a/><a/><a/><a/><a/>"},
		{"<x><stanza-id xmlns=\"urn:xmpp:sid:0\" by=\"bob@d\"/></x>",
			"<x><stanza-id xmlns=\"urn:xmpp:sid:0\" by=\"bob@d\"/></x>"},
	};
	struct scene *s = *state;
	char xml[1000], wanted[1000];

	for (size_t i = 0; i < COUNT(rows); i++) {
		again(s);
		snprintf(xml, sizeof xml, "<message to=\"bob@d/x\">%s</message>", rows[i].said);
		snprintf(wanted, sizeof wanted, "<message from=\"alice@d/a\" to=\"bob@d/x\">%s</message>\n", rows[i].heard);
		say(s, s->a, xml);
		got(s->bob, wanted);
	}
}

/* The id, the same in each copy, by whose account it is. */
static void ids(void **state)
{
	struct scene *s = *state;
	struct session *more = enter(s, 2, 4, "bob@d/more");
	struct heard h[3] = {{.conn = s->bob->row.conn}, {.conn = more->row.conn}, {.conn = s->b->row.conn}};
	char id[3][17] = {{0}};

	s->domain.stanza_ids = true;
	wants(s, more);
	wants(s, s->b);
	say(s, s->a, "<message to=\"bob@d/x\" type=\"chat\"><body>x</body></message>");
	for (int i = 0; i < 3; i++) {
		const char *by = i < 2 ? "by=\"bob@d\" id=\"" : "by=\"alice@d\" id=\"", *at;
		struct peer *p = i ? s->b->peer : s->a->peer;

		assert_true(channel_read_frames(channel_since(&p->channel, 0), hear, &h[i]));
		at = strstr(buf_cstr(&h[i].text), by);
		assert_non_null(at);
		snprintf(id[i], sizeof id[i], "%.16s", at + strlen(by));
		assert_string_equal(id[i], id[0]);
		assert_non_null(strstr(at, "\"/></message>"));
		assert_null(strstr(at, "<stanza-id"));
		buf_free(&h[i].text);
	}
	again(s);
	say(s, s->a, "<message to=\"bob@d/x\" type=\"chat\"><body>x</body></message>");
	h[0] = (struct heard){.conn = s->bob->row.conn};
	assert_true(channel_read_frames(channel_since(&s->a->peer->channel, 0), hear, &h[0]));
	assert_null(strstr(buf_cstr(&h[0].text), id[0]));
	buf_free(&h[0].text);
}

static void no_ids(void **state)
{
	static const char *const rows[] = {
		"<message to=\"bob@d/x\" type=\"chat\"><active xmlns=\"http://jabber.org/protocol/chatstates\"/></message>",
		"<message to=\"bob@d/x\" type=\"headline\"><body>x</body></message>",
		"<message to=\"bob@d/x\" type=\"groupchat\"><body>x</body></message>",
		"<message to=\"bob@d/x\" type=\"error\"><body>x</body></message>",
		"<message to=\"bob@d/x\"><body>x</body><no-store xmlns=\"urn:xmpp:hints\"/></message>",
		"<message to=\"bob@d/x\"/>",
		"<presence to=\"bob@d/x\"><status>x</status></presence>",
		"<iq to=\"bob@d/x\" type=\"get\" id=\"1\"><a/></iq>",
	};
	struct scene *s = *state;

	s->domain.stanza_ids = true;
	say(s, s->bob, "<presence to=\"alice@d/a\"/>"); /* for the iq */
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard h = {.conn = s->bob->row.conn};

		again(s);
		say(s, s->a, rows[i]);
		assert_true(channel_read_frames(channel_since(&s->bob->peer->channel, 0), hear, &h));
		assert_true(h.text.n > 0);
		assert_null(strstr(buf_cstr(&h.text), "stanza-id"));
		buf_free(&h.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE("carbons: each session switches them for itself, as often as it likes", switching),
		SCENE("carbons: who did not get a message of the account has a copy of it", received),
		SCENE("carbons: the sender's others have a copy, itself not", sent),
		SCENE("carbons: a message to oneself is with each of one's sessions once", to_oneself),
		SCENE("carbons: what is copied, received and sent", eligible),
		SCENE("carbons: what comes back is copied with the error, what nobody got is not, and no error returns",
			bounced),
		SCENE("carbons: a worker has one frame, whose `to` it fills in", one_frame_a_worker),
		SCENE("clean: what only we say is cut, whoever it is said of here; by others it stays", forged),
		SCENE("stanza-id: every copy has the same one, by whose account it is; the next message has another", ids),
		SCENE("stanza-id: what is not worth keeping has none", no_ids),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("carbons", tests, NULL, NULL);
}
