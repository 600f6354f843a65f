/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to tls*.c: what a context and a connection are made of. */
#ifndef C2S_TLS_WORK_H
#define C2S_TLS_WORK_H

#include "c2s/tls.h"
#include "c2s/tls_gate.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

#define TLS_MARK 32           /* bytes: SHA-256 */
#define TLS_END_POINT_MOST 64 /* bytes: SHA-512 */

struct tls_ctx {
	struct WOLFSSL_CTX *wolf;
	size_t holders;
	struct named {
		struct buf name;
		struct tls_ctx *ctx;
	} * named;
	size_t named_count;
	const struct tickets *tickets; /* borrowed; NULL: none */
	size_t ticket_bytes;           /* inside a ticket, as the library makes them; 0: none */
	uint8_t mark[TLS_MARK];        /* of certificate and domain: what a ticket is good for */
	struct buf asks;               /* the domain whose clients are asked for certificates */
	size_t end_point_n;            /* 0: the certificate has none */
	uint8_t end_point[TLS_END_POINT_MOST];
};

struct tls_bound;   /* tls_binding.c */
struct tls_opening; /* tls_open.c */
struct tls_peer;    /* tls_peer.c */

struct tls {
	struct tls_ctx *ctx;
	struct WOLFSSL *wolf; /* NULL until the hello is whole, and says for which name */
	struct buf *wire;
	struct tls_gate gate;
	struct str record;           /* what the library may read now */
	const char *why;             /* set: failed, and nothing is read or written any more */
	struct tls_opening *opening; /* NULL: the first record was enough, or it is over */
	struct tls_bound *bound;     /* NULL: not yet, or forgotten */
	struct tls_peer *peer;       /* NULL: no certificate was shown, or it is forgotten */
	uint8_t ticket_tries;        /* that the library made to open one */
	bool alpn, ready, closed, said_goodbye;
	bool hello_said, extended; /* our ServerHello left; with an extended master secret */
	bool by_name;              /* the hello's name chooses the context */
	bool without_tickets;
};

/* tls.c: the library's input and output, of a struct tls. */
int tls_receive(struct WOLFSSL *wolf, char *out, int most, void *ctx);
int tls_send(struct WOLFSSL *wolf, char *bytes, int n, void *ctx);

/* tls_ctx.c: the library's own word for an error code; static. */
const char *tls_reason(int code);

/* tls_certificate.c: the certificate's tls-server-end-point (RFC 5929 4) into `out`, which has room
 * for TLS_END_POINT_MOST; its length, 0 where that is undefined. */
size_t tls_end_point(struct str certificate_pem, uint8_t *out);

/* tls_open.c: */
enum tls_opened { TLS_OPEN_MORE, TLS_OPEN_DONE, TLS_OPEN_NO_MEMORY };
/* Takes the record at hand. Done: the hello is whole, or will never be; the context is chosen, and
 * the records so far are at hand for the library. */
enum tls_opened tls_open(struct tls *t);
void tls_open_end(struct tls *t); /* they are read */

/* tls_ticket.c: */
bool tls_ticket_rules(struct tls_ctx *ctx); /* false: the library lacks what is needed */
/* Is it one that the library would not even look at? */
bool tls_ticket_is_strange(const struct tls *t, struct str ticket);
int tls_ticket_accept(struct tls *t); /* wolfSSL_accept */

/* tls_peer.c: who the client is, from a handshake that has just been finished. */
void tls_peer_begin(struct tls *t);
void tls_peer_take(struct tls *t);
void tls_peer_end(struct tls *t);

/* tls_binding.c: takes the values from a handshake that has just been finished. */
void tls_bind(struct tls *t);

#endif
