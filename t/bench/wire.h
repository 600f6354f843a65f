/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One connection of the load generator: socket, OpenSSL over memory, and the stream cut into top-level elements. The
 * server is trusted to send well-formed XML; what is measured is not judged here. */
#ifndef T_BENCH_WIRE_H
#define T_BENCH_WIRE_H

#include "common/buf.h"

#include <openssl/ssl.h>

enum wire_event { WIRE_MORE, WIRE_HEADER, WIRE_ELEMENT, WIRE_CLOSE };

struct wire {
	int fd; /* -1: none */
	SSL *ssl;
	bool connecting, secure, writing, over, offered;
	bool spoke;       /* since the last bytes came */
	unsigned trips;   /* round trips: connecting, and whenever bytes came after it spoke */
	struct buf out;   /* for the kernel */
	struct buf plain; /* of the stream, not yet consumed */
	struct {
		size_t at, tag, element, taken;
		unsigned depth;
		char quote;
		bool in_tag;
	} cut;
};

void wire_library(void); /* once */
/* From now on each connection comes back with a ticket that another was given. */
void wire_resume(void);
/* Did it offer a ticket that was not taken? */
bool wire_was_refused(const struct wire *w);
/* Shows this certificate to whoever asks (PEM). False: it cannot be read. */
MUST_CHECK bool wire_certificate(const char *certificate, const char *key);
/* Appends the channel binding tls-exporter (RFC 9266). */
void wire_exporter(const struct wire *w, struct buf *out);
/* Connects to 127.0.0.1:port from one of a few loopback addresses, so that ports in TIME_WAIT do not run out. */
MUST_CHECK bool wire_connect(struct wire *w, int epoll, uint16_t port, unsigned number, void *owner);
void wire_close(struct wire *w);
void wire_connected(struct wire *w);         /* the kernel said so */
void wire_secure(struct wire *w, bool alpn); /* begins the handshake */
void wire_restart(struct wire *w);           /* a new stream header comes */
void wire_say(struct wire *w, struct str words);
/* What was said goes out in one write. False: the connection is broken. */
MUST_CHECK bool wire_flush(struct wire *w, int epoll, void *owner);
/* Reads once. False: nothing more will come. */
MUST_CHECK bool wire_read(struct wire *w);
/* The next thing of the stream, as a slice that holds until the next wire_read. */
enum wire_event wire_next(struct wire *w, struct str *element);

#endif
