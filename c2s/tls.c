/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wolfSSL behind its fence. It reads from one whole record at a time, which the gate has let pass,
 * and writes to the caller's buffer; so it never waits, and never holds a piece of a record. Made
 * for the lean build and for Debian's (libraries.md 1). */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/tls.h"
#include "c2s/tls_gate.h"
#include "c2s/tls_trial.h"
#include "common/rand.h"

#ifdef WOLF_CRYPTO_CB
#include <wolfssl/wolfcrypt/cryptocb.h>
#endif

#include <limits.h>
#include <stdio.h>
#include <string.h>

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

#define PROTOCOL "xmpp-client" /* ALPN, XEP-0368 */

#ifdef OPENSSL_EXTRA
#define LIBRARY "system" /* Debian's build; the lean one leaves the OpenSSL look-alikes out */
#else
#define LIBRARY "lean"
#endif

#define SERVER_NAME_MOST 255

struct tls_ctx {
	WOLFSSL_CTX *wolf;
	size_t holders;
	struct named {
		struct buf name;
		struct tls_ctx *ctx;
	} * named;
	size_t named_count;
};

struct tls {
	struct tls_ctx *ctx;
	WOLFSSL *wolf; /* NULL until the first record says for which name */
	struct buf *wire;
	struct tls_gate gate;
	struct str record; /* what the library may read now */
	const char *why;   /* set: failed, and nothing is read or written any more */
	bool alpn, ready, closed, said_goodbye;
};

const char *tls_library(void)
{
	static char name[64];

	snprintf(name, sizeof name, "%s %s", LIBRARY, wolfSSL_lib_version());
	return name;
}

static int receive(WOLFSSL *wolf, char *out, int most, void *ctx)
{
	struct tls *t = ctx;
	size_t n = t->record.n < (size_t)most ? t->record.n : (size_t)most;

	(void)wolf;
	if (!n)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(out, t->record.p, n);
	t->record = str_skip(t->record, n);
	return (int)n;
}

static int send_out(WOLFSSL *wolf, char *bytes, int n, void *ctx)
{
	struct tls *t = ctx;

	(void)wolf;
	if (!buf_try_room(t->wire, (size_t)n))
		return WOLFSSL_CBIO_ERR_GENERAL;
	buf_add(t->wire, bytes, (size_t)n);
	return n;
}

#ifdef WOLF_CRYPTO_CB
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

/* The library's own word for an error code; static. */
static const char *reason(int code)
{
	return wolfSSL_ERR_reason_error_string((unsigned long)code);
}

static bool set_rules(WOLFSSL_CTX *wolf)
{
	/* in this order: with Debian's build P-256 costs 2.3 times as much */
	int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};

	wolfSSL_CTX_SetIORecv(wolf, receive);
	wolfSSL_CTX_SetIOSend(wolf, send_out);
	wolfSSL_CTX_set_session_cache_mode(wolf, WOLFSSL_SESS_CACHE_OFF);
	return wolfSSL_CTX_SetMinVersion(wolf, WOLFSSL_TLSV1_2) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_cipher_list(wolf, SUITES) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_groups(wolf, groups, COUNT(groups)) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_no_ticket_TLSv13(wolf) == 0 &&
		wolfSSL_CTX_NoTicketTLSv12(wolf) == WOLFSSL_SUCCESS;
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
		buf_printf(why, "the certificate cannot be used: %s", reason(code));
		return false;
	}
	code = wolfSSL_CTX_use_PrivateKey_buffer(wolf, (const unsigned char *)key.p, (long)key.n,
		WOLFSSL_FILETYPE_PEM);
	if (code != WOLFSSL_SUCCESS) {
		buf_printf(why, "the private key cannot be used: %s", reason(code));
		return false;
	}
	return true;
}

struct tls_ctx *tls_ctx_new(struct str certificate_pem, struct str key_pem, struct buf *why)
{
	WOLFSSL_CTX *wolf = NULL;
	struct tls_ctx *ctx;

	if (wolfSSL_Init() == WOLFSSL_SUCCESS)
		wolf = wolfSSL_CTX_new(wolfSSLv23_server_method());
	if (!wolf || !set_rules(wolf)) {
		buf_puts(why, "wolfSSL lacks what is needed here");
		wolfSSL_CTX_free(wolf);
		return NULL;
	}
	if (!set_identity(wolf, certificate_pem, key_pem, why)) {
		wolfSSL_CTX_free(wolf);
		return NULL;
	}
	if (!set_randomness(wolf) || !tls_trial(wolf, DEVICE)) {
		buf_puts(why, "the private key does not belong to the certificate");
		wolfSSL_CTX_free(wolf);
		return NULL;
	}
	ctx = mem_new(sizeof *ctx);
	ctx->wolf = wolf;
	ctx->holders = 1;
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
	wolfSSL_CTX_free(c->wolf);
	mem_free(c);
}

