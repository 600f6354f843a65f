/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * iq-auth (XEP-0078), as one client meets it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "t/lib/c2s_world.h"

#define ASK(kind, inner) "<iq type='" kind "' id='o1'><query xmlns='jabber:iq:auth'>" inner "</query></iq>"
#define USER(name) "<username>" name "</username>"
#define PASSWORD(word) "<password>" word "</password>"
#define RESOURCE(name) "<resource>" name "</resource>"
#define X10(s) s s s s s s s s s s
#define LONG X10(X10("abc"))

static struct world *said(enum login_state at, const char *words)
{
	struct world *w = world_at(at);
	world_forget(w);
	world_bytes(w, words);
	return w;
}

static void a_login(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request,
		ASK("set", USER("Alice") PASSWORD("&lt;secret") RESOURCE("a &amp; b")));
	struct message m = world_question(w);
	(void)state;
	assert_int_equal(m.code, MSG_sasl_start);
	assert_true(str_is(m.as.sasl_start.who.text, "alice@localhost"));
	world_answer(w, world_salt(w));
	assert_true(str_is(buf_str(&w->password), "<secret"));
	world_key(w);
	m = world_question(w);
	assert_int_equal(m.code, MSG_sasl_prove);
	assert_int_equal(m.as.sasl_prove.form, PROTO_FORM_CLIENT_KEY);
	assert_true(str_is(m.as.sasl_prove.mechanism, "iq-auth"));
	world_answer(w, world_verdict(w, COND_none));
	assert_int_equal(world_hear(w).n, 0);
	m = world_question(w);
	assert_int_equal(m.code, MSG_open_session);
	assert_true(str_is(m.as.open_session.resource, "a & b"));
	assert_true(str_is(m.as.open_session.mechanism, "iq-auth"));
	assert_int_equal(m.as.open_session.flags, PROTO_FLAG_IQ_AUTH);
	world_answer(w, world_opening(w));
	assert_true(str_is(world_hear(w), "<iq type=\"result\" id=\"o1\"/>"));
	assert_int_equal(w->client.state, LOGIN_wait_for_session);
	assert_int_equal(w->opened, 1);
	assert_null(w->client.talks);
	world_bytes(w, WORLD_MESSAGE);
	assert_true(w->relayed.n);
	world_free(w);
}

static void the_fields(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, ASK("get", USER("nobody")));
	(void)state;
	assert_true(str_is(world_hear(w),
		"<iq type=\"result\" id=\"o1\"><query xmlns=\"jabber:iq:auth\"><username/><password/><resource/></query></iq>"));
	assert_int_equal(w->asked, 0);
	world_free(w);
}

static void incomplete(void **state)
{
	static const char *const rows[] = {
		ASK("set", USER("") PASSWORD("secret") RESOURCE("here")),
		ASK("set", USER("alice") PASSWORD("") RESOURCE("here")),
		ASK("set", USER("alice") PASSWORD("secret") RESOURCE("")),
		ASK("set", PASSWORD("secret") RESOURCE("here")),
		ASK("set", USER("alice") RESOURCE("here")),
		ASK("set", USER("alice") PASSWORD("secret")),
		ASK("set", USER("alice") "<digest>48fc78be9ec8f86d8ce1c39c320c97c21d62334d</digest>" RESOURCE("here")),
		ASK("set", USER("alice") PASSWORD("secret") RESOURCE("a\tb")),
		ASK("set", USER("<b/>") PASSWORD("secret") RESOURCE("here")),
		ASK("set", USER("alice") PASSWORD(LONG) RESOURCE("here")),
		ASK("set", USER(LONG) PASSWORD("secret") RESOURCE("here")),
		ASK("set", ""),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = said(LOGIN_wait_for_feature_request, rows[i]);
		if (!world_said(w, "code=\"406\"><not-acceptable") || w->asked)
			fail_msg("%s: %.*s", rows[i], STR_ARG(world_hear(w)));
		assert_false(world_said(w, "secret"));
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
		world_free(w);
	}
}

