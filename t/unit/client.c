/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client's way in as it sees it: words in, words out, whole and byte by byte; and what must
 * not be possible on that way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "c2s/features.h"
#include "t/lib/c2s_world.h"

#define SAYS(w, words) assert_true(world_said(w, words))
#define SAYS_NOT(w, words) assert_false(world_said(w, words))
#define SCRAM_FIRST \
	"<auth xmlns='" WORLD_SASL "' mechanism='SCRAM-SHA-1'>biwsbj1hbGljZSxyPWFiYw==</auth>" /* n,,n=alice,r=abc */

static void in_pieces(struct world *w, const char *text, size_t most)
{
	size_t n = strlen(text);
	for (size_t at = 0; at < n; at += most)
		client_bytes(&w->client, str_head(str_at(text + at, n - at), most));
}

/* A whole login with the client's bytes in pieces of `most`; the stream ids are cut out of what
 * the server said. */
static struct buf login_in(size_t most)
{
	struct world *w = world_new(false);
	struct buf plain = {0};
	in_pieces(w, WORLD_HEADER, most);
	in_pieces(w, WORLD_STARTTLS, most);
	in_pieces(w, "hello\n", most);
	in_pieces(w, WORLD_HEADER WORLD_PLAIN, most);
	world_answer(w, world_salt(w));
	world_key(w);
	world_answer(w, world_verdict(w, COND_none));
	in_pieces(w, WORLD_HEADER WORLD_BIND, most);
	world_answer(w, world_opening(w));
	in_pieces(w, WORLD_SESSION WORLD_MESSAGE " \n" WORLD_MESSAGE "</stream:stream>", most);
	assert_int_equal(w->client.state, LOGIN_wait_for_end);
	world_answer(w, world_end(w));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->told[MSG_stanza], 2);
	assert_int_equal(w->told[MSG_closed], 1);
	assert_int_equal(w->opened, 1);
	for (struct str rest = world_hear(w); rest.n;) {
		if (str_starts(rest, STR(" id=\"")) && rest.n > 38 && rest.p[37] == '"')
			rest = str_skip(rest, 38);
		buf_putc(&plain, rest.p[0]);
		rest = str_skip(rest, 1);
	}
	world_free(w);
	return plain;
}

static void pieces(void **state)
{
	struct buf whole = login_in(65536);
	(void)state;
	for (size_t most = 1; most < 20; most += 3) {
		struct buf cut = login_in(most);
		assert_true(str_eq(buf_str(&whole), buf_str(&cut)));
		buf_free(&cut);
	}
	buf_free(&whole);
}

static void smuggled(void **state)
{
	static const char *const behind[] = {WORLD_HEADER, "\n" WORLD_HEADER, "hello\n", " x"};
	(void)state;
	for (size_t i = 0; i < COUNT(behind); i++) {
		struct world *w = world_new(false);
		struct buf text = {0};
		buf_puts(&text, WORLD_HEADER WORLD_STARTTLS);
		buf_puts(&text, behind[i]);
		client_bytes(&w->client, buf_str(&text));
		SAYS_NOT(w, "<proceed");
		SAYS(w, "<policy-violation");
		assert_int_equal(w->client.state, LOGIN_closing);
		buf_free(&text);
		world_free(w);
	}
}

/* go-xmpp ends each of its elements so. */
static void line_feeds(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	world_bytes(w, WORLD_HEADER WORLD_STARTTLS "\n");
	SAYS(w, "<proceed");
	world_bytes(w, "\n");
	world_bytes(w, "\r\nhello\n");
	assert_int_equal(w->client.state, LOGIN_wait_for_stream);
	world_bytes(w, WORLD_HEADER "\n" WORLD_PLAIN "\n");
	world_answer(w, world_salt(w));
	world_key(w);
	world_answer(w, world_verdict(w, COND_none));
	world_bytes(w, "\n");
	world_bytes(w, "<?xml version='1.0'?>" WORLD_HEADER);
	SAYS(w, "urn:ietf:params:xml:ns:xmpp-bind");
	world_bytes(w, " <?xml version='1.0'?>");
	SAYS(w, "<restricted-xml");
	world_free(w);
}

