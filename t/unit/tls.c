/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * TLS against OpenSSL, in memory: what is negotiated, what is refused, and that bytes arrive
 * however they are cut. */
#include "t/lib/c2s_tls.h"

enum { KEY = 16, IV = 12, TAG = 16 };

static struct identity ours, other;

static void start(struct talk *t, int version, bool alpn)
{
	talk_start(t, ctx_of(&ours), version, alpn);
}

static void expect_version(int version, const char *name, size_t step)
{
	struct buf large = {0};
	struct talk t;

	while (large.n < 50000)
		buf_puts(&large, "forty thousand bytes and more, in several records. ");
	start(&t, version, false);
	t.step = step;
	assert_true(shake(&t));
	assert_true(t.was_ready);
	assert_string_equal(tls_version(t.server), name);
	assert_true(strlen(tls_cipher(t.server)) > 4);
	expect_exchange(&t, STR("<stream:stream>"));
	expect_exchange(&t, buf_str(&large));
	expect_exchange(&t, STR("x"));
	talk_end(&t);
	buf_free(&large);
}

static void tls_1_3(void **state)
{
	(void)state;
	expect_version(TLS1_3_VERSION, "TLSv1.3", 0);
}

static void tls_1_2(void **state)
{
	(void)state;
	expect_version(TLS1_2_VERSION, "TLSv1.2", 0);
}

static void byte_by_byte(void **state)
{
	(void)state;
	expect_version(TLS1_3_VERSION, "TLSv1.3", 1);
	expect_version(TLS1_2_VERSION, "TLSv1.2", 1);
	expect_version(TLS1_3_VERSION, "TLSv1.3", 7);
}

static void tls_1_1_is_refused(void **state)
{
	struct talk t;

	(void)state;
	start(&t, TLS1_1_VERSION, false);
	SSL_set_cipher_list(t.client, "ALL:@SECLEVEL=0");
	assert_false(shake(&t));
	assert_int_equal(t.result, TLS_FAILED);
	assert_true(strlen(tls_why(t.server)) > 0);
	assert_false(tls_ready(t.server));
	talk_end(&t);
}

static void expect_cipher_refused(const char *list)
{
	struct talk t;

	start(&t, TLS1_2_VERSION, false);
	assert_int_equal(SSL_set_cipher_list(t.client, list), 1);
	assert_false(shake(&t));
	assert_int_equal(t.result, TLS_FAILED);
	talk_end(&t);
}

static void weak_ciphers_are_refused(void **state)
{
	(void)state;
	expect_cipher_refused("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0");
	expect_cipher_refused("ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0");
	expect_cipher_refused("AES128-GCM-SHA256:@SECLEVEL=0");
}

static void another_group_is_agreed_on(void **state)
{
	struct talk t;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	/* the key share is of the first */
	assert_int_equal(SSL_set1_groups_list(t.client, "P-384:P-256:X25519"), 1);
	assert_true(shake(&t));
	expect_exchange(&t, STR("hello"));
	talk_end(&t);
}

static void close_notify_both_ways(void **state)
{
	struct talk t;
	char byte;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	assert_true(shake(&t));
	SSL_write(t.client, "</stream:stream>", 16);
	SSL_shutdown(t.client);
	carry(&t);
	assert_int_equal(t.result, TLS_CLOSED);
	assert_int_equal(t.plain.n, 16);
	assert_int_equal(tls_read(t.server, STR("whatever"), &t.plain), TLS_CLOSED);
	assert_true(tls_write(t.server, STR("bye")));
	tls_shutdown(t.server);
	tls_shutdown(t.server);
	expect_client_reads(&t, STR("bye"));
	assert_int_equal(SSL_read(t.client, &byte, 1), 0);
	assert_int_equal(SSL_get_error(t.client, 0), SSL_ERROR_ZERO_RETURN);
	talk_end(&t);
}

static void garbage_is_refused(void **state)
{
	static const char *const garbage[] = {
		"<stream:stream xmlns='jabber:client'>", "GET / HTTP/1.0\r\n\r\n", "\x80\x2e\x01"};
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(garbage); i++) {
		start(&t, TLS1_3_VERSION, false);
		assert_int_equal(tls_read(t.server, str_of(garbage[i]), &t.plain), TLS_FAILED);
		assert_int_equal(tls_read(t.server, str_of(garbage[i]), &t.plain), TLS_FAILED);
		assert_int_equal(t.plain.n, 0);
		talk_end(&t);
	}
}

