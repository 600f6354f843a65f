/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Presence, messages and iqs through routing as a whole, with two workers whose channels are read
 * back: who gets what. */
#include "sm/pipeline.h"
#include "t/lib/sm_scene.h"

static void initial(void **state)
{
	struct scene *s = *state;

	say(s, s->a, "<presence><priority>3</priority></presence>");
	assert_int_equal(s->a->row.priority, 3);
	again(s);
	say(s, s->b, "<presence/>");
	got(s->a, "own <presence from=\"alice@d/b\"/>\n");
	got(s->b,
		"own <presence from=\"alice@d/b\"/>\n"
		"own <presence from=\"alice@d/a\"><priority>3</priority></presence>\n");
	got(s->bob, "");
	again(s);
	say(s, s->b, "<presence><show>away</show></presence>");
	got(s->b, "own <presence from=\"alice@d/b\"><show>away</show></presence>\n");
}

/* In the roster of the session's account. */
static void knows(struct session *s, const char *contact, unsigned state, const char *request)
{
	struct roster_head head = {0};
	struct roster_row row = {.contact = str_of(contact), .state = state, .version = 1, .request = str_of(request)};

	if (!s->account->roster)
		s->account->roster = roster_new(&head);
	roster_put(s->account->roster, &row);
}

/* RFC 6121 4.2.2, 4.4.2, 4.5.2: those with "from" hear, those with "to" are heard of, nobody else. */
static void contacts(void **state)
{
	struct scene *s = *state;
	struct session *carol = enter(s, 2, 5, "carol@d/c"), *dave = enter(s, 2, 6, "dave@d/d");

	knows(s->a, "bob@d", SUB_LISTED | SUB_FROM, NULL);
	knows(s->a, "carol@d", SUB_LISTED | SUB_TO, NULL);
	knows(s->a, "dave@d", SUB_LISTED | SUB_OUT, NULL);
	knows(s->a, "gone@d", SUB_LISTED | SUB_TO | SUB_FROM, NULL);
	say(s, s->bob, "<presence/>");
	say(s, carol, "<presence><show>dnd</show></presence>");
	say(s, dave, "<presence/>");
	again(s);
	say(s, s->a, "<presence/>");
	got(s->bob, "own <presence from=\"alice@d/a\"/>\n");
	got(carol, "");
	got(dave, "");
	got(s->a,
		"own <presence from=\"alice@d/a\"/>\n"
		"own <presence from=\"carol@d/c\"><show>dnd</show></presence>\n");
	again(s);
	say(s, s->a, "<presence><show>xa</show></presence>");
	got(s->bob, "own <presence from=\"alice@d/a\"><show>xa</show></presence>\n");
	got(s->a, "own <presence from=\"alice@d/a\"><show>xa</show></presence>\n");
	again(s);
	say(s, s->a, "<presence type=\"unavailable\"/>");
	got(s->bob, "own <presence type=\"unavailable\" from=\"alice@d/a\"/>\n");
	got(carol, "");
	again(s);
	say(s, s->a, "<presence/>");
	pipeline_session_ended(&s->h, s->a);
	got(s->bob,
		"own <presence from=\"alice@d/a\"/>\n"
		"own <presence from=\"alice@d/a\" type=\"unavailable\"/>\n");
}

static void fan(void **state)
{
	struct scene *s = *state;
	struct heard h = {.conn = s->bob->row.conn};
	char jid[32];

	for (unsigned i = 0; i < 50; i++) {
		struct session *c;

		snprintf(jid, sizeof jid, "c%u@d", i);
		knows(s->a, jid, SUB_LISTED | SUB_FROM, NULL);
		snprintf(jid, sizeof jid, "c%u@d/x", i);
		c = enter(s, 1, 100 + i, jid);
		assert_non_null(c);
		c->row.available = true;
	}
	again(s);
	say(s, s->a, "<presence/>");
	assert_true(channel_read_frames(channel_since(&s->a->peer->channel, 0), hear, &h));
	assert_int_equal(h.frames, 1);
	buf_free(&h.text);
}