static void handshake_leftovers(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_tls);
	(void)state;
	world_forget(w);
	world_bytes(w, WORLD_HEADER); /* not TLS: the sham's handshake goes on */
	assert_int_equal(w->client.state, LOGIN_wait_for_tls);
	world_bytes(w, "\n" WORLD_HEADER);
	SAYS(w, "<mechanism>PLAIN</mechanism>");
	world_free(w);
}

static void new_ids(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_bind);
	struct str said = world_hear(w), ids[3];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *at = memmem(said.p, said.n, " id=\"", 5);
		assert_non_null(at);
		said = str_skip(said, (size_t)(at - said.p) + 5);
		ids[i] = str_head(said, str_find(said, '"'));
		assert_int_equal(ids[i].n, 32);
	}
	assert_false(str_eq(ids[0], ids[1]) || str_eq(ids[1], ids[2]) || str_eq(ids[0], ids[2]));
	world_free(w);
}

static void bad_header(const char *header, const char *says)
{
	struct world *w = world_new(false);
	world_bytes(w, header);
	if (!world_said(w, says) || !world_said(w, "<stream:stream ") || w->client.state != LOGIN_closing)
		fail_msg("%s: %.*s", header, STR_ARG(buf_str(&w->said)));
	world_free(w);
}

#define SPACES " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"

static void headers(void **state)
{
	(void)state;
	bad_header("<stream:stream to='elsewhere'" SPACES " version='1.0'>", "<host-unknown");
	bad_header("<stream:stream" SPACES " version='1.0'>", "<improper-addressing");
	bad_header("<stream:stream to=''" SPACES " version='1.0'>", "<improper-addressing");
	bad_header("<stream:stream to='a@localhost'" SPACES " version='1.0'>", "<improper-addressing");
	bad_header("<stream:stream to='localhost/x'" SPACES " version='1.0'>", "<improper-addressing");
	bad_header("<stream:stream to='@'" SPACES " version='1.0'>", "<improper-addressing");
	bad_header("<stream:stream to='localhost'" SPACES ">", "<unsupported-version");
	bad_header("<stream:stream to='localhost'" SPACES " version='2.0'>", "<unsupported-version");
	bad_header("<stream:stream to='localhost'" SPACES " version='0.9'>", "<unsupported-version");
	bad_header("<stream:stream to='localhost'" SPACES " version='one'>", "<unsupported-version");
	bad_header("<stream:stream to='localhost'" SPACES
		   " version='1.0' xml:lang='aaaaaaaaa-bbbbbbbbb-ccccccccc-ddddddd'>",
		"<policy-violation");
	bad_header(
		"<stream:stream to='localhost' xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
		"<invalid-namespace");
	bad_header("<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='urn:x' version='1.0'>",
		"<invalid-namespace");
	bad_header("GET / HTTP/1.1", "</stream:error></stream:stream>");
	bad_header("<!DOCTYPE x>", "<restricted-xml");
}

static void same_domain(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_proof);
	(void)state;
	world_answer(w, world_verdict(w, COND_none));
	world_forget(w);
	world_bytes(w, "<stream:stream to='example.test'" SPACES " version='1.0'>");
	SAYS(w, "<improper-addressing");
	assert_int_equal(w->told[MSG_forget], 1);
	world_free(w);
}

static void header_names_the_client(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	world_bytes(w, "<stream:stream to='localhost' from='alice@localhost/a\"&lt;&apos;'" SPACES " version='1.0'>");
	SAYS(w, " from=\"localhost\" to=\"alice@localhost/a&quot;&lt;");
	world_free(w);
}

