/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Session tickets: an OpenSSL client comes back to another worker, and with what it should not have. */
#include "t/lib/c2s_tls.h"
#include "c2s/tickets.h"

#include <unistd.h>

enum { LIFETIME = 3600, NAME_AT = 0, IV_AT = 16, LENGTH_AT = 32, INSIDE_AT = 34 };

static struct identity ours, other;
static struct tickets tickets; /* of the parent, and of each worker */
static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

static void new_keys(void)
{
	tickets_wipe(&tickets);
	assert_true(tickets_turn(&tickets, LIFETIME, 0));
}

static void start(struct talk *t, int version)
{
	talk_start(t, ctx_with(&ours, &tickets), version, false);
}

/* A handshake in full; what the client may come back with. */
static SSL_SESSION *first_visit(int version)
{
	SSL_SESSION *session;
	struct talk t;

	start(&t, version);
	assert_true(shake(&t));
	assert_false(tls_resumed(t.server));
	expect_exchange(&t, STR("the ticket of TLS 1.3 is read here"));
	session = SSL_get1_session(t.client);
	assert_true(SSL_SESSION_is_resumable(session));
	assert_true(SSL_SESSION_has_ticket(session));
	assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), LIFETIME);
	talk_end(&t);
	return session;
}

/* Takes the ctx over. Both sides agree on whether it was resumed, and can talk. */
static bool come_back(struct tls_ctx *ctx, int version, SSL_SESSION *session)
{
	struct talk t;
	bool resumed;

	talk_start(&t, ctx, version, false);
	assert_int_equal(SSL_set_session(t.client, session), 1);
	assert_true(shake(&t));
	assert_true(t.was_ready);
	resumed = tls_resumed(t.server);
	assert_int_equal(resumed, SSL_session_reused(t.client));
	expect_exchange(&t, STR("hello again"));
	talk_end(&t);
	return resumed;
}

static void another_worker(void **state)
{
	struct tickets there = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		int fd = tickets_seal(&tickets);

		assert_true(tickets_unseal(&there, fd));
		close(fd);
		assert_true(come_back(ctx_with(&ours, &there), versions[i], session));
		SSL_SESSION_free(session);
	}
}

static void byte_by_byte(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);

		start(&t, versions[i]);
		t.step = 1;
		SSL_set_session(t.client, session);
		assert_true(shake(&t));
		assert_true(tls_resumed(t.server));
		talk_end(&t);
		SSL_SESSION_free(session);
	}
}

static unsigned tickets_seen;

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	tickets_seen++;
	return 0;
}

static void one_ticket(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		tickets_seen = 0;
		start(&t, versions[i]);
		SSL_CTX_set_session_cache_mode(t.client_ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(t.client_ctx, count_ticket);
		assert_true(shake(&t));
		expect_exchange(&t, STR("hello"));
		assert_int_equal(tickets_seen, 1);
		talk_end(&t);
	}
}

static void bindings(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		static const char label[] = "EXPORTER-Channel-Binding";
		SSL_SESSION *session = first_visit(versions[i]);
		unsigned char theirs[64];
		struct buf mine = {0};

		start(&t, versions[i]);
		SSL_set_session(t.client, session);
		assert_true(shake(&t));
		assert_true(tls_resumed(t.server));
		SSL_export_keying_material(t.client, theirs, 32, label, sizeof label - 1, NULL, 0, 1);
		assert_true(tls_binding(t.server, TLS_exporter, &mine));
		assert_memory_equal(mine.p, theirs, 32);
		buf_clear(&mine);
		/* the first Finished is the server's now */
		assert_int_equal(tls_binding(t.server, TLS_unique, &mine), versions[i] == TLS1_2_VERSION);
		SSL_get_peer_finished(t.client, theirs, sizeof theirs);
		assert_true(!mine.n || memcmp(mine.p, theirs, mine.n) == 0);
		buf_free(&mine);
		talk_end(&t);
		SSL_SESSION_free(session);
	}
}

static void rotation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session;

		new_keys();
		session = first_visit(versions[i]);
		assert_false(tickets_turn(&tickets, LIFETIME, LIFETIME * 1000 - 1));
		assert_true(tickets_turn(&tickets, LIFETIME, LIFETIME * 1000));
		assert_true(come_back(ctx_with(&ours, &tickets), versions[i], session));
		SSL_SESSION_free(session);
		session = first_visit(versions[i]);
		assert_true(tickets_turn(&tickets, LIFETIME, 2 * LIFETIME * 1000));
		assert_true(tickets_turn(&tickets, LIFETIME, 3 * LIFETIME * 1000));
		assert_false(come_back(ctx_with(&ours, &tickets), versions[i], session));
		SSL_SESSION_free(session);
	}
	new_keys();
}

static void elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		struct tls_ctx *named = ctx_with(&ours, &tickets), *base = ctx_with(&other, &tickets);

		assert_false(come_back(ctx_with(&other, &tickets), versions[i], session));
		/* the certificate is the same, the domain is not: a context is marked by both */
		tls_ctx_name(base, STR("b.example"), named);
		assert_false(come_back(tls_ctx_hold(named), versions[i], session));
		assert_true(come_back(ctx_with(&ours, &tickets), versions[i], session));
		tls_ctx_drop(&base);
		SSL_SESSION_free(session);
	}
}