/* 3.1.3: at each initial presence, and only then. */
static void requests(void **state)
{
	struct scene *s = *state;

	knows(s->a, "bob@d", SUB_IN, "<presence type=\"subscribe\" from=\"bob@d\" to=\"alice@d\"/>");
	for (int i = 0; i < 2; i++) {
		again(s);
		say(s, s->a, "<presence/>");
		got(s->a,
			"own <presence from=\"alice@d/a\"/>\n"
			"<presence type=\"subscribe\" from=\"bob@d\" to=\"alice@d\"/>\n");
		again(s);
		say(s, s->a, "<presence/>");
		got(s->a, "own <presence from=\"alice@d/a\"/>\n");
		say(s, s->a, "<presence type=\"unavailable\"/>");
	}
}

/* 4.3.2 */
static void probes(void **state)
{
	struct scene *s = *state;

	knows(s->a, "bob@d", SUB_LISTED | SUB_TO, NULL);
	say(s, s->bob, "<presence id=\"own\"><show>away</show></presence>");
	again(s);
	say(s, s->a, "<presence type=\"probe\" to=\"bob@d\" id=\"p1\"/>");
	say(s, s->a, "<presence type=\"probe\" to=\"bob@d/x\" id=\"p2\"/>");
	say(s, s->a, "<presence type=\"probe\" to=\"bob@d/y\" id=\"p3\"/>");
	got(s->a,
		"own <presence id=\"own\" from=\"bob@d/x\"><show>away</show></presence>\n"
		"own <presence from=\"bob@d/x\" id=\"own\"/>\n"
		"own <presence from=\"bob@d/y\" id=\"p3\" type=\"unavailable\"/>\n");
	again(s);
	say(s, s->bob, "<presence type=\"unavailable\"/>");
	again(s);
	say(s, s->a, "<presence type=\"probe\" to=\"bob@d\" id=\"&lt;4\"/>");
	say(s, s->a, "<presence type=\"probe\" to=\"bob@d/x\"/>");
	got(s->a,
		"own <presence from=\"bob@d\" id=\"&lt;4\" type=\"unavailable\"/>\n"
		"own <presence from=\"bob@d/x\" type=\"unavailable\"/>\n");
	say(s, s->a, "<presence/>");
	again(s);
	say(s, s->bob, "<presence type=\"probe\" to=\"alice@d\"/>");
	say(s, s->bob, "<presence type=\"probe\" to=\"alice@d/a\"/>");
	say(s, s->bob, "<presence type=\"probe\" to=\"alice@d/none\"/>");
	got(s->bob, "");
}

/* 4.6.6: whom a session has told itself learns that it is there, and nothing of its others. */
static void probes_of_directed(void **state)
{
	static const char *const told[] = {"bob@d/x", "bob@d"};
	struct scene *s = *state;
	char xml[100];

	say(s, s->b, "<presence/>");
	for (size_t i = 0; i < COUNT(told); i++) {
		snprintf(xml, sizeof xml, "<presence to=\"%s\"><show>dnd</show></presence>", told[i]);
		say(s, s->a, xml);
		again(s);
		say(s, s->bob, "<presence type=\"probe\" to=\"alice@d/a\" id=\"p\"/>");
		say(s, s->bob, "<presence type=\"probe\" to=\"alice@d/b\"/>");
		say(s, s->bob, "<presence type=\"probe\" to=\"alice@d\"/>");
		got(s->bob, "own <presence from=\"alice@d/a\" id=\"p\"/>\n");
		snprintf(xml, sizeof xml, "<presence type=\"unavailable\" to=\"%s\"/>", told[i]);
		say(s, s->a, xml);
		again(s);
		say(s, s->bob, "<presence type=\"probe\" to=\"alice@d/a\"/>");
		got(s->bob, "");
	}
}

