/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole login table, cell by cell: each state with each input, and with each event, against
 * the tables below, which say in their own words where a client must be afterwards and what it
 * must have been told. The edges are written out once more too. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "c2s/login.h"
#include "t/lib/c2s_world.h"

#define NOTHING NULL

/* Where to, and words that must be among what is said; NOTHING: not a byte. */
struct outcome {
	enum login_state to;
	const char *says;
};

/* Tables, laid out by hand. */
/* clang-format off */
#define TO(state, words) {LOGIN_##state, words}
#define ENDS(words) {LOGIN_closing, words}
#define STAYS TO(wait_for_end, NOTHING)
#define FAULT ENDS("<internal-server-error")
#define STRANGER ENDS("<not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>")
#define TLS_FAILURE ENDS("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
#define SASL_FAILURE(cond) "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" cond "/></failure>"
#define SASL2_FAILURE(cond) \
	"<failure xmlns='urn:xmpp:sasl:2'><" cond " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
#define INTRUDER ENDS("<policy-violation")
#define SETUP_FAILED "<setup-failed/>"
#define REFUSED(code, type, cond) "<iq type=\"error\" id=\"r1\"><error type=\"" type "\" code=\"" code "\"><" cond
#define ODD ENDS("<unsupported-stanza-type")

/* In a state that reads nothing, an input is our own fault: the stream ends, whatever it is. */
#define WAITS(state) \
	[LOGIN_##state] = {FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, \
		FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT, FAULT}