void tls_ctx_name(struct tls_ctx *ctx, struct str name, struct tls_ctx *other)
{
	struct named *more = mem_resize(ctx->named, (ctx->named_count + 1) * sizeof *more);

	CHECK(more);
	ctx->named = more;
	more[ctx->named_count] = (struct named){.ctx = other};
	buf_put(&more[ctx->named_count++].name, name);
}

struct tls_ctx *tls_ctx_for(struct tls_ctx *ctx, struct str name)
{
	for (size_t i = 0; ctx && i < ctx->named_count; i++)
		if (str_eq(buf_str(&ctx->named[i].name), name))
			return ctx->named[i].ctx;
	return ctx;
}

static bool offer_protocol(WOLFSSL *wolf)
{
	char name[] = PROTOCOL;
	int done = wolfSSL_UseALPN(wolf, name, sizeof name - 1, WOLFSSL_ALPN_FAILED_ON_MISMATCH);

	return done == WOLFSSL_SUCCESS;
}

/* Makes the library's half, for the context that is the right one. False: no memory. */
static bool begin(struct tls *t)
{
	t->wolf = wolfSSL_new(t->ctx->wolf);
	if (!t->wolf || (t->alpn && !offer_protocol(t->wolf))) {
		wolfSSL_free(t->wolf);
		t->wolf = NULL;
		return false;
	}
	wolfSSL_SetIOReadCtx(t->wolf, t);
	wolfSSL_SetIOWriteCtx(t->wolf, t);
	return true;
}

struct tls *tls_new(struct tls_ctx *ctx, bool alpn, struct buf *wire)
{
	struct tls *t = mem_try(sizeof *t);

	if (!t)
		return NULL;
	t->ctx = ctx;
	t->alpn = alpn;
	t->wire = wire;
	if (!(alpn && ctx->named_count) && !begin(t)) {
		mem_free(t);
		return NULL;
	}
	ctx->holders++;
	return t;
}

/* The first record, with the ClientHello, is at hand. A name that cannot be found in it, and one
 * that is not ours, get the certificate for everybody: a client that minds will say so. */
static bool begin_by_name(struct tls *t)
{
	unsigned char name[SERVER_NAME_MOST];
	word32 n = sizeof name;
	struct tls_ctx *ctx = t->ctx;

	if (wolfSSL_SNI_GetFromBuffer((const byte *)t->record.p, (word32)t->record.n,
		    WOLFSSL_SNI_HOST_NAME, name, &n) == WOLFSSL_SUCCESS) {
		for (word32 i = 0; i < n; i++) /* host names have no case, ours are lower */
			if (name[i] >= 'A' && name[i] <= 'Z')
				name[i] += 'a' - 'A';
		ctx = tls_ctx_for(t->ctx, str_at(name, n));
	}
	CHECK(ctx); /* there is always the one for everybody */
	ctx->holders++;
	tls_ctx_drop(&t->ctx);
	t->ctx = ctx;
	return begin(t);
}

void tls_free(struct tls **t)
{
	struct tls *old = *t;

	*t = NULL;
	if (!old)
		return;
	wolfSSL_free(old->wolf);
	tls_gate_end(&old->gate);
	tls_ctx_drop(&old->ctx);
	mem_free(old);
}

static enum tls_result failed(struct tls *t, const char *why)
{
	t->why = why;
	t->record = STR_NONE;
	return TLS_FAILED;
}

/* A client that speaks of protocols must speak of ours (RFC 7301 3.2). Asked of the library
 * afterwards, since not every build ends the handshake by itself. */
static bool protocol_is_ours(struct tls *t)
{
	char *chosen = NULL, *offered = NULL;
	unsigned short chosen_n = 0, offered_n = 0;

	if (wolfSSL_ALPN_GetProtocol(t->wolf, &chosen, &chosen_n) == WOLFSSL_SUCCESS && chosen)
		return str_eq(str_at(chosen, chosen_n), STR(PROTOCOL));
	if (wolfSSL_ALPN_GetPeerProtocol(t->wolf, &offered, &offered_n) != WOLFSSL_SUCCESS)
		return true;
	wolfSSL_ALPN_FreePeerProtocol(t->wolf, &offered);
	return offered_n == 0;
}