/* As SASL's, after which the stream ends. */
static void failures_count(void **state)
{
	static const struct {
		enum cond cond;
		const char *says;
	} rows[] = {
		{SASL_not_authorized, "<error type=\"auth\" code=\"401\"><not-authorized"},
		{SASL_temporary_auth_failure, "<internal-server-error"},
		{SASL_account_disabled, "code=\"403\"><forbidden"},
	};
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		world_forget(w);
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
		world_bytes(w, WORLD_OLD_LOGIN);
		world_answer(w, world_salt(w));
		world_key(w);
		world_answer(w, world_verdict(w, rows[i].cond));
		assert_true(world_said(w, rows[i].says));
		assert_false(world_said(w, "urn:ietf:params:xml:ns:xmpp-sasl"));
	}
	assert_int_equal(w->client.state, LOGIN_closing);
	world_free(w);
}

static void sasl_afterwards(void **state)
{
	struct world *w = said(LOGIN_wait_for_feature_request, WORLD_OLD_LOGIN);
	(void)state;
	world_answer(w, world_salt(w));
	world_key(w);
	world_answer(w, world_verdict(w, SASL_not_authorized));
	world_bytes(w, WORLD_PLAIN);
	world_answer(w, world_salt(w));
	world_key(w);
	world_answer(w, world_verdict(w, COND_none));
	assert_true(world_said(w, "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"));
	assert_int_equal(w->client.state, LOGIN_wait_for_stream);
	world_free(w);
}

static void no_session(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_iq_auth_open);
	(void)state;
	world_answer(w, (struct message){.code = MSG_refused, .as.refused.cond = STANZA_conflict});
	assert_true(world_said(w, "<iq type=\"error\" id=\"o1\"><error type=\"cancel\" code=\"409\"><conflict"));
	assert_int_equal(w->client.state, LOGIN_wait_for_bind);
	world_bytes(w, WORLD_BIND);
	assert_int_equal(world_question(w).as.open_session.flags, 0);
	world_free(w);
}

static void not_offered(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	world_bytes(w, WORLD_HEADER);
	world_bytes(w, WORLD_OLD_LOGIN); /* in plain */
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->asked, 0);
	world_free(w);
	w = world_new(false);
	((struct conf_domain *)w->conf.domains)[0].iq_auth = false;
	world_log_in(w, LOGIN_wait_for_feature_request);
	assert_false(world_said(w, "iq-auth"));
	world_bytes(w, WORLD_OLD_LOGIN);
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_true(world_said(w, "<not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"));
	world_free(w);
	w = world_at(LOGIN_wait_for_feature_request);
	assert_true(world_said(w, "<auth xmlns=\"http://jabber.org/features/iq-auth\"/>"));
	world_free(w);
}

/* protocol.md 4, case 32. */
static void no_way_to_a_password(void **state)
{
	struct world *w = said(LOGIN_session_established, WORLD_OLD_LOGIN ASK("get", USER("bob")));
	(void)state;
	assert_true(world_said(w, "code=\"405\"><not-allowed"));
	assert_int_equal(w->asked, 0);
	assert_int_equal(w->relayed.n, 0);
	assert_int_equal(w->client.state, LOGIN_session_established);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"iq-auth: one request, as PLAIN, and the session is open", a_login, NULL, NULL, NULL},
		{"iq-auth: the fields are the same for every name, and have no digest", the_fields, NULL, NULL, NULL},
		{"iq-auth: an incomplete request is not acceptable, and not said again", incomplete, NULL, NULL, NULL},
		{"iq-auth: failures are said in its own terms, and count as SASL's", failures_count, NULL, NULL, NULL},
		{"iq-auth: SASL may follow a failure", sasl_afterwards, NULL, NULL, NULL},
		{"iq-auth: without a session the client is authenticated, and may bind", no_session, NULL, NULL, NULL},
		{"iq-auth: where it is off, or in plain, it is neither offered nor granted", not_offered, NULL, NULL, NULL},
		{"iq-auth: a session that asks gets nothing, and nobody hears the password", no_way_to_a_password, NULL,
			NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