static const struct outcome inputs[LOGIN_STATES][LOGIN_INPUTS] = {
	[LOGIN_wait_for_stream] = {
		[INPUT_header] = TO(wait_for_feature_request,
			"<stream:features><starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"><required/>"),
		[INPUT_goodbye] = FAULT,
		[INPUT_error] = FAULT,
		[INPUT_starttls] = FAULT,
		[INPUT_auth] = FAULT,
		[INPUT_response] = FAULT,
		[INPUT_abort] = FAULT,
		[INPUT_authenticate] = FAULT,
		[INPUT_response2] = FAULT,
		[INPUT_abort2] = FAULT,
		[INPUT_next] = FAULT,
		[INPUT_task_data] = FAULT,
		[INPUT_compress] = FAULT,
		[INPUT_bind] = FAULT,
		[INPUT_session] = FAULT,
		[INPUT_account] = FAULT,
		[INPUT_old_login] = FAULT,
		[INPUT_active] = FAULT,
		[INPUT_inactive] = FAULT,
		[INPUT_stanza] = FAULT,
		[INPUT_other] = FAULT},
	[LOGIN_wait_for_feature_request] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = TO(wait_for_salt, NOTHING),
		[INPUT_response] = TO(wait_for_feature_request, SASL_FAILURE("not-authorized")),
		[INPUT_abort] = TO(wait_for_feature_request, SASL_FAILURE("not-authorized")),
		[INPUT_authenticate] = TO(wait_for_salt, NOTHING),
		[INPUT_response2] = TO(wait_for_feature_request, SASL2_FAILURE("not-authorized")),
		[INPUT_abort2] = TO(wait_for_feature_request, SASL2_FAILURE("not-authorized")),
		[INPUT_next] = TO(wait_for_feature_request, SASL2_FAILURE("not-authorized")),
		[INPUT_task_data] = TO(wait_for_feature_request, SASL2_FAILURE("not-authorized")),
		[INPUT_compress] = TO(wait_for_feature_request, SETUP_FAILED),
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = TO(wait_for_enrolment, NOTHING),
		[INPUT_old_login] = TO(wait_for_salt, NOTHING),
		[INPUT_active] = ODD,
		[INPUT_inactive] = ODD,
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = ODD},
	[LOGIN_wait_for_tls] = {
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING)},
	[LOGIN_wait_for_sasl_response] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = TO(wait_for_salt, SASL_FAILURE("aborted")),
		[INPUT_response] = TO(wait_for_salt, NOTHING),
		[INPUT_abort] = TO(wait_for_feature_request, SASL_FAILURE("aborted")),
		[INPUT_authenticate] = TO(wait_for_salt, SASL_FAILURE("aborted")),
		[INPUT_response2] = INTRUDER,
		[INPUT_abort2] = INTRUDER,
		[INPUT_next] = INTRUDER,
		[INPUT_task_data] = INTRUDER,
		[INPUT_compress] = TO(wait_for_sasl_response, SETUP_FAILED),
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = STRANGER,
		[INPUT_old_login] = STRANGER,
		[INPUT_active] = ODD,
		[INPUT_inactive] = ODD,
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = ODD},
	[LOGIN_wait_for_sasl2_response] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = INTRUDER,
		[INPUT_response] = INTRUDER,
		[INPUT_abort] = INTRUDER,
		[INPUT_authenticate] = INTRUDER,
		[INPUT_response2] = TO(wait_for_salt, NOTHING),
		[INPUT_abort2] = TO(wait_for_feature_request, SASL2_FAILURE("aborted")),
		[INPUT_next] = INTRUDER,
		[INPUT_task_data] = INTRUDER,
		[INPUT_compress] = INTRUDER,
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = STRANGER,
		[INPUT_old_login] = STRANGER,
		[INPUT_active] = INTRUDER,
		[INPUT_inactive] = INTRUDER,
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = INTRUDER},
	[LOGIN_wait_for_sasl2_next] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = INTRUDER,
		[INPUT_response] = INTRUDER,
		[INPUT_abort] = INTRUDER,
		[INPUT_authenticate] = INTRUDER,
		[INPUT_response2] = INTRUDER,
		[INPUT_abort2] = ENDS(SASL2_FAILURE("aborted")),
		[INPUT_next] = TO(wait_for_sasl2_task_data, "<salt xmlns=\"urn:xmpp:scram-upgrade:0\" iterations=\"10000\">c2Fs"),
		[INPUT_task_data] = INTRUDER,
		[INPUT_compress] = INTRUDER,
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = STRANGER,
		[INPUT_old_login] = STRANGER,
		[INPUT_active] = INTRUDER,
		[INPUT_inactive] = INTRUDER,
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = INTRUDER},
	[LOGIN_wait_for_sasl2_task_data] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = INTRUDER,
		[INPUT_response] = INTRUDER,
		[INPUT_abort] = INTRUDER,
		[INPUT_authenticate] = INTRUDER,
		[INPUT_response2] = INTRUDER,
		[INPUT_abort2] = ENDS(SASL2_FAILURE("aborted")),
		[INPUT_next] = INTRUDER,
		[INPUT_task_data] = TO(wait_for_upgrade, NOTHING),
		[INPUT_compress] = INTRUDER,
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = STRANGER,
		[INPUT_old_login] = STRANGER,
		[INPUT_active] = INTRUDER,
		[INPUT_inactive] = INTRUDER,
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = INTRUDER},
	WAITS(wait_for_salt),
	WAITS(wait_for_key),
	WAITS(wait_for_proof),
	[LOGIN_wait_for_bind] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_response] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_abort] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_authenticate] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_response2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_abort2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_next] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_task_data] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_compress] = TO(wait_for_bind, "<unsupported-method/>"),
		[INPUT_bind] = TO(wait_for_open, NOTHING),
		[INPUT_session] = TO(wait_for_bind, "<not-authorized"),
		[INPUT_account] = TO(wait_for_bind, REFUSED("401", "auth", "not-authorized")),
		[INPUT_old_login] = TO(wait_for_bind, "<iq type=\"error\" id=\"o1\"><error type=\"auth\" code=\"401\"><not-authorized"),
		[INPUT_active] = TO(wait_for_bind, NOTHING),
		[INPUT_inactive] = TO(wait_for_bind, NOTHING),
		[INPUT_stanza] = TO(wait_for_bind, "<not-authorized"),
		[INPUT_other] = ODD},
	WAITS(wait_for_open),
	WAITS(wait_for_upgrade),
	WAITS(wait_for_token),
	WAITS(wait_for_sasl2_open),
	WAITS(wait_for_iq_auth_open),
	WAITS(wait_for_enrolment),
	WAITS(wait_for_change),
	[LOGIN_wait_for_session] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = STAYS,
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_response] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_abort] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_authenticate] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_response2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_abort2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_next] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_task_data] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_compress] = TO(wait_for_session, SETUP_FAILED),
		[INPUT_bind] = TO(wait_for_session, "<not-allowed"),
		[INPUT_session] = TO(session_established, "<iq type=\"result\" id=\"s1\"/>"),
		[INPUT_account] = TO(wait_for_change, NOTHING),
		[INPUT_old_login] = TO(wait_for_session, "<iq type=\"error\" id=\"o1\"><error type=\"cancel\" code=\"405\"><not-allowed"),
		[INPUT_active] = TO(session_established, NOTHING),
		[INPUT_inactive] = TO(session_established, NOTHING),
		[INPUT_stanza] = TO(session_established, NOTHING),
		[INPUT_other] = ODD},
	[LOGIN_session_established] = {
		[INPUT_header] = FAULT,
		[INPUT_goodbye] = STAYS,
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TLS_FAILURE,
		[INPUT_auth] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_response] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_abort] = ENDS(SASL_FAILURE("not-authorized")),
		[INPUT_authenticate] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_response2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_abort2] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_next] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_task_data] = ENDS(SASL2_FAILURE("not-authorized")),
		[INPUT_compress] = TO(session_established, SETUP_FAILED),
		[INPUT_bind] = TO(session_established, "<not-allowed"),
		[INPUT_session] = TO(session_established, "<iq type=\"result\" id=\"s1\"/>"),
		[INPUT_account] = TO(wait_for_change, NOTHING),
		[INPUT_old_login] = TO(session_established, "<iq type=\"error\" id=\"o1\"><error type=\"cancel\" code=\"405\"><not-allowed"),
		[INPUT_active] = TO(session_established, NOTHING),
		[INPUT_inactive] = TO(session_established, NOTHING),
		[INPUT_stanza] = TO(session_established, NOTHING),
		[INPUT_other] = ODD},
	[LOGIN_wait_for_end] = {STAYS, STAYS, STAYS, STAYS, STAYS, STAYS,
		STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS,
		STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS, STAYS},
	[LOGIN_closing] = {ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING),
		ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING), ENDS(NOTHING)},
};

