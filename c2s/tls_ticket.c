/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Session tickets. The library makes and understands what is inside; here it is sealed with a key
 * of our own (ChaCha20-Poly1305: constant time in both builds), so that every worker can open it.
 *
 * Each ticket has a key of its own: HMAC-SHA256 of our secret over the context's mark and the
 * ticket's random bytes. So a ticket of one certificate, or domain, opens under no other: what a
 * resumed handshake skips is what the client has seen before. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>

#include "c2s/tickets.h"
#include "c2s/tls_work.h"
#include "common/crypt.h"
#include "common/rand.h"

#include <string.h>

#define TRIES_MOST 32 /* tickets that one connection may make us open */
#define OVERHEAD (WOLFSSL_TICKET_NAME_SZ + WOLFSSL_TICKET_IV_SZ + 2 + WOLFSSL_TICKET_MAC_SZ)

struct sealing {
	uint8_t key[CHACHA20_POLY1305_AEAD_KEYSIZE];
	uint8_t nonce[CHACHA20_POLY1305_AEAD_IV_SIZE]; /* zero: the key is used once */
};

static void derive(struct sealing *s, const struct tls_ctx *ctx, const struct ticket_key *k,
	const uint8_t *iv)
{
	struct buf mark = {0};

	buf_add(&mark, ctx->mark, sizeof ctx->mark);
	buf_add(&mark, iv, WOLFSSL_TICKET_IV_SZ);
	*s = (struct sealing){0};
	hmac_bytes(HASH_SHA256, str_at(k->secret, TICKET_SECRET), buf_str(&mark), s->key);
	buf_free(&mark);
}

static int make_ticket(const struct tls_ctx *ctx, uint8_t *name, uint8_t *iv, uint8_t *tag,
	uint8_t *inside, int n)
{
	struct ticket_key key = ctx->tickets->now;
	struct sealing s;
	int failed;

	if (!ctx->tickets->lifetime) /* switched off meanwhile: one that nobody can open */
		rand_bytes(&key, sizeof key);
	memcpy(name, key.name, TICKET_NAME);
	rand_bytes(iv, WOLFSSL_TICKET_IV_SZ);
	derive(&s, ctx, &key, iv);
	failed = wc_ChaCha20Poly1305_Encrypt(s.key, s.nonce, name, TICKET_NAME, inside, (word32)n,
		inside, tag);
	mem_wipe(&key, sizeof key);
	mem_wipe(&s, sizeof s);
	return failed ? WOLFSSL_TICKET_RET_FATAL : WOLFSSL_TICKET_RET_OK;
}

static int open_ticket(const struct tls_ctx *ctx, const uint8_t *name, const uint8_t *iv,
	const uint8_t *tag, uint8_t *inside, int n)
{
	const struct ticket_key *key = tickets_find(ctx->tickets, str_at(name, TICKET_NAME));
	struct sealing s;
	int failed;

	if (!key)
		return WOLFSSL_TICKET_RET_REJECT;
	derive(&s, ctx, key, iv);
	failed = wc_ChaCha20Poly1305_Decrypt(s.key, s.nonce, name, TICKET_NAME, inside, (word32)n,
		tag, inside);
	mem_wipe(&s, sizeof s);
	return failed ? WOLFSSL_TICKET_RET_REJECT : WOLFSSL_TICKET_RET_OK;
}

/* The library hands over whatever length a ticket claims, however short the ticket is; so nothing
 * is touched that is not as long as those we make. How long that is the trial has shown. */
static int seal_or_open(WOLFSSL *wolf, unsigned char *name, unsigned char *iv, unsigned char *tag,
	int seal, unsigned char *inside, int n, int *out_n, void *context)
{
	struct tls_ctx *ctx = context;
	struct tls *t;

	if (seal) {
		ctx->ticket_bytes = (size_t)n;
		*out_n = n;
		return make_ticket(ctx, name, iv, tag, inside, n);
	}
	t = wolfSSL_GetIOReadCtx(wolf);
	if (n < 1 || (size_t)n != ctx->ticket_bytes || t->ticket_tries == TRIES_MOST)
		return WOLFSSL_TICKET_RET_REJECT;
	t->ticket_tries++;
	*out_n = n;
	return open_ticket(ctx, name, iv, tag, inside, n);
}

bool tls_ticket_rules(struct tls_ctx *ctx)
{
	uint32_t lifetime = ctx->tickets ? ctx->tickets->lifetime : 0;

	if (!lifetime)
		return wolfSSL_CTX_set_TicketEncCb(ctx->wolf, NULL) == WOLFSSL_SUCCESS &&
			wolfSSL_CTX_no_ticket_TLSv13(ctx->wolf) == 0 &&
			wolfSSL_CTX_NoTicketTLSv12(ctx->wolf) == WOLFSSL_SUCCESS;
	/* its result is the old value in one build, and success in the other */
	(void)wolfSSL_CTX_set_timeout(ctx->wolf, lifetime);
	return wolfSSL_CTX_set_TicketHint(ctx->wolf, (int)lifetime) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_TicketEncCtx(ctx->wolf, ctx) == WOLFSSL_SUCCESS &&
		wolfSSL_CTX_set_TicketEncCb(ctx->wolf, seal_or_open) == WOLFSSL_SUCCESS;
}

/* A ticket of TLS 1.2 that is longer than the library's own would be the end of the handshake,
 * where a stranger's should only be of no use. */
bool tls_ticket_is_strange(const struct tls *t, struct str ticket)
{
	return t->ctx->ticket_bytes && ticket.n > t->ctx->ticket_bytes + OVERHEAD;
}

int tls_ticket_accept(struct tls *t)
{
	bool without = t->without_tickets && t->ctx->ticket_bytes;
	int result;

	if (without)
		wolfSSL_CTX_set_TicketEncCb(t->ctx->wolf, NULL);
	result = wolfSSL_accept(t->wolf);
	if (without)
		wolfSSL_CTX_set_TicketEncCb(t->ctx->wolf, seal_or_open);
	return result;
}