static void corrupt_record_is_refused(void **state)
{
	struct talk t;
	char *p;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	assert_true(shake(&t));
	SSL_write(t.client, "hello", 5);
	BIO_get_mem_data(t.from_client, &p);
	p[7] ^= 1;
	carry(&t);
	assert_int_equal(t.result, TLS_FAILED);
	assert_false(tls_write(t.server, STR("x")));
	talk_end(&t);
}

static void oversized_record_is_refused(void **state)
{
	static const char header[] = {23, 3, 3, 0x41, 0x01}; /* 16641 */
	struct talk t;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	assert_true(shake(&t));
	hear(&t, str_at(header, sizeof header));
	assert_int_equal(t.result, TLS_FAILED);
	assert_string_equal(tls_why(t.server), "a TLS record is too long");
	talk_end(&t);
}

/* HKDF-Expand-Label with an empty context, one block (RFC 8446 7.1). */
static void expand(const unsigned char *secret, const char *label, unsigned char *out, unsigned char n)
{
	unsigned char info[64] = {0, n}, block[EVP_MAX_MD_SIZE];
	size_t used = 2;

	info[used++] = (unsigned char)(6 + strlen(label));
	used += (size_t)snprintf((char *)info + used, sizeof info - used, "tls13 %s", label);
	info[used++] = 0; /* the context's length */
	info[used++] = 1; /* the first block */
	assert_non_null(HMAC(EVP_sha256(), secret, SECRET, info, used, block, NULL));
	memcpy(out, block, n);
}

/* The client's first application record, of n zero bytes inside: no content type at all. */
static void send_zeros(struct talk *t, int n)
{
	unsigned char record[TLS_GATE_HEADER + 64 + TAG] = {23, 3, 3, 0, (unsigned char)(n + TAG)};
	unsigned char key[KEY], iv[IV], zeros[64] = {0};
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	int some;

	expand(t->secret, "key", key, KEY);
	expand(t->secret, "iv", iv, IV);
	EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, key, iv);
	EVP_EncryptUpdate(gcm, NULL, &some, record, TLS_GATE_HEADER);
	if (n)
		EVP_EncryptUpdate(gcm, record + TLS_GATE_HEADER, &some, zeros, n);
	EVP_EncryptFinal_ex(gcm, record + TLS_GATE_HEADER + n, &some);
	EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG, record + TLS_GATE_HEADER + n);
	EVP_CIPHER_CTX_free(gcm);
	hear(t, str_at(record, (size_t)(TLS_GATE_HEADER + n + TAG)));
}

static void empty_record_attack(void **state)
{
	struct talk t;

	(void)state;
	for (int n = 0; n < 40; n += 13) {
		start(&t, TLS1_3_VERSION, false);
		assert_true(shake(&t));
		send_zeros(&t, n);
		assert_int_equal(t.result, TLS_FAILED);
		assert_int_equal(t.plain.n, 0);
		talk_end(&t);
	}
}

