/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Certificates of clients. The library checks what it is shown (signatures, dates, what the key may
 * be used for), and ends the handshake where it finds fault: a callback that lets a bad chain pass
 * would have it keep that chain's authorities for everybody after. Who shows none goes on. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/cert_names.h"
#include "c2s/tls_work.h"

#include <limits.h>

_Static_assert(TLS_PEER_NAMES == CERT_NAMES_MOST, "as many names");

struct tls_peer {
	size_t count;
	struct buf names[TLS_PEER_NAMES];
};

static void keep(struct tls *t, const unsigned char *der, size_t n)
{
	struct str names[TLS_PEER_NAMES];

	tls_peer_end(t);
	t->peer = mem_try(sizeof *t->peer);
	if (!t->peer)
		return;
	t->peer->count = cert_names(str_at(der, n), names);
	for (size_t i = 0; i < t->peer->count; i++)
		buf_put(&t->peer->names[i], names[i]);
}

#ifndef WOLFSSL_ALWAYS_VERIFY_CB
#error "this wolfSSL shows its callback bad certificates only"
#endif

/* Good ones are shown here, too. To have the library keep the certificate for who asks later would
 * cost each connection a kilobyte, whether it shows one or not; and Debian's build then opens
 * /dev/urandom for the copy, which a confined worker may not. What it has found stays. */
static int look(int good, WOLFSSL_X509_STORE_CTX *store)
{
	if (good && store->userCtx && store->error_depth == 0 && store->totalCerts > 0)
		keep(store->userCtx, store->certs[0].buffer, store->certs[0].length);
	return good;
}

bool tls_ctx_ask(struct tls_ctx *ctx, struct str domain, struct str authorities_pem,
	struct buf *why)
{
	int code;

	if (authorities_pem.n > LONG_MAX)
		return false;
	code = wolfSSL_CTX_load_verify_buffer(ctx->wolf, (const unsigned char *)authorities_pem.p,
		(long)authorities_pem.n, WOLFSSL_FILETYPE_PEM);
	if (code != WOLFSSL_SUCCESS) {
		buf_printf(why, "no authorities can be read from it: %s", tls_reason(code));
		return false;
	}
	wolfSSL_CTX_set_verify(ctx->wolf, WOLFSSL_VERIFY_PEER, look);
	/* a session that is resumed shows no certificate, and must not do without */
	ctx->tickets = NULL;
	ctx->ticket_bytes = 0;
	buf_put(&ctx->asks, domain);
	return tls_ticket_rules(ctx);
}

void tls_peer_begin(struct tls *t)
{
	wolfSSL_SetCertCbCtx(t->wolf, t);
}

void tls_peer_take(struct tls *t)
{
	if (!t->ctx->asks.n || wolfSSL_session_reused(t->wolf))
		tls_peer_end(t);
}

bool tls_has_peer(const struct tls *t, struct str domain)
{
	return t->ready && t->peer && str_eq(domain, buf_str(&t->ctx->asks));
}

size_t tls_peer_names(const struct tls *t, struct str domain, struct str names[TLS_PEER_NAMES])
{
	size_t count = tls_has_peer(t, domain) ? t->peer->count : 0;

	for (size_t i = 0; i < count; i++)
		names[i] = buf_str(&t->peer->names[i]);
	return count;
}

void tls_peer_end(struct tls *t)
{
	for (size_t i = 0; t->peer && i < t->peer->count; i++)
		buf_free(&t->peer->names[i]);
	mem_free(t->peer);
	t->peer = NULL;
}