/* The events that do something in certain states only; everywhere else they change and say
 * nothing. */
static const struct {
	enum login_event event;
	enum login_state at;
	struct outcome outcome;
} here[] = {
	{ON_tls_ready, LOGIN_wait_for_tls, TO(wait_for_stream, NOTHING)},
	{ON_salt, LOGIN_wait_for_salt, TO(wait_for_key, NOTHING)},
	{ON_key, LOGIN_wait_for_key, TO(wait_for_proof, NOTHING)},
	{ON_verdict, LOGIN_wait_for_proof,
		TO(wait_for_stream, "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>")},
	{ON_opened, LOGIN_wait_for_open, TO(wait_for_session, "<jid>alice@localhost/here</jid>")},
	{ON_refused, LOGIN_wait_for_open,
		TO(wait_for_bind, "<iq type=\"error\" id=\"b1\"><error type=\"cancel\"><conflict")},
	{ON_upgrade, LOGIN_wait_for_upgrade, TO(wait_for_sasl2_next, "<tasks><task>UPGR-SCRAM-SHA-256</task></tasks></continue>")},
	{ON_token, LOGIN_wait_for_token, TO(wait_for_sasl2_open, NOTHING)},
	{ON_opened, LOGIN_wait_for_sasl2_open,
		TO(wait_for_session, "<authorization-identifier>alice@localhost/here</authorization-identifier>"
			"<bound xmlns=\"urn:xmpp:bind:0\"/></success><stream:features><limits")},
	{ON_refused, LOGIN_wait_for_sasl2_open,
		TO(wait_for_bind, "<authorization-identifier>alice@localhost</authorization-identifier></success>"
			"<stream:features><bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>")},
	{ON_opened, LOGIN_wait_for_iq_auth_open, TO(wait_for_session, "<iq type=\"result\" id=\"o1\"/>")},
	{ON_refused, LOGIN_wait_for_iq_auth_open,
		TO(wait_for_bind, "<iq type=\"error\" id=\"o1\"><error type=\"cancel\" code=\"409\"><conflict")},
	{ON_ruling, LOGIN_wait_for_enrolment, TO(wait_for_enrolment, NOTHING)},
	{ON_ruling, LOGIN_wait_for_change, TO(wait_for_change, NOTHING)},
	{ON_made, LOGIN_wait_for_enrolment, TO(wait_for_enrolment, NOTHING)},
	{ON_made, LOGIN_wait_for_change, TO(wait_for_change, NOTHING)},
	{ON_enrolled, LOGIN_wait_for_enrolment, TO(wait_for_feature_request, REFUSED("409", "cancel", "conflict"))},
	{ON_enrolled, LOGIN_wait_for_change, TO(session_established, REFUSED("409", "cancel", "conflict"))},
	{ON_delivered, LOGIN_wait_for_change, TO(wait_for_change, "<message><body>hi</body></message>")},
	{ON_delivered, LOGIN_wait_for_session, TO(wait_for_session, "<message><body>hi</body></message>")},
	{ON_delivered, LOGIN_session_established, TO(session_established, "<message><body>hi</body></message>")},
	{ON_delivered, LOGIN_wait_for_end, TO(wait_for_end, "<message><body>hi</body></message>")},
	{ON_deadline, LOGIN_wait_for_end, ENDS("</stream:stream>")},
	{ON_silence, LOGIN_wait_for_session, ENDS("<connection-timeout")},
	{ON_silence, LOGIN_session_established, ENDS("<connection-timeout")},
	{ON_silence, LOGIN_wait_for_change, ENDS("<connection-timeout")},
};