static void key_updates_in_a_row(void **state)
{
	struct talk t;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	assert_true(shake(&t));
	SSL_key_update(t.client, SSL_KEY_UPDATE_REQUESTED);
	SSL_do_handshake(t.client);
	expect_exchange(&t, STR("under new keys"));
	for (int i = 0; i <= TLS_GATE_IDLE_MOST && t.result != TLS_FAILED; i++) {
		SSL_key_update(t.client, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(t.client);
		carry(&t);
	}
	assert_int_equal(t.result, TLS_FAILED);
	talk_end(&t);
}

static void endless_handshake(void **state)
{
	char record[TLS_GATE_HEADER + 1000] = {
		22, 3, 1, 1000 >> 8, 1000 & 0xff, 1, 0, 0x7f, 0xff}; /* a hello of 32 KB */
	struct talk t;
	int i;

	(void)state;
	start(&t, TLS1_3_VERSION, false);
	for (i = 0; i < 20 && t.result != TLS_FAILED; i++)
		hear(&t, str_at(record, sizeof record));
	assert_true(i < 20);
	assert_int_equal(t.result, TLS_FAILED);
	talk_end(&t);
}

static void renegotiation_is_refused(void **state)
{
	struct talk t;

	(void)state;
	start(&t, TLS1_2_VERSION, false);
	SSL_set_options(t.client, SSL_OP_LEGACY_SERVER_CONNECT);
	assert_true(shake(&t));
	if (SSL_renegotiate(t.client) == 1) {
		SSL_do_handshake(t.client);
		carry(&t);
		assert_int_equal(t.result, TLS_FAILED);
	} else { /* OpenSSL itself sees that we do not: then a hello in the clear */
		static const char hello[] = {22, 3, 3, 0, 4, 1, 0, 0, 0};

		hear(&t, str_at(hello, sizeof hello));
		assert_int_equal(t.result, TLS_FAILED);
	}
	talk_end(&t);
}

/* True: the handshake was finished. */
static bool shake_with_protocols(bool alpn, const char *protocols, const char *chosen)
{
	const unsigned char *got;
	unsigned got_n;
	struct talk t;
	bool finished;

	start(&t, TLS1_3_VERSION, alpn);
	if (protocols)
		SSL_set_alpn_protos(t.client, (const unsigned char *)protocols, (unsigned)strlen(protocols));
	finished = shake(&t);
	if (finished) {
		expect_exchange(&t, STR("hello"));
		SSL_get0_alpn_selected(t.client, &got, &got_n);
		assert_true(str_eq(str_at(got, got_n), str_of(chosen)));
	} else {
		assert_int_equal(t.result, TLS_FAILED);
	}
	talk_end(&t);
	return finished;
}

static void protocols(void **state)
{
	(void)state;
	assert_true(shake_with_protocols(true, "\x0bxmpp-client", "xmpp-client"));
	assert_true(shake_with_protocols(true, "\x08http/1.1\x0bxmpp-client", "xmpp-client"));
	assert_true(shake_with_protocols(true, NULL, NULL));
	assert_false(shake_with_protocols(true, "\x08http/1.1", NULL));
	assert_false(shake_with_protocols(true, "\x0bxmpp-server", NULL));
	assert_true(shake_with_protocols(false, "\x08http/1.1", NULL));
	assert_true(shake_with_protocols(false, "\x0bxmpp-client", NULL));
}

static void expect_no_ctx(struct str certificate, struct str key, const char *words)
{
	struct buf why = {0};
	struct tls_ctx *ctx = tls_ctx_new(certificate, key, NULL, &why);

	assert_null(ctx);
	assert_non_null(strstr(buf_cstr(&why), words));
	assert_null(strchr(buf_cstr(&why), '\n'));
	buf_free(&why);
}

static void unusable_identities(void **state)
{
	(void)state;
	expect_no_ctx(STR("rubbish"), buf_str(&ours.key), "certificate");
	expect_no_ctx(STR_NONE, buf_str(&ours.key), "certificate");
	expect_no_ctx(buf_str(&ours.certificate), STR("rubbish"), "private key");
	expect_no_ctx(buf_str(&ours.certificate), buf_str(&other.key), "does not belong");
	expect_no_ctx(buf_str(&ours.key), buf_str(&ours.certificate), "certificate");
}

static void library_is_named(void **state)
{
	(void)state;
	assert_true(str_starts(str_of(tls_library()), STR("lean ")) ||
		str_starts(str_of(tls_library()), STR("system ")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"tls: a TLS 1.3 client and we exchange data, in one record and in several", tls_1_3, NULL, NULL, NULL},
		{"tls: a TLS 1.2 client and we exchange data, in one record and in several", tls_1_2, NULL, NULL, NULL},
		{"tls: records that come byte by byte mean the same", byte_by_byte, NULL, NULL, NULL},
		{"tls: TLS 1.1 is refused", tls_1_1_is_refused, NULL, NULL, NULL},
		{"tls: CBC, NULL and RSA key exchange are refused", weak_ciphers_are_refused, NULL, NULL, NULL},
		{"tls: a client whose first group is not ours is asked for another", another_group_is_agreed_on, NULL,
			NULL, NULL},
		{"tls: close_notify ends reading, and we can still answer", close_notify_both_ways, NULL, NULL, NULL},
		{"tls: what is not TLS is refused at once", garbage_is_refused, NULL, NULL, NULL},
		{"tls: a record that was changed on its way is refused", corrupt_record_is_refused, NULL, NULL, NULL},
		{"tls: a record that is too long is refused at its header", oversized_record_is_refused, NULL, NULL,
			NULL},
		{"tls: a record without content type does no harm (CVE-2024-0901)", empty_record_attack, NULL, NULL,
			NULL},
		{"tls: keys may be updated, but not for ever without data", key_updates_in_a_row, NULL, NULL, NULL},
		{"tls: a handshake that does not end is ended", endless_handshake, NULL, NULL, NULL},
		{"tls: renegotiation is refused", renegotiation_is_refused, NULL, NULL, NULL},
		{"tls: direct TLS wants ALPN xmpp-client, or none; STARTTLS does not care", protocols, NULL, NULL,
			NULL},
		{"tls: a certificate or key that cannot be used is told in one line", unusable_identities, NULL, NULL,
			NULL},
		{"tls: the library says which it is", library_is_named, NULL, NULL, NULL},
	};
	int failures;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	make_identity(&ours);
	make_identity(&other);
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&ours);
	free_identity(&other);
	return failures;
}
