/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts in the hands of their users (XEP-0077), as one client meets it: what is asked of sm, what is
 * derived, what is said. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "t/lib/c2s_world.h"

#define QUERY(inner) "<iq type='set' id='r1'><query xmlns='jabber:iq:register'>" inner "</query></iq>"
#define WISH(user, password) QUERY("<username>" user "</username><password>" password "</password>")
#define FORM(type, user, password) \
	QUERY("<x xmlns='jabber:x:data' type='submit'>" \
	      "<field var='FORM_TYPE' type='hidden'><value>" type "</value></field>" \
	      "<field var='username'><value>" user "</value></field>" \
	      "<field var='password' type='text-private'><value>" password "</value></field></x>")
#define X10(s) s s s s s s s s s s
#define LONG X10(X10("abc"))

static struct world *said(enum login_state at, const char *words)
{
	struct world *w = world_at(at);
	world_forget(w);
	world_bytes(w, words);
	return w;
}

static void asks(struct world *w, uint8_t what, const char *who)
{
	struct message m = world_question(w);
	assert_int_equal(w->asked, 1);
	assert_int_equal(m.code, MSG_enrol_ask);
	assert_int_equal(m.as.enrol_ask.what, what);
	assert_true(str_is(m.as.enrol_ask.who.text, who));
	assert_true(str_is(m.as.enrol_ask.address, "192.0.2.1"));
}

static void an_account(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, WISH("&#65;lice", "s&amp;cret"));
	struct message m;
	(void)state;
	asks(w, ENROL_NEW, "alice@localhost");
	world_answer(w, world_ruling(w, COND_none));
	assert_int_equal(w->enrols, 1);
	assert_true(str_is(buf_str(&w->password), "s&cret"));
	assert_true(str_is(buf_str(&w->sought), "alice@localhost"));
	world_made(w);
	assert_null(w->client.talks->enrolment.password.p);
	m = world_question(w);
	assert_int_equal(m.code, MSG_enrol);
	assert_true(str_is(m.as.enrol.credentials, "credentials"));
	assert_true(str_is(m.as.enrol.who.text, "alice@localhost"));
	world_answer(w, world_enrolled(w, COND_none));
	assert_true(world_said(w, "<iq type=\"result\" id=\"r1\"/>"));
	assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	assert_false(client_is_proven(&w->client));
	world_free(w);
}

static void by_form(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, FORM("jabber:iq:register", "bob", "secret"));
	(void)state;
	asks(w, ENROL_NEW, "bob@localhost");
	world_free(w);
}

/* Refused before anybody is asked. */
static void no_account(void **state)
{
	static const struct {
		const char *says, *answer;
	} rows[] = {
		{QUERY("<username>bob</username>"), "<not-acceptable"},
		{QUERY("<password>secret</password>"), "<not-acceptable"},
		{WISH("bob", ""), "<not-acceptable"},
		{WISH("", "secret"), "<not-acceptable"},
		{WISH("bob", "<b/>"), "<not-acceptable"},
		{WISH("bob</username><username>eve", "secret"), "<not-acceptable"},
		{QUERY("<username xmlns='urn:odd'>bob</username><password>secret</password>"), "<not-acceptable"},
		{WISH("b@b", "secret"), "<not-acceptable"},
		{WISH("b b", "secret"), "<not-acceptable"},
		{WISH("bob", "se\tcret"), "<not-acceptable"},
		{WISH(LONG, "secret"), "<not-acceptable"},
		{WISH("bob", LONG), "<not-acceptable"},
		{FORM("urn:odd", "bob", "secret"), "<not-acceptable"},
		{FORM("jabber:iq:register", "", "secret"), "<not-acceptable"},
		{QUERY("<remove/>"), "<unexpected-request"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = said(LOGIN_wait_for_feature_request, rows[i].says);
		if (!world_said(w, rows[i].answer) || w->asked)
			fail_msg("%s: %.*s", rows[i].says, STR_ARG(world_hear(w)));
		assert_false(world_said(w, "secret"));
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
		world_free(w);
	}
}

static void the_form(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request,
		"<iq type='get' id='g1' to='localhost'><query xmlns='jabber:iq:register'/></iq>");
	(void)state;
	assert_true(world_said(w, "<iq type=\"result\" id=\"g1\"><query xmlns=\"jabber:iq:register\">"));
	assert_true(world_said(w, "<username/><password/><x xmlns=\"jabber:x:data\" type=\"form\">"));
	assert_false(world_said(w, "<registered/>"));
	world_free(w);
	w = said(LOGIN_session_established, "<iq type='get' id='g1'><query xmlns='jabber:iq:register'/></iq>");
	assert_true(world_said(w, "<registered/><username>alice</username><password/>"));
	world_free(w);
}

