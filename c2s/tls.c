/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wolfSSL behind its fence. It reads from one whole record at a time, which the gate has let pass,
 * and writes to the caller's buffer; so it never waits, and never holds a piece of a record. Made
 * for the lean build and for Debian's (libraries.md 1). */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/tls_hello.h"
#include "c2s/tls_work.h"

#include <limits.h>
#include <string.h>

#define PROTOCOL "xmpp-client" /* ALPN, XEP-0368 */

int tls_receive(WOLFSSL *wolf, char *out, int most, void *ctx)
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

int tls_send(WOLFSSL *wolf, char *bytes, int n, void *ctx)
{
	struct tls *t = ctx;

	(void)wolf;
	if (!buf_try_room(t->wire, (size_t)n))
		return WOLFSSL_CBIO_ERR_GENERAL;
	buf_add(t->wire, bytes, (size_t)n);
	return n;
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
	wolfSSL_KeepArrays(t->wolf); /* for tls_bind */
	tls_peer_begin(t);
	wolfSSL_SetIOReadCtx(t->wolf, t);
	wolfSSL_SetIOWriteCtx(t->wolf, t);
	return true;
}

struct tls *tls_new(struct tls_ctx *ctx, bool alpn, struct buf *wire)
{
	struct tls *t = mem_try(sizeof *t);

	if (!t)
		return NULL;
	t->ctx = tls_ctx_hold(ctx);
	t->alpn = t->by_name = alpn;
	t->wire = wire;
	return t;
}

void tls_free(struct tls **t)
{
	struct tls *old = *t;

	*t = NULL;
	if (!old)
		return;
	tls_settle(old);
	tls_open_end(old);
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

/* What the library said first is its ServerHello, or an alert. */
static void note_hello(struct tls *t, size_t from)
{
	if (t->hello_said || t->wire->n == from)
		return;
	t->hello_said = true;
	t->extended = tls_hello_extended(str_skip(buf_str(t->wire), from));
}

static enum tls_result go_on(struct tls *t)
{
	size_t from = t->wire->n;
	int result, code;

	result = tls_ticket_accept(t);
	note_hello(t, from);
	if (result != WOLFSSL_SUCCESS) {
		code = wolfSSL_get_error(t->wolf, result);
		return code == WOLFSSL_ERROR_WANT_READ ? TLS_MORE : failed(t, tls_reason(code));
	}
	if (t->alpn && !protocol_is_ours(t))
		return failed(t, "the client wants another protocol than " PROTOCOL);
	t->ready = true;
	tls_gate_finish(&t->gate);
	tls_bind(t);
	tls_peer_take(t);
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
			return failed(t, tls_reason(code));
	}
	if (!tls_gate_progress(&t->gate, plain->n > before))
		return failed(t, t->gate.fault);
	return TLS_MORE;
}

/* The first records, until the hello is whole. */
static enum tls_result start(struct tls *t)
{
	enum tls_opened opened = tls_open(t);
	enum tls_result shaken;

	if (opened == TLS_OPEN_MORE)
		return TLS_MORE;
	if (opened == TLS_OPEN_NO_MEMORY || !begin(t))
		return failed(t, "no memory for TLS");
	shaken = go_on(t);
	tls_open_end(t);
	return shaken;
}

static enum tls_result take_record(struct tls *t, struct buf *plain)
{
	enum tls_result shaken, read;

	if (t->ready)
		return decrypt(t, plain);
	shaken = t->wolf ? go_on(t) : start(t);
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
	if (t->ready && !buf_try_room(plain, bytes.n)) /* at once, for all the records in it */
		return failed(t, "no memory for decrypted data");
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
			failed(t, tls_reason(wolfSSL_get_error(t->wolf, n)));
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

bool tls_resumed(const struct tls *t)
{
	return t->ready && wolfSSL_session_reused(t->wolf);
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