static enum tls_result go_on(struct tls *t)
{
	int result, code;

	if (!t->wolf && !begin_by_name(t))
		return failed(t, "no memory for TLS");
	result = wolfSSL_accept(t->wolf);
	if (result != WOLFSSL_SUCCESS) {
		code = wolfSSL_get_error(t->wolf, result);
		return code == WOLFSSL_ERROR_WANT_READ ? TLS_MORE : failed(t, reason(code));
	}
	if (t->alpn && !protocol_is_ours(t))
		return failed(t, "the client wants another protocol than " PROTOCOL);
	t->ready = true;
	tls_gate_finish(&t->gate);
	wolfSSL_FreeArrays(t->wolf); /* the handshake's secrets: 5.5 KB in Debian's build */
	return TLS_READY;
}

/* Appends what the record at hand holds. One record never decrypts to more bytes than it has. */
static enum tls_result decrypt(struct tls *t, struct buf *plain)
{
	size_t room = t->record.n ? t->record.n : TLS_GATE_HEADER;
	size_t before = plain->n;
	int n;

	do {
		if (!buf_try_room(plain, room))
			return failed(t, "no memory for decrypted data");
		n = wolfSSL_read(t->wolf, plain->p + plain->n, (int)room);
		if (n > 0)
			plain->n += (size_t)n;
	} while (n > 0 && (t->record.n || wolfSSL_pending(t->wolf) > 0));
	if (n <= 0) {
		int code = wolfSSL_get_error(t->wolf, n);

		if (code == WOLFSSL_ERROR_ZERO_RETURN) {
			t->closed = true;
			return TLS_CLOSED;
		}
		if (code != WOLFSSL_ERROR_WANT_READ)
			return failed(t, reason(code));
	}
	if (!tls_gate_progress(&t->gate, plain->n > before))
		return failed(t, t->gate.fault);
	return TLS_MORE;
}

static enum tls_result take_record(struct tls *t, struct buf *plain)
{
	enum tls_result shaken, read;

	if (t->ready)
		return decrypt(t, plain);
	shaken = go_on(t);
	if (shaken != TLS_READY)
		return shaken;
	/* what came in the same record as the last message of the handshake */
	read = decrypt(t, plain);
	return read == TLS_MORE ? TLS_READY : read;
}

enum tls_result tls_read(struct tls *t, struct str bytes, struct buf *plain)
{
	enum tls_result all = TLS_MORE;

	if (t->why)
		return TLS_FAILED;
	if (t->closed)
		return TLS_CLOSED; /* what follows close_notify is ignored (RFC 8446 6.1) */
	for (;;) {
		enum tls_gate_outcome outcome = tls_gate_next(&t->gate, &bytes, &t->record);
		enum tls_result one;

		if (outcome == TLS_GATE_MORE)
			return all;
		if (outcome == TLS_GATE_FAULT)
			return failed(t, t->gate.fault);
		one = take_record(t, plain);
		if (one == TLS_FAILED || one == TLS_CLOSED)
			return one;
		if (one == TLS_READY)
			all = TLS_READY;
	}
}

bool tls_write(struct tls *t, struct str plain)
{
	CHECK(t->ready);
	while (plain.n && !t->why) {
		int most = plain.n < INT_MAX ? (int)plain.n : INT_MAX;
		int n = wolfSSL_write(t->wolf, plain.p, most);

		if (n <= 0)
			failed(t, reason(wolfSSL_get_error(t->wolf, n)));
		else
			plain = str_skip(plain, (size_t)n);
	}
	return !t->why;
}

void tls_shutdown(struct tls *t)
{
	if (!t->ready || t->why || t->said_goodbye)
		return;
	t->said_goodbye = true;
	/* waits for nothing: the answer, if any, comes through tls_read */
	(void)wolfSSL_shutdown(t->wolf);
}

bool tls_ready(const struct tls *t)
{
	return t->ready;
}

const char *tls_version(const struct tls *t)
{
	return wolfSSL_get_version(t->wolf);
}

const char *tls_cipher(const struct tls *t)
{
	return wolfSSL_get_cipher_name(t->wolf);
}

const char *tls_why(const struct tls *t)
{
	return t->why ? t->why : "";
}