/* One SASL element on a TLS stream, and the condition that it fails with. */
static void failing(const char *element, const char *cond)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	char wanted[100];
	snprintf(wanted, sizeof wanted, "<failure xmlns='" WORLD_SASL "'><%s/></failure>", cond);
	world_forget(w);
	world_bytes(w, element);
	if (!world_said(w, wanted) || w->client.state != LOGIN_wait_for_feature_request)
		fail_msg("%s: %.*s", element, STR_ARG(buf_str(&w->said)));
	assert_int_equal(w->asked, 0);
	world_free(w);
}

#define AUTH(mech, text) "<auth xmlns='" WORLD_SASL "' mechanism='" mech "'>" text "</auth>"

static void failures(void **state)
{
	(void)state;
	failing(AUTH("EXTERNAL", "="), "invalid-mechanism");
	failing(AUTH("ANONYMOUS", ""), "invalid-mechanism");
	failing(AUTH("plain", "AGFsaWNlAHNlY3JldA=="), "invalid-mechanism");
	failing("<auth xmlns='" WORLD_SASL "'/>", "invalid-mechanism");
	failing(AUTH("PLAIN", "%%%"), "incorrect-encoding");
	failing(AUTH("PLAIN", "AGFsaWNlAHNlY3JldA"), "incorrect-encoding");
	failing(AUTH("PLAIN", " AGFsaWNlAHNlY3JldA=="), "incorrect-encoding");
	failing(AUTH("PLAIN", "AGFsaWNlAHNlY3JldB=="), "incorrect-encoding");
	failing(AUTH("PLAIN", "="), "malformed-request");
	failing(AUTH("SCRAM-SHA-256", "="), "malformed-request");
	failing("<response xmlns='" WORLD_SASL "'/>", "not-authorized");
}

static void only_what_is_configured(void **state)
{
	static const char *one[] = {"SCRAM-SHA-1"};
	struct world *w = world_new(true);
	(void)state;
	w->conf.domains[0].mechanisms = (struct conf_list){one, 1};
	world_bytes(w, "hello\n" WORLD_HEADER);
	SAYS(w, "<mechanisms xmlns=\"" WORLD_SASL "\"><mechanism>SCRAM-SHA-1</mechanism></mechanisms>");
	world_bytes(w, WORLD_PLAIN);
	SAYS(w, "<invalid-mechanism/>");
	world_bytes(w, SCRAM_FIRST);
	assert_int_equal(w->client.state, LOGIN_wait_for_salt);
	world_free(w);
}

static void too_many_failures(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
		world_bytes(w, WORLD_PLAIN);
		world_answer(w, world_salt(w));
		world_key(w);
		world_forget(w);
		world_answer(w, world_verdict(w, SASL_not_authorized));
		SAYS(w, "<not-authorized/></failure>");
	}
	SAYS(w, "</failure></stream:stream>");
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->told[MSG_forget], 0);
	world_free(w);
}

/* PLAIN, of an account that lacks this. */
static void plain_for_one_that_lacks(struct world *w, uint32_t wants)
{
	struct message salt;
	world_bytes(w, WORLD_PLAIN);
	salt = world_salt(w);
	salt.as.sasl_salt.wants = wants;
	world_answer(w, salt);
}

/* What an account lacks is made of its password, which a cached key is not; but only of the right one, or it would take
 * time that tells who lacks it. */