/* The client's own copy. */
static unsigned char *ticket_of(SSL_SESSION *session, size_t *n)
{
	const unsigned char *ticket;

	SSL_SESSION_get0_ticket(session, &ticket, n);
	return (unsigned char *)ticket;
}

static void changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		size_t n;
		unsigned char *ticket = ticket_of(session, &n);

		assert_true(n > INSIDE_AT + 48);
		/* the last half of the tag's field is not used */
		for (size_t at = 0; at < n - 16; at += at < LENGTH_AT - 1 || at > INSIDE_AT ? 7 : 1) {
			for (unsigned bit = 1; bit < 256; bit <<= 3) {
				ticket[at] ^= (unsigned char)bit;
				assert_false(come_back(ctx_with(&ours, &tickets), versions[i], session));
				ticket[at] ^= (unsigned char)bit;
			}
		}
		assert_true(come_back(ctx_with(&ours, &tickets), versions[i], session));
		SSL_SESSION_free(session);
	}
}

/* The library takes no longer one. */
enum { IDENTITY_MOST = 1536 };

static unsigned char strange[4000];
static size_t strange_n;

/* RFC 8446 4.2.11: an identity is whatever some server has called a ticket. */
static int use_stranger(SSL *ssl, const EVP_MD *hash, const unsigned char **id, size_t *id_n, SSL_SESSION **session)
{
	static const unsigned char key[32] = "what nobody has agreed on";

	(void)hash;
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof key);
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, (const unsigned char *)"\x13\x01"));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = strange;
	*id_n = strange_n;
	return 1;
}

static void expect_stranger(int version)
{
	struct talk t;

	start(&t, version);
	if (version == TLS1_3_VERSION)
		SSL_set_psk_use_session_callback(t.client, use_stranger);
	else
		SSL_set_session_ticket_ext(t.client, strange, (int)strange_n); /* RFC 5077 3.2 */
	assert_true(shake(&t));
	assert_false(tls_resumed(t.server));
	expect_exchange(&t, STR("hello"));
	talk_end(&t);
}

static void strangers(void **state)
{
	(void)state;
	for (size_t n = 1; n < sizeof strange; n += n < 260 ? 1 : 311) {
		memset(strange, (int)n, n);
		if (n > INSIDE_AT) {
			memcpy(strange, tickets.now.name, TICKET_NAME);
			strange[LENGTH_AT] = 0;
		}
		strange_n = n;
		if (n <= IDENTITY_MOST)
			expect_stranger(TLS1_3_VERSION);
		expect_stranger(TLS1_2_VERSION);
	}
}

static void wrong_secret(void **state)
{
	static const unsigned char wrong[48] = "not what was agreed on with that ticket";

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		struct talk t;

		SSL_SESSION_set1_master_key(session, wrong, versions[i] == TLS1_3_VERSION ? 32 : 48);
		start(&t, versions[i]);
		SSL_set_session(t.client, session);
		assert_false(shake(&t));
		assert_false(tls_ready(t.server));
		talk_end(&t);
		SSL_SESSION_free(session);
	}
}

static void other_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		struct talk t;

		start(&t, versions[1 - i]);
		SSL_set_min_proto_version(t.client, TLS1_2_VERSION);
		SSL_set_session(t.client, session);
		if (shake(&t))
			assert_int_equal(tls_resumed(t.server), SSL_session_reused(t.client));
		talk_end(&t);
		SSL_SESSION_free(session);
	}
}

static void switched_off(void **state)
{
	struct tickets none = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL_SESSION *session = first_visit(versions[i]);
		struct talk t;

		assert_false(come_back(ctx_with(&ours, &none), versions[i], session));
		assert_false(come_back(ctx_of(&ours), versions[i], session));
		talk_start(&t, ctx_of(&ours), versions[i], false);
		assert_true(shake(&t));
		expect_exchange(&t, STR("hello"));
		assert_false(SSL_SESSION_has_ticket(SSL_get0_session(t.client)));
		talk_end(&t);
		/* while a context that was made before lives on */
		start(&t, versions[i]);
		assert_true(tickets_turn(&tickets, 0, 0));
		SSL_set_session(t.client, session);
		assert_true(shake(&t));
		assert_false(tls_resumed(t.server));
		expect_exchange(&t, STR("hello"));
		talk_end(&t);
		SSL_SESSION_free(session);
		new_keys();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"resume: a client comes back to another worker", another_worker, NULL, NULL, NULL},
		{"resume: byte by byte means the same", byte_by_byte, NULL, NULL, NULL},
		{"resume: a handshake brings one ticket", one_ticket, NULL, NULL, NULL},
		{"resume: channel bindings are those of the new connection", bindings, NULL, NULL, NULL},
		{"resume: a ticket outlives one change of keys, not two", rotation, NULL, NULL, NULL},
		{"resume: a ticket is good for its certificate and its domain only", elsewhere, NULL, NULL, NULL},
		{"resume: a ticket that was changed leads to a full handshake", changed, NULL, NULL, NULL},
		{"resume: so does a stranger's ticket, however long", strangers, NULL, NULL, NULL},
		{"resume: who does not know the secret of a ticket is turned away", wrong_secret, NULL, NULL, NULL},
		{"resume: a ticket of another version of TLS resumes nothing", other_version, NULL, NULL, NULL},
		{"resume: without a lifetime there are no tickets", switched_off, NULL, NULL, NULL},
	};
	int failures;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	make_identity(&ours);
	make_identity(&other);
	new_keys();
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&ours);
	free_identity(&other);
	return failures;
}
