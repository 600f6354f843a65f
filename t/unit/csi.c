/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Client state (XEP-0352), and pings of a silent client (XEP-0199), of a client without a socket: what waits, what
 * makes it go, and that nothing is said out of its turn. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "c2s/features.h"
#include "c2s/ping.h"
#include "t/lib/c2s_world.h"

#define STATE "<composing xmlns=\"http://jabber.org/protocol/chatstates\"/>"
#define PRESENCE(from, words) "<presence from=\"" from "\">" words "</presence>"
#define INACTIVE "<inactive xmlns='urn:xmpp:csi:0'/>"
#define ACTIVE "<active xmlns='urn:xmpp:csi:0'/>"
#define COPY(way, from, to, content) \
	"<message from=\"alice@localhost\"><" way " xmlns=\"urn:xmpp:carbons:2\"><forwarded xmlns=\"urn:xmpp:forward:0\">" \
	"<message xmlns=\"jabber:client\" from=\"" from "\" to=\"" to "\">" content "</message></forwarded></" way "></message>"

static void what_may_wait(void **state)
{
	static const struct {
		const char *xml;
		bool waits;
	} rows[] = {
		{"<presence from=\"bob@x/y\"/>", true},
		{"<presence from=\"bob@x/y\" type=\"unavailable\"/>", true},
		{"<presence from=\"bob@x\" type=\"subscribe\"/>", false},
		{"<presence from=\"bob@x\" type=\"subscribed\"/>", false},
		{"<presence from=\"bob@x/y\" type=\"error\"/>", false},
		{"<presence from=\"bob@x/y\" type=\"probe\"/>", false},
		{"<presence/>", false},
		{"<message from=\"bob@x/y\">" STATE "</message>", true},
		{"<message from=\"bob@x/y\" type=\"groupchat\">" STATE "<thread>t</thread></message>", true},
		{"<message from=\"bob@x/y\">" STATE "<no-store xmlns=\"urn:xmpp:hints\"/></message>", true},
		{"<message from=\"bob@x/y\">" STATE "<store xmlns=\"urn:xmpp:hints\"/></message>", false},
		{"<message from=\"bob@x/y\">" STATE "<body>x</body></message>", false},
		{"<message from=\"bob@x/y\">" STATE "<x xmlns=\"urn:x\"/></message>", false},
		{"<message from=\"bob@x/y\">" STATE "<a/><a/><a/><a/><a/><a/><a/><a/></message>", false},
		{"<message from=\"bob@x/y\" type=\"error\">" STATE "</message>", false},
		{"<message from=\"bob@x/y\"><thread>t</thread></message>", false},
		{"<message from=\"bob@x/y\"/>", false},
		{"<message>" STATE "</message>", false},
		{COPY("sent", "alice@localhost/a", "bob@x/y", STATE), true},
		{COPY("received", "bob@x/y", "alice@localhost/a", STATE), true},
		{COPY("received", "bob@x/y", "alice@localhost/a", "<body>x</body>"), false},
		{COPY("received", "bob@x/y", "alice@localhost/a", ""), false},
		{"<message from=\"a\"><received xmlns=\"urn:xmpp:carbons:2\"/></message>", false},
		{"<message from=\"a\"><received xmlns=\"urn:xmpp:carbons:2\"><forwarded xmlns=\"urn:xmpp:forward:0\"/></received></message>",
			false},
		{"<message from=\"a\"><sent xmlns=\"urn:xmpp:carbons:2\"/>" STATE "</message>", false},
		{"<iq from=\"bob@x/y\" type=\"get\" id=\"1\"/>", false},
		{"", false},
		{"<", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct csi *s = csi_new();
		if (csi_keep(s, str_of(rows[i].xml)) != rows[i].waits)
			fail_msg("%s", rows[i].xml);
		assert_int_equal(csi_count(s), rows[i].waits);
		assert_int_equal(csi_bytes(s), rows[i].waits ? strlen(rows[i].xml) : 0);
		csi_free(&s);
		assert_null(s);
	}
}

static void all(struct csi *s, const char *wanted)
{
	struct buf got = {0};
	struct str xml;
	while (csi_take(s, &xml))
		buf_put(&got, xml);
	assert_string_equal(buf_cstr(&got), wanted);
	assert_int_equal(csi_count(s), 0);
	assert_int_equal(csi_bytes(s), 0);
	buf_free(&got);
}

static void keep(struct csi *s, const char *xml)
{
	assert_true(csi_keep(s, str_of(xml)));
}

static void the_last_of_each(void **state)
{
	struct csi *s = csi_new();
	(void)state;
	all(s, "");
	keep(s, PRESENCE("a@x/1", "1"));
	keep(s, PRESENCE("a@x/2", "2"));
	keep(s, "<message from=\"a@x/1\">" STATE "</message>");
	keep(s, PRESENCE("a@x/1", "3"));
	keep(s, "<presence from=\"a@x/2\" type=\"unavailable\"/>");
	keep(s, PRESENCE("a@x/1", "4"));
	all(s, "<message from=\"a@x/1\">" STATE "</message><presence from=\"a@x/2\" type=\"unavailable\"/>" PRESENCE("a@x/1", "4"));
	keep(s, COPY("sent", "alice@localhost/a", "b@x", STATE));
	keep(s, COPY("sent", "alice@localhost/a", "c@x", STATE));
	keep(s, COPY("sent", "alice@localhost/a", "b@x", STATE));
	assert_int_equal(csi_count(s), 2);
	keep(s, PRESENCE("a@x/1", "1"));
	keep(s, PRESENCE("a@x/1", "2"));
	all(s, COPY("sent", "alice@localhost/a", "c@x", STATE) COPY("sent", "alice@localhost/a", "b@x", STATE)
			PRESENCE("a@x/1", "2"));
	keep(s, PRESENCE("a@x/1", "5"));
	csi_free(&s);
	csi_free(&s);
}

static struct world *resting(void)
{
	struct world *w = world_at(LOGIN_session_established);
	w->conf.inactive_bytes = 1000;
	w->conf.client_queue_bytes = 100000;
	world_bytes(w, INACTIVE);
	assert_non_null(w->client.csi);
	world_forget(w);
	return w;
}

static void deliver(struct world *w, const char *xml, bool own)
{
	struct message m = {.code = MSG_deliver};
	m.as.deliver.xml = str_of(xml);
	m.as.deliver.own = own;
	client_message(&w->client, &m);
}

static void said(struct world *w, const char *wanted)
{
	world_hear(w);
	assert_string_equal(buf_cstr(&w->said), wanted);
	buf_clear(&w->said);
}

#define BODY "<message from=\"b@x/1\"><body>x</body></message>"

static void until_it_is_active(void **state)
{
	struct world *w = resting();
	(void)state;
	deliver(w, PRESENCE("a@x/1", "1"), false);
	deliver(w, PRESENCE("a@x/2", "2"), false);
	deliver(w, PRESENCE("a@x/1", "3"), false);
	said(w, "");
	deliver(w, BODY, false);
	said(w, PRESENCE("a@x/2", "2") PRESENCE("a@x/1", "3") BODY);
	deliver(w, PRESENCE("a@x/1", "4"), false);
	world_bytes(w, INACTIVE); /* it is still */
	said(w, "");
	world_bytes(w, ACTIVE WORLD_SESSION);
	said(w, PRESENCE("a@x/1", "4") "<iq type=\"result\" id=\"s1\"/>");
	deliver(w, PRESENCE("a@x/1", "5"), false);
	said(w, PRESENCE("a@x/1", "5"));
	world_bytes(w, ACTIVE);
	said(w, "");
	world_free(w);
}

/* What the worker says itself, the end of the stream included, is behind what waits. */
static void in_its_turn(void **state)
{
	struct world *w = resting();
	(void)state;
	deliver(w, PRESENCE("a@x/1", "1"), false);
	world_bytes(w, WORLD_SESSION);
	said(w, PRESENCE("a@x/1", "1") "<iq type=\"result\" id=\"s1\"/>");
	deliver(w, PRESENCE("a@x/1", "2"), false);
	world_bytes(w, "<odd xmlns='urn:odd'/>");
	world_hear(w);
	assert_true(str_starts(buf_str(&w->said), STR(PRESENCE("a@x/1", "2") "<stream:error>")));
	assert_null(w->client.csi);
	world_free(w);
	w = resting();
	deliver(w, PRESENCE("a@x/1", "1"), false);
	world_bytes(w, "</stream:stream>");
	said(w, PRESENCE("a@x/1", "1"));
	deliver(w, PRESENCE("a@x/1", "2"), false); /* on its way before sm knew */
	said(w, PRESENCE("a@x/1", "2"));
	world_free(w);
	w = resting();
	deliver(w, PRESENCE("a@x/1", "1"), false);
	client_cut(&w->client, STREAM_connection_timeout);
	said(w, "");
	assert_null(w->client.csi);
	world_free(w);
}

static void ceilings(void **state)
{
	struct world *w = resting();
	char xml[200];
	size_t n = 0, bytes = 0;
	(void)state;
	for (unsigned i = 0; !world_said(w, "<presence"); i++) { /* bytes */
		snprintf(xml, sizeof xml, "<presence from=\"a@x/%u\"><status>0123456789012345678901234567890123456789</status></presence>", i);
		deliver(w, xml, false);
		n++;
		bytes += strlen(xml);
	}
	assert_true(bytes > 1000 && bytes - strlen(xml) <= 1000);
	assert_int_equal(w->said.n, bytes);
	assert_int_equal(csi_count(w->client.csi), 0);
	assert_non_null(w->client.csi);
	world_forget(w);
	w->conf.inactive_bytes = 1000000;
	w->conf.client_queue_bytes = 8000000;
	for (n = 0; !world_said(w, "<presence"); n++) { /* stanzas */
		snprintf(xml, sizeof xml, "<presence from=\"a@x/%zu\"/>", n);
		deliver(w, xml, false);
	}
	assert_int_equal(n, CSI_MOST + 1);
	world_forget(w);
	w->conf.client_queue_bytes = 8 * (int64_t)strlen(xml); /* an eighth of the queue */
	deliver(w, xml, false);
	assert_int_equal(csi_count(w->client.csi), 1);
	w->conf.client_queue_bytes -= 8;
	deliver(w, xml, false);
	assert_int_equal(csi_count(w->client.csi), 0);
	world_free(w);
}

static void turned_off(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	w->conf.client_queue_bytes = 100000;
	world_bytes(w, INACTIVE);
	assert_null(w->client.csi);
	world_forget(w);
	deliver(w, PRESENCE("a@x/1", "1"), false);
	said(w, PRESENCE("a@x/1", "1"));
	features_say(&w->client);
	assert_false(world_said(w, "<csi"));
	w->conf.inactive_bytes = 1;
	features_say(&w->client);
	assert_true(world_said(w, "<csi xmlns=\"urn:xmpp:csi:0\"/>"));
	world_free(w);
}

/* Bind 2 (XEP-0386 3.2): the session begins inactive; both words are a mistake, and mean the safer one. */
static void from_the_beginning(void **state)
{
	static const struct {
		const char *words;
		bool inactive, carbons;
	} rows[] = {
		{"<inactive xmlns='urn:xmpp:csi:0'/>", true, false},
		{"<active xmlns='urn:xmpp:csi:0'/>", false, false},
		{"<inactive xmlns='urn:xmpp:csi:0'/><active xmlns='urn:xmpp:csi:0'/>", false, false},
		{"<inactive xmlns='urn:x'/>", false, false},
		{"<enable xmlns='urn:xmpp:carbons:2'/>", false, true},
		{"<enable xmlns='urn:x'/>", false, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = world_at(LOGIN_wait_for_feature_request);
		struct message question;
		char xml[600];
		w->conf.inactive_bytes = 1000;
		w->conf.client_queue_bytes = 100000;
		snprintf(xml, sizeof xml, WORLD_PLAIN2("<bind xmlns='urn:xmpp:bind:0'>%s</bind>"), rows[i].words);
		world_bytes(w, xml);
		world_answer(w, world_salt(w));
		world_key(w);
		world_answer(w, world_verdict(w, COND_none));
		assert_int_equal(w->question_code, MSG_open_session);
		assert_true(msg_decode(MSG_open_session, buf_str(&w->question), &question));
		assert_int_equal((question.as.open_session.flags & PROTO_FLAG_CARBONS) != 0, rows[i].carbons);
		world_answer(w, world_opening(w));
		assert_int_equal(w->client.csi != NULL, rows[i].inactive);
		world_free(w);
	}
}

static void own_address(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	deliver(w, "<message from=\"alice@localhost\"><body>x</body></message>", true);
	deliver(w, "<message><a/></message>", true);
	deliver(w, "<message/>", true);
	said(w,
		"<message to=\"alice@localhost/here\" from=\"alice@localhost\"><body>x</body></message>"
		"<message to=\"alice@localhost/here\"><a/></message><message to=\"alice@localhost/here\"/>");
	world_free(w);
}

static void pinged(void **state)
{
	static const struct {
		const char *xml;
		bool ours;
	} rows[] = {
		{"<iq type='result' id='gatehouse-ping-0000002a'/>", true},
		{"<iq type='result' id='gatehouse-ping-0000002a' to='localhost'/>", true},
		{"<iq type='error' id='gatehouse-ping-ffffffff' to='localhost'><error/></iq>", true},
		{"<iq type='result' id='gatehouse-ping-0000002a' to='bob@localhost/x'/>", false},
		{"<iq type='result' id='gatehouse-ping-0000002a' to='alice@localhost'/>", false},
		{"<iq type='get' id='gatehouse-ping-0000002a'><ping xmlns='urn:xmpp:ping'/></iq>", false},
		{"<iq type='result' id='other'/>", false},
		{"<message type='result' id='gatehouse-ping-0000002a'/>", false},
		{"<presence id='gatehouse-ping-0000002a'/>", false},
	};
	struct world *w = world_at(LOGIN_wait_for_session);
	(void)state;
	world_forget(w);
	ping_say(&w->client, 42);
	said(w, "<iq type=\"get\" id=\"gatehouse-ping-0000002a\" from=\"localhost\" to=\"alice@localhost/here\">"
		"<ping xmlns=\"urn:xmpp:ping\"/></iq>");
	for (size_t i = 0; i < COUNT(rows); i++) {
		world_forget(w);
		world_bytes(w, rows[i].xml);
		assert_int_equal(w->told[MSG_stanza], !rows[i].ours);
		assert_int_equal(w->client.state, LOGIN_session_established);
		said(w, "");
	}
	world_free(w);
}

#define TITLED(words, function) {words, function, NULL, NULL, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("csi: presence and chat states may wait, copied ones too, and nothing else", what_may_wait),
		TITLED("csi: the last of each sender waits, in the order in which they came", the_last_of_each),
		TITLED("csi: what waits is said before what may not, or when the client is active again", until_it_is_active),
		TITLED("csi: the worker's own words come in their turn, and the end of the stream", in_its_turn),
		TITLED("csi: bytes, stanzas and the queue have their ceilings; beyond them what waits goes", ceilings),
		TITLED("csi: where nothing may wait, nothing is offered, and the words mean nothing", turned_off),
		TITLED("csi: Bind 2 begins a session inactive, and with copies", from_the_beginning),
		TITLED("deliver: the client's own address goes in where sm leaves that to us", own_address),
		TITLED("ping: its answer goes no further, whatever else has such an id does", pinged),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("csi", tests, NULL, NULL);
}
