/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An OpenSSL client and our TLS, in memory: include it once in a test. */
#ifndef T_LIB_C2S_TLS_H
#define T_LIB_C2S_TLS_H

#include "c2s/tls.h"
#include "c2s/tls_gate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECRET = 32 };

struct identity {
	struct buf certificate, key;
};

/* An OpenSSL client, our server, and the two wires between them. */
struct talk {
	SSL_CTX *client_ctx;
	SSL *client;
	BIO *to_client, *from_client;
	struct tls_ctx *ctx;
	struct tls *server;
	struct buf wire, plain;
	enum tls_result result; /* of the last tls_read */
	bool was_ready;         /* TLS_READY came */
	size_t step;            /* bytes in one tls_read; 0: all */
	unsigned char secret[SECRET];
};

static struct talk *listening; /* whose secrets the key log is */

static inline void take_pem(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_add(out, p, (size_t)n);
	BIO_free(bio);
}

/* `hash`: that of the certificate's signature, NULL for Ed25519. */
static inline void make_identity_with(struct identity *id, const EVP_MD *hash)
{
	EVP_PKEY *key = hash ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *certificate = X509_new();
	BIO *pem = BIO_new(BIO_s_mem());

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
		(const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, hash) > 0);
	PEM_write_bio_X509(pem, certificate);
	take_pem(pem, &id->certificate);
	pem = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL);
	take_pem(pem, &id->key);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static inline void make_identity(struct identity *id)
{
	make_identity_with(id, EVP_sha256());
}

static inline void free_identity(struct identity *id)
{
	buf_free(&id->certificate);
	buf_free(&id->key);
}

static inline void keep_secret(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');

	(void)ssl;
	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0 || !hex || strlen(hex + 1) != 2 * SECRET)
		return;
	for (int i = 0; i < SECRET; i++) {
		const char byte[3] = {hex[1 + 2 * i], hex[2 + 2 * i], 0};

		listening->secret[i] = (unsigned char)strtoul(byte, NULL, 16);
	}
}

static inline struct tls_ctx *ctx_with(const struct identity *id, const struct tickets *tickets)
{
	struct buf why = {0};
	struct tls_ctx *ctx = tls_ctx_new(buf_str(&id->certificate), buf_str(&id->key), tickets, &why);

	assert_non_null(ctx);
	assert_int_equal(why.n, 0);
	return ctx;
}

static inline struct tls_ctx *ctx_of(const struct identity *id)
{
	return ctx_with(id, NULL);
}

/* Takes the ctx over. */
static inline void talk_start(struct talk *t, struct tls_ctx *ctx, int version, bool alpn)
{
	*t = (struct talk){.ctx = ctx};
	t->server = tls_new(t->ctx, alpn, &t->wire);
	assert_non_null(t->server);
	t->client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(t->client_ctx, 0);
	SSL_CTX_set_min_proto_version(t->client_ctx, version);
	SSL_CTX_set_max_proto_version(t->client_ctx, version);
	SSL_CTX_set_keylog_callback(t->client_ctx, keep_secret);
	SSL_CTX_set_ciphersuites(t->client_ctx, "TLS_AES_128_GCM_SHA256");
	t->client = SSL_new(t->client_ctx);
	t->to_client = BIO_new(BIO_s_mem());
	t->from_client = BIO_new(BIO_s_mem());
	SSL_set_bio(t->client, t->to_client, t->from_client);
	SSL_set_connect_state(t->client);
	listening = t;
}

static inline void talk_end(struct talk *t)
{
	/* or OpenSSL would not resume what was not closed */
	SSL_set_shutdown(t->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	tls_free(&t->server);
	assert_null(t->server);
	tls_ctx_drop(&t->ctx);
	buf_free(&t->wire);
	buf_free(&t->plain);
	SSL_free(t->client);
	SSL_CTX_free(t->client_ctx);
}

static inline void hear(struct talk *t, struct str bytes)
{
	while (bytes.n) {
		struct str piece = str_head(bytes, t->step ? t->step : bytes.n);

		/* a copy, so that a tool sees every read behind its end */
		char *copy = malloc(piece.n);

		memcpy(copy, piece.p, piece.n);
		t->result = tls_read(t->server, str_at(copy, piece.n), &t->plain);
		free(copy);
		t->was_ready |= t->result == TLS_READY;
		bytes = str_skip(bytes, piece.n);
	}
}

/* Carries what either side has to say to the other. False: there was nothing. */
static inline bool carry(struct talk *t)
{
	char *p;
	long n = BIO_get_mem_data(t->from_client, &p);
	bool moved = n > 0 || t->wire.n;

	if (n > 0) {
		char *copy = malloc((size_t)n);

		memcpy(copy, p, (size_t)n);
		(void)BIO_reset(t->from_client);
		hear(t, str_at(copy, (size_t)n));
		free(copy);
	}
	if (t->wire.n)
		BIO_write(t->to_client, t->wire.p, (int)t->wire.n);
	buf_clear(&t->wire);
	return moved;
}

/* True: both sides have finished the handshake. */
static inline bool shake(struct talk *t)
{
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(t->client);
		if (!carry(t))
			break;
	}
	return SSL_is_init_finished(t->client) && tls_ready(t->server);
}

static inline void expect_client_reads(struct talk *t, struct str what)
{
	char *got = malloc(what.n + 1);
	size_t n = 0;

	carry(t);
	while (n < what.n) {
		int some = SSL_read(t->client, got + n, (int)(what.n + 1 - n));

		assert_true(some > 0);
		n += (size_t)some;
	}
	assert_int_equal(n, what.n);
	assert_memory_equal(got, what.p, n);
	free(got);
}

static inline void expect_exchange(struct talk *t, struct str what)
{
	buf_clear(&t->plain);
	assert_int_equal(SSL_write(t->client, what.p, (int)what.n), (int)what.n);
	carry(t);
	assert_int_equal(t->plain.n, what.n);
	assert_memory_equal(t->plain.p, what.p, what.n);
	assert_true(tls_write(t->server, what));
	expect_client_reads(t, what);
}

#endif
