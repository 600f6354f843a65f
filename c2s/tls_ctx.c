/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What connections have in common: a certificate and its key, the rules, randomness. Made for the
 * lean build and for Debian's (libraries.md 1). */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/tls_trial.h"
#include "c2s/tls_work.h"
#include "common/crypt.h"
#include "common/rand.h"

#ifdef WOLF_CRYPTO_CB
#include <wolfssl/wolfcrypt/cryptocb.h>
#endif

#include <limits.h>
#include <stdio.h>

/* ECDHE and AEAD only. AES first where it is in hardware; in C it is slow, and leaks through the
 * cache. */
#define CHACHA_1_3 "TLS13-CHACHA20-POLY1305-SHA256"
#define AES_1_3 "TLS13-AES128-GCM-SHA256"
#define CHACHA_1_2 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define AES_1_2 "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
#define AES256 "TLS13-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#ifdef WOLFSSL_AESNI
#define SUITES AES_1_3 ":" CHACHA_1_3 ":" AES_1_2 ":" CHACHA_1_2 ":" AES256
#else
#define SUITES CHACHA_1_3 ":" AES_1_3 ":" CHACHA_1_2 ":" AES_1_2 ":" AES256
#endif

#ifdef OPENSSL_EXTRA
#define LIBRARY "system" /* Debian's build; the lean one leaves the OpenSSL look-alikes out */
#else
#define LIBRARY "lean"
#endif

const char *tls_library(void)
{
	static char name[64];

	snprintf(name, sizeof name, "%s %s", LIBRARY, wolfSSL_lib_version());
	return name;
}

#ifdef CUSTOM_RAND_GENERATE_BLOCK /* etc/wolfssl/random.c */
#define DEVICE INVALID_DEVID

static bool set_randomness(WOLFSSL_CTX *wolf)
{
	(void)wolf;
	return true;
}
#elif defined(WOLF_CRYPTO_CB)
#define DEVICE 1

/* Its randomness comes from getrandom(2), like all of ours. Left alone it opens /dev/urandom for
 * each connection, which costs more than the kernel's answer, and which a confined worker may not.
 */
static int device(int id, wc_CryptoInfo *what, void *ctx)
{
	(void)id;
	(void)ctx;
	if (what->algo_type == WC_ALGO_TYPE_SEED)
		rand_bytes(what->seed.seed, what->seed.sz);
	else if (what->algo_type == WC_ALGO_TYPE_RNG)
		rand_bytes(what->rng.out, what->rng.sz);
	else
		return CRYPTOCB_UNAVAILABLE;
	return 0;
}

static bool set_randomness(WOLFSSL_CTX *wolf)
{
	return wc_CryptoCb_RegisterDevice(DEVICE, device, NULL) == 0 &&
		wolfSSL_CTX_SetDevId(wolf, DEVICE) == WOLFSSL_SUCCESS;
}
#else
#error "wolfSSL is built without crypto callbacks: a confined worker could not seed it"
#endif

const char *tls_reason(int code)
{
	return wolfSSL_ERR_reason_error_string((unsigned long)code);
}

static bool set_rules(WOLFSSL_CTX *wolf)
{
	/* in this order: with Debian's build P-256 costs 2.3 times as much */
	int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};

	wolfSSL_CTX_SetIORecv(wolf, tls_receive);
	wolfSSL_CTX_SetIOSend(wolf, tls_send);
	wolfSSL_CTX_set_session_cache_mode(wolf, WOLFSSL_SESS_CACHE_OFF);
	return wolfSSL_CTX_SetMinVersion(wolf, WOLFSSL_TLSV1_2) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_cipher_list(wolf, SUITES) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_groups(wolf, groups, COUNT(groups)) == WOLFSSL_SUCCESS;
}

/* False: `why` says what is wrong with the certificate or the key. */
static bool set_identity(WOLFSSL_CTX *wolf, struct str certificate, struct str key, struct buf *why)
{
	int code;

	if (certificate.n > LONG_MAX || key.n > LONG_MAX)
		return false;
	code = wolfSSL_CTX_use_certificate_chain_buffer(wolf, (const unsigned char *)certificate.p,
		(long)certificate.n);
	if (code != WOLFSSL_SUCCESS) {
		buf_printf(why, "the certificate cannot be used: %s", tls_reason(code));
		return false;
	}
	code = wolfSSL_CTX_use_PrivateKey_buffer(wolf, (const unsigned char *)key.p, (long)key.n,
		WOLFSSL_FILETYPE_PEM);
	if (code != WOLFSSL_SUCCESS) {
		buf_printf(why, "the private key cannot be used: %s", tls_reason(code));
		return false;
	}
	return true;
}

/* False: `why`; the context can only be dropped. */
static bool ctx_start(struct tls_ctx *ctx, struct str certificate, struct str key, struct buf *why)
{
	if (wolfSSL_Init() == WOLFSSL_SUCCESS)
		ctx->wolf = wolfSSL_CTX_new(wolfSSLv23_server_method());
	if (!ctx->wolf || !set_rules(ctx->wolf) || !set_randomness(ctx->wolf) ||
		!tls_ticket_rules(ctx)) {
		buf_puts(why, "wolfSSL lacks what is needed here");
		return false;
	}
	if (!set_identity(ctx->wolf, certificate, key, why))
		return false;
	if (!tls_trial(ctx->wolf, DEVICE)) {
		buf_puts(why, "the private key does not belong to the certificate");
		return false;
	}
	return true;
}

struct tls_ctx *tls_ctx_new(struct str certificate_pem, struct str key_pem,
	const struct tickets *tickets, struct buf *why)
{
	struct tls_ctx *ctx = mem_new(sizeof *ctx);

	ctx->holders = 1;
	ctx->tickets = tickets;
	hash_bytes(HASH_SHA256, certificate_pem, ctx->mark);
	ctx->end_point_n = tls_end_point(certificate_pem, ctx->end_point);
	if (!ctx_start(ctx, certificate_pem, key_pem, why))
		tls_ctx_drop(&ctx);
	return ctx;
}

struct tls_ctx *tls_ctx_hold(struct tls_ctx *ctx)
{
	ctx->holders++;
	return ctx;
}

void tls_ctx_drop(struct tls_ctx **ctx)
{
	struct tls_ctx *c = *ctx;

	*ctx = NULL;
	if (!c || --c->holders)
		return;
	for (size_t i = 0; i < c->named_count; i++) {
		buf_free(&c->named[i].name);
		tls_ctx_drop(&c->named[i].ctx);
	}
	mem_free(c->named);
	buf_free(&c->asks);
	wolfSSL_CTX_free(c->wolf);
	mem_free(c);
}

void tls_ctx_name(struct tls_ctx *ctx, struct str name, struct tls_ctx *other)
{
	struct buf mark = {0};
	struct named *more = mem_resize(ctx->named, (ctx->named_count + 1) * sizeof *more);

	CHECK(more);
	ctx->named = more;
	more[ctx->named_count] = (struct named){.ctx = other};
	buf_put(&more[ctx->named_count++].name, name);
	buf_add(&mark, other->mark, sizeof other->mark);
	buf_put(&mark, name);
	hash_bytes(HASH_SHA256, buf_str(&mark), other->mark);
	buf_free(&mark);
}

struct tls_ctx *tls_ctx_for(struct tls_ctx *ctx, struct str name)
{
	for (size_t i = 0; ctx && i < ctx->named_count; i++)
		if (str_eq(buf_str(&ctx->named[i].name), name))
			return ctx->named[i].ctx;
	return ctx;
}