/* The events that end the stream from any state, and the words then. */
static const struct {
	enum login_event event;
	const char *says;
} ends[] = {
	{ON_tls_failed, NOTHING}, {ON_ended, "<conflict"}, {ON_broken, "<not-well-formed"},
	{ON_unzipped, "<bad-format"},
	{ON_overflow, "<policy-violation"}, {ON_deadline, "<connection-timeout"},
	{ON_shutdown, "<system-shutdown"}, {ON_hangup, NOTHING},
};

static const char edges[] =
	"wait_for_stream>wait_for_feature_request wait_for_stream>wait_for_bind wait_for_stream>closing "
	"wait_for_feature_request>wait_for_tls wait_for_feature_request>wait_for_sasl_response wait_for_feature_request>wait_for_salt "
	"wait_for_feature_request>wait_for_sasl2_response wait_for_feature_request>closing wait_for_feature_request>wait_for_enrolment "
	"wait_for_proof>wait_for_iq_auth_open wait_for_iq_auth_open>wait_for_session wait_for_iq_auth_open>wait_for_bind "
	"wait_for_iq_auth_open>closing wait_for_enrolment>wait_for_feature_request wait_for_enrolment>closing wait_for_session>wait_for_change "
	"session_established>wait_for_change wait_for_change>session_established wait_for_change>closing wait_for_tls>wait_for_stream wait_for_tls>closing "
	"wait_for_feature_request>wait_for_proof "
	"wait_for_sasl_response>wait_for_feature_request wait_for_sasl_response>wait_for_sasl_response "
	"wait_for_proof>wait_for_sasl_response wait_for_proof>wait_for_sasl2_response wait_for_sasl_response>wait_for_stream "
	"wait_for_sasl2_response>wait_for_upgrade wait_for_sasl2_response>wait_for_token "
	"wait_for_sasl2_response>wait_for_sasl2_open wait_for_sasl2_response>wait_for_bind "
	"wait_for_sasl_response>wait_for_salt wait_for_sasl_response>wait_for_proof wait_for_sasl_response>closing "
	"wait_for_sasl2_response>wait_for_sasl2_response wait_for_sasl2_response>wait_for_salt "
	"wait_for_sasl2_response>wait_for_proof wait_for_sasl2_response>wait_for_feature_request wait_for_sasl2_response>closing "
	"wait_for_proof>wait_for_upgrade wait_for_upgrade>wait_for_sasl2_next wait_for_upgrade>wait_for_token "
	"wait_for_upgrade>wait_for_sasl2_open wait_for_upgrade>wait_for_bind wait_for_upgrade>closing "
	"wait_for_sasl2_next>wait_for_sasl2_task_data wait_for_sasl2_next>closing "
	"wait_for_sasl2_task_data>wait_for_upgrade wait_for_sasl2_task_data>closing "
	"wait_for_feature_request>wait_for_proof wait_for_proof>wait_for_token wait_for_token>wait_for_sasl2_open "
	"wait_for_token>wait_for_bind wait_for_token>closing wait_for_salt>wait_for_sasl2_response wait_for_proof>wait_for_sasl2_open wait_for_proof>wait_for_bind "
	"wait_for_sasl2_open>wait_for_session wait_for_sasl2_open>wait_for_bind wait_for_sasl2_open>closing "
	"wait_for_salt>wait_for_feature_request wait_for_salt>wait_for_sasl_response wait_for_salt>wait_for_key wait_for_salt>closing "
	"wait_for_salt>wait_for_proof "
	"wait_for_key>wait_for_feature_request wait_for_key>wait_for_proof wait_for_key>closing "
	"wait_for_proof>wait_for_stream wait_for_proof>wait_for_feature_request wait_for_proof>wait_for_key wait_for_proof>closing "
	"wait_for_bind>wait_for_stream wait_for_bind>wait_for_open wait_for_bind>closing wait_for_open>wait_for_bind wait_for_open>wait_for_session "
	"wait_for_open>closing wait_for_session>session_established wait_for_session>closing wait_for_session>wait_for_end "
	"session_established>closing session_established>wait_for_end wait_for_end>closing ";

