/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hello messages of the handshake (RFC 8446 4.1, RFC 5246 7.4.1), read without a library. */
#ifndef C2S_TLS_HELLO_H
#define C2S_TLS_HELLO_H

#include "c2s/tickets.h"

/* What a client asks for; empty: it does not. Borrowed from the message. */
struct tls_hello {
	struct str name;   /* of the server (SNI, RFC 6066 3), as it came */
	struct str ticket; /* for TLS 1.2 (RFC 5077 3.2) */
	struct str psk; /* the first identity it offers for TLS 1.3 (RFC 8446 4.2.11): a ticket */
};

/* A whole ClientHello message with its header, out of however many records. False: it is none, or
 * a bad one, and *hello is empty. */
MUST_CHECK bool tls_hello_read(struct str message, struct tls_hello *hello);
/* Bytes of the message that begins like this, header included; 0: its length is not there yet. */
size_t tls_hello_bytes(struct str message);
/* The payload of a record of the handshake; empty: it is another. */
struct str tls_hello_payload(struct str record);
/* Do these bytes, the first of a connection, hold a whole hello with a ticket that names a key of
 * ours? No cryptography: whoever was given a ticket can say so again and again. Good for choosing
 * whom to serve first when there are too many, and for nothing else. */
bool tls_hello_has_ticket(struct str bytes, const struct tickets *tickets);
/* `flight` begins with the record of our ServerHello. Does it grant an extended master secret
 * (RFC 7627)? */
bool tls_hello_extended(struct str flight);

#endif
