/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wolfSSL set as c2s sets it (c2s/tls.c), and used as directly as it can be. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/cryptocb.h>

#include "common/rand.h"
#include "t/bench/floor.h"

#include <string.h>

#define CHACHA "TLS13-CHACHA20-POLY1305-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
#define AES "TLS13-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
#ifdef WOLFSSL_AESNI
#define SUITES AES ":" CHACHA
#else
#define SUITES CHACHA ":" AES
#endif
#define DEVICE 1

struct floor_tls {
	WOLFSSL *wolf;
	bool ready;
};

static WOLFSSL_CTX *library;
static struct str *feed; /* what the library may read now */
static struct buf *sink; /* where it writes */

static int receive(WOLFSSL *wolf, char *out, int most, void *ctx)
{
	size_t n = feed->n < (size_t)most ? feed->n : (size_t)most;

	(void)wolf;
	(void)ctx;
	if (!n)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(out, feed->p, n);
	*feed = str_skip(*feed, n);
	return (int)n;
}

static int send_out(WOLFSSL *wolf, char *bytes, int n, void *ctx)
{
	(void)wolf;
	(void)ctx;
	buf_add(sink, bytes, (size_t)n);
	return n;
}

/* As c2s does it (c2s/tls_ctx.c). */
#ifdef CUSTOM_RAND_GENERATE_BLOCK
static bool set_randomness(void)
{
	return true;
}
#else
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

static bool set_randomness(void)
{
	return wc_CryptoCb_RegisterDevice(DEVICE, device, NULL) == 0 &&
		wolfSSL_CTX_SetDevId(library, DEVICE) == WOLFSSL_SUCCESS;
}
#endif

/* Every worker has the same key, so that every ticket is good. */
static int ticket(WOLFSSL *wolf, unsigned char *name, unsigned char *iv, unsigned char *tag, int seals,
	unsigned char *inside, int n, int *out_n, void *ctx)
{
	static const unsigned char key[] = "0123456789abcdef0123456789abcdef";
	int failed;

	(void)wolf;
	(void)ctx;
	*out_n = n;
	if (seals) {
		memcpy(name, key, WOLFSSL_TICKET_NAME_SZ);
		rand_bytes(iv, WOLFSSL_TICKET_IV_SZ);
		failed = wc_ChaCha20Poly1305_Encrypt(key, iv, NULL, 0, inside, (word32)n, inside, tag);
	} else {
		failed = wc_ChaCha20Poly1305_Decrypt(key, iv, NULL, 0, inside, (word32)n, tag, inside);
	}
	return failed ? WOLFSSL_TICKET_RET_REJECT : WOLFSSL_TICKET_RET_OK;
}

bool floor_tls_start(const char *certificate, const char *key)
{
	int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};

	if (wolfSSL_Init() != WOLFSSL_SUCCESS || !(library = wolfSSL_CTX_new(wolfSSLv23_server_method())))
		return false;
	wolfSSL_CTX_SetIORecv(library, receive);
	wolfSSL_CTX_SetIOSend(library, send_out);
	wolfSSL_CTX_set_session_cache_mode(library, WOLFSSL_SESS_CACHE_OFF);
	return wolfSSL_CTX_SetMinVersion(library, WOLFSSL_TLSV1_2) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_cipher_list(library, SUITES) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_groups(library, groups, COUNT(groups)) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_TicketEncCb(library, ticket) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_TicketHint(library, 3600) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_use_certificate_chain_file(library, certificate) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_use_PrivateKey_file(library, key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS &&
		set_randomness();
}

struct floor_tls *floor_tls_new(void)
{
	struct floor_tls *t = mem_new(sizeof *t);

	t->wolf = wolfSSL_new(library);
	CHECK(t->wolf);
	return t;
}

void floor_tls_free(struct floor_tls *t)
{
	if (!t)
		return;
	wolfSSL_free(t->wolf);
	mem_free(t);
}

bool floor_tls_ready(const struct floor_tls *t)
{
	return t->ready;
}

static bool wants_more(struct floor_tls *t, int result)
{
	return wolfSSL_get_error(t->wolf, result) == WOLFSSL_ERROR_WANT_READ;
}

int floor_tls_read(struct floor_tls *t, struct str *bytes, struct buf *plain, struct buf *wire)
{
	int n;

	feed = bytes;
	sink = wire;
	if (!t->ready) {
		n = wolfSSL_accept(t->wolf);
		if (n != WOLFSSL_SUCCESS)
			return wants_more(t, n) ? 0 : -1;
		t->ready = true;
		wolfSSL_FreeArrays(t->wolf);
	}
	n = wolfSSL_read(t->wolf, buf_room(plain, FLOOR_READ), FLOOR_READ);
	if (n <= 0)
		return wants_more(t, n) ? 0 : -1;
	buf_grew(plain, (size_t)n);
	return 1;
}

bool floor_tls_write(struct floor_tls *t, struct str plain, struct buf *wire)
{
	sink = wire;
	return wolfSSL_write(t->wolf, plain.p, (int)plain.n) == (int)plain.n;
}

void floor_tls_goodbye(struct floor_tls *t, struct buf *wire)
{
	sink = wire;
	(void)wolfSSL_shutdown(t->wolf);
}