static void a_password_is_needed_again(void **state)
{
	static const char *mechanisms[] = {"PLAIN", "DIGEST-MD5"};
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	struct cue cue = {.key = str_at("twenty bytes of a key", 20), .more = STR("a list")};
	(void)state;
	w->conf.domains[0].mechanisms = (struct conf_list){mechanisms, 2};
	plain_for_one_that_lacks(w, CREDENTIAL_BIT(CREDENTIAL_DIGEST_MD5));
	assert_int_equal(w->work.rules.kinds, 0);
	world_key(w);
	world_answer(w, world_verdict(w, SASL_not_authorized));
	assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	assert_int_equal(w->derives, 1);
	buf_put(&w->known, buf_str(&w->sought));
	buf_puts(&w->known_key, "another key, 20 byte");
	plain_for_one_that_lacks(w, CREDENTIAL_BIT(CREDENTIAL_DIGEST_MD5));
	assert_int_equal(world_question(w).as.sasl_prove.more.n, 0);
	world_answer(w, world_verdict(w, COND_none));
	assert_int_equal(w->client.state, LOGIN_wait_for_key);
	assert_int_equal(w->derives, 2);
	assert_int_equal(w->work.rules.kinds, CREDENTIAL_BIT(CREDENTIAL_DIGEST_MD5));
	assert_false(client_is_proven(&w->client));
	client_event(&w->client, ON_key, &cue);
	assert_true(str_is(world_question(w).as.sasl_prove.more, "a list"));
	assert_true(str_is(world_question(w).as.sasl_prove.mechanism, "PLAIN"));
	/* sm may have had no time for it: who it is was proved before */
	world_answer(w, world_verdict(w, SASL_temporary_auth_failure));
	assert_true(client_is_proven(&w->client));
	world_free(w);
}

/* It is no reason to refuse anybody that it cannot be made: by a thread, or of a mechanism that this worker's
 * configuration does not list; and who goes away meanwhile is given back. */
static void what_is_lacking_may_wait(void **state)
{
	static const uint32_t wants[] = {CREDENTIAL_BIT(HASH_SHA512), CREDENTIAL_BIT(CREDENTIAL_CRAM_MD5)};
	static const char *mechanisms[] = {"PLAIN", "SCRAM-SHA-512"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w = world_at(LOGIN_wait_for_feature_request);
		w->conf.domains[0].mechanisms = (struct conf_list){mechanisms, 2};
		plain_for_one_that_lacks(w, wants[i % 2]);
		world_key(w);
		w->no_threads = i == 0;
		world_answer(w, world_verdict(w, COND_none));
		assert_int_equal(client_is_proven(&w->client), i < 2);
		if (i == 2) {
			client_event(&w->client, ON_hangup, NULL);
			assert_int_equal(w->told[MSG_forget], 1);
		}
		world_free(w);
	}
}

/* A key is remembered when sm has accepted it, and asked about again all the same. */
static void a_password_again(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		world_bytes(w, WORLD_PLAIN);
		world_answer(w, world_salt(w));
		assert_int_equal(w->derives, i);
		world_key(w);
		world_answer(w, world_verdict(w, SASL_not_authorized));
		assert_int_equal(w->remembered, 0);
	}
	buf_put(&w->known, buf_str(&w->sought));
	buf_puts(&w->known_key, "another key, 20 byte");
	world_bytes(w, WORLD_PLAIN);
	world_answer(w, world_salt(w));
	assert_int_equal(w->derives, 2);
	assert_int_equal(w->client.state, LOGIN_wait_for_proof);
	assert_true(str_is(world_question(w).as.sasl_prove.proof, "another key, 20 byte"));
	assert_false(client_is_proven(&w->client));
	world_answer(w, world_verdict(w, COND_none));
	assert_int_equal(w->remembered, 1);
	assert_true(client_is_proven(&w->client));
	world_free(w);
}

static void stale_answers(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_salt);
	struct message old = world_salt(w);
	(void)state;
	old.as.sasl_salt.attempt--;
	world_answer(w, old);
	assert_int_equal(w->client.state, LOGIN_wait_for_salt);
	world_answer(w, world_verdict(w, COND_none));
	world_answer(w, world_opening(w));
	assert_int_equal(w->client.state, LOGIN_wait_for_salt);
	assert_false(client_is_proven(&w->client));
	world_free(w);
}