static const char *const texts[LOGIN_INPUTS] = {
	[INPUT_header] = "",
	[INPUT_goodbye] = "",
	[INPUT_error] = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
	[INPUT_starttls] = WORLD_STARTTLS,
	[INPUT_auth] = WORLD_PLAIN,
	[INPUT_response] =
		"<response xmlns='" WORLD_SASL "'>AGFsaWNlAHNlY3JldA==</response>",
	[INPUT_abort] = "<abort xmlns='" WORLD_SASL "'/>",
	[INPUT_authenticate] = WORLD_PLAIN2(""),
	[INPUT_response2] = "<response xmlns='" WORLD_SASL2 "'>AGFsaWNlAHNlY3JldA==</response>",
	[INPUT_abort2] = "<abort xmlns='" WORLD_SASL2 "'/>",
	[INPUT_next] = WORLD_NEXT,
	[INPUT_task_data] = WORLD_HASH,
	[INPUT_compress] =
		"<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>",
	[INPUT_bind] = WORLD_BIND,
	[INPUT_session] = WORLD_SESSION,
	[INPUT_account] = WORLD_ACCOUNT,
	[INPUT_old_login] = WORLD_OLD_LOGIN,
	[INPUT_active] = "<active xmlns='urn:xmpp:csi:0'/>",
	[INPUT_inactive] = "<inactive xmlns='urn:xmpp:csi:0'/>",
	[INPUT_stanza] = WORLD_MESSAGE,
	[INPUT_other] = "<odd xmlns='urn:odd'/>",
};
/* clang-format on */

/* Scans one element with a scanner of its own and gives it to the client's cell, in whatever
 * state that is. */
static void give(struct world *w, enum login_input input)
{
	struct scan *scan = scan_new(&w->session_limits);
	struct stanza view;
	struct cue cue = {0};
	size_t used;
	assert_int_equal(scan_feed(scan, STR(WORLD_HEADER), &used), SCAN_STREAM);
	if (input == INPUT_header) {
		cue.header = scan_header(scan);
	} else if (input != INPUT_goodbye) {
		assert_int_equal(scan_feed(scan, str_of(texts[input]), &used), SCAN_ELEMENT);
		cue.element = scan_element(scan);
		if (stanza_view(cue.element->bytes, &view) && view.kind != STANZA_OTHER)
			cue.stanza = &view;
		assert_int_equal(login_recognise(cue.element, cue.stanza, STR("localhost")), input);
	}
	login_input(&w->client, input, &cue);
	scan_free(&scan);
}