/* 4.6.3: who hears it with all the others is not told once more. */
static void directed_to_contacts(void **state)
{
	struct scene *s = *state;

	knows(s->a, "bob@d", SUB_LISTED | SUB_FROM, NULL);
	say(s, s->bob, "<presence/>");
	say(s, s->a, "<presence/>");
	say(s, s->a, "<presence to=\"bob@d/x\"/>");
	say(s, s->a, "<presence to=\"bob@d\"/>");
	again(s);
	say(s, s->a, "<presence type=\"unavailable\"/>");
	got(s->bob, "own <presence type=\"unavailable\" from=\"alice@d/a\"/>\n");
	say(s, s->bob, "<presence type=\"unavailable\"/>");
	say(s, s->a, "<presence/>");
	say(s, s->a, "<presence to=\"bob@d/x\"/>");
	again(s);
	say(s, s->a, "<presence type=\"unavailable\"/>");
	got(s->bob, "<presence type=\"unavailable\" from=\"alice@d/a\" to=\"bob@d/x\"/>\n");
}

/* 4.6.3: so are one's own resources. */
static void directed_to_own(void **state)
{
	struct scene *s = *state;

	say(s, s->b, "<presence/>");
	say(s, s->a, "<presence/>");
	say(s, s->a, "<presence to=\"alice@d\"/>");
	say(s, s->a, "<presence to=\"alice@d/b\"/>");
	again(s);
	say(s, s->a, "<presence type=\"unavailable\"/>");
	got(s->b, "own <presence type=\"unavailable\" from=\"alice@d/a\"/>\n");
	got(s->a, "own <presence type=\"unavailable\" from=\"alice@d/a\"/>\n");
}

static void priorities(void **state)
{
	static const char *const bad[] = {"128", "-129", "x", "", "1.5", "99999999999999999999", "<a/>"};
	static const struct {
		const char *text;
		int value;
	} good[] = {{"127", 127}, {"-128", -128}, {"0", 0}, {" 5 ", 5}, {"+1", 1}};
	struct scene *s = *state;
	char xml[200];

	for (size_t i = 0; i < COUNT(bad); i++) {
		again(s);
		snprintf(xml, sizeof xml, "<presence id=\"p\"><priority>%s</priority></presence>", bad[i]);
		say(s, s->a, xml);
		assert_false(s->a->row.available);
		got(s->a,
			"<presence type=\"error\" id=\"p\" from=\"alice@d\" to=\"alice@d/a\"><error type=\"modify\">"
			"<bad-request xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></presence>\n");
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(xml, sizeof xml, "<presence><priority>%s</priority></presence>", good[i].text);
		say(s, s->a, xml);
		assert_int_equal(s->a->row.priority, good[i].value);
	}
}

static void directed(void **state)
{
	struct scene *s = *state;

	say(s, s->a, "<presence to=\"bob@d/x\"/>");
	say(s, s->a, "<presence to=\"BOB@d/x\"/>");
	assert_true(str_is(s->a->row.directed, "bob@d/x\n"));
	again(s);
	say(s, s->a, "<presence type=\"unavailable\"><status>bye</status></presence>");
	got(s->bob,
		"<presence type=\"unavailable\" from=\"alice@d/a\" to=\"bob@d/x\"><status>bye</status></presence>\n");
	assert_int_equal(s->a->row.directed.n, 0);
	say(s, s->a, "<presence to=\"bob@d/x\"/>");
	again(s);
	say(s, s->a, "<presence to=\"bob@d/x\" type=\"unavailable\"/>");
	assert_int_equal(s->a->row.directed.n, 0);
	got(s->bob, "<presence type=\"unavailable\" from=\"alice@d/a\" to=\"bob@d/x\"/>\n");
}