/* PLAIN's second form of a password: a repeated verdict about the first must not count for it. */
static void second_form(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_feature_request);
	struct message no;
	(void)state;
	world_bytes(w, AUTH("PLAIN", "AGFsaWNlAHjihaM=")); /* NUL alice NUL x U+2163 */
	world_answer(w, world_salt(w));
	world_key(w);
	no = world_verdict(w, SASL_not_authorized);
	world_answer(w, no);
	assert_int_equal(w->client.state, LOGIN_wait_for_key);
	assert_true(str_is(buf_str(&w->password), "xIV"));
	world_key(w);
	assert_int_equal(w->client.state, LOGIN_wait_for_proof);
	world_answer(w, no);
	assert_int_equal(w->client.state, LOGIN_wait_for_proof);
	assert_int_equal(w->client.failures, 0);
	world_answer(w, world_verdict(w, COND_none));
	assert_true(client_is_proven(&w->client));
	world_free(w);
}

static void another_account(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_proof);
	struct message m = world_verdict(w, COND_none);
	(void)state;
	assert_true(jid_split(STR("mallory@localhost"), &m.as.sasl_verdict.who));
	world_answer(w, m);
	SAYS(w, "<temporary-auth-failure/>");
	assert_false(client_is_proven(&w->client));
	world_free(w);
}

static void no_thread(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_salt);
	(void)state;
	w->no_threads = true;
	world_answer(w, world_salt(w));
	SAYS(w, "<temporary-auth-failure/>");
	assert_int_equal(w->client.state, LOGIN_wait_for_feature_request);
	world_free(w);
}

/* What comes behind a question waits for its answer, in order. */
static void held_behind_questions(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_bind);
	(void)state;
	world_forget(w);
	world_bytes(w, WORLD_BIND WORLD_MESSAGE WORLD_SESSION "<message id='m2'/>");
	assert_int_equal(w->client.state, LOGIN_wait_for_open);
	assert_int_equal(w->told[MSG_stanza], 0);
	assert_false(client_reads(&w->client));
	world_answer(w, world_opening(w));
	assert_int_equal(w->client.state, LOGIN_session_established);
	assert_int_equal(w->told[MSG_stanza], 2);
	SAYS(w, "</bind></iq><iq type=\"result\" id=\"s1\"/>");
	assert_true(str_is(buf_str(&w->relayed),
		"<message to=\"bob@localhost\" id=\"m1\"><body>hi</body></message><message id=\"m2\"/>"));
	world_free(w);
}

static void held_for_credit(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	w->no_credit = true;
	world_bytes(w, WORLD_MESSAGE WORLD_MESSAGE);
	assert_int_equal(w->told[MSG_stanza], 0);
	assert_false(client_reads(&w->client));
	w->no_credit = false;
	client_go_on(&w->client);
	assert_int_equal(w->told[MSG_stanza], 2);
	world_free(w);
}

