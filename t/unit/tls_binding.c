/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Channel binding: our values against those that OpenSSL has at the other end. */
#include "t/lib/c2s_tls.h"
#include "c2s/tls_hello.h"

static struct identity ours;

static struct str value(const struct talk *t, enum tls_binding kind, struct buf *out)
{
	bool there = tls_binding(t->server, kind, out);

	assert_int_equal(there, out->n > 0);
	assert_int_equal(there, tls_binds(t->server, kind));
	return buf_str(out);
}

static void expect_same(const struct talk *t, enum tls_binding kind, const void *theirs, size_t n)
{
	struct buf out = {0};
	struct str mine = value(t, kind, &out);

	assert_int_equal(mine.n, n);
	assert_memory_equal(mine.p, theirs, n);
	buf_free(&out);
}

static void expect_none(const struct talk *t, enum tls_binding kind)
{
	struct buf out = {0};

	assert_int_equal(value(t, kind, &out).n, 0);
}

static void expect_exporter(struct talk *t)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char theirs[32];

	assert_int_equal(SSL_export_keying_material(t->client, theirs, sizeof theirs, label, sizeof label - 1, NULL, 0,
				 1),
		1);
	expect_same(t, TLS_exporter, theirs, sizeof theirs);
}

static void tls_1_3(void **state)
{
	struct talk t;

	(void)state;
	talk_start(&t, ctx_of(&ours), TLS1_3_VERSION, false);
	for (int kind = 0; kind < TLS_BINDINGS; kind++)
		expect_none(&t, (enum tls_binding)kind); /* the handshake is not over */
	assert_true(shake(&t));
	expect_exporter(&t);
	expect_none(&t, TLS_unique);
	talk_end(&t);
}

static void tls_1_2(void **state)
{
	unsigned char finished[64];
	struct talk t;

	(void)state;
	for (size_t step = 0; step < 3; step++) {
		talk_start(&t, ctx_of(&ours), TLS1_2_VERSION, false);
		t.step = step;
		assert_true(shake(&t));
		expect_exporter(&t);
		assert_int_equal(SSL_get_finished(t.client, finished, sizeof finished), 12);
		expect_same(&t, TLS_unique, finished, 12);
		talk_end(&t);
	}
}

static void no_extended_master_secret(void **state)
{
	struct talk t;

	(void)state;
	talk_start(&t, ctx_of(&ours), TLS1_2_VERSION, false);
	SSL_set_options(t.client, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	assert_true(shake(&t));
	assert_int_equal(SSL_get_extms_support(t.client), 0);
	expect_none(&t, TLS_exporter);
	expect_none(&t, TLS_unique);
	assert_true(tls_binds(t.server, TLS_server_end_point));
	talk_end(&t);
}

/* `expected`: the hash that RFC 5929 4.1 wants for a signature with `signature`; NULL: none. */
static void expect_end_point(const EVP_MD *signature, const EVP_MD *expected)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct identity id = {0};
	struct talk t;
	X509 *certificate;
	unsigned n;

	make_identity_with(&id, signature);
	talk_start(&t, ctx_of(&id), TLS1_3_VERSION, false);
	assert_true(shake(&t));
	certificate = SSL_get1_peer_certificate(t.client);
	if (expected) {
		assert_int_equal(X509_digest(certificate, expected, digest, &n), 1);
		expect_same(&t, TLS_server_end_point, digest, n);
	} else {
		expect_none(&t, TLS_server_end_point);
	}
	X509_free(certificate);
	talk_end(&t);
	free_identity(&id);
}

static void end_points(void **state)
{
	(void)state;
	expect_end_point(EVP_sha1(), EVP_sha256());
	expect_end_point(EVP_sha256(), EVP_sha256());
	expect_end_point(EVP_sha384(), EVP_sha384());
	expect_end_point(EVP_sha512(), EVP_sha512());
	expect_end_point(NULL, NULL);
}

static void settled(void **state)
{
	struct talk t;

	(void)state;
	talk_start(&t, ctx_of(&ours), TLS1_2_VERSION, false);
	assert_true(shake(&t));
	tls_settle(t.server);
	tls_settle(t.server);
	expect_none(&t, TLS_exporter);
	expect_none(&t, TLS_unique);
	assert_true(tls_binds(t.server, TLS_server_end_point));
	expect_exchange(&t, STR("hello"));
	talk_end(&t);
}

/* A record with a ServerHello of TLS 1.2: no session, one other extension, and perhaps ours. */
static size_t server_hello(unsigned char *out, const char *extensions, size_t n)
{
	static const unsigned char head[] = {22, 3, 3, 0, 0, 2, 0, 0, 0, 3, 3};
	size_t at = sizeof head;

	memcpy(out, head, sizeof head);
	memset(out + at, 0x17, 32); /* the random bytes look like the extension */
	at += 32;
	memcpy(out + at, "\0\xc0\x2b\0", 4);
	at += 4;
	out[at++] = 0;
	out[at++] = (unsigned char)n;
	memcpy(out + at, extensions, n);
	at += n;
	out[4] = (unsigned char)(at - 5);
	out[8] = (unsigned char)(at - 9);
	return at;
}

static void server_hellos(void **state)
{
	static const char with[] = "\xff\x01\0\1\0\0\x17\0\0", without[] = "\xff\x01\0\4\0\x17\0\0",
			  filled[] = "\0\x17\0\1x", alert[] = "\x15\3\3\0\2\2\x28";
	unsigned char hello[128];
	size_t n = server_hello(hello, with, sizeof with - 1);

	(void)state;
	assert_true(tls_hello_extended(str_at(hello, n)));
	for (size_t cut = 0; cut < n; cut++)
		assert_false(tls_hello_extended(str_at(hello, cut)));
	n = server_hello(hello, without, sizeof without - 1);
	assert_false(tls_hello_extended(str_at(hello, n)));
	n = server_hello(hello, filled, sizeof filled - 1);
	assert_false(tls_hello_extended(str_at(hello, n)));
	assert_false(tls_hello_extended(str_at(alert, sizeof alert - 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"binding: on TLS 1.3 both ends export the same, once the handshake is over", tls_1_3, NULL, NULL,
			NULL},
		{"binding: on TLS 1.2 both ends export the same, and know the first Finished", tls_1_2, NULL, NULL,
			NULL},
		{"binding: without an extended master secret only the end point can be bound",
			no_extended_master_secret, NULL, NULL, NULL},
		{"binding: the end point is hashed as its signature is, or with SHA-256, or not", end_points, NULL,
			NULL, NULL},
		{"binding: what only a login needs is forgotten", settled, NULL, NULL, NULL},
		{"binding: an extended master secret is seen in a whole ServerHello only", server_hellos, NULL, NULL,
			NULL},
	};
	int failures;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	make_identity(&ours);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&ours);
	return failures;
}