/* What sm hears when a client leaves from this state. */
static unsigned farewell(enum login_state from)
{
	if (from == LOGIN_wait_for_session || from == LOGIN_session_established || from == LOGIN_wait_for_change ||
		from == LOGIN_wait_for_end)
		return MSG_closed;
	return from == LOGIN_wait_for_bind || from == LOGIN_wait_for_open || from == LOGIN_wait_for_sasl2_open ||
			from == LOGIN_wait_for_token || world_is_task(from) ||
			from == LOGIN_wait_for_iq_auth_open
		? MSG_forget
		: 0;
}

static void check_outcome(struct world *w, enum login_state from, struct outcome o, const char *what)
{
	struct str said = world_hear(w);
	bool left = o.to == LOGIN_closing && from != LOGIN_closing;
	if (w->client.state != o.to || (o.says ? !world_said(w, o.says) : said.n > 0) || w->left != left)
		fail_msg("%s in %s: now %s, wanted %s with %s; said %.*s", what, login_state_name(from),
			login_state_name(w->client.state), login_state_name(o.to), o.says ? o.says : "nothing",
			STR_ARG(said));
	for (unsigned code = MSG_forget; left && code <= MSG_closed; code++) {
		if (code != MSG_stanza)
			assert_int_equal(w->told[code], code == farewell(from));
	}
}

static void every_state_with_every_input(void **state)
{
	(void)state;
	for (enum login_state s = 0; s < LOGIN_STATES; s++) {
		for (enum login_input i = 0; i < LOGIN_INPUTS; i++) {
			struct world *w = world_at(s);
			assert_int_equal(w->client.state, s);
			world_forget(w);
			give(w, i);
			check_outcome(w, s, inputs[s][i], login_input_name(i));
			world_free(w);
		}
	}
}

static struct outcome wanted(enum login_state s, enum login_event e)
{
	for (size_t i = 0; i < COUNT(here); i++) {
		if (here[i].event == e && here[i].at == s)
			return here[i].outcome;
	}
	for (size_t i = 0; i < COUNT(ends); i++) {
		if (ends[i].event == e) /* no words get through in the midst of a handshake, nor after the end */
			return (struct outcome){
				LOGIN_closing, s == LOGIN_wait_for_tls || s == LOGIN_closing ? NOTHING : ends[i].says};
	}
	return (struct outcome){s, NOTHING};
}

static void happen(struct world *w, enum login_event e)
{
	struct message m = {.code = MSG_deliver};
	struct cue cue = {.message = &m, .key = STR("12345678901234567890"), .text = "a reason"};
	cue.why = e == ON_broken ? STREAM_not_well_formed : STREAM_policy_violation;
	m.as.deliver.xml = STR("<message><body>hi</body></message>");
	if (e == ON_salt)
		m = world_salt(w);
	else if (e == ON_verdict)
		m = world_verdict(w, COND_none);
	else if (e == ON_upgrade)
		m = world_upgrade(w, HASH_SHA256);
	else if (e == ON_token)
		m = world_token(w);
	else if (e == ON_opened)
		m = world_opening(w);
	else if (e == ON_refused)
		m = (struct message){.code = MSG_refused, .as.refused.cond = STANZA_conflict};
	else if (e == ON_made && w->client.talks)
		client_answered(&w->client); /* sm has ruled, or no thread would have begun */
	else if (e == ON_ruling)
		m = world_ruling(w, COND_none);
	else if (e == ON_enrolled)
		m = world_enrolled(w, STANZA_conflict);
	else if (e == ON_ended)
		m = (struct message){.code = MSG_end, .as.end = {.cond = STREAM_conflict, .text = STR("Replaced")}};
	login_event(&w->client, e, &cue);
}

static void every_state_with_every_event(void **state)
{
	(void)state;
	for (enum login_state s = 0; s < LOGIN_STATES; s++) {
		for (enum login_event e = 0; e < LOGIN_EVENTS; e++) {
			struct world *w = world_at(s);
			world_forget(w);
			happen(w, e);
			check_outcome(w, s, wanted(s, e), login_event_name(e));
			world_free(w);
		}
	}
}