/* 4.6.1: who has heard that a session is gone will not tell the next one of that name of an end. */
static void directed_to_gone(void **state)
{
	struct scene *s = *state;
	struct session *carol = enter(s, 2, 5, "carol@d/c"), *dave = enter(s, 2, 6, "dave@d/d");

	knows(s->a, "bob@d", SUB_LISTED | SUB_FROM, NULL);
	say(s, s->a, "<presence/>");
	say(s, s->a, "<presence to=\"carol@d/c\"/>");
	say(s, s->bob, "<presence to=\"alice@d/a\"/>");
	say(s, s->b, "<presence to=\"alice@d/a\"/>");
	say(s, carol, "<presence to=\"alice@d/b\"/>");
	say(s, carol, "<presence to=\"alice@d/a\"/>");
	say(s, dave, "<presence to=\"alice@d/a\"/>");
	say(s, s->a, "<presence type=\"unavailable\"/>");
	assert_int_equal(s->bob->row.directed.n, 0);
	assert_int_equal(s->b->row.directed.n, 0);
	assert_true(str_is(carol->row.directed, "alice@d/b\n"));
	assert_true(str_is(dave->row.directed, "alice@d/a\n")); /* who has heard nothing */
	say(s, s->bob, "<presence to=\"alice@d/b\"/>");
	say(s, s->b, "<presence to=\"bob@d/x\"/>");
	pipeline_session_ended(&s->h, s->b);
	assert_int_equal(s->bob->row.directed.n, 0);
}

static void directed_bound(void **state)
{
	struct scene *s = *state;
	char xml[100];
	const char *answer;
	struct heard h = {.conn = s->a->row.conn};

	for (int i = 0; i < 201; i++) {
		snprintf(xml, sizeof xml, "<presence to=\"u%d@d\" id=\"i%d\"/>", i, i);
		say(s, s->a, xml);
	}
	assert_true(channel_read_frames(channel_since(&s->a->peer->channel, 0), hear, &h));
	answer = buf_cstr(&h.text);
	assert_non_null(strstr(answer, "id=\"i200\""));
	assert_non_null(strstr(answer, "<resource-constraint "));
	assert_null(strstr(answer, "id=\"i199\""));
	buf_free(&h.text);
}

static void messages(void **state)
{
	struct scene *s = *state;

	say(s, s->a, "<presence><priority>1</priority></presence>");
	say(s, s->b, "<presence><priority>-1</priority></presence>");
	again(s);
	say(s, s->bob, "<message to=\"Alice@d\" from=\"bob@d\"><body>1</body></message>");
	say(s, s->bob, "<message to=\"alice@d/b\" type=\"chat\"><body>2</body></message>");
	say(s, s->bob, "<message to=\"alice@d/c\" type=\"chat\"><body>3</body></message>");
	got(s->a,
		"<message from=\"bob@d/x\" to=\"alice@d\"><body>1</body></message>\n"
		"<message type=\"chat\" from=\"bob@d/x\" to=\"alice@d/c\"><body>3</body></message>\n");
	got(s->b, "<message type=\"chat\" from=\"bob@d/x\" to=\"alice@d/b\"><body>2</body></message>\n");
	got(s->bob, "");
}

static void one_frame_a_worker(void **state)
{
	struct scene *s = *state;
	struct session *more = enter(s, 1, 4, "alice@d/more");
	struct heard h = {.conn = more->row.conn};

	say(s, s->a, "<presence/>");
	say(s, more, "<presence/>");
	again(s);
	say(s, s->bob, "<message to=\"alice@d\" type=\"headline\"/>");
	assert_true(channel_read_frames(channel_since(&more->peer->channel, 0), hear, &h));
	assert_int_equal(h.frames, 1);
	got(s->a, "<message type=\"headline\" from=\"bob@d/x\" to=\"alice@d\"/>\n");
	got(more, "<message type=\"headline\" from=\"bob@d/x\" to=\"alice@d\"/>\n");
	buf_free(&h.text);
}