static void bind_requests(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_bind);
	struct message m;
	(void)state;
	world_forget(w);
	world_bytes(w,
		"<iq type='set' id='x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>a&#9;b</resource></bind></iq>");
	SAYS(w, "<bad-request");
	world_bytes(w, "<iq type='set' id='x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><more xmlns='x'/></iq>");
	world_bytes(w, "<iq type='get' id='x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	world_bytes(w,
		"<iq type='set' id='x' to='bob@localhost'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
	assert_int_equal(w->asked, 0);
	assert_int_equal(w->client.state, LOGIN_wait_for_bind);
	world_bytes(w,
		"<iq type='set' id='&apos;&lt;' to='localhost'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind></iq>");
	m = world_question(w);
	assert_int_equal(m.code, MSG_open_session);
	assert_int_equal(m.as.open_session.resource.n, 0);
	assert_true(str_is(m.as.open_session.address, "192.0.2.1") && str_is(m.as.open_session.mechanism, "PLAIN"));
	assert_true(str_is(m.as.open_session.tls, "TLSv1.3") && str_is(m.as.open_session.cipher, "SHAM"));
	world_answer(w, world_opening(w));
	SAYS(w, "<iq type=\"result\" id=\"'&lt;\"><bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"><jid>alice@localhost/here</jid></bind></iq>");
	assert_null(w->client.talks);
	world_free(w);
}

static void plaintext(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	w->conf.allow_plaintext = PLAINTEXT_LOOPBACK;
	world_bytes(w, WORLD_HEADER);
	SAYS(w, "<required/>");
	SAYS_NOT(w, "<mechanisms");
	world_free(w);
	w = world_new(false);
	w->conf.allow_plaintext = PLAINTEXT_YES;
	world_bytes(w, WORLD_HEADER);
	SAYS(w, "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/><mechanisms");
	world_bytes(w, WORLD_PLAIN);
	assert_int_equal(w->client.state, LOGIN_wait_for_salt);
	world_free(w);
}

static void no_certificate(void **state)
{
	struct world *w = world_new(false);
	(void)state;
	w->client.set.tls = NULL;
	world_bytes(w, WORLD_HEADER);
	SAYS_NOT(w, "<starttls");
	world_bytes(w, WORLD_STARTTLS);
	SAYS(w, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
	world_free(w);
}

static void limits(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_bind);
	(void)state;
	SAYS(w, "<limits xmlns=\"urn:xmpp:stream-limits:0\"><max-bytes>8192</max-bytes></limits>");
	SAYS(w, "<optional/></session><limits xmlns=\"urn:xmpp:stream-limits:0\"><max-bytes>262144</max-bytes></limits>");
	world_free(w);
}

static void for_others(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	world_bytes(w,
		"<iq type='set' id='s' to='bob@localhost/x'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
	assert_int_equal(w->told[MSG_stanza], 1);
	world_free(w);
}

static void dismissed(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	struct message m = {
		.code = MSG_end, .as.end = {.cond = STREAM_conflict, .text = STR("Replaced by <new> connection")}};
	(void)state;
	world_forget(w);
	world_answer(w, m);
	SAYS(w, "<conflict xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>");
	SAYS(w, "Replaced by &lt;new&gt; connection</text></stream:error></stream:stream>");
	world_free(w);
	w = world_at(LOGIN_session_established);
	world_forget(w);
	m.as.end.cond = COND_none;
	world_answer(w, m);
	assert_true(str_is(world_hear(w), "</stream:stream>"));
	world_free(w);
}

/* RFC 6120 4.4 */
static void last_words(void **state)
{
	struct message m = {.code = MSG_deliver, .as.deliver.xml = STR("<iq type=\"result\" id=\"last\"/>")};
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	world_bytes(w, WORLD_MESSAGE "</stream:stream> <presence/>\x15");
	assert_int_equal(w->told[MSG_stanza], 1);
	assert_int_equal(w->told[MSG_closed], 1);
	assert_int_equal(w->parts, 1);
	assert_int_equal(w->left, 0);
	assert_int_equal(world_hear(w).n, 0);
	world_answer(w, m);
	world_answer(w, world_end(w));
	assert_true(str_is(world_hear(w), "<iq type=\"result\" id=\"last\"/></stream:stream>"));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->told[MSG_closed], 1);
	assert_int_equal(w->told[MSG_forget], 0);
	assert_false(w->client.hung_up);
	world_free(w);
}

/* What sm had sent it before that is lost, or is another's (sm/mailbox.h). */
static void deserted(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	world_bytes(w, "</stream:stream>");
	assert_int_equal(w->closed, COND_none);
	client_event(&w->client, ON_hangup, NULL);
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->told[MSG_closed], 2);
	assert_int_equal(w->closed, PROTO_CLOSED_HUNG_UP);
	world_free(w);
}