static void every_pair_of_states(void **state)
{
	(void)state;
	for (enum login_state a = 0; a < LOGIN_STATES; a++) {
		for (enum login_state b = 0; b < LOGIN_STATES; b++) {
			char name[96];
			snprintf(name, sizeof name, "%s>%s ", login_state_name(a), login_state_name(b));
			if (login_edge(a, b) != (strstr(edges, name) != NULL))
				fail_msg("the edge %s", name);
		}
	}
}

static void reading(void **state)
{
	(void)state;
	for (enum login_state s = 0; s < LOGIN_STATES; s++) {
		bool waits = s == LOGIN_wait_for_salt || s == LOGIN_wait_for_key || s == LOGIN_wait_for_proof ||
			s == LOGIN_wait_for_open || s == LOGIN_wait_for_sasl2_open ||
			s == LOGIN_wait_for_token || s == LOGIN_wait_for_upgrade ||
			s == LOGIN_wait_for_enrolment || s == LOGIN_wait_for_change ||
			s == LOGIN_wait_for_iq_auth_open;
		struct world *w = world_at(s);
		assert_int_equal(client_reads(&w->client), !waits);
		world_free(w);
	}
}

static void header_first(void **state)
{
	(void)state;
	for (enum login_state s = 0; s < LOGIN_closing; s++) {
		struct world *w = world_at(s);
		world_forget(w);
		client_fault(&w->client, STREAM_policy_violation, NULL);
		assert_int_equal(world_said(w, "<stream:stream "), s == LOGIN_wait_for_stream);
		world_free(w);
	}
}

static void unsure_of_tls(void **state)
{
	static const struct outcome plain[LOGIN_INPUTS] = {[INPUT_header] = FAULT,
		[INPUT_goodbye] = ENDS("</stream:stream>"),
		[INPUT_error] = ENDS("</stream:stream>"),
		[INPUT_starttls] = TO(wait_for_tls, "<proceed "),
		[INPUT_auth] = TO(wait_for_feature_request, SASL_FAILURE("encryption-required")),
		[INPUT_response] = TO(wait_for_feature_request, SASL_FAILURE("encryption-required")),
		[INPUT_abort] = TO(wait_for_feature_request, SASL_FAILURE("encryption-required")),
		[INPUT_authenticate] = TO(wait_for_feature_request, SASL2_FAILURE("encryption-required")),
		[INPUT_response2] = TO(wait_for_feature_request, SASL2_FAILURE("encryption-required")),
		[INPUT_abort2] = TO(wait_for_feature_request, SASL2_FAILURE("encryption-required")),
		[INPUT_next] = TO(wait_for_feature_request, SASL2_FAILURE("encryption-required")),
		[INPUT_task_data] = TO(wait_for_feature_request, SASL2_FAILURE("encryption-required")),
		[INPUT_compress] = TO(wait_for_feature_request, SETUP_FAILED),
		[INPUT_bind] = STRANGER,
		[INPUT_session] = STRANGER,
		[INPUT_account] = STRANGER,
		[INPUT_old_login] = STRANGER,
		[INPUT_active] = ENDS("<policy-violation"),
		[INPUT_inactive] = ENDS("<policy-violation"),
		[INPUT_stanza] = STRANGER,
		[INPUT_other] = ENDS("<policy-violation")};
	(void)state;
	for (enum login_input i = 0; i < LOGIN_INPUTS; i++) {
		struct world *w = world_new(false);
		world_bytes(w, WORLD_HEADER);
		world_forget(w);
		give(w, i);
		check_outcome(w, LOGIN_wait_for_feature_request, plain[i], login_input_name(i));
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"login: every state with every input does what the table of the test says",
			every_state_with_every_input, NULL, NULL, NULL},
		{"login: every state with every event does what the table of the test says",
			every_state_with_every_event, NULL, NULL, NULL},
		{"login: every input on plaintext where TLS is required", unsure_of_tls, NULL, NULL, NULL},
		{"login: there are these changes of state and no others", every_pair_of_states, NULL, NULL, NULL},
		{"login: nothing is read while an answer is due", reading, NULL, NULL, NULL},
		{"login: a stream error comes behind a header of ours, and one header is enough", header_first, NULL,
			NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