static void iqs(void **state)
{
	struct scene *s = *state;

	say(s, s->a, "<iq type=\"get\" id=\"&lt;1\" to=\"d\"><ping xmlns=\"urn:xmpp:ping\"/></iq>");
	got(s->a, "<iq type=\"result\" id=\"&lt;1\" from=\"d\" to=\"alice@d/a\"/>\n");
	again(s);
	say(s, s->a, "<iq type=\"result\" id=\"1\" to=\"d\"/>");
	say(s, s->a, "<iq type=\"error\" id=\"1\"><error/></iq>");
	got(s->a, "");
	say(s, s->a, "<iq type=\"get\" to=\"d\"><ping xmlns=\"urn:xmpp:ping\"/></iq>");
	got(s->a,
		"<iq type=\"error\" from=\"d\" to=\"alice@d/a\"><ping xmlns=\"urn:xmpp:ping\"/><error type=\"modify\">"
		"<bad-request xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>\n");
}

static void senders(void **state)
{
	static const struct {
		const char *from;
		bool good;
	} rows[] = {
		{"", true},
		{" from=\"alice@d/a\"", true},
		{" from=\"alice@d\"", true},
		{" from=\"ALICE@D\"", true},
		{" from=\"alice@d/b\"", false},
		{" from=\"bob@d\"", false},
		{" from=\"d\"", false},
		{" from=\"\"", false},
		{" from=\"@\"", false},
		{" from=\"alice@d/a/\"", false},
	};
	struct scene *s = *state;
	struct stanza view;
	char xml[100];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(xml, sizeof xml, "<message%s/>", rows[i].from);
		assert_true(stanza_view(str_of(xml), &view));
		assert_int_equal(route_from_is_good(&s->h, s->a, &view), rows[i].good);
	}
}

/* Four contacts with 600 bytes of presence each; a quarter of 4096 goes at once, and the one with which it is full. */
static void many_contacts(struct scene *s)
{
	char xml[700], jid[16];

	s->conf.client_queue_bytes = 4096;
	for (unsigned i = 0; i < 4; i++) {
		struct session *c;

		snprintf(jid, sizeof jid, "c%u@d/x", i);
		c = enter(s, 2, 100 + i, jid);
		snprintf(xml, sizeof xml, "<presence><status>%0600u</status></presence>", i);
		say(s, c, xml);
		snprintf(jid, sizeof jid, "c%u@d", i);
		knows(s->a, jid, SUB_LISTED | SUB_TO, NULL);
	}
}

/* As "01": of which of them it has heard, once each and in order; its own presence apart. */
static void heard_of(struct scene *s, const char *wanted)
{
	struct heard h = {.conn = s->a->row.conn};
	struct str rest, line;
	struct buf got = {0};
	struct stanza view;

	assert_true(channel_read_frames(channel_since(&s->a->peer->channel, 0), hear, &h));
	rest = buf_str(&h.text);
	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		assert_true(stanza_view(str_skip(line, str_starts(line, STR("own ")) ? 4 : 0), &view));
		if (view.from.value.p[0] == 'c')
			buf_putc(&got, view.from.value.p[1]);
	}
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&got);
	buf_free(&h.text);
	again(s);
}

/* Its worker has taken what there was (again), and this much waits for the client. */
static void next_part(struct scene *s, uint64_t queued, const char *wanted)
{
	s->h.arrivals_due = false;
	arrivals_turn(&s->h);
	heard_of(s, ""); /* it has not said how much that is */
	s->a->queued = queued;
	s->h.arrivals_due = true;
	arrivals_turn(&s->h);
	heard_of(s, wanted);
}

static void arrival(void **state)
{
	struct scene *s = *state;

	many_contacts(s);
	again(s);
	say(s, s->a, "<presence/>");
	arrivals_turn(&s->h);
	heard_of(s, "01");
	assert_true(s->a->row.flags & SESSION_ARRIVING);
	next_part(s, 1024, "");
	knows(s->a, "c2@d", SUB_LISTED, NULL);
	next_part(s, 1000, "3");
	assert_false(s->a->row.flags & SESSION_ARRIVING);
	next_part(s, 0, "");
}

