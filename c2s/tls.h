/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one wolfSSL user: server-side TLS between two byte buffers, with the record gate in front
 * (libraries.md 1.3): only complete, sane records reach the library. Contexts are made after the
 * fork. TLS >= 1.2, no renegotiation, no compression, no early data. Sessions can be resumed with
 * tickets (tickets.h); whatever a handshake decides (ALPN, the name asked for, the binding) is
 * decided anew then. */
#ifndef C2S_TLS_H
#define C2S_TLS_H

#include "common/buf.h"

struct tickets;
struct tls_ctx; /* counted: connections hold it */
struct tls;

/* From PEM bytes in memory. NULL: unusable, `why` says so in one line. `tickets`: borrowed for the
 * context's life, in which the keys may change; NULL, or without lifetime: none are given. */
MUST_CHECK struct tls_ctx *tls_ctx_new(struct str certificate_pem, struct str key_pem,
	const struct tickets *tickets, struct buf *why);
/* From now on clients are asked for a certificate (XEP-0178), which one of these authorities (PEM)
 * must have signed, in at most 8 steps, for client authentication if it says for what. Who shows
 * none is served; who shows a bad one is not: an alert ends the handshake. No tickets then, since a
 * session that is resumed shows no certificate. Not for a ctx that is in use. False: `why`. */
MUST_CHECK bool tls_ctx_ask(struct tls_ctx *ctx, struct str domain, struct str authorities_pem,
	struct buf *why);
struct tls_ctx *tls_ctx_hold(struct tls_ctx *ctx);
void tls_ctx_drop(struct tls_ctx **ctx);
/* From now on a client that names this server is served with `other`, which `ctx` takes over; all
 * others with `ctx`. Not for a ctx that is in use already. */
void tls_ctx_name(struct tls_ctx *ctx, struct str name, struct tls_ctx *other);
/* The one for this name: one of the named, or `ctx` itself. Borrowed. NULL for NULL. */
struct tls_ctx *tls_ctx_for(struct tls_ctx *ctx, struct str name);
/* When the first certificate in there ends, in seconds since 1970; 0: not known. */
int64_t tls_expiry(struct str certificate_pem);
const char *tls_library(void); /* "lean 5.5.4" or "system 5.5.4": for --version and the log */

enum tls_result {
	TLS_MORE, /* all taken; the handshake goes on, or application data may have been appended */
	TLS_READY,  /* this call completed the handshake; as TLS_MORE otherwise (data may have been
		       appended too) */
	TLS_CLOSED, /* the peer sent close_notify (data before it was appended) */
	TLS_FAILED  /* protocol fault; an alert may be in the output; send it and close */
};

/* `alpn`: direct TLS; a client that offers ALPN must offer xmpp-client (RFC 7301, XEP-0368), one
 * that offers none is let in; the name that it asks for (SNI, RFC 6066 3) chooses among the named
 * contexts. Everything to be sent is appended to `wire`, which the caller owns
 * and keeps for the life of the tls. NULL: no memory. */
struct tls *tls_new(struct tls_ctx *ctx, bool alpn, struct buf *wire);
void tls_free(struct tls **t);
/* Takes bytes from the network (at most 64 KiB a call), appends decrypted ones to `plain`. Cut
 * records are kept inside. */
enum tls_result tls_read(struct tls *t, struct str bytes, struct buf *plain);
MUST_CHECK bool tls_write(struct tls *t,
	struct str plain);        /* appends records to wire; only after TLS_READY */
void tls_shutdown(struct tls *t); /* appends close_notify */
bool tls_ready(const struct tls *t);
bool tls_resumed(const struct tls *t); /* the handshake was a short one, with a ticket of ours */

/* What can bind to this connection what is said inside it: a row of tls_binding.def each. */
enum tls_binding {
#define BINDING(name, word, is) TLS_##name,
#include "c2s/tls_binding.def"
#undef BINDING
	TLS_BINDINGS
};

/* Appends the value: 32 bytes, a hash, 12 bytes. From TLS_READY to tls_settle. False, and nothing
 * appended: this connection has none of that kind. */
MUST_CHECK bool tls_binding(const struct tls *t, enum tls_binding kind, struct buf *out);
bool tls_binds(const struct tls *t, enum tls_binding kind); /* is there one? */
/* Did it show a certificate that is good for this domain (tls_ctx_ask)? Until tls_settle. */
bool tls_has_peer(const struct tls *t, struct str domain);
#define TLS_PEER_NAMES 8
/* The XMPP addresses in it (id-on-xmppAddr, RFC 6120 13.7.1.4), in its order: how many. They are
 * UTF-8 without NUL, 1 to 3071 bytes, borrowed from `t`; JIDs they are not before jid_parse says
 * so. 0: it has none, more than 8, or one that is broken, or another domain's authorities vouch for
 * it; common names and the like do not count. Whose account each is is not looked at here. */
size_t tls_peer_names(const struct tls *t, struct str domain, struct str names[TLS_PEER_NAMES]);
/* Who it is is settled: what only a login asks for is wiped, and given back. */
void tls_settle(struct tls *t);

const char *tls_version(const struct tls *t); /* "TLSv1.3"; static */
const char *tls_cipher(const struct tls *t);  /* as the library names it; static */
const char *tls_why(const struct tls *t); /* after TLS_FAILED, plain words; static or inside t */

#endif