static void a_closed_domain(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	((struct conf_domain *)w->conf.domains)[0].registration = REGISTRATION_CLOSED;
	world_log_in(w, LOGIN_wait_for_feature_request);
	assert_false(world_said(w, "iq-register"));
	world_bytes(w, WISH("bob", "secret"));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_true(world_said(w, "<not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"));
	world_free(w);
	w = world_new(false);
	((struct conf_domain *)w->conf.domains)[0].registration = REGISTRATION_CLOSED;
	world_log_in(w, LOGIN_session_established);
	world_forget(w);
	world_bytes(w, QUERY("<remove/>"));
	assert_true(world_said(w, "<not-allowed"));
	world_bytes(w, WISH("alice", "another"));
	asks(w, ENROL_PASSWORD, "");
	world_free(w);
}

static void only_behind_tls(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	world_bytes(w, WORLD_HEADER);
	assert_false(world_said(w, "iq-register"));
	world_bytes(w, WISH("bob", "secret"));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->asked, 0);
	world_free(w);
	w = said(LOGIN_wait_for_feature_request, "");
	world_bytes(w, "</stream:stream>");
	world_free(w);
	w = world_at(LOGIN_wait_for_feature_request);
	assert_true(world_said(w, "<register xmlns=\"http://jabber.org/features/iq-register\"/>"));
	world_free(w);
}

static void refused_by_sm(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, WISH("bob", "secret"));
	(void)state;
	world_answer(w, world_ruling(w, STANZA_resource_constraint));
	assert_true(world_said(w, "<error type=\"wait\" code=\"500\"><resource-constraint"));
	assert_true(world_said(w, "try again later"));
	assert_int_equal(w->enrols, 0);
	world_forget(w);
	world_bytes(w, WISH("bob", "secret"));
	w->no_threads = true;
	world_answer(w, world_ruling(w, COND_none));
	assert_true(world_said(w, "<resource-constraint"));
	assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	world_free(w);
}

static void late_answers(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, WISH("bob", "secret"));
	struct message old = world_ruling(w, COND_none);
	(void)state;
	world_answer(w, world_enrolled(w, COND_none)); /* was not asked */
	assert_int_equal(w->client.state, LOGIN_wait_for_enrolment);
	world_answer(w, world_ruling(w, STANZA_conflict));
	world_bytes(w, WISH("eve", "secret"));
	world_answer(w, old);
	assert_int_equal(w->enrols, 0);
	assert_int_equal(w->client.state, LOGIN_wait_for_enrolment);
	world_free(w);
}

static void too_many(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	(void)state;
	for (int i = 0; i < 10; i++) {
		world_bytes(w, WISH("bob", "secret"));
		world_answer(w, world_ruling(w, STANZA_conflict));
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	}
	world_bytes(w, WISH("bob", "secret"));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_true(world_said(w, "<policy-violation"));
	world_free(w);
}

/* What is refused before sm is asked is a line in the log, too. */
static void too_many_refused(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	(void)state;
	for (int i = 0; i < 10; i++) {
		world_bytes(w, WISH("b b", "secret"));
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	}
	world_bytes(w, WISH("b b", "secret"));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_true(world_said(w, "<policy-violation"));
	world_free(w);
}

static void too_many_changes(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	for (int i = 0; i < 5; i++) {
		world_bytes(w, WISH("bob", "better"));
		world_bytes(w, WISH("alice", "better"));
		world_answer(w, world_ruling(w, STANZA_not_allowed));
	}
	world_forget(w);
	w->asked = 0;
	world_bytes(w, WISH("alice", "better"));
	assert_true(world_said(w, "<resource-constraint"));
	assert_int_equal(w->asked, 0);
	assert_int_equal(w->relayed.n, 0);
	assert_int_equal(w->client.state, LOGIN_session_established);
	world_free(w);
}

static void another_password(void **state)
{
	struct world *w = said(LOGIN_session_established, WISH("Alice@localhost", "better"));
	struct message m;
	(void)state;
	asks(w, ENROL_PASSWORD, "");
	assert_false(client_reads(&w->client));
	assert_true(client_has_session(&w->client));
	world_answer(w, world_ruling(w, COND_none));
	assert_true(str_is(buf_str(&w->password), "better"));
	assert_true(str_is(buf_str(&w->sought), "alice@localhost"));
	world_made(w);
	m = world_question(w);
	assert_int_equal(m.as.enrol.what, ENROL_PASSWORD);
	world_answer(w, world_enrolled(w, COND_none));
	assert_true(world_said(w, "<iq type=\"result\" id=\"r1\"/>"));
	assert_int_equal(w->client.state, LOGIN_session_established);
	assert_null(w->client.talks);
	world_bytes(w, WORLD_MESSAGE);
	assert_true(w->relayed.n);
	world_free(w);
}