/* What sm says to many at once becomes each one's own. */
static void own_address(void **state)
{
	static const struct {
		const char *xml;
		uint8_t own;
		const char *said;
	} rows[] = {
		{"<presence/>", PROTO_OWN_BARE, "<presence to=\"alice@localhost\"/>"},
		{"<presence from=\"b@d/x\"><show>away</show></presence>", PROTO_OWN_BARE,
			"<presence to=\"alice@localhost\" from=\"b@d/x\"><show>away</show></presence>"},
		{"<iq type=\"set\" id=\"1\"/>", PROTO_OWN_FULL,
			"<iq to=\"alice@localhost/&lt;r&gt;\" type=\"set\" id=\"1\"/>"},
		{"<message>a b</message>", PROTO_OWN_BARE, "<message to=\"alice@localhost\">a b</message>"},
		{"<presence/>", 0, "<presence/>"},
	};
	struct message m = {.code = MSG_deliver};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = world_at(LOGIN_session_established);
		buf_clear(&w->client.jid);
		buf_puts(&w->client.jid, "alice@localhost/<r>");
		world_forget(w);
		m.as.deliver.xml = str_of(rows[i].xml);
		m.as.deliver.own = rows[i].own;
		world_answer(w, m);
		assert_true(str_is(world_hear(w), rows[i].said));
		world_free(w);
	}
}

static void gone_mid_question(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_open);
	(void)state;
	world_forget(w);
	client_event(&w->client, ON_hangup, NULL);
	assert_int_equal(w->told[MSG_forget], 1);
	assert_false(w->flushes);
	world_answer(w, world_opening(w));
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(w->opened, 0);
	world_free(w);
}

/* One segment may hold the end of the handshake, a header and close_notify. */
static void all_at_once(void **state)
{
	struct world *w = world_at(LOGIN_wait_for_tls);
	uint64_t faults = log_count(EVENT_internal);
	(void)state;
	world_forget(w);
	world_bytes(w, "handshake\n" WORLD_HEADER "\x15");
	assert_true(pipe_flush(&w->client.pipe));
	assert_true(str_ends(buf_str(&w->client.pipe.wire), STR("</stream:stream>\x15")));
	SAYS(w, "</stream:features>");
	assert_int_equal(w->client.state, LOGIN_closing);
	assert_int_equal(log_count(EVENT_internal), faults);
	world_free(w);
}

static void closed_while_held(void **state)
{
	struct world *w = world_at(LOGIN_session_established);
	(void)state;
	world_forget(w);
	w->no_credit = true;
	world_bytes(w, WORLD_MESSAGE "\x15");
	assert_int_equal(w->client.state, LOGIN_session_established);
	w->no_credit = false;
	client_go_on(&w->client);
	assert_int_equal(w->told[MSG_stanza], 1);
	assert_int_equal(w->told[MSG_closed], 1);
	assert_int_equal(w->left, 1);
	assert_true(w->flushes && w->client.hung_up);
	assert_true(pipe_flush(&w->client.pipe));
	assert_true(str_ends(buf_str(&w->client.pipe.wire), STR("</stream:stream>\x15")));
	world_free(w);
}