static void arrival_ends(void **state)
{
	struct scene *s = *state;

	many_contacts(s);
	again(s);
	say(s, s->a, "<presence/>");
	heard_of(s, "01");
	say(s, s->a, "<presence type=\"unavailable\"/>");
	assert_false(s->a->row.flags & SESSION_ARRIVING);
	next_part(s, 0, "");
	say(s, s->a, "<presence/>");
	heard_of(s, "01");
	say(s, s->a, "<presence type=\"probe\"/>"); /* again from the first on, but not faster */
	heard_of(s, "");
	next_part(s, 0, "01");
	next_part(s, 0, "23");
}

static void arrival_resumed(void **state)
{
	struct scene *s = *state;

	many_contacts(s);
	say(s, s->a, "<presence/>");
	again(s);
	arrival_end(s->a);
	s->a->row.flags |= SESSION_ARRIVING; /* as it was recorded */
	arrivals_resume(&s->h);
	next_part(s, 0, "01");
	next_part(s, 0, "23");
	assert_false(s->a->row.flags & SESSION_ARRIVING);
}

/* XEP-0191 3.3, 3.4: a contact, or all of a domain, one frame a worker. */
static void blocked(void **state)
{
	struct scene *s = *state;
	struct jid item;

	knows(s->a, "bob@d", SUB_LISTED | SUB_TO | SUB_FROM, NULL);
	say(s, s->bob, "<presence/>");
	say(s, s->a, "<presence/>");
	for (int i = 0; i < 2; i++) {
		assert_true(jid_split(i ? STR("d") : STR("bob@d"), &item));
		again(s);
		presence_hide(&s->h, s->a, item);
		got(s->bob, "own <presence from=\"alice@d/a\" type=\"unavailable\"/>\n");
		got(s->a, "own <presence from=\"bob@d/x\" type=\"unavailable\"/>\n");
		again(s);
		presence_show(&s->h, s->a, item);
		got(s->bob, "own <presence from=\"alice@d/a\"/>\n");
		got(s->a, "own <presence from=\"bob@d/x\"/>\n");
	}
	say(s, s->b, "<presence to=\"bob@d/x\"/>");
	again(s);
	block_add(&s->h, STR("bob@d"), STR("alice@d"));
	say(s, s->b, "<presence type=\"unavailable\"/>");
	got(s->bob, "");
	assert_true(jid_split(STR("e"), &item));
	again(s);
	presence_hide(&s->h, s->a, item);
	presence_show(&s->h, s->a, item);
	got(s->bob, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE("presence: the initial one goes to all of one's own, and brings theirs; an update brings none",
			initial),
		SCENE("presence: contacts hear and are heard of as the roster says, at every step to the end",
			contacts),
		SCENE("presence: fifty contacts on one worker are one frame", fan),
		SCENE("presence: requests that wait come with each initial presence", requests),
		SCENE("presence: a probe is answered to whom it may be, and nothing is said to others", probes),
		SCENE("presence: who was told directly may ask whether that session is still there",
			probes_of_directed),
		SCENE("presence: who was told directly and may see it anyway hears of the end once",
			directed_to_contacts),
		SCENE("presence: one's own resources hear of the end once, even if they were told directly",
			directed_to_own),
		SCENE("presence: a priority is an integer from -128 to 127, and anything else is a bad request",
			priorities),
		SCENE("presence: what was directed ends with unavailable", directed),
		SCENE("presence: whoever has heard that a session is gone has nothing more to tell it",
			directed_to_gone),
		SCENE("presence: the two hundred and first address is refused", directed_bound),
		SCENE("presence: who comes hears of many contacts in parts, each when the one before is taken and read",
			arrival),
		SCENE("presence: who goes hears no more of them, and whoever asks again waits as long", arrival_ends),
		SCENE("presence: after a restart who had not heard of all hears of all again", arrival_resumed),
		SCENE("presence: a block hides from those whom it means, its end shows", blocked),
		SCENE("routing: messages go to the resources that are meant, stamped", messages),
		SCENE("routing: a stanza for many goes as one frame a worker", one_frame_a_worker),
		SCENE("routing: iqs are answered, and answers are not", iqs),
		SCENE("routing: a sender may name itself, in full or bare, and nobody else", senders),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