/* What it says meanwhile waits, and nothing of it reaches sm with a password in it. */
static void in_order(void **state)
{
	struct world *w = said(LOGIN_session_established, WISH("alice", "better") WORLD_MESSAGE);
	(void)state;
	assert_int_equal(w->relayed.n, 0);
	world_answer(w, world_ruling(w, STANZA_resource_constraint));
	assert_true(world_said(w, "<resource-constraint"));
	assert_true(str_starts(buf_str(&w->relayed), STR("<message ")));
	world_free(w);
}

static void no_other_password(void **state)
{
	static const struct {
		const char *says, *answer;
	} rows[] = {
		{WISH("bob", "better"), "<not-allowed"},
		{WISH("bob@localhost", "better"), "<not-allowed"},
		{WISH("alice@example.test", "better"), "<not-allowed"},
		{WISH("alice", ""), "<bad-request"},
		{QUERY("<password>better</password>"), "<bad-request"},
		{WISH("alice", LONG), "<not-acceptable"},
		{QUERY("<remove/><username>alice</username>"), "<bad-request"},
		{"<iq type='set' id='r1'><query xmlns='jabber:iq:auth'><username>alice</username></query></iq>", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = said(LOGIN_session_established, rows[i].says);
		if (rows[i].answer && (!world_said(w, rows[i].answer) || w->asked || w->relayed.n))
			fail_msg("%s: %.*s", rows[i].says, STR_ARG(world_hear(w)));
		assert_int_equal(w->client.state, LOGIN_session_established);
		assert_null(w->client.talks);
		world_free(w);
	}
}

static void somebody_else(void **state)
{
	struct world *w = said(LOGIN_session_established,
		"<iq type='set' id='r1' from='bob@localhost'><query xmlns='jabber:iq:register'><remove/></query></iq>");
	(void)state;
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_true(world_said(w, "<invalid-from"));
	world_free(w);
	w = said(LOGIN_session_established,
		"<iq type='set' id='r1' to='rooms.example'><query xmlns='jabber:iq:register'><remove/></query></iq>");
	assert_int_equal(w->asked, 0); /* not ours: it is relayed */
	assert_true(w->relayed.n);
	world_free(w);
}

static void an_end(void **state)
{
	struct world *w = said(LOGIN_session_established, QUERY("<remove/>"));
	struct message m = world_question(w);
	struct message end = {.code = MSG_end, .as.end = {.cond = STREAM_not_authorized, .text = STR("removed")}};
	(void)state;
	assert_int_equal(m.code, MSG_enrol);
	assert_int_equal(m.as.enrol.what, ENROL_REMOVE);
	assert_int_equal(m.as.enrol.who.text.n, 0);
	world_answer(w, world_enrolled(w, COND_none));
	world_answer(w, end);
	assert_true(world_said(w, "<iq type=\"result\" id=\"r1\"/><stream:error><not-authorized"));
	world_free(w);
}

/* The session ends while a thread is busy with its password. */
static void gone_meanwhile(void **state)
{
	struct world *w = said(LOGIN_session_established, WISH("alice", "better"));
	(void)state;
	world_answer(w, world_ruling(w, COND_none));
	client_event(&w->client, ON_hangup, NULL);
	assert_int_equal(w->told[MSG_closed], 1);
	world_made(w);
	assert_int_equal(w->client.state, LOGIN_closing);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"enrol: an account is asked for, derived, stored, and no login", an_account, NULL, NULL, NULL},
		{"enrol: the form will do as well as the fields", by_form, NULL, NULL, NULL},
		{"enrol: what cannot be an account is refused at once, and not said again", no_account, NULL, NULL,
			NULL},
		{"enrol: who asks is told what is needed, or what is on file", the_form, NULL, NULL, NULL},
		{"enrol: a closed domain makes and removes no accounts, but changes passwords", a_closed_domain, NULL,
			NULL, NULL},
		{"enrol: no password is taken in plain", only_behind_tls, NULL, NULL, NULL},
		{"enrol: what sm refuses, or no thread has time for, leaves the stream as it was", refused_by_sm, NULL,
			NULL, NULL},
		{"enrol: an answer to another question is none", late_answers, NULL, NULL, NULL},
		{"enrol: a stream asks ten times at most", too_many, NULL, NULL, NULL},
		{"enrol: a stream is refused ten times at most", too_many_refused, NULL, NULL, NULL},
		{"enrol: a session asks ten times at most, and goes on", too_many_changes, NULL, NULL, NULL},
		{"enrol: a session changes its password, and goes on", another_password, NULL, NULL, NULL},
		{"enrol: what comes behind a change waits for it", in_order, NULL, NULL, NULL},
		{"enrol: a change is for the own account, and complete", no_other_password, NULL, NULL, NULL},
		{"enrol: nobody changes for somebody else, and what is for others is theirs", somebody_else, NULL, NULL,
			NULL},
		{"enrol: a removal is answered before the stream ends", an_end, NULL, NULL, NULL},
		{"enrol: a session may end in the midst of a change", gone_meanwhile, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