/* While sm is of the first version, what that would take for a wrong password is neither offered nor said. */
static void old_sm(void **state)
{
	static const char *mechanisms[] = {"SCRAM-SHA-512", "SCRAM-SHA-256", "DIGEST-MD5", "ANONYMOUS", "PLAIN"};
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		struct world *w = world_at(LOGIN_wait_for_feature_request);
		struct conf_domain domain = *w->client.domain;
		struct sasl_channel channel;
		domain.mechanisms = (struct conf_list){mechanisms, COUNT(mechanisms)};
		domain.scram_downgrade_protection = true;
		w->client.domain = &domain;
		w->sm.version = version;
		world_forget(w);
		features_say(&w->client);
		SAYS(w, "<mechanism>SCRAM-SHA-256</mechanism>");
		SAYS(w, "<mechanism>PLAIN</mechanism>");
		assert_int_equal(world_said(w, "<mechanism>SCRAM-SHA-512<"), version > 1);
		assert_int_equal(world_said(w, "<mechanism>DIGEST-MD5<"), version > 1);
		assert_int_equal(world_said(w, "<mechanism>ANONYMOUS<"), version > 1);
		assert_int_equal(world_said(w, "<fast"), version > 1);
		assert_int_equal(features_upgrades(&w->client) != 0, version > 1);
		features_channel(&w->client, &channel);
		assert_int_equal(channel.offer.n > 0, version > 1);
		sasl_channel_end(&channel);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"client: a login in single bytes gives what it gives in one piece", pieces, NULL, NULL, NULL},
		{"client: plaintext behind starttls ends the stream", smuggled, NULL, NULL, NULL},
		{"client: line feeds behind starttls and auth belong to the stream that ends there", line_feeds, NULL,
			NULL, NULL},
		{"client: nothing of before TLS is read after it", handshake_leftovers, NULL, NULL, NULL},
		{"client: each stream has an id of its own, of 128 bits", new_ids, NULL, NULL, NULL},
		{"client: a stream header that cannot be served has its stream error, behind our header", headers, NULL,
			NULL, NULL},
		{"client: the domain stays the same after authentication", same_domain, NULL, NULL, NULL},
		{"client: our header repeats who the client says it is, escaped", header_names_the_client, NULL, NULL,
			NULL},
		{"client: each SASL fault has its failure, and the stream goes on", failures, NULL, NULL, NULL},
		{"client: a mechanism that this stream was not offered is refused", only_what_is_configured, NULL, NULL,
			NULL},
		{"client: after auth-attempts failures the stream ends", too_many_failures, NULL, NULL, NULL},
		{"client: what an account lacks is made of its password once that is proved, and of no wrong one",
			a_password_is_needed_again, NULL, NULL, NULL},
		{"client: what an account lacks is no reason to refuse it", what_is_lacking_may_wait, NULL, NULL, NULL},
		{"client: a password that was accepted is not derived again, but asked about", a_password_again, NULL,
			NULL, NULL},
		{"client: answers to other questions than the open one are dropped", stale_answers, NULL, NULL, NULL},
		{"client: the second form of a password is the same attempt, with a question of its own", second_form,
			NULL, NULL, NULL},
		{"client: a verdict about another account is no success", another_account, NULL, NULL, NULL},
		{"client: while sm is an older one, only what that knows is offered", old_sm, NULL, NULL, NULL},
		{"client: a password that finds no thread is a temporary failure", no_thread, NULL, NULL, NULL},
		{"client: stanzas behind bind wait for the session, in order", held_behind_questions, NULL, NULL, NULL},
		{"client: without credit no stanza is read", held_for_credit, NULL, NULL, NULL},
		{"client: bind asks sm, or is a bad request", bind_requests, NULL, NULL, NULL},
		{"client: plaintext login is offered where the operator allows it only", plaintext, NULL, NULL, NULL},
		{"client: without a certificate there is no STARTTLS", no_certificate, NULL, NULL, NULL},
		{"client: the limits before and after login are announced", limits, NULL, NULL, NULL},
		{"client: a session request to somebody else is relayed", for_others, NULL, NULL, NULL},
		{"client: sm ends a stream with its condition and text, or without", dismissed, NULL, NULL, NULL},
		{"client: a handshake, words and close_notify may come at once", all_at_once, NULL, NULL, NULL},
		{"client: close_notify is answered, behind the words that waited for credit", closed_while_held, NULL,
			NULL, NULL},
		{"client: what its last stanzas made goes out before our answer to its goodbye", last_words, NULL, NULL,
			NULL},
		{"client: of one that does not wait for that, sm hears that it is gone", deserted, NULL, NULL, NULL},
		{"client: what sm says to many without an address goes out to each with its own", own_address, NULL,
			NULL, NULL},
		{"client: one that goes while its session is being opened is given up, and an answer changes nothing",
			gone_mid_question, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
